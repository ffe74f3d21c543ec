package runner

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// task runs a task on hosts in parallel, then does what its results ask for.
func (b *batch) task(ctx context.Context, t *playbook.Task, hosts []*member, f frame) error {
	hosts, err := b.wanted(ctx, t, hosts, f)
	if err != nil || len(hosts) == 0 {
		return err
	}
	act, err := b.actionOf(ctx, t, hosts[0], f)
	if err != nil {
		return err
	}
	if act != nil && act.meta {
		return b.meta(ctx, t, hosts, f)
	}
	once, err := b.once(ctx, t, act, hosts, f)
	if err != nil {
		return err
	}
	targets := hosts
	if once && !b.free {
		targets = hosts[:1]
	}
	if yes, err := b.run.stepped(ctx, func() string { return b.title(ctx, t, targets[0], f) }); err != nil || !yes {
		return err
	}
	info := b.announce(ctx, t, targets[0], f)
	outcomes, err := b.perform(ctx, t, info, targets, f)
	if err != nil {
		return err
	}
	for i, m := range targets {
		if err := b.process(ctx, t, info, m, outcomes[i], once, f); err != nil {
			return err
		}
	}
	joints, err := b.joined(t, info, targets, outcomes, f)
	if err != nil {
		return err
	}
	b.checkFatal(t, outcomes, once, f)
	if b.broken {
		return nil
	}
	return b.include(ctx, t, joints, f)
}

// actionOf is the engine's action that a task calls, nil for a module.
func (b *batch) actionOf(ctx context.Context, t *playbook.Task, m *member, f frame) (*action, error) {
	if template.IsTemplate(t.Action) {
		s, err := b.scope(ctx, m.name, t, f)
		if err != nil {
			return nil, err
		}
		if t, err = called(s, t); err != nil {
			return nil, nil // the task's own result says so
		}
	}
	act, _ := b.run.callables.find(t.Action, t.Collections)
	return act, nil
}

// called is the task with the name of what it calls rendered, where action: is
// a template.
func called(s *vars.Scope, t *playbook.Task) (*playbook.Task, error) {
	if !template.IsTemplate(t.Action) {
		return t, nil
	}
	v, err := s.Evaluate(t.Action)
	if u, undefined := v.(*template.Undefined); err == nil && undefined {
		err = u.Err()
	}
	if err != nil {
		return t, err
	}
	out := *t
	out.Action = strings.TrimSpace(text(v))
	if out.Name == "" {
		out.Name = t.Action
	}
	return &out, nil
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
		if b.free {
			return false, &document.Error{Pos: t.ActionPos, Message: "'" + t.Action + "' runs once for all hosts, which the strategy of this play cannot do: " +
				"its hosts run ahead of each other", Hint: "use strategy: linear"}
		}
		return true, nil
	}
	if b.free && set(t.AnyErrorsFatal) {
		b.run.tell(report.Warning{Text: "Using any_errors_fatal with the free strategy is not supported, as tasks are executed independently on each host"})
	}
	if t.RunOnce == nil {
		return false, nil
	}
	s, err := b.scope(ctx, hosts[0].name, t, f)
	if err != nil {
		return false, err
	}
	once, err := truth(s, t.RunOnce, "run_once")
	if once && b.free {
		b.run.tell(report.Warning{Text: "Using run_once with the free strategy is not currently supported. This task will still be executed for every host in the inventory list."})
	}
	return once, err
}

// title is the task's name with what can be rendered of it rendered.
func (b *batch) title(ctx context.Context, t *playbook.Task, m *member, f frame) string {
	title := t.Title()
	if t.Name == "" {
		return title
	}
	if s, err := b.scope(ctx, m.name, t, f); err == nil {
		if v, err := s.Evaluate(title); err == nil {
			return text(v)
		}
	}
	return title
}

// perform runs the task on every host, forks (or throttle) at a time. Where
// hosts run ahead of each other, the others go on meanwhile.
func (b *batch) perform(ctx context.Context, t *playbook.Task, info report.Task, hosts []*member, f frame) ([]*outcome, error) {
	limit, err := b.throttle(ctx, t, hosts[0], f)
	if err != nil {
		return nil, err
	}
	if b.free {
		count := b.counter(t, limit)
		now := b.standing()
		f.standing = func() standing { return now }
		b.turn.Unlock()
		defer b.turn.Lock()
		select {
		case count <- struct{}{}:
			defer func() { <-count }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
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

// counter admits limit hosts to a task at a time. The caller has the turn.
func (b *batch) counter(t *playbook.Task, limit int) chan struct{} {
	if b.counts[t] == nil {
		b.counts[t] = make(chan struct{}, limit)
	}
	return b.counts[t]
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

// process applies a result: variables, counts, notifications, what is told. The
// error ends the run.
func (b *batch) process(ctx context.Context, t *playbook.Task, info report.Task, m *member, o *outcome, once bool, f frame) error {
	r := b.run
	if err := b.group(t, m, o); err != nil {
		return err
	}
	owners := []*member{m}
	if once && t.RunOnce != nil { // what runs once by its nature is its host's alone
		owners = b.reachable()
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
		b.fail(owners, f)
		if f.rescuable() {
			b.keepFailure(m, t, o)
		}
	case o.changed:
		if err := b.notify(ctx, m, o); err != nil {
			return err
		}
	}
	if !o.skipped && !o.unreachable {
		for _, owner := range owners {
			owner.ran(t)
		}
	}
	r.tell(o.event(info, m.name))
	return nil
}

// reachable are the batch's hosts but those that were lost: what a run_once
// task did is theirs.
func (b *batch) reachable() []*member {
	return slices.DeleteFunc(slices.Clone(b.hosts), func(m *member) bool { return m.lost })
}

// fail takes hosts out of the block they are in.
func (b *batch) fail(hosts []*member, f frame) {
	for _, m := range hosts {
		m.failed = true
		m.doomed = m.doomed || !f.caught() && !f.cleans()
	}
}

// group does what group_by asked for.
func (b *batch) group(t *playbook.Task, m *member, o *outcome) error {
	for _, e := range o.effects {
		if e.group == "" {
			continue
		}
		changed, err := b.run.hosts.addToGroup(m.name, e.group, e.parents)
		if err != nil {
			return err
		}
		if changed && len(t.ChangedWhen) == 0 {
			o.changed = true
			o.data.Set("changed", true)
		}
	}
	return nil
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
		case o.failed && f.rescuable():
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
	e := report.Result{Task: info, Host: host, Delegate: o.delegate, Address: o.address, Status: o.status(), Loop: o.loop && !o.noLog && !(o.bare && o.failed),
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
