package template

import (
	"math/big"
	"time"

	"rollout/internal/value"
)

// Dict is a mapping whose values are computed when asked for, such as hostvars.
// A Scope may return one wherever a *value.Map could stand.
type Dict interface {
	Item(key string) (v any, ok bool, err error)
	Keys() []string
}

// Objects that exist only while a template runs. None of them leaves the
// package: thawed lists become []any again, the rest becomes text or a list.
type (
	// pyList is a list with an identity, so that append is seen by everyone who
	// holds it. Lists have this form only in templates that change any.
	pyList struct{ items []any }
	// view is dict.items(), keys() or values().
	view struct {
		kind  string
		items []any
	}
	// span is range(): its elements are made when they are asked for.
	span struct{ start, stop, step int }
	// octets is Python's bytes.
	octets []byte
	// datetime is what now() and to_datetime give.
	datetime = value.Moment
	// timedelta is the difference of two datetimes.
	timedelta struct{ d time.Duration }
	// namespace is a set of attributes that loops may assign to.
	namespace struct{ attrs *value.Map }
	// cycler gives its items in turn.
	cycler struct {
		items []any
		pos   int
	}
	// joiner gives its separator every time but the first.
	joiner struct {
		sep  string
		used bool
	}
	// module is an imported template.
	module struct {
		name  string
		attrs *value.Map
		body  string
	}
	// selfRef is "self", through which a template's own blocks are called.
	selfRef struct {
		world *world
		frame *frame
	}
	// macro is a macro together with the frame it was defined in.
	macro struct {
		node  *macroNode
		frame *frame
	}
	// blockRef renders a block, or the one it overrides, when called or printed.
	blockRef struct {
		frame *frame
		name  string
		level int
	}
	// function is a global or a bound method.
	function struct {
		def  *builtin
		self any
	}
	// loopState is "loop".
	loopState struct {
		items   []any
		i       int
		depth   int
		node    *forNode
		frame   *frame
		last    any
		hasLast bool
	}
)

func (r span) len() int {
	switch {
	case r.step > 0 && r.stop > r.start:
		return (r.stop - r.start + r.step - 1) / r.step
	case r.step < 0 && r.start > r.stop:
		return (r.start - r.stop - r.step - 1) / -r.step
	}
	return 0
}

func (r span) list() []any {
	out := make([]any, r.len())
	for i := range out {
		out[i] = r.start + i*r.step
	}
	return out
}

// typeName is Python's type(v).__name__.
func typeName(v any) string {
	switch x := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case int, *big.Int:
		return "int"
	case float64:
		return "float"
	case string:
		return "str"
	case []any, *pyList:
		return "list"
	case value.Tuple:
		return "tuple"
	case *value.Map:
		return "dict"
	case Dict:
		return "dict"
	case *Undefined:
		return "AnsibleUndefined"
	case octets:
		return "bytes"
	case *view:
		return "dict_" + x.kind
	case span:
		return "range"
	case datetime:
		if x.Day {
			return "date"
		}
		return "datetime"
	case timedelta:
		return "timedelta"
	case *function:
		return "builtin_function_or_method"
	case *value.Sealed:
		return "AnsibleVaultEncryptedUnicode"
	}
	return objectTypeName(v)
}

func objectTypeName(v any) string {
	switch v.(type) {
	case *namespace:
		return "Namespace"
	case *macro:
		return "Macro"
	case *module:
		return "TemplateModule"
	case *selfRef:
		return "TemplateReference"
	case *loopState:
		return "LoopContext"
	case *cycler:
		return "Cycler"
	case *joiner:
		return "Joiner"
	case *blockRef:
		return "BlockReference"
	}
	return "object"
}

// listOf returns the elements of a list.
func listOf(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case *pyList:
		return x.items, true
	}
	return nil, false
}

// sequenceOf returns the elements of a list or a tuple.
func sequenceOf(v any) ([]any, bool) {
	if t, ok := v.(value.Tuple); ok {
		return t, true
	}
	return listOf(v)
}

// dictOf returns v as a map; a Dict is read whole.
func dictOf(v any) (*value.Map, bool, error) {
	switch x := v.(type) {
	case *value.Map:
		return x, true, nil
	case *namespace:
		return x.attrs, true, nil
	case Dict:
		m := value.NewMap()
		for _, k := range x.Keys() {
			item, ok, err := x.Item(k)
			if err != nil {
				return nil, false, err
			}
			if ok {
				m.Set(k, item)
			}
		}
		return m, true, nil
	}
	return nil, false, nil
}

// iterate returns what "for x in v" goes through.
func iterate(v any) ([]any, error) {
	switch x := v.(type) {
	case []any:
		return x, nil
	case *pyList:
		return x.items, nil
	case value.Tuple:
		return x, nil
	case *value.Map:
		return x.Keys(), nil
	case Dict:
		return value.List(x.Keys()), nil
	case string:
		return characters(x), nil
	case *view:
		return x.items, nil
	case span:
		return x.list(), nil
	case octets:
		out := make([]any, len(x))
		for i, b := range x {
			out[i] = int(b)
		}
		return out, nil
	case *Undefined:
		if x.lenient {
			return nil, nil
		}
		return nil, x.Err()
	}
	return nil, failf("'%s' object is not iterable", typeName(v))
}

func characters(s string) []any {
	out := make([]any, 0, len(s))
	for _, r := range s {
		out = append(out, string(r))
	}
	return out
}

// thaw copies v so that its lists and maps can be changed in place.
func thaw(r *run, v any, depth int) (any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if err := r.step(1); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case []any:
		items, err := thawAll(r, x, depth)
		return &pyList{items}, err
	case value.Tuple:
		items, err := thawAll(r, x, depth)
		return value.Tuple(items), err
	case *value.Map:
		if err := r.dict(x.Len()); err != nil {
			return nil, err
		}
		m := value.NewMap()
		for k, e := range x.All() {
			e, err := thaw(r, e, depth+1)
			if err != nil {
				return nil, err
			}
			m.Set(k, e)
		}
		return m, nil
	case Dict:
		return thawedDict{x, r}, nil
	}
	return v, nil
}

// thawedDict gives copies of a Dict's items, so that a template that changes
// values does not reach the caller's.
type thawedDict struct {
	Dict
	run *run
}

// Item returns a copy of the item.
func (d thawedDict) Item(key string) (any, bool, error) {
	v, ok, err := d.Dict.Item(key)
	if !ok || err != nil {
		return nil, false, err
	}
	v, err = thaw(d.run, v, 0)
	return v, true, err
}

func thawAll(r *run, in []any, depth int) ([]any, error) {
	out := make([]any, len(in))
	for i, e := range in {
		var err error
		if out[i], err = thaw(r, e, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func errTooDeep() error { return failf("lists nested more than %d deep", maxDataDepth) }

// freeze turns what a template computed into package value's types: lists and
// views become []any, other objects their text. It returns the
// error of the first undefined value it meets.
func freeze(r *run, v any, depth int) (any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if err := r.step(1); err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case nil, bool, int, float64, string, *big.Int, datetime:
		return v, nil
	case *value.Sealed:
		return unseal(x)
	case *Undefined:
		if x.lenient {
			return "", nil
		}
		return nil, x.Err()
	case []any:
		return freezeAll(r, x, depth)
	case *pyList:
		return freezeAll(r, x.items, depth)
	case value.Tuple:
		items, err := freezeAll(r, x, depth)
		return value.Tuple(items), err
	case *value.Map:
		return freezeMap(r, x, depth)
	case *view, span:
		items, err := iterate(v)
		if err != nil {
			return nil, err
		}
		return freezeAll(r, items, depth)
	case Dict:
		m, _, err := dictOf(x)
		if err != nil {
			return nil, err
		}
		return freezeMap(r, m, depth)
	}
	return str(v)
}

// freezeAll copies a list only where an element changes.
func freezeAll(r *run, in []any, depth int) ([]any, error) {
	out := in
	for i, e := range in {
		fe, err := freeze(r, e, depth+1)
		if err != nil {
			return nil, err
		}
		if same(e, fe) {
			continue
		}
		if &out[0] == &in[0] {
			out = append([]any(nil), in...)
		}
		out[i] = fe
	}
	if out == nil {
		out = []any{}
	}
	return out, nil
}

func freezeMap(r *run, m *value.Map, depth int) (*value.Map, error) {
	out := m
	for k, e := range m.All() {
		fe, err := freeze(r, e, depth+1)
		if err != nil {
			return nil, err
		}
		if same(e, fe) {
			continue
		}
		if out == m {
			out = m.Clone()
		}
		out.Set(k, fe)
	}
	return out, nil
}

// same reports whether freezing changed nothing, without comparing content.
func same(a, b any) bool {
	switch x := a.(type) {
	case []any:
		y, ok := b.([]any)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case value.Tuple:
		y, ok := b.(value.Tuple)
		return ok && len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
	case *value.Map:
		return a == b
	case nil, bool, int, float64, string, *big.Int:
		return true
	}
	return false
}
