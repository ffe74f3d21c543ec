package template

import (
	"math/big"
	"strings"

	"rollout/internal/value"
)

// compareNumbers returns -1, 0 or 1, and 2 where one is not a number (NaN).
func compareNumbers(a, b any) int {
	i, _, f, ka := number(a)
	j, _, g, kb := number(b)
	switch {
	case ka == 'i' && kb == 'i':
		return sign(i, j)
	case ka == 'f' || kb == 'f':
		return compareFloats(a, b, f, g, ka, kb)
	}
	return toBig(a).Cmp(toBig(b))
}

func sign(i, j int) int {
	switch {
	case i < j:
		return -1
	case i > j:
		return 1
	}
	return 0
}

// compareFloats compares exactly: an int is not rounded to a float first.
func compareFloats(a, b any, f, g float64, ka, kb byte) int {
	if (ka == 'f' && f != f) || (kb == 'f' && g != g) {
		return 2
	}
	x, y := exact(a, f, ka), exact(b, g, kb)
	return x.Cmp(y)
}

func exact(v any, f float64, k byte) *big.Float {
	if k == 'f' {
		return new(big.Float).SetFloat64(f)
	}
	return new(big.Float).SetInt(toBig(v))
}

// order compares a and b for < and sorting; what Python cannot order is an error.
func order(r *run, a, b any) (int, error) { return orderAt(r, a, b, 0) }

func orderAt(r *run, a, b any, depth int) (int, error) {
	if depth > maxDataDepth {
		return 0, errTooDeep()
	}
	if err := r.step(1); err != nil {
		return 0, err
	}
	if isNumber(a) && isNumber(b) {
		return compareNumbers(a, b), nil
	}
	for _, v := range []*any{&a, &b} {
		if s, ok := (*v).(*value.Sealed); ok {
			text, err := s.Open()
			if err != nil {
				return 0, err
			}
			*v = text
		}
	}
	switch x := a.(type) {
	case string:
		if y, ok := b.(string); ok {
			return strings.Compare(x, y), nil
		}
	case octets:
		if y, ok := b.(octets); ok {
			return strings.Compare(string(x), string(y)), nil
		}
	case datetime:
		if y, ok := b.(datetime); ok && x.Comparable(y) {
			return x.T.Compare(y.T), nil
		}
	case timedelta:
		if y, ok := b.(timedelta); ok {
			return sign(int(x.d), int(y.d)), nil
		}
	case value.Tuple:
		if y, ok := b.(value.Tuple); ok {
			return orderLists(r, x, y, depth)
		}
	case *Undefined:
		return 0, x.Err()
	}
	if u, ok := b.(*Undefined); ok {
		return 0, u.Err()
	}
	if x, ok := listOf(a); ok {
		if y, ok := listOf(b); ok {
			return orderLists(r, x, y, depth)
		}
	}
	return 0, &orderError{a, b}
}

// orderError is made a message by whoever knows the operator.
type orderError struct{ a, b any }

func (e *orderError) Error() string { return e.with("<") }

func (e *orderError) with(op string) string {
	return "'" + op + "' not supported between instances of '" + typeName(e.a) + "' and '" + typeName(e.b) + "'"
}

func orderLists(r *run, a, b []any, depth int) (int, error) {
	for i := range min(len(a), len(b)) {
		if equalAt(r, a[i], b[i], depth+1) {
			continue
		}
		return orderAt(r, a[i], b[i], depth+1)
	}
	return sign(len(a), len(b)), nil
}
