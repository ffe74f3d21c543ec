package runner

import (
	"context"
	"slices"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
)

// handler is a handler of the play with the names it answers to.
type handler struct {
	task *playbook.Task
}

// collectHandlers lists the play's handlers in the order in which they run.
func (b *batch) collectHandlers() []*handler {
	var out []*handler
	playbook.EachTask(b.play.AllHandlers(), func(t *playbook.Task) {
		out = append(out, &handler{task: t})
	})
	return out
}

// addHandlers joins the handlers of a role included at run time.
func (b *batch) addHandlers(use *playbook.RoleUse) {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	known := map[document.Position]bool{}
	for _, h := range b.handlers {
		known[h.task.Pos] = true
	}
	playbook.EachTask(use.AllHandlers(), func(t *playbook.Task) {
		if !known[t.Pos] {
			b.handlers = append(slices.Clip(b.handlers), &handler{task: t})
		}
	})
}

func (b *batch) allHandlers() []*handler {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	return b.handlers
}

// notify marks the handlers that a changed task names.
func (b *batch) notify(ctx context.Context, t *playbook.Task, m *member, o *outcome, f frame) {
	if len(t.Notify) == 0 {
		return
	}
	s, err := b.scope(ctx, m.name, t, f)
	if err != nil {
		b.refuse(m, o, err)
		return
	}
	for _, n := range t.Notify {
		v, err := evaluate(s, b.run, n)
		if err != nil {
			b.refuse(m, o, err)
			return
		}
		names, isList := listOf(v)
		if !isList {
			names = []any{v}
		}
		for _, name := range names {
			if !b.notifyName(ctx, text(name), m) {
				b.refuse(m, o, n.Errorf("the requested handler '%s' was not found in either the main handlers list nor in the listening handlers list", text(name)))
				return
			}
		}
	}
}

// refuse turns a result into a failure that was found when it was processed.
func (b *batch) refuse(m *member, o *outcome, err error) {
	o.failed = true
	o.data.Set("msg", err.Error())
	m.failed = true
}

// notifyName marks the last handler of that name and all that listen to it.
func (b *batch) notifyName(ctx context.Context, name string, m *member) bool {
	found := false
	handlers := b.allHandlers()
	for _, h := range slices.Backward(handlers) {
		if b.answers(ctx, h, name, m) {
			b.mark(h, m)
			found = true
			break
		}
	}
	for _, h := range handlers {
		if slices.Contains(h.task.Listen, name) {
			b.mark(h, m)
			found = true
		}
	}
	return found
}

func (b *batch) mark(h *handler, m *member) {
	if !m.notified[h] {
		m.notified[h] = true
		b.run.tell(report.Notified{Handler: h.task.Title(), Host: m.name})
	}
}

// answers tells whether a handler is called name, with its role's or without.
func (b *batch) answers(ctx context.Context, h *handler, name string, m *member) bool {
	t := h.task
	if t.Name == "" {
		return false
	}
	own, full := t.Name, t.Title()
	if s, err := b.scope(ctx, m.name, t, frame{}); err == nil {
		if v, err := s.Evaluate(t.Name); err == nil {
			own = text(v)
		}
		if v, err := s.Evaluate(t.Title()); err == nil {
			full = text(v)
		}
	}
	return name == own || name == full || name == t.Name
}

// endSection runs the notified handlers; with force_handlers those of failed
// hosts too.
func (b *batch) endSection(ctx context.Context, hosts []*member) error {
	force, err := b.forceHandlers(ctx)
	if err != nil {
		return err
	}
	if b.broken && !force || b.ended {
		return nil
	}
	if !force {
		return b.flush(ctx, hosts)
	}
	var failed []*member
	for _, m := range hosts {
		if m.failed && !m.lost {
			m.failed = false
			failed = append(failed, m)
		}
	}
	err = b.flush(ctx, hosts)
	for _, m := range failed {
		m.failed = true
	}
	return err
}

func (b *batch) forceHandlers(ctx context.Context) (bool, error) {
	if b.run.opt.ForceHandlers || b.play.ForceHandlers == nil {
		return b.run.opt.ForceHandlers, nil
	}
	s, err := b.playScope(ctx)
	if err != nil {
		return false, err
	}
	return truth(s, b.play.ForceHandlers, "force_handlers")
}

// flush runs every notified handler once, in their order.
func (b *batch) flush(ctx context.Context, hosts []*member) error {
	for i := 0; i < len(b.allHandlers()); i++ {
		h := b.allHandlers()[i]
		var called []*member
		for _, m := range live(hosts) {
			if m.notified[h] {
				delete(m.notified, h)
				called = append(called, m)
			}
		}
		if len(called) == 0 {
			continue
		}
		if err := b.task(ctx, h.task, called, frame{handlers: true}); err != nil {
			return err
		}
	}
	return nil
}
