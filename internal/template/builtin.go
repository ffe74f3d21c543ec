package template

import (
	"strings"

	"rollout/internal/value"
)

// builtin is a filter, test, global function or method.
type builtin struct {
	name     string
	params   []string
	variadic bool // more positional arguments than params
	anyKey   bool // keyword arguments beyond params
	lazy     bool // accepts undefined values
	sealed   bool // wants to know a vaulted value as such, not its text
	fn       func(a *args) (any, error)
}

// def makes a table entry. The spec lists the parameters after the input:
// "a b" by name, "*" and "**" for any more, a leading "?" where undefined
// values are accepted, a leading "!" where vaulted ones are not decrypted.
func def(name, spec string, fn func(a *args) (any, error)) *builtin {
	b := &builtin{name: name, fn: fn}
	for _, word := range strings.Fields(spec) {
		switch word {
		case "?":
			b.lazy = true
		case "!":
			b.sealed = true
		case "*":
			b.variadic = true
		case "**":
			b.anyKey = true
		default:
			b.params = append(b.params, word)
		}
	}
	return b
}

func (b *builtin) takes(kw string) bool { return b.anyKey || contains(b.params, kw) }

// actual are the evaluated arguments of a call.
type actual struct {
	pos    []any
	kw     *value.Map // nil where there are none
	caller *macro
}

// args are a builtin's arguments, each at its parameter's place. The getters
// keep the first error, which the call then returns.
type args struct {
	frame *frame
	def   *builtin
	in    any // what is filtered or tested; a method's object
	p     []any
	rest  []any
	kw    *value.Map
	err   error
}

// absent marks a parameter that was not given.
type absent struct{}

// call binds the arguments to the parameters and runs b.
func (b *builtin) call(f *frame, in any, in2 actual) (any, error) {
	a := &args{frame: f, def: b, in: in, p: make([]any, len(b.params))}
	for i := range a.p {
		a.p[i] = absent{}
	}
	n := min(len(in2.pos), len(b.params))
	copy(a.p, in2.pos[:n])
	if n < len(in2.pos) {
		if !b.variadic {
			return nil, failf("%s takes at most %d arguments (%d given)", b.name, len(b.params), len(in2.pos))
		}
		a.rest = in2.pos[n:]
	}
	if s, ok := in.(*value.Sealed); ok && !b.sealed {
		var err error
		if a.in, err = unseal(s); err != nil {
			return nil, err
		}
	}
	if err := a.keywords(in2.kw, n); err != nil {
		return nil, err
	}
	if !b.lazy {
		if err := a.defined(); err != nil {
			return nil, err
		}
	}
	if err := f.run.step(1); err != nil {
		return nil, err
	}
	v, err := b.fn(a)
	if a.err != nil {
		return nil, a.err
	}
	if oe, ok := err.(*orderError); ok {
		err = failf("%s", oe.Error())
	}
	return v, err
}

func (a *args) keywords(kw *value.Map, given int) error {
	for k, v := range kw.All() {
		name, _ := k.(string)
		at := -1
		for i, p := range a.def.params {
			if p == name {
				at = i
			}
		}
		switch {
		case at >= 0 && at < given:
			return failf("%s got multiple values for argument '%s'", a.def.name, name)
		case at >= 0:
			a.p[at] = v
		case a.def.anyKey:
			if a.kw == nil {
				a.kw = value.NewMap()
			}
			a.kw.Set(name, v)
		default:
			return failf("%s got an unexpected keyword argument '%s'", a.def.name, name)
		}
	}
	return nil
}

// defined returns the error of the first undefined argument.
func (a *args) defined() error {
	if u, ok := a.in.(*Undefined); ok {
		if !u.lenient {
			return u.Err()
		}
		a.in = ""
	}
	for _, list := range [][]any{a.p, a.rest} {
		for i, v := range list {
			if u, ok := v.(*Undefined); ok {
				if !u.lenient {
					return u.Err()
				}
				list[i] = ""
			}
		}
	}
	for _, v := range a.kw.All() {
		if u, ok := v.(*Undefined); ok {
			return u.Err()
		}
	}
	return nil
}

func (a *args) fail(err error) {
	if a.err == nil {
		a.err = err
	}
}

// has reports whether parameter i was given.
func (a *args) has(i int) bool { return a.p[i] != any(absent{}) }

// given reports whether parameter i was given and is not None.
func (a *args) given(i int) bool { return a.has(i) && a.p[i] != nil }

func (a *args) get(i int, preset any) any {
	if a.has(i) {
		return a.p[i]
	}
	return preset
}

// need returns parameter i; it is an error if it was not given.
func (a *args) need(i int) any {
	if !a.has(i) {
		a.fail(failf("%s is missing its argument '%s'", a.def.name, a.def.params[i]))
		return nil
	}
	return a.p[i]
}

// text returns str() of parameter i.
func (a *args) text(i int, preset string) string {
	if !a.has(i) {
		return preset
	}
	s, err := str(a.p[i])
	a.fail2(err)
	return s
}

func (a *args) fail2(err error) {
	if err != nil {
		a.fail(err)
	}
}

// str returns parameter i, which must be a string.
func (a *args) str(i int, preset string) string {
	if !a.has(i) {
		return preset
	}
	s, ok := a.p[i].(string)
	if !ok {
		a.fail(failf("%s: the argument '%s' must be a string, not %s", a.def.name, a.def.params[i], typeName(a.p[i])))
	}
	return s
}

// int returns parameter i, which must be an integer.
func (a *args) int(i int, preset int) int {
	if !a.has(i) {
		return preset
	}
	n, _, _, k := number(a.p[i])
	if k != 'i' {
		a.fail(failf("%s: the argument '%s' must be an integer, not %s", a.def.name, a.def.params[i], typeName(a.p[i])))
	}
	return n
}

// bool returns the truth of parameter i.
func (a *args) bool(i int, preset bool) bool {
	if !a.has(i) {
		return preset
	}
	b, err := truth(a.p[i])
	a.fail2(err)
	return b
}

// input returns str() of what is filtered.
func (a *args) input() string {
	s, err := str(a.in)
	a.fail2(err)
	if err == nil {
		a.fail2(a.frame.run.size(len(s)))
	}
	return s
}

// word returns what is filtered, which must be a string.
func (a *args) word() string {
	s, ok := a.in.(string)
	if !ok {
		a.fail(failf("%s: expected a string, got %s", a.def.name, typeName(a.in)))
		return ""
	}
	a.fail2(a.frame.run.size(len(s)))
	return s
}

// items returns the elements of what is filtered.
func (a *args) items() []any { return a.itemsOf(a.in) }

func (a *args) itemsOf(v any) []any {
	items, err := iterate(v)
	a.fail2(err)
	if err == nil {
		a.fail2(a.frame.run.items(len(items)))
	}
	return items
}

// dict returns what is filtered, which must be a mapping.
func (a *args) dict() *value.Map {
	m, ok, err := dictOf(a.in)
	a.fail2(err)
	if err == nil && !ok {
		a.fail(failf("%s requires a dictionary, got %s instead.", a.def.name, typeName(a.in)))
	}
	return m
}

// list makes a result list.
func (a *args) list(items []any) any {
	if items == nil {
		items = []any{}
	}
	return a.frame.run.list(items)
}

// sized returns s after counting its length.
func (a *args) sized(s string) (any, error) { return s, a.frame.run.size(len(s)) }
