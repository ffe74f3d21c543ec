package runner

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/vars"
)

// handler is a handler of the play. Handlers of one list are a group: where two
// have one name, that of the later group is called, and within a group the first.
type handler struct {
	task   *playbook.Task
	group  int
	name   string // rendered; "" until it could be
	warned bool
}

// handlerGroups are the lists that handlers stand in, in the order in which
// they run.
func handlerGroups(p *playbook.Play) [][]playbook.Item {
	var out [][]playbook.Item
	uses := func(list []*playbook.RoleUse) {
		for _, use := range list {
			for _, u := range use.All() {
				out = append(out, u.Handlers)
			}
		}
	}
	uses(p.Roles)
	out = append(out, p.Handlers)
	uses(p.Imported)
	return out
}

// collectHandlers lists the play's handlers in the order in which they run.
func (b *batch) collectHandlers() []*handler {
	var out []*handler
	for group, items := range handlerGroups(b.play) {
		playbook.EachTask(items, func(t *playbook.Task) {
			out = append(out, &handler{task: t, group: group})
		})
	}
	return out
}

// addHandlers joins the handlers of a role included at run time.
func (b *batch) addHandlers(use *playbook.RoleUse) {
	known := map[document.Position]bool{}
	group := 0
	for _, h := range b.handlers {
		known[h.task.Pos] = true
		group = max(group, h.group)
	}
	for _, u := range use.All() {
		group++
		playbook.EachTask(u.Handlers, func(t *playbook.Task) {
			if !known[t.Pos] {
				b.handlers = append(slices.Clip(b.handlers), &handler{task: t, group: group})
			}
		})
	}
}

// notification is a name that a changed task calls handlers by.
type notification struct {
	name string
	from *document.Node
}

// missingHandler says that a task notified what is not there.
type missingHandler struct{ by notification }

func (e *missingHandler) Error() string {
	return fmt.Sprintf("The requested handler '%s' was not found in either the main handlers list nor in the listening "+
		"handlers list (notified at %s)", e.by.name, e.by.from.Pos)
}

// notifications renders what a task notifies.
func (c *call) notifications() ([]notification, error) {
	var out []notification
	for _, n := range c.job.task.Notify {
		v, err := evaluate(c.scope, c.job.batch.run, n)
		if err != nil {
			return nil, err
		}
		names, isList := listOf(v)
		if !isList {
			names = []any{v}
		}
		for _, name := range names {
			if name != nil && name != any(vars.OmitText()) {
				out = append(out, notification{text(name), n})
			}
		}
	}
	return out, nil
}

// notify marks the handlers that a changed task names. A name that no handler
// answers to ends the run, or is warned of where the run's options say so.
func (b *batch) notify(ctx context.Context, m *member, o *outcome) error {
	for _, n := range o.notify {
		if b.notifyName(ctx, n.name, m) {
			continue
		}
		err := &missingHandler{n}
		if b.run.opt.Settings.ErrorOnMissingHandler {
			return err
		}
		b.run.tell(report.Warning{Text: err.Error()})
	}
	return nil
}

// notifyName marks the handler of that name and all that listen to it.
func (b *batch) notifyName(ctx context.Context, name string, m *member) bool {
	found := false
	if h := b.named(ctx, name); h != nil {
		b.mark(h, m)
		found = true
	}
	for _, h := range b.handlers {
		if slices.Contains(h.task.Listen, name) {
			b.mark(h, m)
			found = true
		}
	}
	return found
}

// named finds the handler that a name calls: of the last group that has one,
// the first.
func (b *batch) named(ctx context.Context, name string) *handler {
	var best *handler
	for _, h := range b.handlers {
		if best != nil && best.group == h.group {
			continue
		}
		b.resolve(ctx, h)
		if h.answers(name) {
			best = h
		}
	}
	return best
}

func (b *batch) mark(h *handler, m *member) {
	if !m.notified[h] {
		m.notified[h] = true
		b.run.tell(report.Notified{Handler: h.task.Title(), Host: m.name})
	}
}

// answers tells whether a handler is called name, with its role's or without.
func (h *handler) answers(name string) bool {
	if h.name == "" {
		return false
	}
	if name == h.name {
		return true
	}
	role := h.task.Role
	return role != nil && name == role.Role.Name+" : "+h.name
}

// resolve renders a handler's name with the variables of the play: what differs
// from host to host has no place in it. What it listens to is never a template.
func (b *batch) resolve(ctx context.Context, h *handler) {
	t := h.task
	if h.name != "" || t.Name == "" {
		return
	}
	s, err := b.scope(ctx, "", t, frame{})
	if err != nil {
		return
	}
	v, err := s.Evaluate(t.Name)
	if u, undefined := v.(*template.Undefined); err == nil && undefined {
		err = u.Err()
	}
	if err == nil {
		h.name = text(v)
		return
	}
	if len(t.Listen) == 0 && !h.warned {
		h.warned = true
		b.run.tell(report.Warning{Text: fmt.Sprintf("Handler '%s' is unusable because it has no listen topics and the name "+
			"could not be templated (host-specific variables are not supported in handler names). The error: %v", t.Name, err)})
	}
}

// endSection runs the notified handlers; where they are forced, those of failed
// hosts too.
func (b *batch) endSection(ctx context.Context, hosts []*member) error {
	if b.broken || b.ended {
		return nil
	}
	if !b.force {
		return b.flush(ctx, hosts, frame{})
	}
	back := setAside(hosts)
	err := b.flush(ctx, hosts, frame{})
	back()
	return err
}

// forceHandlers is what the play says, else the command line.
func (b *batch) forceHandlers(s *vars.Scope) (bool, error) {
	if b.play.ForceHandlers == nil {
		return b.run.opt.ForceHandlers, nil
	}
	return truth(s, b.play.ForceHandlers, "force_handlers")
}

// flush runs every notified handler once, in their order. One that is notified
// by a handler before it runs in the same flush.
func (b *batch) flush(ctx context.Context, hosts []*member, f frame) error {
	f.handlers = true
	for i := 0; i < len(b.handlers); i++ {
		h := b.handlers[i]
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
		f.next, f.after = inTasks, inTasks
		if err := b.task(ctx, h.task, called, f); err != nil || b.broken {
			return err
		}
	}
	return nil
}
