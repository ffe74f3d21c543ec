package value

import (
	"math/big"
)

// Equal reports whether a and b are equal as Python's == has it: numbers by
// value across types, lists and maps by content, map order ignored.
func Equal(a, b any) bool {
	if s, ok := a.(*Sealed); ok {
		text, err := s.Open()
		return err == nil && Equal(text, b)
	}
	if s, ok := b.(*Sealed); ok {
		return Equal(s, a)
	}
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x.Cmp(y) == 0
	}
	switch x := a.(type) {
	case nil:
		return b == nil
	case string:
		y, ok := b.(string)
		return ok && x == y
	case []any:
		y, ok := b.([]any)
		return ok && equalLists(x, y)
	case Moment:
		y, ok := b.(Moment)
		return ok && x.Comparable(y) && x.T.Equal(y.T)
	case Tuple:
		y, ok := b.(Tuple)
		return ok && equalLists(x, y)
	case *Map:
		y, ok := b.(*Map)
		return ok && equalMaps(x, y)
	}
	return false
}

func number(v any) (*big.Float, bool) {
	const prec = 512 // exact for every int64 and float64
	switch n := v.(type) {
	case bool:
		if n {
			return big.NewFloat(1), true
		}
		return big.NewFloat(0), true
	case int:
		return new(big.Float).SetPrec(prec).SetInt64(int64(n)), true
	case *big.Int:
		return new(big.Float).SetPrec(prec).SetInt(n), true
	case float64:
		if n != n {
			return nil, false
		}
		return big.NewFloat(n), true
	}
	return nil, false
}

func equalLists(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalMaps(a, b *Map) bool {
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		w, ok := b.Get(k)
		if !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}

// Truthy reports Python's bool(v).
func Truthy(v any) bool {
	switch x := v.(type) {
	case nil:
		return false
	case bool:
		return x
	case int:
		return x != 0
	case float64:
		return x != 0
	case *big.Int:
		return x.Sign() != 0
	case string:
		return x != ""
	case []any:
		return len(x) > 0
	case Tuple:
		return len(x) > 0
	case *Map:
		return x.Len() > 0
	case *Sealed:
		text, err := x.Open()
		return err != nil || text != ""
	}
	return true
}

// Copy returns a deep copy of v; scalars are shared.
func Copy(v any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = Copy(x[i])
		}
		return out
	case Tuple:
		out := make(Tuple, len(x))
		for i := range x {
			out[i] = Copy(x[i])
		}
		return out
	case *Map:
		out := NewMap()
		for k, e := range x.All() {
			out.Set(k, Copy(e))
		}
		return out
	}
	return v
}

// Strings returns the strings of a list; elements of other types are left out.
func Strings(list []any) []string {
	out := make([]string, 0, len(list))
	for _, e := range list {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// List turns a slice of strings into a list.
func List(ss []string) []any {
	out := make([]any, len(ss))
	for i, s := range ss {
		out[i] = s
	}
	return out
}
