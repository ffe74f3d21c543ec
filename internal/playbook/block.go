package playbook

import (
	"rollout/internal/document"
)

// items reads a list of tasks and blocks; n may be nil or null.
func (r *reader) items(n *document.Node, what string, s scope) []Item {
	if n == nil || n.Kind == document.Scalar && n.Value == nil {
		return nil
	}
	if n.Kind != document.Sequence {
		r.errs.Add(n.Pos, "%s must be a list of tasks, not %s", what, kindOf(n))
		return nil
	}
	var out []Item
	for _, entry := range n.Items {
		switch {
		case entry.Kind == document.Scalar && entry.Value == nil:
		case entry.Kind != document.Mapping:
			r.errs.Add(entry.Pos, "a task must be a mapping, not %s", kindOf(entry))
		case isBlock(entry):
			out = append(out, r.block(entry, s))
		default:
			out = append(out, r.taskOrImport(entry, s)...)
		}
	}
	return out
}

func isBlock(n *document.Node) bool {
	return n.Get("block") != nil || n.Get("rescue") != nil || n.Get("always") != nil
}

func (r *reader) block(n *document.Node, s scope) *Block {
	n = r.modernize(n, taskOldWords...)
	if s.handlers {
		r.errs.AddHint(n.Pos, "let several handlers listen to one name", "using a block as a handler is not supported")
	}
	r.unknown(n, blockWords(), "Block")
	b := &Block{Pos: n.Pos, Keywords: r.inherit(n, s.Keywords, "Block"), Role: s.role}
	r.text(n, "name", &b.Name)
	if n.Get("block") == nil {
		r.errs.Add(n.Pos, "'rescue' and 'always' cannot be used without 'block'")
	}
	s.Keywords = b.Keywords
	within := s
	within.rescued = s.rescued || len(listOf(n.Get("rescue"))) > 0
	b.Block = r.items(n.Get("block"), "block", within)
	b.Rescue = r.items(n.Get("rescue"), "rescue", s)
	b.Always = r.items(n.Get("always"), "always", s)
	return b
}

// AllHandlers returns the play's handlers in the order in which they run: those
// of roles, its own, those of imported roles. Where two have one name, the last
// is the one that is notified.
func (p *Play) AllHandlers() []Item {
	var out []Item
	for _, use := range p.Roles {
		out = append(out, use.AllHandlers()...)
	}
	out = append(out, p.Handlers...)
	for _, use := range p.Imported {
		out = append(out, use.AllHandlers()...)
	}
	return out
}

// All returns the role's dependencies, deepest first, and the role itself: the
// order in which they run.
func (u *RoleUse) All() []*RoleUse {
	var out []*RoleUse
	for _, d := range u.Dependencies {
		out = append(out, d.All()...)
	}
	return append(out, u)
}

// AllHandlers returns the handlers of the role's dependencies and its own.
func (u *RoleUse) AllHandlers() []Item {
	var out []Item
	for _, use := range u.All() {
		out = append(out, use.Handlers...)
	}
	return out
}

// Chain returns the roles that lead to this one, outermost first, without it.
func (u *RoleUse) Chain() []*RoleUse {
	var out []*RoleUse
	for p := u.Parent; p != nil; p = p.Parent {
		out = append([]*RoleUse{p}, out...)
	}
	return out
}
