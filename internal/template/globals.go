package template

import (
	"strings"

	"rollout/internal/value"
)

// globals are the functions every template sees; variables hide them.
func globals() map[string]any {
	list := []*builtin{
		def("range", "*", globalRange),
		def("dict", "? * **", globalDict),
		def("namespace", "? * **", globalNamespace),
		def("cycler", "? *", globalCycler),
		def("joiner", "sep", func(a *args) (any, error) { return &joiner{sep: a.text(0, ", ")}, nil }),
		def("lipsum", "n html min max", globalLipsum),
		def("lookup", "? name * **", func(a *args) (any, error) { return a.lookup(false) }),
		def("query", "? name * **", func(a *args) (any, error) { return a.lookup(true) }),
		def("q", "? name * **", func(a *args) (any, error) { return a.lookup(true) }),
		def("now", "utc fmt", globalNow),
		def("undef", "? hint", globalUndef),
	}
	out := map[string]any{}
	for _, b := range list {
		out[b.name] = &function{def: b}
	}
	return out
}

// plainTables takes away what jinja2 itself does not have.
func plainTables(e *Engine) {
	for _, name := range []string{"lookup", "query", "q", "now", "undef"} {
		delete(e.globals, name)
	}
}

func globalRange(a *args) (any, error) {
	var n [3]int
	if len(a.rest) < 1 || len(a.rest) > 3 {
		return nil, failf("range expected 1 to 3 arguments, got %d", len(a.rest))
	}
	for i, v := range a.rest {
		j, _, _, k := number(v)
		if k != 'i' {
			return nil, failf("'%s' object cannot be interpreted as an integer", typeName(v))
		}
		n[i] = j
	}
	r := span{n[0], n[1], n[2]}
	if len(a.rest) == 1 {
		r.start, r.stop = 0, n[0]
	}
	if len(a.rest) < 3 {
		r.step = 1
	}
	const far = 1 << 60
	if r.step == 0 {
		return nil, failf("range() arg 3 must not be zero")
	}
	for _, v := range []int{r.start, r.stop, r.step} {
		if v > far || v < -far {
			return nil, failf("Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
		}
	}
	if r.len() > maxRange {
		return nil, failf("Range too big. The sandbox blocks ranges larger than MAX_RANGE (%d).", maxRange)
	}
	return r, nil
}

func globalDict(a *args) (any, error) {
	m := value.NewMap()
	if len(a.rest) > 1 {
		return nil, failf("dict expected at most 1 argument, got %d", len(a.rest))
	}
	if len(a.rest) == 1 {
		if err := updateMap(m, a.rest[0]); err != nil {
			return nil, err
		}
	}
	m.Update(a.kw)
	return m, a.frame.run.dict(m.Len())
}

// updateMap adds a mapping or pairs, as dict.update does.
func updateMap(m *value.Map, v any) error {
	from, ok, err := dictOf(v)
	if err != nil {
		return err
	}
	if ok {
		m.Update(from)
		return nil
	}
	items, err := iterate(v)
	if err != nil {
		return err
	}
	for i, item := range items {
		pair, err := iterate(item)
		if err != nil || len(pair) != 2 {
			return failf("cannot convert dictionary update sequence element #%d to a pair", i)
		}
		if !hashable(pair[0]) {
			return unhashable(pair[0])
		}
		m.Set(pair[0], pair[1])
	}
	return nil
}

func globalNamespace(a *args) (any, error) {
	v, err := globalDict(a)
	if err != nil {
		return nil, err
	}
	return &namespace{v.(*value.Map)}, nil
}

func globalCycler(a *args) (any, error) {
	if len(a.rest) == 0 {
		return nil, failf("at least one item has to be provided")
	}
	return &cycler{items: a.rest}, nil
}

func cyclerMethods() []*builtin {
	return []*builtin{
		def("next", "", func(a *args) (any, error) {
			c := a.in.(*cycler)
			v := c.items[c.pos]
			c.pos = (c.pos + 1) % len(c.items)
			return v, nil
		}),
		def("reset", "", func(a *args) (any, error) { a.in.(*cycler).pos = 0; return nil, nil }),
	}
}

// globalLipsum gives the same filler text every time: runs should be alike.
func globalLipsum(a *args) (any, error) {
	const filler = "Lorem ipsum dolor sit amet, consectetuer adipiscing elit, sed diam nonummy nibh euismod " +
		"tincidunt ut laoreet dolore magna aliquam erat volutpat."
	n := a.int(0, 5)
	if a.err == nil && n > 1000 {
		return nil, failf("lipsum: %d paragraphs are too many", n)
	}
	paragraphs := make([]string, max(n, 0))
	for i := range paragraphs {
		paragraphs[i] = filler
		if a.bool(1, true) {
			paragraphs[i] = "<p>" + filler + "</p>"
		}
	}
	if a.bool(1, true) {
		return strings.Join(paragraphs, "\n"), nil
	}
	return strings.Join(paragraphs, "\n\n"), nil
}

func globalNow(a *args) (any, error) {
	if a.frame.run.engine.opts.Now == nil {
		return nil, failf("now() has no clock here")
	}
	t := a.frame.run.engine.opts.Now()
	if a.bool(0, false) {
		t = t.UTC()
	}
	if a.given(1) {
		return strftime(a.str(1, ""), datetime{T: t}), nil
	}
	return datetime{T: t}, nil
}

func globalUndef(a *args) (any, error) {
	hint, _ := a.get(0, "").(string)
	if hint == "" {
		hint = "Mandatory variable has not been overridden"
	}
	return &Undefined{Message: hint}, nil
}
