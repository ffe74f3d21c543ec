package template

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"rollout/internal/value"
)

// countMethods are those that lists and tuples share.
func countMethods() []*builtin {
	return []*builtin{
		def("count", "value", func(a *args) (any, error) {
			n, want := 0, a.need(0)
			for _, v := range a.items() {
				if equal(a.frame.run, v, want) {
					n++
				}
			}
			return n, nil
		}),
		def("index", "value start stop", methodIndex),
	}
}

func methodIndex(a *args) (any, error) {
	items := a.items()
	from, to := 0, len(items)
	if a.given(1) {
		from = clampIndex(a.int(1, 0), len(items), 0, len(items))
	}
	if a.given(2) {
		to = clampIndex(a.int(2, 0), len(items), 0, len(items))
	}
	if from < to {
		if i := indexOf(a.frame.run, items[from:to], a.need(0)); i >= 0 {
			return from + i, nil
		}
	}
	return nil, failf("%s is not in list", repr(a.need(0)))
}

func listMethods() []*builtin {
	return []*builtin{
		def("append", "? object", func(a *args) (any, error) { return a.change(func(l *pyList) { l.items = append(l.items, a.need(0)) }) }),
		def("clear", "", func(a *args) (any, error) { return a.change(func(l *pyList) { l.items = nil }) }),
		def("copy", "", func(a *args) (any, error) { return a.list(append([]any(nil), a.items()...)), nil }),
		def("extend", "iterable", func(a *args) (any, error) {
			more := append([]any(nil), a.itemsOf(a.need(0))...)
			return a.change(func(l *pyList) { l.items = append(l.items, more...) })
		}),
		def("insert", "? index object", methodInsert),
		def("pop", "index", methodListPop),
		def("remove", "value", methodRemove),
		def("reverse", "", func(a *args) (any, error) {
			return a.change(func(l *pyList) {
				for i, j := 0, len(l.items)-1; i < j; i, j = i+1, j-1 {
					l.items[i], l.items[j] = l.items[j], l.items[i]
				}
			})
		}),
		def("sort", "key reverse", methodSort),
	}
}

// change changes a list in place; the result is None.
func (a *args) change(fn func(l *pyList)) (any, error) {
	l, err := a.ownList()
	if err != nil {
		return nil, err
	}
	fn(l)
	return nil, a.frame.run.items(1 + len(l.items)>>6)
}

func (a *args) ownList() (*pyList, error) {
	if l, ok := a.in.(*pyList); ok && a.err == nil {
		return l, nil
	}
	return nil, failf("cannot change this list: it is part of a value that was not made here")
}

func methodInsert(a *args) (any, error) {
	return a.change(func(l *pyList) {
		i := clampIndex(a.int(0, 0), len(l.items), 0, len(l.items))
		l.items = append(l.items, nil)
		copy(l.items[i+1:], l.items[i:])
		l.items[i] = a.need(1)
	})
}

func methodListPop(a *args) (any, error) {
	l, err := a.ownList()
	if err != nil {
		return nil, err
	}
	i := a.int(0, -1)
	if i < 0 {
		i += len(l.items)
	}
	if i < 0 || i >= len(l.items) {
		return nil, failf("pop index out of range")
	}
	v := l.items[i]
	l.items = append(l.items[:i:i], l.items[i+1:]...)
	return v, a.frame.run.step(len(l.items) >> 6)
}

func methodRemove(a *args) (any, error) {
	l, err := a.ownList()
	if err != nil {
		return nil, err
	}
	i := indexOf(a.frame.run, l.items, a.need(0))
	if i < 0 {
		return nil, failf("list.remove(x): x not in list")
	}
	l.items = append(l.items[:i:i], l.items[i+1:]...)
	return nil, a.frame.run.step(len(l.items) >> 6)
}

func methodSort(a *args) (any, error) {
	if a.given(0) {
		return nil, failf("sort: a key function is not supported; use the filter sort(attribute=…)")
	}
	l, err := a.ownList()
	if err != nil {
		return nil, err
	}
	list := make([]keyed, len(l.items))
	for i, v := range l.items {
		list[i] = keyed{v, v}
	}
	if err := sortKeyed(a.frame.run, list, a.bool(1, false)); err != nil {
		return nil, err
	}
	for i := range list {
		l.items[i] = list[i].item
	}
	return nil, a.frame.run.step(8 * len(list))
}

func dictMethods() []*builtin {
	return []*builtin{
		def("clear", "", func(a *args) (any, error) {
			return a.changeMap(func(m *value.Map) {
				for _, k := range m.Keys() {
					m.Delete(k)
				}
			})
		}),
		def("copy", "", func(a *args) (any, error) { return a.dict().Clone(), a.frame.run.dict(a.dict().Len()) }),
		def("fromkeys", "iterable value", func(a *args) (any, error) {
			m := value.NewMap()
			for _, k := range a.itemsOf(a.need(0)) {
				if !hashable(k) {
					return nil, unhashable(k)
				}
				m.Set(k, a.get(1, nil))
			}
			return m, nil
		}),
		def("get", "? key default", methodGet),
		def("items", "", func(a *args) (any, error) { return &view{"items", pairs(a.dict())}, a.err }),
		def("keys", "", func(a *args) (any, error) { return &view{"keys", a.items()}, nil }),
		def("pop", "? key default", methodMapPop),
		def("popitem", "", func(a *args) (any, error) {
			m, err := a.ownMap()
			if err != nil {
				return nil, err
			}
			keys := m.Keys()
			if len(keys) == 0 {
				return nil, failf("popitem(): dictionary is empty")
			}
			k := keys[len(keys)-1]
			v := m.At(k)
			m.Delete(k)
			return value.Tuple{k, v}, a.frame.run.step(len(keys))
		}),
		def("setdefault", "? key default", methodSetdefault),
		def("update", "? * **", methodUpdate),
		def("values", "", methodValues),
	}
}

func (a *args) changeMap(fn func(m *value.Map)) (any, error) {
	m, err := a.ownMap()
	if err != nil {
		return nil, err
	}
	fn(m)
	return nil, nil
}

// ownMap returns the map, if it may be changed: in a template that changes
// anything, what it holds are copies.
func (a *args) ownMap() (*value.Map, error) {
	if m, ok := a.in.(*value.Map); ok && a.frame.run.mutable && a.err == nil {
		return m, nil
	}
	return nil, failf("cannot change this dict: it is part of a value that was not made here")
}

func methodGet(a *args) (any, error) {
	key := a.need(0)
	if u, ok := key.(*Undefined); ok {
		return nil, u.Err()
	}
	if d, ok := a.in.(Dict); ok {
		name, _ := key.(string)
		v, found, err := d.Item(name)
		if found || err != nil {
			return v, err
		}
		return a.get(1, nil), nil
	}
	if !hashable(key) {
		return nil, unhashable(key)
	}
	if v, ok := a.dict().Get(key); ok {
		return v, nil
	}
	return a.get(1, nil), nil
}

func methodMapPop(a *args) (any, error) {
	m, err := a.ownMap()
	if err != nil {
		return nil, err
	}
	key := a.need(0)
	v, ok := m.Get(key)
	if !ok {
		if !a.has(1) {
			return nil, failf("KeyError: %s", repr(key))
		}
		return a.p[1], nil
	}
	m.Delete(key)
	return v, nil
}

func methodSetdefault(a *args) (any, error) {
	m, err := a.ownMap()
	if err != nil {
		return nil, err
	}
	key := a.need(0)
	if v, ok := m.Get(key); ok {
		return v, nil
	}
	if !hashable(key) {
		return nil, unhashable(key)
	}
	m.Set(key, a.get(1, nil))
	return a.get(1, nil), nil
}

func methodUpdate(a *args) (any, error) {
	m, err := a.ownMap()
	if err != nil {
		return nil, err
	}
	if len(a.rest) > 1 {
		return nil, failf("update expected at most 1 argument, got %d", len(a.rest))
	}
	if len(a.rest) == 1 {
		from := a.rest[0]
		if from == any(m) {
			return nil, nil
		}
		if err := updateMap(m, from); err != nil {
			return nil, err
		}
	}
	m.Update(a.kw)
	return nil, nil
}

func methodValues(a *args) (any, error) {
	m := a.dict()
	vals := make([]any, 0, m.Len())
	for _, v := range m.All() {
		vals = append(vals, v)
	}
	return &view{"values", vals}, nil
}

func bytesMethods() []*builtin {
	return []*builtin{
		def("hex", "", func(a *args) (any, error) { return hex.EncodeToString(a.in.(octets)), nil }),
		def("decode", "encoding errors", func(a *args) (any, error) {
			return decodeText(a.in.(octets), a.str(0, "utf-8"))
		}),
	}
}

func methodEncode(a *args) (any, error) {
	return encodeText(a.input(), a.str(0, "utf-8"))
}

// encoding normalises the names of the encodings that are supported.
func encoding(name string) string {
	switch strings.ToLower(strings.ReplaceAll(name, "_", "-")) {
	case "utf-8", "utf8", "u8":
		return "utf-8"
	case "ascii", "us-ascii":
		return "ascii"
	case "latin-1", "latin1", "iso-8859-1", "iso8859-1":
		return "latin-1"
	case "utf-16-le", "utf-16le":
		return "utf-16-le"
	}
	return ""
}

func encodeText(s, name string) (octets, error) {
	limit := rune(0)
	switch encoding(name) {
	case "utf-8":
		return octets(s), nil
	case "ascii":
		limit = 128
	case "latin-1":
		limit = 256
	case "utf-16-le":
		return utf16LE(s), nil
	default:
		return nil, failf("unknown encoding: %s (utf-8, utf-16-le, latin-1 and ascii are known)", name)
	}
	var out octets
	for _, r := range s {
		if r >= limit {
			return nil, failf("'%s' codec can't encode character %s", name, quoted(string(r)))
		}
		out = append(out, byte(r))
	}
	return out, nil
}

func utf16LE(s string) octets {
	var out octets
	for _, r := range s {
		if r >= 0x10000 {
			r -= 0x10000
			hi, lo := 0xd800+r>>10, 0xdc00+r&0x3ff
			out = append(out, byte(hi), byte(hi>>8), byte(lo), byte(lo>>8))
			continue
		}
		out = append(out, byte(r), byte(r>>8))
	}
	return out
}

func decodeText(b octets, name string) (any, error) {
	switch encoding(name) {
	case "utf-8":
		if !utf8.Valid(b) {
			return nil, failf("'utf-8' codec can't decode the bytes")
		}
		return string(b), nil
	case "ascii", "latin-1":
		var s strings.Builder
		for _, c := range b {
			if c > 127 && encoding(name) == "ascii" {
				return nil, failf("'ascii' codec can't decode byte 0x%02x", c)
			}
			s.WriteRune(rune(c))
		}
		return s.String(), nil
	}
	return nil, failf("cannot decode from the encoding %s", quoted(name))
}
