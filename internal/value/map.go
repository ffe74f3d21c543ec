// Package value holds the data that topologies, playbooks, templates and
// modules exchange: nil, bool, int, *big.Int, float64, string, []any, Tuple, *Map
// and *Sealed. It is Python's data model as far as Ansible shows it, and knows no I/O.
package value

import (
	"math"
	"math/big"
)

// Tuple is Python's tuple: an immutable list, printed with parentheses.
type Tuple []any

// Map is Python's dict: it keeps the order in which keys were first set, and
// compares keys as Python does (1, 1.0 and true are one key). The zero Map is
// not usable; call NewMap.
type Map struct {
	index map[any]int
	keys  []any
	vals  []any
	gone  int
}

// NewMap returns a Map holding the given key, value, key, value … pairs.
// It panics on an odd number of arguments, which is a mistake in the caller.
func NewMap(pairs ...any) *Map {
	if len(pairs)%2 != 0 {
		panic("value.NewMap: odd number of arguments")
	}
	m := &Map{index: make(map[any]int, len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		m.Set(pairs[i], pairs[i+1])
	}
	return m
}

// tombstone marks the slot of a deleted key until the next compaction.
type tombstone struct{}

// normal returns the form under which key is indexed; ok is false where Python
// says "unhashable type".
func normal(key any) (k any, ok bool) {
	switch v := key.(type) {
	case nil, string, int:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v), true
		}
		return v, true
	case Moment:
		return momentKey(v.Repr()), true
	case *big.Int:
		return bigKey(v.String()), true
	case Tuple:
		return tupleKey(v)
	}
	return nil, false
}

// bigKey is an integer too large for int.
type bigKey string

// momentKey is a date or a time.
type momentKey string

func tupleKey(t Tuple) (any, bool) {
	type pair struct{ head, tail any }
	var acc any = pair{}
	for _, e := range t {
		k, ok := normal(e)
		if !ok {
			return nil, false
		}
		acc = pair{acc, k}
	}
	return acc, true
}

// IndexKey returns what equal keys have in common: 1, 1.0 and true are one key.
// ok is false where Python says "unhashable type".
func IndexKey(key any) (k any, ok bool) { return normal(key) }

// Hashable reports whether key can be a key of a Map.
func Hashable(key any) bool {
	_, ok := normal(key)
	return ok
}

// Len returns the number of keys; 0 for a nil Map.
func (m *Map) Len() int {
	if m == nil {
		return 0
	}
	return len(m.index)
}

// Get returns the value under key and whether there is one.
func (m *Map) Get(key any) (any, bool) {
	if m == nil {
		return nil, false
	}
	k, ok := normal(key)
	if !ok {
		return nil, false
	}
	i, ok := m.index[k]
	if !ok {
		return nil, false
	}
	return m.vals[i], true
}

// At returns the value under key, or nil where there is none.
func (m *Map) At(key any) any {
	v, _ := m.Get(key)
	return v
}

// Set puts val under key; a new key goes to the end. An unhashable key is
// ignored: callers that take keys from users check Hashable first.
func (m *Map) Set(key, val any) {
	k, ok := normal(key)
	if !ok {
		return
	}
	if i, ok := m.index[k]; ok {
		m.vals[i] = val
		return
	}
	m.index[k] = len(m.keys)
	m.keys = append(m.keys, key)
	m.vals = append(m.vals, val)
}

// Delete removes key, if it is there.
func (m *Map) Delete(key any) {
	k, ok := normal(key)
	if !ok {
		return
	}
	i, ok := m.index[k]
	if !ok {
		return
	}
	delete(m.index, k)
	m.keys[i], m.vals[i] = tombstone{}, nil
	m.gone++
	if m.gone > len(m.index)+8 {
		m.compact()
	}
}

func (m *Map) compact() {
	keys, vals := m.keys[:0], m.vals[:0]
	for i, k := range m.keys {
		if _, dead := k.(tombstone); dead {
			continue
		}
		n, _ := normal(k)
		m.index[n] = len(keys)
		keys, vals = append(keys, k), append(vals, m.vals[i])
	}
	clear(m.vals[len(vals):])
	m.keys, m.vals, m.gone = keys, vals, 0
}

// Keys returns the keys in order. The slice is the caller's.
func (m *Map) Keys() []any {
	if m == nil {
		return nil
	}
	out := make([]any, 0, len(m.index))
	for _, k := range m.keys {
		if _, dead := k.(tombstone); !dead {
			out = append(out, k)
		}
	}
	return out
}

// All ranges over the keys and values in order. The Map must not be changed
// meanwhile.
func (m *Map) All() func(yield func(key, val any) bool) {
	return func(yield func(any, any) bool) {
		if m == nil {
			return
		}
		for i, k := range m.keys {
			if _, dead := k.(tombstone); dead {
				continue
			}
			if !yield(k, m.vals[i]) {
				return
			}
		}
	}
}

// Clone returns a copy whose keys can be changed without touching m; the
// values are shared.
func (m *Map) Clone() *Map {
	out := NewMap()
	for k, v := range m.All() {
		out.Set(k, v)
	}
	return out
}

// Update sets every key of other in m, in other's order.
func (m *Map) Update(other *Map) {
	for k, v := range other.All() {
		m.Set(k, v)
	}
}

// String returns the value under key if it is a string, else "".
func (m *Map) String(key string) string {
	s, _ := m.At(key).(string)
	return s
}

// Bool returns the value under key if it is a bool, else false.
func (m *Map) Bool(key string) bool {
	b, _ := m.At(key).(bool)
	return b
}

// Int returns the value under key if it is an int, else 0.
func (m *Map) Int(key string) int {
	i, _ := m.At(key).(int)
	return i
}

// List returns the value under key if it is a list, else nil.
func (m *Map) List(key string) []any {
	l, _ := m.At(key).([]any)
	return l
}

// Map returns the value under key if it is a Map, else nil.
func (m *Map) Map(key string) *Map {
	v, _ := m.At(key).(*Map)
	return v
}
