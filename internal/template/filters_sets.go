package template

import (
	"sort"

	"rollout/internal/value"
)

// setFilters are Ansible's set theory, combinations and merging.
func setFilters() []*builtin {
	return []*builtin{
		def("combinations", "r", func(a *args) (any, error) { return a.choose(false) }),
		def("difference", "b", func(a *args) (any, error) { return a.setOp(true, false) }),
		def("intersect", "b", func(a *args) (any, error) { return a.setOp(false, true) }),
		def("permutations", "r", func(a *args) (any, error) { return a.choose(true) }),
		def("product", "* **", filterProduct),
		def("symmetric_difference", "b", filterSymmetric),
		def("union", "b", filterUnion),
		def("zip", "*", func(a *args) (any, error) { return a.zip(false) }),
		def("zip_longest", "* **", func(a *args) (any, error) { return a.zip(true) }),
	}
}

// setOp keeps the elements that are in b, or those that are not, each once.
func (a *args) setOp(outside, inside bool) (any, error) {
	r := a.frame.run
	other, err := setOf(r, a.itemsOf(a.need(0)))
	if err != nil {
		return nil, err
	}
	seen := newSet()
	var out []any
	for _, v := range a.items() {
		in, err := other.has(r, v)
		if err != nil {
			return nil, err
		}
		if (in && !inside) || (!in && !outside) {
			continue
		}
		fresh, err := seen.add(r, v)
		if err != nil {
			return nil, err
		}
		if fresh {
			out = append(out, v)
		}
	}
	return a.list(out), nil
}

func filterUnion(a *args) (any, error) {
	return a.uniqueOf(a.items(), a.itemsOf(a.need(0)))
}

func (a *args) uniqueOf(lists ...[]any) (any, error) {
	seen := newSet()
	var out []any
	for _, list := range lists {
		for _, v := range list {
			fresh, err := seen.add(a.frame.run, v)
			if err != nil {
				return nil, err
			}
			if fresh {
				out = append(out, v)
			}
		}
	}
	return a.list(out), nil
}

func filterSymmetric(a *args) (any, error) {
	r := a.frame.run
	left, right := a.items(), a.itemsOf(a.need(0))
	inLeft, err := setOf(r, left)
	if err != nil {
		return nil, err
	}
	inRight, err := setOf(r, right)
	if err != nil {
		return nil, err
	}
	var only []any
	for _, v := range append(append([]any(nil), left...), right...) {
		l, err := inLeft.has(r, v)
		if err != nil {
			return nil, err
		}
		rt, err := inRight.has(r, v)
		if err != nil {
			return nil, err
		}
		if l != rt {
			only = append(only, v)
		}
	}
	return a.uniqueOf(only)
}

// choose gives all combinations or permutations of r elements.
func (a *args) choose(ordered bool) (any, error) {
	pool := a.items()
	n := len(pool)
	if a.given(0) {
		n = a.int(0, n)
	} else if !ordered {
		a.need(0)
	}
	if a.err != nil || n > len(pool) {
		return a.list(nil), nil
	}
	if n < 0 {
		return nil, failf("r must be non-negative")
	}
	c := &chooser{pool: pool, n: n, ordered: ordered, used: make([]bool, len(pool)), run: a.frame.run}
	if n > maxDataDepth {
		return nil, errTooDeep()
	}
	if err := c.extend(nil, 0); err != nil {
		return nil, err
	}
	return a.list(c.out), nil
}

type chooser struct {
	pool    []any
	n       int
	ordered bool
	used    []bool
	out     []any
	run     *run
}

func (c *chooser) extend(chosen value.Tuple, from int) error {
	if err := c.run.step(1); err != nil {
		return err
	}
	if len(chosen) == c.n {
		c.out = append(c.out, append(value.Tuple{}, chosen...))
		return c.run.items(1 + c.n)
	}
	if c.ordered {
		from = 0
	}
	for i := from; i < len(c.pool); i++ {
		if c.used[i] {
			continue
		}
		c.used[i] = true
		if err := c.extend(append(chosen, c.pool[i]), i+1); err != nil {
			return err
		}
		c.used[i] = false
	}
	return nil
}

func filterProduct(a *args) (any, error) {
	lists := [][]any{a.items()}
	for _, v := range a.rest {
		lists = append(lists, a.itemsOf(v))
	}
	for k, v := range a.kw.All() {
		n, ok := v.(int)
		if k != any("repeat") || !ok {
			return nil, failf("product takes lists and repeat=number, not %s=%s", text(k), text(v))
		}
		return a.repeated(lists, n)
	}
	return a.tuples(product(lists))
}

func (a *args) repeated(lists [][]any, n int) (any, error) {
	if n < 0 || n > maxDataDepth {
		return nil, failf("product: repeat=%d is not possible", n)
	}
	var all [][]any
	for range n {
		all = append(all, lists...)
	}
	return a.tuples(product(all))
}

func (a *args) tuples(rows [][]any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = value.Tuple(row)
	}
	return a.list(out), a.frame.run.items(len(out))
}

func (a *args) zip(longest bool) (any, error) {
	lists := [][]any{a.items()}
	for _, v := range a.rest {
		lists = append(lists, a.itemsOf(v))
	}
	n := len(lists[0])
	for _, l := range lists {
		if longest {
			n = max(n, len(l))
		} else {
			n = min(n, len(l))
		}
	}
	var fill any
	for k, v := range a.kw.All() {
		if k != any("fillvalue") {
			return nil, failf("zip_longest has no argument %s", repr(k))
		}
		fill = v
	}
	rows := zipped(lists, n, fill)
	for i, row := range rows {
		rows[i] = value.Tuple(row.([]any))
	}
	return a.list(rows), a.frame.run.items(n * len(lists))
}

// filterCombine merges dicts, later ones first; as Ansible's merge_hash.
func filterCombine(a *args) (any, error) {
	m := merging{run: a.frame.run, lists: "replace"}
	for k, v := range a.kw.All() {
		switch k {
		case "recursive":
			t, err := truth(v)
			if err != nil {
				return nil, err
			}
			m.recursive = t
		case "list_merge":
			m.lists = text(v)
		default:
			return nil, failf("'recursive' and 'list_merge' are the only valid keyword arguments")
		}
	}
	modes := []string{"append", "append_rp", "keep", "prepend", "prepend_rp", "replace"}
	if i := sort.SearchStrings(modes, m.lists); i >= len(modes) || modes[i] != m.lists {
		return nil, failf("combine: 'list_merge' argument can only be equal to 'replace', 'keep', 'append', 'prepend', 'append_rp' or 'prepend_rp'")
	}
	terms, err := flattened(a.frame.run, append([]any{a.in}, a.rest...), 1, true, 0)
	if err != nil {
		return nil, err
	}
	if len(terms) == 1 {
		return terms[0], nil // as Ansible: nothing to merge, nothing to check
	}
	out := value.NewMap()
	for i, term := range terms {
		d, ok, err := dictOf(term)
		if err != nil {
			return nil, err
		}
		if !ok {
			if u, ok := term.(*Undefined); ok {
				return nil, u.Err()
			}
			return nil, failf("failed to combine variables, expected dicts but got a '%s' and a '%s'", typeName(out), typeName(term))
		}
		if i == 0 {
			out = d
			continue
		}
		if out, err = m.maps(out, d, 0); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// merging says how combine merges.
type merging struct {
	run       *run
	recursive bool
	lists     string
}

func (m merging) maps(low, high *value.Map, depth int) (*value.Map, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if err := m.run.dict(low.Len() + high.Len()); err != nil {
		return nil, err
	}
	out := low.Clone()
	for k, v := range high.All() {
		old, ok := out.Get(k)
		if !ok {
			out.Set(k, v)
			continue
		}
		merged, err := m.values(old, v, depth)
		if err != nil {
			return nil, err
		}
		out.Set(k, merged)
	}
	return out, nil
}

func (m merging) values(old, v any, depth int) (any, error) {
	if m.recursive {
		x, ok1 := old.(*value.Map)
		y, ok2 := v.(*value.Map)
		if ok1 && ok2 {
			return m.maps(x, y, depth+1)
		}
	}
	x, ok1 := listOf(old)
	y, ok2 := listOf(v)
	if !ok1 || !ok2 {
		return v, nil
	}
	switch m.lists {
	case "keep":
		return old, nil
	case "append":
		return append(x[:len(x):len(x)], y...), nil
	case "prepend":
		return append(y[:len(y):len(y)], x...), nil
	case "append_rp":
		return append(without(m.run, x, y), y...), nil
	case "prepend_rp":
		return append(y[:len(y):len(y)], without(m.run, x, y)...), nil
	}
	return v, nil
}

// without returns the elements of x that are not in y.
func without(r *run, x, y []any) []any {
	out := []any{}
	for _, v := range x {
		if indexOf(r, y, v) < 0 {
			out = append(out, v)
		}
	}
	return out
}
