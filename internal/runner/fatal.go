package runner

import (
	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
)

// checkFatal decides whether a task's failures end the play: any_errors_fatal,
// a run_once task that failed, or max_fail_percentage. What a block will take
// care of is no error yet; hosts that are in a rescue or always section finish
// it, and while there is such a host the others go on.
func (b *batch) checkFatal(t *playbook.Task, outcomes []*outcome, once bool, f frame) {
	if b.free {
		return
	}
	if (once || b.anyFatal(t)) && !set(t.IgnoreErrors) && bad(outcomes, f) {
		b.fatal = b.doom(f) || b.fatal
	}
	if b.tooManyFailed() {
		b.fatal = true
		for _, m := range b.hosts {
			m.doomed = true
		}
		b.run.tell(report.NoHostsRemaining{})
	}
	if b.fatal && b.allDoomed() {
		b.run.tell(report.NoHostsRemaining{})
		b.breakOff()
	}
}

// bad tells whether one of the outcomes is a failure that nothing waits for.
func bad(outcomes []*outcome, f frame) bool {
	for _, o := range outcomes {
		if (o.failed && !f.caught() || o.unreachable) && !o.ignored {
			return true
		}
	}
	return false
}

// set tells whether a keyword is there and not plainly false. ansible-core
// decides this by the keyword as written: a template counts as set.
func set(n *document.Node) bool {
	if n == nil {
		return false
	}
	if src, ok := n.Value.(string); ok && template.IsTemplate(src) {
		return true
	}
	yes, _ := asBool(n.Value)
	return yes
}

// doom marks the hosts that do not come to a rescue or always section next, and
// tells whether there are such.
func (b *batch) doom(f frame) bool {
	any := false
	for _, m := range b.hosts {
		if m.failed && !f.cleans() || !m.failed && f.next == inTasks {
			m.doomed, any = true, true
		}
	}
	return any
}

func (b *batch) allDoomed() bool {
	for _, m := range b.hosts {
		if !m.lost && !m.doomed {
			return false
		}
	}
	return true
}

// breakOff ends the play, and with it the run.
func (b *batch) breakOff() {
	for _, m := range b.hosts {
		if !m.out {
			m.failed = true
		}
	}
	b.broken = true
}

func (b *batch) tooManyFailed() bool {
	if b.maxFail < 0 || len(b.hosts) == 0 {
		return false
	}
	failed := 0
	for _, m := range b.hosts {
		if m.doomed && !m.lost {
			failed++
		}
	}
	return float64(failed)/float64(len(b.hosts)) > b.maxFail/100
}

func (b *batch) anyFatal(t *playbook.Task) bool {
	if t.AnyErrorsFatal == nil {
		return b.run.opt.Settings.AnyErrorsFatal
	}
	return set(t.AnyErrorsFatal)
}
