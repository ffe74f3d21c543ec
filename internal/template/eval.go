package template

import (
	"rollout/internal/value"
)

func (n *constant) eval(*frame) (any, error)   { return n.v, nil }
func (n *nameExpr) eval(f *frame) (any, error) { return opened(f.lookup(n.name)) }

func evalAll(f *frame, in []expr) ([]any, error) {
	out := make([]any, len(in))
	for i, x := range in {
		var err error
		if out[i], err = x.eval(f); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (n *listExpr) eval(f *frame) (any, error) {
	items, err := evalAllSealed(f, n.items)
	if err != nil {
		return nil, err
	}
	return f.run.list(items), f.run.step(len(items))
}

func (n *tupleExpr) eval(f *frame) (any, error) {
	items, err := evalAllSealed(f, n.items)
	return value.Tuple(items), err
}

func (n *dictExpr) eval(f *frame) (any, error) {
	m := value.NewMap()
	for i := range n.keys {
		k, err := n.keys[i].eval(f)
		if err != nil {
			return nil, err
		}
		if u, ok := k.(*Undefined); ok {
			return nil, u.Err()
		}
		if !hashable(k) {
			return nil, unhashable(k)
		}
		v, err := evalSealed(f, n.vals[i])
		if err != nil {
			return nil, err
		}
		m.Set(k, v)
	}
	return m, f.run.dict(len(n.keys))
}

func (n *concat) eval(f *frame) (any, error) {
	var b []byte
	for _, x := range n.parts {
		v, err := x.eval(f)
		if err != nil {
			return nil, err
		}
		s, err := str(v)
		if err != nil {
			return nil, err
		}
		b = append(b, s...)
	}
	return string(b), f.run.size(len(b))
}

func (n *logic) eval(f *frame) (any, error) {
	var v any
	for _, x := range n.parts {
		var err error
		if v, err = x.eval(f); err != nil {
			return nil, err
		}
		if x == n.parts[len(n.parts)-1] {
			break
		}
		t, err := truth(v)
		if err != nil {
			return nil, err
		}
		if t == n.or {
			break
		}
	}
	return v, nil
}

func (n *notExpr) eval(f *frame) (any, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	t, err := truth(v)
	return !t, err
}

func (n *unaryExpr) eval(f *frame) (any, error) {
	v, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	if u, ok := v.(*Undefined); ok {
		return nil, u.Err()
	}
	if n.op == '-' {
		v, err = negate(v)
		return v, located(err, n.t, n.pos)
	}
	if !isNumber(v) {
		return nil, located(failf("bad operand type for unary +: '%s'", typeName(v)), n.t, n.pos)
	}
	if b, ok := v.(bool); ok {
		i, _, _, _ := number(b)
		return i, nil
	}
	return v, nil
}

func (n *binaryExpr) eval(f *frame) (any, error) {
	a, err := n.a.eval(f)
	if err != nil {
		return nil, err
	}
	b, err := n.b.eval(f)
	if err != nil {
		return nil, err
	}
	if err := f.run.step(1); err != nil {
		return nil, err
	}
	v, err := binary(f.run, n.op, a, b)
	if err != nil {
		return nil, located(err, n.t, n.pos)
	}
	return v, nil
}

func (n *compareExpr) eval(f *frame) (any, error) {
	left, err := n.first.eval(f)
	if err != nil {
		return nil, err
	}
	for _, c := range n.rest {
		right, err := c.x.eval(f)
		if err != nil {
			return nil, err
		}
		ok, err := compare(f.run, c.op, left, right)
		if err != nil {
			return nil, located(err, n.t, n.pos)
		}
		if !ok {
			return false, nil
		}
		left = right
	}
	return true, nil
}

// compare evaluates a comparison operator.
func compare(r *run, op string, a, b any) (bool, error) {
	if u, ok := a.(*Undefined); ok {
		return false, u.Err()
	}
	if u, ok := b.(*Undefined); ok {
		return false, u.Err()
	}
	switch op {
	case "==":
		return equal(r, a, b), nil
	case "!=":
		return !equal(r, a, b), nil
	case "in":
		return includes(r, b, a)
	case "not in":
		in, err := includes(r, b, a)
		return !in, err
	}
	c, err := order(r, a, b)
	if oe, ok := err.(*orderError); ok {
		return false, failf("%s", oe.with(op))
	}
	if err != nil || c == 2 {
		return false, err
	}
	switch op {
	case "<":
		return c < 0, nil
	case "<=":
		return c <= 0, nil
	case ">":
		return c > 0, nil
	}
	return c >= 0, nil
}

func (n *condExpr) eval(f *frame) (any, error) {
	v, err := n.test.eval(f)
	if err != nil {
		return nil, err
	}
	t, err := truth(v)
	if err != nil {
		return nil, err
	}
	if t {
		return n.then.eval(f)
	}
	if n.otherwise != nil {
		return n.otherwise.eval(f)
	}
	return &Undefined{lenient: true, Message: "the inline if-expression evaluated to false and no else section was defined."}, nil
}

func (n *attrExpr) eval(f *frame) (any, error) { return opened(n.sealed(f)) }

func (n *attrExpr) sealed(f *frame) (any, error) {
	x, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := getattr(f, x, n.name)
	return v, located(err, n.t, n.pos)
}

func (n *itemExpr) eval(f *frame) (any, error) { return opened(n.sealed(f)) }

func (n *itemExpr) sealed(f *frame) (any, error) {
	x, err := n.x.eval(f)
	if err != nil {
		return nil, err
	}
	if s, ok := n.i.(*sliceExpr); ok {
		v, err := s.of(f, x)
		return v, located(err, n.t, n.pos)
	}
	i, err := n.i.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := getitem(f, x, i)
	return v, located(err, n.t, n.pos)
}

func (n *sliceExpr) eval(*frame) (any, error) {
	return nil, failf("a slice can only stand alone in brackets")
}

func (n *callExpr) eval(f *frame) (any, error) { return opened(n.sealed(f)) }

func (n *callExpr) sealed(f *frame) (any, error) {
	v, err := n.value(f)
	if err != nil {
		return nil, located(err, n.t, n.pos)
	}
	return f.run.own(v), nil
}

// own gives a list that a function returned an identity.
func (r *run) own(v any) any {
	if r.mutable {
		if items, ok := v.([]any); ok {
			return &pyList{items}
		}
	}
	return v
}

// value calls a method without making it an object first.
func (n *callExpr) value(f *frame) (any, error) {
	if attr, ok := n.fn.(*attrExpr); ok {
		x, err := attr.x.eval(f)
		if err != nil {
			return nil, err
		}
		if m := f.run.engine.method(x, attr.name); m != nil {
			a, err := n.args.eval(f)
			if err != nil {
				return nil, err
			}
			return m.call(f, x, a)
		}
		fn, err := getattr(f, x, attr.name)
		if err != nil {
			return nil, err
		}
		return n.apply(f, fn)
	}
	fn, err := n.fn.eval(f)
	if err != nil {
		return nil, err
	}
	return n.apply(f, fn)
}

func (n *callExpr) apply(f *frame, fn any) (any, error) {
	a, err := n.args.eval(f)
	if err != nil {
		return nil, err
	}
	return call(f, fn, a)
}

// call calls any callable object.
func call(f *frame, fn any, a actual) (any, error) {
	switch c := fn.(type) {
	case *function:
		return c.def.call(f, c.self, a)
	case *macro:
		return c.call(f.run, a)
	case *loopState:
		return c.recurse(a)
	case *joiner:
		return c.next(), nil
	case *blockRef:
		return c.render()
	case *Undefined:
		return nil, c.Err()
	}
	return nil, failf("'%s' object is not callable", typeName(fn))
}

func (c *callArgs) eval(f *frame) (actual, error) {
	var a actual
	var err error
	if len(c.pos) > 0 {
		if a.pos, err = evalAll(f, c.pos); err != nil {
			return a, err
		}
	}
	if len(c.kw) > 0 {
		a.kw = value.NewMap()
		for i, x := range c.kw {
			v, err := x.eval(f)
			if err != nil {
				return a, err
			}
			a.kw.Set(c.names[i], v)
		}
	}
	if c.star != nil || c.dstar != nil {
		if err := c.unpack(f, &a); err != nil {
			return a, err
		}
	}
	if c.caller != nil {
		a.caller = &macro{node: c.caller, frame: f}
	}
	return a, nil
}

// unpack adds *args and **kwargs.
func (c *callArgs) unpack(f *frame, a *actual) error {
	if c.star != nil {
		v, err := c.star.eval(f)
		if err != nil {
			return err
		}
		items, err := iterate(v)
		if err != nil {
			return err
		}
		a.pos = append(a.pos[:len(a.pos):len(a.pos)], items...)
	}
	if c.dstar == nil {
		return nil
	}
	v, err := c.dstar.eval(f)
	if err != nil {
		return err
	}
	m, ok, err := dictOf(v)
	if err != nil {
		return err
	}
	if !ok {
		return failf("argument after ** must be a mapping, not %s", typeName(v))
	}
	if a.kw == nil {
		a.kw = value.NewMap()
	}
	for k, e := range m.All() {
		if _, ok := k.(string); !ok {
			return failf("keywords must be strings")
		}
		a.kw.Set(k, e)
	}
	return nil
}

func (n *filterExpr) eval(f *frame) (any, error) { return opened(n.sealed(f)) }

func (n *filterExpr) sealed(f *frame) (any, error) {
	x, err := n.def.input(f, n.x)
	if err != nil {
		return nil, err
	}
	return n.apply(f, x)
}

// apply filters x.
func (n *filterExpr) apply(f *frame, x any) (any, error) {
	a, err := n.args.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := n.def.call(f, x, a)
	if err != nil {
		return nil, located(err, n.t, n.pos)
	}
	return f.run.own(v), nil
}

// chain applies a filter block's filters to its text, innermost first.
func (n *filterExpr) chain(f *frame, text string) (any, error) {
	inner, ok := n.x.(*filterExpr)
	if !ok {
		return n.apply(f, text)
	}
	v, err := inner.chain(f, text)
	if err != nil {
		return nil, err
	}
	return n.apply(f, v)
}

func (n *testExpr) eval(f *frame) (any, error) {
	x, err := n.def.input(f, n.x)
	if err != nil {
		return nil, err
	}
	a, err := n.args.eval(f)
	if err != nil {
		return nil, err
	}
	v, err := n.def.call(f, x, a)
	if err != nil {
		return nil, located(err, n.t, n.pos)
	}
	if !n.not {
		return v, nil
	}
	t, err := truth(v)
	return !t, err
}
