package runner

import (
	"context"

	"rollout/internal/module"
	"rollout/internal/report"
	"rollout/internal/value"
)

// outcome is how a task, or one item of its loop, ended on one host.
type outcome struct {
	data        *value.Map // what register keeps
	changed     bool
	failed      bool
	skipped     bool
	unreachable bool
	ignored     bool // the failure is (ignore_errors, ignore_unreachable)
	noLog       bool
	debug       bool // shown without -v, the message alone
	bare        bool // debug's: what is shown has no more in it than the message
	always      bool // shown without -v
	loop        bool
	label       string
	delegate    string // where it ran, "" for the host itself
	address     string // of that
	diffs       []module.Diff
	plan        []module.Operation
	warnings    []string
	effects     []effect
	includes    []*inclusion // of an include: what joins the play
	notify      []notification
	name        string // the task's own name, rendered
	aborted     bool   // the task never ran: nothing is known of changes
}

// effect changes the run's state. It is applied when the result is processed,
// for every host of a run_once task.
type effect struct {
	facts    *value.Map // host facts, as a module returns them
	fixed    *value.Map // set_fact's
	included *value.Map // include_vars'
	onHost   string     // delegate_facts: the facts are that host's
	group    string     // group_by's: the host joins it; in the order of the hosts, so that its order is theirs
	parents  []string   // the group's
}

func newOutcome(res module.Result) *outcome {
	o := &outcome{data: value.NewMap(), changed: res.Changed, failed: res.Failed, skipped: res.Skipped,
		diffs: res.Diff, plan: res.Plan, warnings: res.Warnings}
	for k, v := range res.Data.All() {
		o.data.Set(k, v)
	}
	if res.Msg != "" {
		o.data.Set("msg", res.Msg)
	}
	if len(res.Warnings) > 0 {
		o.data.Set("warnings", value.List(res.Warnings))
	}
	o.data.Set("changed", res.Changed)
	if len(res.Diff) > 0 {
		o.data.Set("diff", diffData(res.Diff))
	}
	if res.Facts != nil {
		o.data.Set("ansible_facts", res.Facts)
		o.effects = append(o.effects, effect{facts: res.Facts})
	}
	return o
}

func failure(msg string) *outcome {
	return newOutcome(module.Fail(msg))
}

// sealed writes the verdict into the data, where register finds it.
func (o *outcome) sealed() *outcome {
	if o.aborted {
		o.data.Delete("changed")
	} else {
		o.data.Set("changed", o.changed)
	}
	if _, said := o.data.Get("failed"); o.failed || !said && !o.skipped && !o.unreachable {
		o.data.Set("failed", o.failed)
	}
	if o.skipped {
		o.data.Set("skipped", true)
	}
	if o.unreachable {
		o.data.Set("unreachable", true)
	}
	return o
}

// undecided makes a condition that can't be evaluated the task's failure; the
// rest of its result stays. The error is the context's alone.
func (o *outcome) undecided(ctx context.Context, key string, err error) error {
	o.failed = true
	o.data.Set("failed", true)
	o.data.Set(key, err.Error())
	return ctx.Err()
}

// diffData is a diff as Ansible returns it: one that a module prepared is no
// list.
func diffData(diffs []module.Diff) any {
	if len(diffs) == 1 && diffs[0].Prepared != "" {
		return value.NewMap("prepared", diffs[0].Prepared)
	}
	out := make([]any, len(diffs))
	for i, d := range diffs {
		m := value.NewMap("before", d.Before, "after", d.After)
		if d.BeforeHeader != "" {
			m.Set("before_header", d.BeforeHeader)
		}
		if d.AfterHeader != "" {
			m.Set("after_header", d.AfterHeader)
		}
		out[i] = m
	}
	return out
}

func (o *outcome) status() report.Status {
	switch {
	case o.unreachable:
		return report.Unreachable
	case o.failed:
		return report.Failed
	case o.skipped:
		return report.Skipped
	case o.changed:
		return report.Changed
	}
	return report.OK
}

// censoredText is what a no_log result says instead.
const censoredText = "the output has been hidden due to the fact that 'no_log: true' was specified for this result"

// shown is the result as the observer may see it.
func (o *outcome) shown() *value.Map {
	if !o.noLog {
		return o.bared()
	}
	out := value.NewMap("censored", censoredText)
	for _, k := range []string{"attempts", "changed", "retries"} {
		if v, ok := o.data.Get(k); ok && !(o.bare && k == "changed") {
			out.Set(k, v)
		}
	}
	return out
}

// bared is a debug task's result without what is not its message.
func (o *outcome) bared() *value.Map {
	if !o.bare {
		return o.data
	}
	if msg, said := o.data.Get("msg"); said && o.failed {
		return value.NewMap("msg", msg)
	}
	out := o.data.Clone()
	for _, k := range []string{"changed", "skip_reason"} {
		out.Delete(k)
	}
	return out
}
