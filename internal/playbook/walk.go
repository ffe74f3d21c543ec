package playbook

import (
	"errors"
	"fmt"

	"rollout/internal/document"
)

// EachTask calls fn for every task in items, in order, those of blocks' rescue
// and always included.
func EachTask(items []Item, fn func(*Task)) {
	for _, it := range items {
		switch it := it.(type) {
		case *Task:
			fn(it)
		case *Block:
			EachTask(it.Block, fn)
			EachTask(it.Rescue, fn)
			EachTask(it.Always, fn)
		}
	}
}

// Walk calls fn for every task and handler of the playbook, those of roles and
// their dependencies included, but not what is included at run time.
func (pb *Playbook) Walk(fn func(*Task)) {
	for _, p := range pb.Plays {
		p.Walk(fn)
	}
}

// Walk calls fn for every task and handler of the play, as Playbook.Walk does.
func (p *Play) Walk(fn func(*Task)) {
	EachTask(p.PreTasks, fn)
	for _, use := range p.Roles {
		for _, u := range use.All() {
			EachTask(u.Tasks, fn)
		}
	}
	EachTask(p.Tasks, fn)
	EachTask(p.PostTasks, fn)
	EachTask(p.AllHandlers(), fn)
}

// WalkAll calls fn for every task of the playbook and of what is included at
// run time, as far as its name is no template and it exists already. The error
// holds the mistakes in what is included; a file that isn't there is none, as it
// may be written in time or never be needed.
func (l *Loader) WalkAll(pb *Playbook, fn func(*Task)) error {
	w := &includeWalker{l: l, fn: fn, seen: map[included]bool{}}
	pb.Walk(w.task)
	return w.errs.Err()
}

// included is one include, which is followed once.
type included struct {
	pos  document.Position
	role *Role
}

type includeWalker struct {
	l     *Loader
	fn    func(*Task)
	seen  map[included]bool
	depth int
	errs  document.Errors
}

func (w *includeWalker) task(t *Task) {
	w.fn(t)
	if t.Include == nil || w.depth >= maxImports {
		return
	}
	key := included{pos: t.Pos}
	if t.Role != nil {
		key.role = t.Role.Role
	}
	if w.seen[key] {
		return
	}
	w.seen[key] = true
	w.depth++
	defer func() { w.depth-- }()
	w.follow(t)
}

// follow loads what t includes, if it can be known before the run.
func (w *includeWalker) follow(t *Task) {
	in, from := t.Include, t.Include.From
	switch {
	case in.File != nil && !isTemplate(in.File):
		items, err := w.l.IncludeTasks(t, in.File.Text)
		w.found(err)
		EachTask(items, w.task)
	case in.Role != nil && !isTemplate(in.Role) && !hasTemplate(from.Tasks+from.Handlers+from.Vars+from.Defaults):
		use, err := w.l.IncludeRole(t, in.Role.Text, from)
		w.found(err)
		if use == nil {
			return
		}
		for _, u := range use.All() {
			EachTask(u.Tasks, w.task)
			EachTask(u.Handlers, w.task)
		}
	}
}

// found keeps mistakes in what is there.
func (w *includeWalker) found(err error) {
	var absent *MissingError
	if !errors.As(err, &absent) {
		w.errs.Join(err)
	}
}

// MissingError says that what an include names at run time isn't there.
type MissingError struct{ at *document.Error }

func (e *MissingError) Error() string { return e.at.Error() }

// Unwrap returns the *document.Error with its position.
func (e *MissingError) Unwrap() error { return e.at }

// missing reports a file or role that isn't there; only what the include itself
// names counts as missing, what is imported further on must be there.
func (r *reader) missing(pos document.Position, hint, format string, args ...any) {
	err := &document.Error{Pos: pos, Hint: hint, Message: fmt.Sprintf(format, args...)}
	if len(r.stack) == 0 {
		r.errs.Join(&MissingError{err})
		return
	}
	r.errs.Join(err)
}
