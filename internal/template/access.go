package template

import (
	"math/big"
	"unicode/utf8"

	"rollout/internal/value"
)

// getattr is "x.name": the attribute or method first, then the item.
func getattr(f *frame, x any, name string) (any, error) {
	if u, ok := x.(*Undefined); ok {
		if f.run.engine.plain || u.refused {
			return nil, u.Err()
		}
		return u, nil // as Ansible: the first cause is kept, default() still works
	}
	if m := f.run.engine.method(x, name); m != nil {
		return &function{def: m, self: x}, nil
	}
	if v, ok, err := field(f, x, name); ok || err != nil {
		return v, err
	}
	if unsafeName(name) && len(name) > 4 && name[:2] == "__" {
		return refusedAttribute(x, name), nil
	}
	return noAttribute(x, name), nil
}

// field returns an item of a mapping or an attribute of an object.
func field(f *frame, x any, name string) (any, bool, error) {
	switch o := x.(type) {
	case *value.Map:
		v, ok := o.Get(name)
		return v, ok, nil
	case Dict:
		return o.Item(name)
	case int, bool, *big.Int, float64:
		v, ok := numberField(x, name)
		return v, ok, nil
	case *namespace:
		v, ok := o.attrs.Get(name)
		return v, ok, nil
	case *module:
		v, ok := o.attrs.Get(name)
		return v, ok, nil
	case *loopState:
		v, ok := o.field(name)
		return v, ok, nil
	case *selfRef:
		if _, ok := o.world.blocks[name]; ok {
			return &blockRef{frame: o.world.root, name: name}, true, nil
		}
	case *macro:
		v, ok := o.field(name)
		return v, ok, nil
	case *cycler:
		if name == "current" && len(o.items) > 0 {
			return o.items[o.pos], true, nil
		}
	case datetime:
		v, ok := momentField(o, name)
		return v, ok, nil
	case timedelta:
		v, ok := o.field(name)
		return v, ok, nil
	case value.Tuple:
		return groupField(o, name)
	case *blockRef:
		if name == "super" {
			return &blockRef{frame: o.frame, name: o.name, level: o.level + 1}, true, nil
		}
	}
	return nil, false, nil
}

// groupField is a group's key or elements, as groupby names them.
func groupField(t value.Tuple, name string) (any, bool, error) {
	at := map[string]int{"grouper": 0, "list": 1}
	i, ok := at[name]
	if !ok || len(t) != 2 {
		return nil, false, nil
	}
	_, isGroup := listOf(t[1])
	return t[i], isGroup, nil
}

// getitem is "x[key]": the item first, then the attribute of that name.
func getitem(f *frame, x, key any) (any, error) {
	if u, ok := key.(*Undefined); ok {
		return nil, u.Err()
	}
	switch o := x.(type) {
	case *Undefined:
		if f.run.engine.plain || o.refused {
			return nil, o.Err()
		}
		return o, nil
	case *value.Map:
		if v, ok := o.Get(key); ok {
			return v, nil
		}
		return missingItem(f, x, key)
	case Dict:
		name, isName := key.(string)
		if !isName {
			return noAttribute(x, key), nil
		}
		v, ok, err := o.Item(name)
		if ok || err != nil {
			return v, err
		}
		return missingItem(f, x, key)
	}
	if i, _, _, k := number(key); k == 'i' {
		if v, ok := element(x, i); ok {
			return v, nil
		}
		return noAttribute(x, key), nil
	}
	if name, ok := key.(string); ok {
		return getattr(f, x, name)
	}
	return noAttribute(x, key), nil
}

// missingItem falls back to a method, as jinja2 does for d['items'].
func missingItem(f *frame, x, key any) (any, error) {
	name, ok := key.(string)
	if !ok {
		if !hashable(key) {
			return nil, unhashable(key)
		}
		return &Undefined{Name: text(key), Message: "dict object has no element " + repr(key)}, nil
	}
	return getattr(f, x, name)
}

// element returns the i-th element, counted from the end if negative.
func element(x any, i int) (any, bool) {
	if s, ok := x.(string); ok {
		return character(s, i)
	}
	if o, ok := x.(octets); ok {
		if i < 0 {
			i += len(o)
		}
		if i < 0 || i >= len(o) {
			return nil, false
		}
		return int(o[i]), true
	}
	items, ok := sequenceOf(x)
	if r, isSpan := x.(span); isSpan {
		items, ok = r.list(), true
	}
	if i < 0 {
		i += len(items)
	}
	if !ok || i < 0 || i >= len(items) {
		return nil, false
	}
	return items[i], true
}

func character(s string, i int) (any, bool) {
	if i < 0 {
		i += utf8.RuneCountInString(s)
	}
	if i < 0 {
		return nil, false
	}
	for _, r := range s {
		if i == 0 {
			return string(r), true
		}
		i--
	}
	return nil, false
}

// of takes the slice of x.
func (n *sliceExpr) of(f *frame, x any) (any, error) {
	bounds := [3]*int{}
	for k, e := range []expr{n.from, n.to, n.step} {
		if e == nil {
			continue
		}
		v, err := e.eval(f)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue
		}
		i, _, _, kind := number(v)
		if kind != 'i' {
			return nil, failf("slice indices must be integers or None or have an __index__ method")
		}
		bounds[k] = &i
	}
	return sliceOf(f.run, x, bounds)
}

func sliceOf(r *run, x any, bounds [3]*int) (any, error) {
	switch o := x.(type) {
	case *Undefined:
		if r.engine.plain || o.refused {
			return nil, o.Err()
		}
		return o, nil
	case string:
		items, err := cut(characters(o), bounds)
		if err != nil {
			return nil, err
		}
		b := make([]byte, 0, len(o))
		for _, c := range items {
			b = append(b, c.(string)...)
		}
		return string(b), r.size(len(o))
	case value.Tuple:
		items, err := cut(o, bounds)
		return value.Tuple(items), err
	}
	items, ok := listOf(x)
	if s, isSpan := x.(span); isSpan {
		items, ok = s.list(), true
	}
	if !ok {
		return &Undefined{Message: objectName(x) + " has no slices"}, nil
	}
	if err := r.items(len(items)); err != nil {
		return nil, err
	}
	items, err := cut(items, bounds)
	return r.list(items), err
}

// cut applies Python's slice rules.
func cut(items []any, bounds [3]*int) ([]any, error) {
	n, step := len(items), 1
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, failf("slice step cannot be zero")
	}
	low, high := 0, n
	from, to := 0, n
	if step < 0 {
		low, high = -1, n-1
		from, to = n-1, -1
	}
	if bounds[0] != nil {
		from = clampIndex(*bounds[0], n, low, high)
	}
	if bounds[1] != nil {
		to = clampIndex(*bounds[1], n, low, high)
	}
	out := []any{}
	for i := from; (step > 0 && i < to) || (step < 0 && i > to); {
		out = append(out, items[i])
		if step > n || step < -n-1 {
			break
		}
		i += step
	}
	return out, nil
}

func clampIndex(i, n, low, high int) int {
	if i < 0 {
		i = max(i+n, low)
	}
	return min(i, high)
}
