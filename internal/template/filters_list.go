package template

import (
	"sort"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// listFilters are jinja2's filters on sequences.
func listFilters() []*builtin {
	return []*builtin{
		def("batch", "linecount fill_with", filterBatch),
		def("dictsort", "case_sensitive by reverse", filterDictsort),
		def("first", "", filterFirst),
		def("groupby", "attribute default case_sensitive", filterGroupby),
		def("items", "?", filterItems),
		def("join", "d attribute", filterJoin),
		def("last", "", filterLast),
		def("map", "? * **", filterMap),
		def("max", "case_sensitive attribute", func(a *args) (any, error) { return a.extreme(1) }),
		def("min", "case_sensitive attribute", func(a *args) (any, error) { return a.extreme(-1) }),
		def("reject", "? * **", func(a *args) (any, error) { return a.pick(false, false) }),
		def("rejectattr", "? * **", func(a *args) (any, error) { return a.pick(true, false) }),
		def("reverse", "", filterReverse),
		def("select", "? * **", func(a *args) (any, error) { return a.pick(false, true) }),
		def("selectattr", "? * **", func(a *args) (any, error) { return a.pick(true, true) }),
		def("slice", "slices fill_with", filterSlice),
		def("sort", "reverse case_sensitive attribute", filterSort),
		def("sum", "attribute start", filterSum),
		def("unique", "case_sensitive attribute", filterUnique),
	}
}

func filterBatch(a *args) (any, error) {
	n := a.int(0, 0)
	if a.err == nil && n < 1 {
		return nil, failf("batch needs a line count of at least 1")
	}
	var out []any
	items := a.items()
	for i := 0; i < len(items) && n > 0; i += n {
		row := append([]any(nil), items[i:min(i+n, len(items))]...)
		for a.given(1) && len(row) < n && len(row) < maxItems {
			row = append(row, a.p[1])
		}
		out = append(out, a.list(row))
	}
	return a.list(out), nil
}

func filterSlice(a *args) (any, error) {
	n := a.int(0, 0)
	if a.err == nil && (n < 1 || n > maxItems) {
		return nil, failf("slice needs at least 1 slice")
	}
	items := a.items()
	if n < 1 {
		return nil, nil
	}
	size, extra := len(items)/n, len(items)%n
	var out []any
	at := 0
	for i := range n {
		end := at + size
		if i < extra {
			end++
		}
		row := append([]any(nil), items[at:end]...)
		if a.given(1) && i >= extra {
			row = append(row, a.p[1])
		}
		out = append(out, a.list(row))
		at = end
	}
	return a.list(out), a.frame.run.items(n)
}

// folded is v in lower case if it is a string: how sorting ignores case.
func folded(v any) any {
	if s, ok := v.(string); ok {
		return strings.ToLower(s)
	}
	return v
}

// keyed is an element and what it is sorted, grouped or compared by.
type keyed struct{ key, item any }

func sortKeyed(r *run, list []keyed, reverse bool) error {
	var failed error
	sort.SliceStable(list, func(i, j int) bool {
		x, y := list[i].key, list[j].key
		if reverse {
			x, y = y, x
		}
		c, err := order(r, x, y)
		if err != nil && failed == nil {
			failed = err
		}
		return c == -1
	})
	return failed
}

func filterDictsort(a *args) (any, error) {
	m := a.dict()
	by := a.str(1, "key")
	if by != "key" && by != "value" {
		return nil, failf("you can only sort by either \"key\" or \"value\"")
	}
	var list []keyed
	for k, v := range m.All() {
		key := k
		if by == "value" {
			key = v
		}
		if !a.bool(0, false) {
			key = folded(key)
		}
		list = append(list, keyed{key, value.Tuple{k, v}})
	}
	if err := sortKeyed(a.frame.run, list, a.bool(2, false)); err != nil {
		return nil, err
	}
	return a.itemsOfKeyed(list), nil
}

func (a *args) itemsOfKeyed(list []keyed) any {
	out := make([]any, len(list))
	for i := range list {
		out[i] = list[i].item
	}
	return a.list(out)
}

func filterFirst(a *args) (any, error) {
	if items := a.items(); len(items) > 0 {
		return items[0], nil
	}
	return &Undefined{Message: "No first item, sequence was empty."}, nil
}

func filterLast(a *args) (any, error) {
	if items := a.items(); len(items) > 0 {
		return items[len(items)-1], nil
	}
	return &Undefined{Message: "No last item, sequence was empty."}, nil
}

func filterItems(a *args) (any, error) {
	if _, ok := a.in.(*Undefined); ok {
		return a.list(nil), nil
	}
	m, ok, err := dictOf(a.in)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, failf("Can only get item pairs from a mapping.")
	}
	return a.list(pairs(m)), nil
}

func pairs(m *value.Map) []any {
	out := make([]any, 0, m.Len())
	for k, v := range m.All() {
		out = append(out, value.Tuple{k, v})
	}
	return out
}

func filterJoin(a *args) (any, error) {
	sep := a.text(0, "")
	get := a.attribute(1)
	var b []byte
	for i, item := range a.items() {
		v, err := get(item)
		if err != nil {
			return nil, err
		}
		s, err := str(v)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, sep...)
		}
		b = append(b, s...)
		if len(b) > maxText {
			break
		}
	}
	return a.sized(string(b))
}

// attribute returns a getter for the dotted path that parameter i holds, or the
// element itself where it is not given.
func (a *args) attribute(i int) func(any) (any, error) {
	if !a.given(i) {
		return func(v any) (any, error) { return v, nil }
	}
	return a.getter(a.p[i], absent{})
}

// getter follows "a.b.0"; what is missing becomes preset, unless that is absent.
func (a *args) getter(path any, preset any) func(any) (any, error) {
	var steps []any
	switch p := path.(type) {
	case string:
		for part := range strings.SplitSeq(p, ".") {
			if n, err := strconv.Atoi(part); err == nil && part[0] != '-' && part[0] != '+' {
				steps = append(steps, n)
			} else {
				steps = append(steps, part)
			}
		}
	default:
		steps = []any{path}
	}
	return func(v any) (any, error) {
		for _, s := range steps {
			next, err := getitem(a.frame, v, s)
			if err != nil {
				return nil, err
			}
			if _, missing := next.(*Undefined); missing && preset != any(absent{}) {
				return preset, nil
			}
			v = next
		}
		return v, nil
	}
}

// filterMap applies a filter to every element, or takes an attribute of each.
func filterMap(a *args) (any, error) {
	if u, ok := a.in.(*Undefined); ok {
		return nil, u.Err()
	}
	if t, err := truth(a.in); err != nil || !t {
		return a.list(nil), err // as jinja2: of nothing, nothing is asked
	}
	apply, err := a.mapper()
	if err != nil {
		return nil, err
	}
	items := a.items()
	out := make([]any, len(items))
	for i, item := range items {
		if out[i], err = apply(item); err != nil {
			return nil, err
		}
	}
	return a.list(out), nil
}

func (a *args) mapper() (func(any) (any, error), error) {
	if len(a.rest) == 0 {
		path, ok := a.kw.Get("attribute")
		if !ok {
			return nil, failf("map requires a filter argument")
		}
		preset, has := a.kw.Get("default")
		if !has {
			preset = absent{}
		}
		return a.getter(path, preset), nil
	}
	name, ok := a.rest[0].(string)
	if !ok {
		return nil, failf("map takes the name of a filter")
	}
	f := a.frame.run.engine.filter(name)
	if f == nil {
		return nil, failf("No filter named %s.", quoted(name))
	}
	more := actual{pos: a.rest[1:], kw: a.kw}
	return func(v any) (any, error) { return f.call(a.frame, v, more) }, nil
}

// extreme is min (-1) and max (1).
func (a *args) extreme(want int) (any, error) {
	get := a.attribute(1)
	fold := !a.bool(0, false)
	var best keyed
	for i, item := range a.items() {
		key, err := get(item)
		if err != nil {
			return nil, err
		}
		if fold {
			key = folded(key)
		}
		if i == 0 {
			best = keyed{key, item}
			continue
		}
		c, err := order(a.frame.run, key, best.key)
		if err != nil {
			return nil, err
		}
		if c == want {
			best = keyed{key, item}
		}
	}
	if n, err := lengthOf(a.in); err == nil && n == 0 {
		return &Undefined{Message: "No aggregated item, sequence was empty."}, nil
	}
	return best.item, nil
}

// pick is select, reject, selectattr and rejectattr.
func (a *args) pick(byAttr, want bool) (any, error) {
	if u, ok := a.in.(*Undefined); ok {
		return nil, u.Err()
	}
	if t, err := truth(a.in); err != nil || !t {
		return a.list(nil), err
	}
	get := func(v any) (any, error) { return v, nil }
	rest := a.rest
	if byAttr {
		if len(rest) == 0 {
			return nil, failf("Missing parameter for attribute name")
		}
		get, rest = a.getter(rest[0], absent{}), rest[1:]
	}
	test, err := a.tester(rest)
	if err != nil {
		return nil, err
	}
	var out []any
	for _, item := range a.items() {
		v, err := get(item)
		if err != nil {
			return nil, err
		}
		ok, err := test(v)
		if err != nil {
			return nil, err
		}
		if ok == want {
			out = append(out, item)
		}
	}
	return a.list(out), nil
}

func (a *args) tester(rest []any) (func(any) (bool, error), error) {
	if len(rest) == 0 {
		return truth, nil
	}
	name, ok := rest[0].(string)
	if !ok {
		return nil, failf("%s takes the name of a test", a.def.name)
	}
	t := a.frame.run.engine.test(name)
	if t == nil {
		return nil, failf("No test named %s.", quoted(name))
	}
	more := actual{pos: rest[1:], kw: a.kw}
	return func(v any) (bool, error) {
		r, err := t.call(a.frame, v, more)
		if err != nil {
			return false, err
		}
		return truth(r)
	}, nil
}

func filterReverse(a *args) (any, error) {
	items := a.items()
	out := make([]any, len(items))
	for i, v := range items {
		out[len(items)-1-i] = v
	}
	if _, ok := a.in.(string); ok {
		return joinStrings(out), nil
	}
	return a.list(out), nil
}

func joinStrings(items []any) string {
	var b strings.Builder
	for _, c := range items {
		s, _ := c.(string)
		b.WriteString(s)
	}
	return b.String()
}
