package lint

import (
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
)

// visit is a task where it stands.
type visit struct {
	task *playbook.Task
	// foreseen is set where the playbook is ready for the task to fail: a
	// rescue, ignore_errors, failed_when. Whether it does is no mistake then.
	foreseen bool
}

// scene is a play with all that can be known to belong to it.
type scene struct {
	play     *playbook.Play
	visits   []visit
	handlers []*playbook.Task
	uses     []*playbook.RoleUse
	open     bool // something is included whose name isn't known yet
	followed map[document.Position]bool
}

// maxDepth bounds how deeply includes are followed.
const maxDepth = 32

// gather collects the tasks of a play, of its roles, and of what it includes by
// name.
func (c *collector) gather(p *playbook.Play) *scene {
	s := &scene{play: p, followed: map[document.Position]bool{}}
	c.items(s, p.PreTasks, false, 0)
	for _, use := range slices.Concat(p.Roles, p.Imported) {
		s.uses = append(s.uses, use.All()...)
	}
	for _, use := range p.Roles {
		for _, u := range use.All() {
			c.items(s, u.Tasks, false, 0)
		}
	}
	c.items(s, p.Tasks, false, 0)
	c.items(s, p.PostTasks, false, 0)
	c.handlersOf(s, p.AllHandlers())
	return s
}

func (c *collector) handlersOf(s *scene, items []playbook.Item) {
	playbook.EachTask(items, func(t *playbook.Task) { s.handlers = append(s.handlers, t) })
	c.items(s, items, false, 0)
}

func (c *collector) items(s *scene, items []playbook.Item, foreseen bool, depth int) {
	for _, it := range items {
		switch it := it.(type) {
		case *playbook.Task:
			c.one(s, it, foreseen, depth)
		case *playbook.Block:
			c.items(s, it.Block, foreseen || len(it.Rescue) > 0, depth)
			c.items(s, it.Rescue, foreseen, depth)
			c.items(s, it.Always, foreseen, depth)
		}
	}
}

func (c *collector) one(s *scene, t *playbook.Task, foreseen bool, depth int) {
	foreseen = foreseen || t.IgnoreErrors != nil || len(t.FailedWhen) > 0
	s.visits = append(s.visits, visit{t, foreseen})
	if t.Include == nil || s.followed[t.Pos] || depth > maxDepth {
		return
	}
	s.followed[t.Pos] = true
	in, from := t.Include, t.Include.From
	switch {
	case in.File != nil && !isTemplate(in.File.Text):
		items, err := c.Loader.IncludeTasks(t, strings.TrimSpace(in.File.Text))
		if err != nil {
			s.open = true
		}
		if t.Handler {
			c.handlersOf(s, items)
			return
		}
		c.items(s, items, foreseen, depth+1)
	case in.Role != nil && !isTemplate(in.Role.Text+from.Tasks+from.Handlers+from.Vars+from.Defaults):
		use, err := c.Loader.IncludeRole(t, in.Role.Text, from)
		if err != nil || use == nil {
			s.open = true
			return
		}
		for _, u := range use.All() {
			s.uses = append(s.uses, u)
			c.items(s, u.Tasks, foreseen, depth+1)
			c.handlersOf(s, u.Handlers)
		}
	default:
		s.open = true
	}
}

func isTemplate(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.Contains(text, "{#")
}

// literal is the text of a node that says it in so many words.
func literal(n *document.Node) (string, bool) {
	if n == nil || n.Kind != document.Scalar || n.Value == nil || n.Tag != "" || isTemplate(n.Text) {
		return "", false
	}
	return strings.TrimSpace(n.Text), n.Text != ""
}

// list is a node's items, or itself.
func list(n *document.Node) []*document.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == document.Sequence:
		return n.Items
	}
	return []*document.Node{n}
}
