package runner

import (
	"context"

	"rollout/internal/module"
)

// action is something the engine does itself because it needs the play around
// it. Its module is for the reference and for checking arguments.
type action struct {
	module     *module.Module
	run        func(ctx context.Context, c *call) (*outcome, error)
	once       bool            // one host does it for all
	mapping    bool            // its free-form text is a template of a mapping of arguments
	meta       bool            // handled apart: it steers the play
	unrendered map[string]bool // arguments the action evaluates itself
	sealed     bool            // vaulted arguments stay so: it hands them on
}

// actions lists them all; the order is that of the reference.
func actions() []*action {
	return []*action{
		debugAction(), setFactAction(), assertAction(), failAction(), pauseAction(),
		addHostAction(), groupByAction(), includeVarsAction(), includeTasksAction(), includeRoleAction(),
		setStatsAction(), asyncStatusAction(), validateSpecAction(), metaAction(),
	}
}

func anyOf(names ...string) map[string]bool {
	out := map[string]bool{}
	for _, n := range names {
		out[n] = true
	}
	return out
}
