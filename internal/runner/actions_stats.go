package runner

import (
	"context"
	"fmt"

	"rollout/internal/module"
	"rollout/internal/value"
)

func setStatsAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "set_stats", Summary: "Keep values for the end of the run.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "data", Type: module.Raw, Doc: "The values, a mapping."},
				{Name: "per_host", Type: module.Raw, Default: false, Doc: "Keep them for each host apart."},
				{Name: "aggregate", Type: module.Raw, Default: true, Doc: "Add to what is there instead of replacing it."},
			},
		}},
		run: setStats,
	}
}

func setStats(_ context.Context, c *call) (*outcome, error) {
	data := value.NewMap()
	if v, given := c.args.Get("data"); given {
		m, ok := v.(*value.Map)
		if !ok {
			return failure("The 'data' option needs to be a dictionary/hash"), nil
		}
		data = m
	}
	kept := value.NewMap()
	for k, v := range data.All() {
		name, err := c.key(k, c.job.task.Args.Get("data"))
		if err != nil {
			return nil, err
		}
		if !identifier.MatchString(name) {
			return failure(fmt.Sprintf(invalidName, name)), nil
		}
		kept.Set(name, v)
	}
	who := "_run"
	perHost, _ := asBool(c.args.At("per_host"))
	aggregate, _ := asBool(c.args.At("aggregate"))
	if perHost {
		who = c.job.host.name
	}
	c.job.batch.run.state.addStats(who, kept, aggregate)
	shown := value.NewMap("data", kept, "per_host", perHost, "aggregate", aggregate)
	return newOutcome(module.Result{}.Set("ansible_stats", shown)), nil
}
