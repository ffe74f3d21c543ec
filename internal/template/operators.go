package template

import (
	"math"
	"math/big"
	"strings"

	"rollout/internal/value"
)

// number classifies v: an int (bools count), a big one, or a float.
func number(v any) (i int, b *big.Int, f float64, kind byte) {
	switch x := v.(type) {
	case int:
		return x, nil, 0, 'i'
	case bool:
		if x {
			return 1, nil, 0, 'i'
		}
		return 0, nil, 0, 'i'
	case *big.Int:
		return 0, x, 0, 'b'
	case float64:
		return 0, nil, x, 'f'
	}
	return 0, nil, 0, 0
}

func isNumber(v any) bool {
	_, _, _, k := number(v)
	return k != 0
}

// toBig returns an integer as a big one.
func toBig(v any) *big.Int {
	i, b, _, k := number(v)
	if k == 'b' {
		return b
	}
	return big.NewInt(int64(i))
}

// toFloat returns a number as a float.
func toFloat(v any) float64 {
	i, b, f, k := number(v)
	switch k {
	case 'i':
		return float64(i)
	case 'b':
		f, _ = new(big.Float).SetInt(b).Float64()
	}
	return f
}

// small returns a big integer as an int where it fits.
func small(b *big.Int) any {
	if b.IsInt64() {
		return int(b.Int64())
	}
	return b
}

// truth is Python's bool(v), with the error of an undefined value.
func truth(v any) (bool, error) {
	switch x := v.(type) {
	case bool:
		return x, nil
	case *Undefined:
		if x.lenient {
			return false, nil
		}
		return false, x.Err()
	case *pyList:
		return len(x.items) > 0, nil
	case *view:
		return len(x.items) > 0, nil
	case span:
		return x.len() > 0, nil
	case octets:
		return len(x) > 0, nil
	case *value.Sealed:
		text, err := x.Open()
		return text != "", err
	case timedelta:
		return x.d != 0, nil
	case Dict:
		return len(x.Keys()) > 0, nil
	}
	return value.Truthy(v), nil
}

// equal is Python's ==.
func equal(r *run, a, b any) bool { return equalAt(r, a, b, 0) }

func equalAt(r *run, a, b any, depth int) bool {
	// A list that holds itself, or another one twice over and over, is compared
	// until the steps run out; then the next step is the error.
	if depth > maxDataDepth || r.step(1) != nil {
		return false
	}
	if s, ok := b.(*value.Sealed); ok {
		text, err := s.Open()
		return err == nil && equalAt(r, a, text, depth)
	}
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		return ok && x == y
	case *value.Sealed:
		return equalAt(r, b, x, depth)
	case nil:
		return b == nil
	case value.Tuple:
		y, ok := b.(value.Tuple)
		return ok && equalLists(r, x, y, depth)
	case octets:
		y, ok := b.(octets)
		return ok && string(x) == string(y)
	case datetime:
		y, ok := b.(datetime)
		return ok && x.Comparable(y) && x.T.Equal(y.T)
	case timedelta:
		y, ok := b.(timedelta)
		return ok && x.d == y.d
	case span:
		y, ok := b.(span)
		return ok && equalLists(r, x.list(), y.list(), depth)
	}
	if isNumber(a) {
		return isNumber(b) && compareNumbers(a, b) == 0
	}
	if x, ok := listOf(a); ok {
		y, ok := listOf(b)
		return ok && equalLists(r, x, y, depth)
	}
	x, ok, err := dictOf(a)
	if !ok || err != nil {
		return err == nil && samePointer(a, b)
	}
	y, ok, err := dictOf(b)
	return ok && err == nil && equalMaps(r, x, y, depth)
}

func samePointer(a, b any) bool {
	switch a.(type) {
	case *macro, *namespace, *function, *cycler, *joiner, *module, *loopState, *view:
		return a == b
	}
	return false
}

func equalLists(r *run, a, b []any, depth int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !equalAt(r, a[i], b[i], depth+1) {
			return false
		}
	}
	return true
}

func equalMaps(r *run, a, b *value.Map, depth int) bool {
	if a.Len() != b.Len() {
		return false
	}
	for k, v := range a.All() {
		w, ok := b.Get(k)
		if !ok || !equalAt(r, v, w, depth+1) {
			return false
		}
	}
	return true
}

// includes is Python's "item in container".
func includes(r *run, container, item any) (bool, error) {
	switch c := container.(type) {
	case string:
		s, ok := item.(string)
		if !ok {
			return false, failf("'in <string>' requires string as left operand, not %s", typeName(item))
		}
		return strings.Contains(c, s), nil
	case *value.Map:
		if !hashable(item) {
			return false, unhashable(item)
		}
		_, ok := c.Get(item)
		return ok, nil
	case Dict:
		s, _ := item.(string)
		return contains(c.Keys(), s), nil
	case *Undefined:
		return false, c.Err()
	}
	items, err := iterate(container)
	if err != nil {
		return false, failf("argument of type '%s' is not iterable", typeName(container))
	}
	return indexOf(r, items, item) >= 0, nil
}

func indexOf(r *run, items []any, item any) int {
	if s, ok := item.(string); ok {
		for i, e := range items {
			if t, ok := e.(string); ok && t == s {
				return i
			}
		}
		return -1
	}
	for i, e := range items {
		if equal(r, e, item) {
			return i
		}
	}
	return -1
}

// hashable reports whether v can be a key. A tuple of very many elements can't:
// its key would be built anew at every look-up.
func hashable(v any) bool {
	left := maxKeySize
	return keySized(v, &left) && value.Hashable(v)
}

func keySized(v any, left *int) bool {
	*left--
	t, ok := v.(value.Tuple)
	if !ok {
		return *left >= 0
	}
	for _, e := range t {
		if *left < 0 || !keySized(e, left) {
			return false
		}
	}
	return *left >= 0
}

func unhashable(v any) error { return failf("unhashable type: '%s'", typeName(v)) }

// binary evaluates an arithmetic operator.
func binary(r *run, op string, a, b any) (any, error) {
	if u, ok := a.(*Undefined); ok {
		return nil, u.Err()
	}
	if u, ok := b.(*Undefined); ok {
		return nil, u.Err()
	}
	if isNumber(a) && isNumber(b) {
		return arithmetic(op, a, b)
	}
	var out any
	var err error
	switch op {
	case "+":
		out, err = add(r, a, b)
	case "*":
		out, err = repeat(r, a, b)
	case "%":
		if s, ok := a.(string); ok {
			return percentFormat(r, s, b)
		}
	case "-":
		out = subtractTimes(a, b)
	}
	if out != nil || err != nil {
		return out, err
	}
	return nil, failf("unsupported operand type(s) for %s: '%s' and '%s'", op, typeName(a), typeName(b))
}

func add(r *run, a, b any) (any, error) {
	switch x := a.(type) {
	case string:
		y, ok := b.(string)
		if !ok {
			return nil, failf("can only concatenate str (not \"%s\") to str", typeName(b))
		}
		if err := r.size(len(x) + len(y)); err != nil {
			return nil, err
		}
		return x + y, nil
	case value.Tuple:
		if y, ok := b.(value.Tuple); ok {
			out, err := joined(r, x, y)
			return value.Tuple(out), err
		}
		return nil, failf("can only concatenate tuple (not \"%s\") to tuple", typeName(b))
	case datetime:
		if y, ok := b.(timedelta); ok {
			return datetime{T: x.T.Add(y.d), Day: x.Day, Zoned: x.Zoned}, nil
		}
	}
	if x, ok := listOf(a); ok {
		y, ok := listOf(b)
		if !ok {
			return nil, failf("can only concatenate list (not \"%s\") to list", typeName(b))
		}
		out, err := joined(r, x, y)
		return r.list(out), err
	}
	return nil, nil
}

func joined(r *run, a, b []any) ([]any, error) {
	if err := r.items(len(a) + len(b)); err != nil {
		return nil, err
	}
	return append(append(make([]any, 0, len(a)+len(b)), a...), b...), nil
}

// list gives a new list an identity where the template changes lists.
func (r *run) list(items []any) any {
	if r.mutable {
		return &pyList{items}
	}
	return items
}

func repeat(r *run, a, b any) (any, error) {
	if _, _, _, k := number(b); k != 'i' {
		a, b = b, a
	}
	n, _, _, k := number(b)
	if k != 'i' {
		return nil, nil
	}
	n = max(n, 0)
	if s, ok := a.(string); ok {
		if n > maxText || len(s)*n > maxText {
			return nil, failf("a string of more than %d bytes", maxText)
		}
		return strings.Repeat(s, n), r.size(len(s) * n)
	}
	items, ok := sequenceOf(a)
	if !ok {
		return nil, nil
	}
	if n > maxItems || len(items)*n > maxItems {
		return nil, failf("a list of more than %d elements", maxItems)
	}
	if err := r.items(len(items) * n); err != nil {
		return nil, err
	}
	out := make([]any, 0, len(items)*n)
	for range n {
		out = append(out, items...)
	}
	if _, ok := a.(value.Tuple); ok {
		return value.Tuple(out), nil
	}
	return r.list(out), nil
}

func subtractTimes(a, b any) any {
	switch x := a.(type) {
	case datetime:
		switch y := b.(type) {
		case datetime:
			if !x.Comparable(y) {
				return nil
			}
			return timedelta{x.T.Sub(y.T)}
		case timedelta:
			return datetime{T: x.T.Add(-y.d), Day: x.Day, Zoned: x.Zoned}
		}
	case timedelta:
		if y, ok := b.(timedelta); ok {
			return timedelta{x.d - y.d}
		}
	}
	return nil
}

func negate(v any) (any, error) {
	i, b, f, k := number(v)
	switch k {
	case 'i':
		if i == math.MinInt {
			return new(big.Int).Neg(big.NewInt(int64(i))), nil
		}
		return -i, nil
	case 'b':
		return small(new(big.Int).Neg(b)), nil
	case 'f':
		return -f, nil
	}
	return nil, failf("bad operand type for unary -: '%s'", typeName(v))
}
