package runner

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/value"
)

// task runs a task on hosts in parallel, then does what its results ask for.
func (b *batch) task(ctx context.Context, t *playbook.Task, hosts []*member, f frame) error {
	hosts, err := b.wanted(ctx, t, hosts, f)
	if err != nil || len(hosts) == 0 {
		return err
	}
	act, _ := b.run.callables.find(t.Action, t.Collections)
	if act != nil && act.meta {
		return b.meta(ctx, t, hosts, f)
	}
	once, err := b.once(ctx, t, act, hosts, f)
	if err != nil {
		return err
	}
	targets := hosts
	if once {
		targets = hosts[:1]
	}
	info := b.announce(ctx, t, targets[0], f)
	outcomes, err := b.perform(ctx, t, info, targets, f)
	if err != nil {
		return err
	}
	for i, m := range targets {
		b.process(ctx, t, info, m, hosts, outcomes[i], once, f)
	}
	if err := b.include(ctx, t, targets, hosts, outcomes, once, f); err != nil {
		return err
	}
	return b.checkFatal(ctx, t, hosts, outcomes, f)
}

// wanted leaves the hosts for which the task's tags and --start-at-task ask.
func (b *batch) wanted(ctx context.Context, t *playbook.Task, hosts []*member, f frame) ([]*member, error) {
	if !b.run.started(t) {
		return nil, nil
	}
	if f.handlers {
		return hosts, nil
	}
	ok, err := b.tagged(ctx, t, hosts[0], f)
	if err != nil || !ok {
		return nil, err
	}
	return hosts, nil
}

// once tells whether the task runs on the first host only.
func (b *batch) once(ctx context.Context, t *playbook.Task, act *action, hosts []*member, f frame) (bool, error) {
	if act != nil && act.once {
		return true, nil
	}
	if t.RunOnce == nil || b.free {
		return false, nil
	}
	s, err := b.scope(ctx, hosts[0].name, t, f)
	if err != nil {
		return false, err
	}
	return truth(s, t.RunOnce, "run_once")
}

// announce tells the observer that the task starts.
func (b *batch) announce(ctx context.Context, t *playbook.Task, first *member, f frame) report.Task {
	info := report.Task{ID: b.run.nextID(), Name: b.title(ctx, t, first, f), Where: t.Pos.String(), Handler: f.handlers}
	b.run.tell(report.TaskStart{Task: info})
	return info
}

// title is the task's name with what can be rendered of it rendered.
func (b *batch) title(ctx context.Context, t *playbook.Task, m *member, f frame) string {
	title := t.Title()
	if s, err := b.scope(ctx, m.name, t, f); err == nil {
		if v, err := s.Evaluate(title); err == nil {
			return text(v)
		}
	}
	return title
}

// perform runs the task on every host, forks (or throttle) at a time.
func (b *batch) perform(ctx context.Context, t *playbook.Task, info report.Task, hosts []*member, f frame) ([]*outcome, error) {
	limit, err := b.throttle(ctx, t, hosts[0], f)
	if err != nil {
		return nil, err
	}
	out := make([]*outcome, len(hosts))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	var mu sync.Mutex // one result is told whole before the next
	for i, m := range hosts {
		g.Go(func() error {
			release, err := b.run.slot(ctx)
			if err != nil {
				return err
			}
			defer release()
			j := &job{batch: b, host: m, task: t, info: info, frame: f, tell: &mu}
			out[i], err = j.run(ctx)
			return err
		})
	}
	return out, g.Wait()
}

func (b *batch) throttle(ctx context.Context, t *playbook.Task, m *member, f frame) (int, error) {
	limit := b.run.opt.Forks
	if t.Throttle == nil {
		return limit, nil
	}
	s, err := b.scope(ctx, m.name, t, f)
	if err != nil {
		return 0, err
	}
	n, err := whole(s, t.Throttle, "throttle")
	if err != nil || n <= 0 || n > limit {
		return limit, err
	}
	return n, nil
}

// process applies a result: variables, counts, notifications, what is told.
func (b *batch) process(ctx context.Context, t *playbook.Task, info report.Task, m *member, all []*member, o *outcome, once bool, f frame) {
	r := b.run
	owners := []*member{m}
	if once {
		owners = all
	}
	for _, owner := range owners {
		for _, e := range o.effects {
			r.state.apply(owner.name, e)
		}
		if t.Register != "" {
			r.state.set(owner.name, t.Register, value.Copy(o.data))
		}
	}
	b.count(t, m, o, f)
	switch {
	case o.unreachable && !o.ignored:
		m.out, m.lost = true, true
	case o.failed && !o.ignored:
		for _, owner := range owners {
			owner.failed = true
			if f.rescuable {
				b.keepFailure(owner, t, info.Name, o)
			}
		}
	case o.changed:
		b.notify(ctx, t, m, o, f)
	}
	if !o.skipped && !o.unreachable {
		for _, owner := range owners {
			owner.ran(t)
		}
	}
	r.tell(o.event(info, m.name))
}

// count keeps the recap's numbers as Ansible counts: an ignored failure is ok.
func (b *batch) count(t *playbook.Task, m *member, o *outcome, f frame) {
	b.run.stats.update(m.name, func(s *report.HostStats) {
		switch {
		case o.ignored:
			s.OK++
			s.Ignored++
		case o.unreachable:
			s.Unreachable++
		case o.failed && f.rescuable:
			s.Rescued++
		case o.failed:
			s.Failed++
		case o.skipped:
			s.Skipped++
		case o.includes == nil: // an include counts once it is loaded
			s.OK++
		}
		if o.changed && (o.ignored || !o.failed) && !o.skipped && !o.unreachable {
			s.Changed++
		}
	})
}

// event is what the observer is told of the task on a host.
func (o *outcome) event(info report.Task, host string) report.Result {
	e := report.Result{Task: info, Host: host, Delegate: o.delegate, Status: o.status(), Loop: o.loop && !o.noLog,
		Include: o.includes != nil, Ignored: o.ignored, Debug: o.debug && !o.noLog, Always: o.always && !o.noLog,
		Data: o.shown(), Label: o.label}
	if o.noLog {
		return e
	}
	if !o.loop {
		e.Warnings = o.warnings
	}
	for _, d := range o.diffs {
		e.Diffs = append(e.Diffs, report.Diff(d))
	}
	for _, op := range o.plan {
		e.Plan = append(e.Plan, report.Operation(op))
	}
	return e
}
