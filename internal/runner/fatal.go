package runner

import (
	"context"

	"rollout/internal/playbook"
	"rollout/internal/report"
)

// checkFatal ends the play where any_errors_fatal or max_fail_percentage says
// so. What a rescue section will take care of is no error.
func (b *batch) checkFatal(ctx context.Context, t *playbook.Task, hosts []*member, outcomes []*outcome, f frame) error {
	bad := false
	for _, o := range outcomes {
		bad = bad || (o.failed && !f.rescuable || o.unreachable) && !o.ignored
	}
	if !bad {
		return nil
	}
	fatal, err := b.fatalErrors(ctx, t, hosts[0], f)
	if err != nil {
		return err
	}
	if !fatal && !b.tooManyFailed() {
		return nil
	}
	for _, m := range b.hosts {
		if !m.out {
			m.failed = true
		}
	}
	b.broken = true
	b.run.tell(report.NoHostsRemaining{})
	return nil
}

func (b *batch) fatalErrors(ctx context.Context, t *playbook.Task, m *member, f frame) (bool, error) {
	if t.AnyErrorsFatal == nil {
		return b.run.opt.Settings.AnyErrorsFatal, nil
	}
	s, err := b.scope(ctx, m.name, t, f)
	if err != nil {
		return false, err
	}
	return truth(s, t.AnyErrorsFatal, "any_errors_fatal")
}

func (b *batch) tooManyFailed() bool {
	if b.maxFail < 0 || len(b.hosts) == 0 {
		return false
	}
	failed := 0
	for _, m := range b.hosts {
		if m.failed && !m.lost {
			failed++
		}
	}
	return float64(failed)/float64(len(b.hosts)) > b.maxFail/100
}
