package template

import "rollout/internal/value"

func (n *forNode) exec(f *frame, out *output) error {
	v, err := n.iter.eval(f)
	if err != nil {
		return err
	}
	return located(n.loop(f, v, out, 0), n.t, n.pos)
}

// loop goes through v; depth counts recursive loops.
func (n *forNode) loop(f *frame, v any, out *output, depth int) error {
	items, err := iterate(v)
	if err != nil {
		return err
	}
	if n.test != nil {
		if items, err = n.filtered(f, items); err != nil {
			return err
		}
	}
	if len(items) == 0 {
		return execAll(f.child(), n.orelse, out)
	}
	state := &loopState{items: items, depth: depth, node: n, frame: f}
	for i, item := range items {
		state.i = i
		if err := f.run.step(1); err != nil {
			return err
		}
		inner := f.child()
		if err := assign(inner, n.target, item); err != nil {
			return err
		}
		if n.usesLoop {
			inner.set("loop", state)
		}
		switch err := execAll(inner, n.body, out); err {
		case nil, errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

func (n *forNode) filtered(f *frame, items []any) ([]any, error) {
	var out []any
	for _, item := range items {
		inner := f.child()
		if err := assign(inner, n.target, item); err != nil {
			return nil, err
		}
		v, err := n.test.eval(inner)
		if err != nil {
			return nil, err
		}
		t, err := truth(v)
		if err != nil {
			return nil, err
		}
		if t {
			out = append(out, item)
		}
	}
	return out, f.run.step(len(items))
}

// recurse is loop(items) in a recursive loop.
func (l *loopState) recurse(a actual) (any, error) {
	if !l.node.recursive {
		return nil, failf("The loop must have the 'recursive' marker to be called recursively.")
	}
	if len(a.pos) != 1 {
		return nil, failf("loop() takes the items to go through")
	}
	r := l.frame.run
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	out := &output{run: r, hold: r.convert}
	if err := l.node.loop(l.frame, a.pos[0], out, l.depth+1); err != nil {
		return nil, err
	}
	return out.result()
}

func (l *loopState) field(name string) (any, bool) {
	n := len(l.items)
	switch name {
	case "index":
		return l.i + 1, true
	case "index0":
		return l.i, true
	case "revindex":
		return n - l.i, true
	case "revindex0":
		return n - l.i - 1, true
	case "first":
		return l.i == 0, true
	case "last":
		return l.i == n-1, true
	case "length":
		return n, true
	case "depth":
		return l.depth + 1, true
	case "depth0":
		return l.depth, true
	case "previtem":
		if l.i == 0 {
			return &Undefined{Name: name, Message: "there is no previous item"}, true
		}
		return l.items[l.i-1], true
	case "nextitem":
		if l.i == n-1 {
			return &Undefined{Name: name, Message: "there is no next item"}, true
		}
		return l.items[l.i+1], true
	}
	return nil, false
}

// loopMethods are the functions of "loop".
func loopMethods() []*builtin {
	return []*builtin{
		def("cycle", "? *", func(a *args) (any, error) {
			l := a.in.(*loopState)
			if len(a.rest) == 0 {
				return nil, failf("no items for cycling given")
			}
			return a.rest[l.i%len(a.rest)], nil
		}),
		def("changed", "? *", func(a *args) (any, error) {
			l := a.in.(*loopState)
			now := value.Tuple(a.rest)
			if l.hasLast && equal(a.frame.run, l.last, now) {
				return false, nil
			}
			l.last, l.hasLast = now, true
			return true, nil
		}),
	}
}

func (j *joiner) next() string {
	if !j.used {
		j.used = true
		return ""
	}
	return j.sep
}
