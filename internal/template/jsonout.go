package template

import (
	"fmt"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"rollout/internal/value"
)

// jsonWriter writes JSON as Python's json.dumps does.
type jsonWriter struct {
	sortKeys  bool
	ascii     bool
	multiline bool
	indent    string
	itemSep   string
	keySep    string
	plain     bool // vaulted values are written as their text
	b         []byte
}

func (w *jsonWriter) encode(v any) (string, error) {
	w.b = w.b[:0]
	err := w.value(v, 0)
	return string(w.b), err
}

func (w *jsonWriter) value(v any, depth int) error {
	if depth > maxDataDepth || len(w.b) > maxText {
		return errTooDeep()
	}
	switch x := v.(type) {
	case nil:
		w.b = append(w.b, "null"...)
	case bool:
		w.b = strconv.AppendBool(w.b, x)
	case int:
		w.b = strconv.AppendInt(w.b, int64(x), 10)
	case *big.Int:
		w.b = x.Append(w.b, 10)
	case float64:
		w.b = append(w.b, value.FloatRepr(x, "Infinity", "NaN")...)
	case string:
		w.str(x)
	case *value.Sealed:
		return w.vaulted(x, depth)
	case *Undefined:
		return x.Err()
	case datetime:
		w.str(x.ISO())
	default:
		return w.container(v, depth)
	}
	return nil
}

func (w *jsonWriter) container(v any, depth int) error {
	m, ok, err := dictOf(v)
	if err != nil {
		return err
	}
	if ok {
		return w.dict(m, depth)
	}
	switch v.(type) {
	case []any, *pyList, value.Tuple:
		items, err := iterate(v)
		if err != nil {
			return err
		}
		return w.list(items, depth)
	}
	return failf("Object of type %s is not JSON serializable", typeName(v))
}

// vaulted writes a vaulted value: its text, or an object that tells it is one.
func (w *jsonWriter) vaulted(s *value.Sealed, depth int) error {
	if !w.plain {
		return w.dict(value.NewMap("__ansible_vault", s.Envelope()), depth)
	}
	text, err := s.Open()
	if err == nil {
		w.str(text)
	}
	return err
}

func (w *jsonWriter) newline(depth int) {
	if w.multiline {
		w.b = append(w.b, '\n')
		for range depth {
			w.b = append(w.b, w.indent...)
		}
	}
}

func (w *jsonWriter) list(items []any, depth int) error {
	if len(items) == 0 {
		w.b = append(w.b, "[]"...)
		return nil
	}
	w.b = append(w.b, '[')
	for i, e := range items {
		if i > 0 {
			w.b = append(w.b, w.itemSep...)
		}
		w.newline(depth + 1)
		if err := w.value(e, depth+1); err != nil {
			return err
		}
	}
	w.newline(depth)
	w.b = append(w.b, ']')
	return nil
}

func (w *jsonWriter) dict(m *value.Map, depth int) error {
	if m.Len() == 0 {
		w.b = append(w.b, "{}"...)
		return nil
	}
	keys := m.Keys()
	if w.sortKeys {
		var failed error
		sort.SliceStable(keys, func(i, j int) bool {
			c, err := order(nil, keys[i], keys[j])
			if err != nil {
				failed = err
			}
			return c < 0
		})
		if oe, ok := failed.(*orderError); ok {
			return failf("cannot sort the keys: %s", oe.Error())
		}
	}
	w.b = append(w.b, '{')
	for i, k := range keys {
		if i > 0 {
			w.b = append(w.b, w.itemSep...)
		}
		w.newline(depth + 1)
		name, err := jsonKey(k)
		if err != nil {
			return err
		}
		w.str(name)
		w.b = append(w.b, w.keySep...)
		if err := w.value(m.At(k), depth+1); err != nil {
			return err
		}
	}
	w.newline(depth)
	w.b = append(w.b, '}')
	return nil
}

func jsonKey(k any) (string, error) {
	switch x := k.(type) {
	case string:
		return x, nil
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(x), nil
	case int, float64:
		return text(x), nil
	}
	return "", failf("keys must be str, int, float, bool or None, not %s", typeName(k))
}

func (w *jsonWriter) str(s string) {
	w.b = append(w.b, '"')
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		w.char(r, s[i:i+n])
		i += n
	}
	w.b = append(w.b, '"')
}

func (w *jsonWriter) char(r rune, raw string) {
	switch {
	case r == '"' || r == '\\':
		w.b = append(w.b, '\\', byte(r))
	case r == '\n':
		w.b = append(w.b, `\n`...)
	case r == '\r':
		w.b = append(w.b, `\r`...)
	case r == '\t':
		w.b = append(w.b, `\t`...)
	case r == '\b':
		w.b = append(w.b, `\b`...)
	case r == '\f':
		w.b = append(w.b, `\f`...)
	case r < 0x20 || (w.ascii && r == 0x7f):
		if r == 0x7f {
			w.b = append(w.b, raw...)
			return
		}
		w.b = fmt.Appendf(w.b, `\u%04x`, r)
	case r < 0x7f || !w.ascii:
		w.b = append(w.b, raw...)
	case r >= 0x10000:
		hi, lo := utf16.EncodeRune(r)
		w.b = fmt.Appendf(w.b, `\u%04x\u%04x`, hi, lo)
	default:
		w.b = fmt.Appendf(w.b, `\u%04x`, r)
	}
}

// jsonOptions reads the keyword arguments of to_json and to_nice_json that
// json.dumps takes.
func (w *jsonWriter) options(a *args, indentAt, sortAt, asciiAt, separatorsAt int) {
	if a.given(indentAt) {
		w.multiline = true
		if s, ok := a.p[indentAt].(string); ok {
			w.indent = s
		} else {
			w.indent = strings.Repeat(" ", min(max(a.int(indentAt, 0), 0), 64))
		}
		if w.itemSep == ", " {
			w.itemSep = ","
		}
	}
	w.sortKeys = a.bool(sortAt, w.sortKeys)
	w.ascii = a.bool(asciiAt, true)
	if a.given(separatorsAt) {
		pair := a.itemsOf(a.p[separatorsAt])
		if len(pair) == 2 {
			w.itemSep, w.keySep = text(pair[0]), text(pair[1])
		}
	}
}
