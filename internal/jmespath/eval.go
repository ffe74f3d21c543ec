package jmespath

import "rollout/internal/value"

type (
	field      string
	index      int
	current    struct{}
	literal    struct{ v any }
	group      struct{ x node }
	not        struct{ x node }
	reference  struct{ x node }
	flatten    struct{ x node }
	slice      struct{ bounds [3]*int }
	chain      struct{ a, b node }
	either     struct{ a, b node }
	both       struct{ a, b node }
	projection struct{ list, right node }
	values     struct{ x, right node }
	filter     struct{ list, cond, right node }
	multiList  struct{ items []node }
	multiHash  struct {
		keys []string
		vals []node
	}
	comparison struct {
		op   string
		a, b node
	}
)

func (n field) eval(_ *search, in any) (any, error) {
	if m, ok := in.(*value.Map); ok {
		return m.At(string(n)), nil
	}
	return nil, nil
}

func (n index) eval(_ *search, in any) (any, error) {
	items, ok := listOf(in)
	i := int(n)
	if i < 0 {
		i += len(items)
	}
	if !ok || i < 0 || i >= len(items) {
		return nil, nil
	}
	return items[i], nil
}

func (current) eval(_ *search, in any) (any, error) { return in, nil }
func (n literal) eval(*search, any) (any, error)    { return n.v, nil }
func (n group) eval(s *search, in any) (any, error) { return n.x.eval(s, in) }
func (n reference) eval(*search, any) (any, error)  { return n, nil }
func (n not) eval(s *search, in any) (any, error) {
	v, err := n.x.eval(s, in)
	return !truthy(v), err
}

func (n chain) eval(s *search, in any) (any, error) {
	v, err := n.a.eval(s, in)
	if err != nil {
		return nil, err
	}
	return n.b.eval(s, v)
}

func (n either) eval(s *search, in any) (any, error) {
	v, err := n.a.eval(s, in)
	if err != nil || truthy(v) {
		return v, err
	}
	return n.b.eval(s, in)
}

func (n both) eval(s *search, in any) (any, error) {
	v, err := n.a.eval(s, in)
	if err != nil || !truthy(v) {
		return v, err
	}
	return n.b.eval(s, in)
}

func (n flatten) eval(s *search, in any) (any, error) {
	v, err := n.x.eval(s, in)
	items, ok := listOf(v)
	if err != nil || !ok {
		return nil, err
	}
	out := []any{}
	for _, e := range items {
		if inner, ok := listOf(e); ok {
			out = append(out, inner...)
		} else {
			out = append(out, e)
		}
	}
	return out, s.step(len(out))
}

func (n slice) eval(_ *search, in any) (any, error) {
	items, ok := listOf(in)
	if !ok {
		return nil, nil
	}
	return cut(items, n.bounds)
}

// each applies right to the items; nulls go.
func each(s *search, items []any, right node) (any, error) {
	out := []any{}
	for _, e := range items {
		if err := s.step(1); err != nil {
			return nil, err
		}
		v, err := right.eval(s, e)
		if err != nil {
			return nil, err
		}
		if v != nil {
			out = append(out, v)
		}
	}
	return out, nil
}

func (n projection) eval(s *search, in any) (any, error) {
	v, err := n.list.eval(s, in)
	items, ok := listOf(v)
	if err != nil || !ok {
		return nil, err
	}
	return each(s, items, n.right)
}

func (n values) eval(s *search, in any) (any, error) {
	v, err := n.x.eval(s, in)
	m, ok := v.(*value.Map)
	if err != nil || !ok {
		return nil, err
	}
	var items []any
	for _, e := range m.All() {
		items = append(items, e)
	}
	return each(s, items, n.right)
}

func (n filter) eval(s *search, in any) (any, error) {
	v, err := n.list.eval(s, in)
	items, ok := listOf(v)
	if err != nil || !ok {
		return nil, err
	}
	var kept []any
	for _, e := range items {
		if err := s.step(1); err != nil {
			return nil, err
		}
		t, err := n.cond.eval(s, e)
		if err != nil {
			return nil, err
		}
		if truthy(t) {
			kept = append(kept, e)
		}
	}
	return each(s, kept, n.right)
}

func (n multiList) eval(s *search, in any) (any, error) {
	if in == nil {
		return nil, nil
	}
	out := make([]any, len(n.items))
	for i, x := range n.items {
		var err error
		if out[i], err = x.eval(s, in); err != nil {
			return nil, err
		}
	}
	return out, s.step(len(out))
}

func (n multiHash) eval(s *search, in any) (any, error) {
	if in == nil {
		return nil, nil
	}
	out := value.NewMap()
	for i, x := range n.vals {
		v, err := x.eval(s, in)
		if err != nil {
			return nil, err
		}
		out.Set(n.keys[i], v)
	}
	return out, s.step(len(n.keys))
}

func (n comparison) eval(s *search, in any) (any, error) {
	a, err := n.a.eval(s, in)
	if err != nil {
		return nil, err
	}
	b, err := n.b.eval(s, in)
	if err != nil {
		return nil, err
	}
	switch n.op {
	case "==":
		return equal(a, b), nil
	case "!=":
		return !equal(a, b), nil
	}
	x, ok := number(a)
	y, ok2 := number(b)
	if !ok || !ok2 {
		return nil, nil
	}
	switch n.op {
	case "<":
		return x < y, nil
	case "<=":
		return x <= y, nil
	case ">":
		return x > y, nil
	}
	return x >= y, nil
}

// equal is Python's ==, but that 1 and true, 0 and false differ.
func equal(a, b any) bool {
	_, x := a.(bool)
	_, y := b.(bool)
	return x == y && value.Equal(a, b)
}
