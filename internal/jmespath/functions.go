package jmespath

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"unicode/utf8"

	"rollout/internal/value"
)

// call is a function with its arguments.
type call struct {
	name string
	args []node
}

// function takes least to most arguments; most < 0 is any number.
type function struct {
	least, most int
	run         func(s *search, args []any) (any, error)
}

func functions() map[string]function {
	return map[string]function{
		"abs": {1, 1, absolute}, "ceil": {1, 1, whole(math.Ceil)}, "floor": {1, 1, whole(math.Floor)},
		"avg": {1, 1, average}, "sum": {1, 1, sum},
		"contains": {2, 2, contains}, "ends_with": {2, 2, affix(strings.HasSuffix)}, "starts_with": {2, 2, affix(strings.HasPrefix)},
		"join": {2, 2, join}, "keys": {1, 1, keys}, "values": {1, 1, mapValues}, "length": {1, 1, length}, "map": {2, 2, mapped},
		"max": {1, 1, extreme(1)}, "min": {1, 1, extreme(-1)}, "max_by": {2, 2, extremeBy(1)}, "min_by": {2, 2, extremeBy(-1)},
		"merge": {1, -1, merge}, "not_null": {1, -1, notNull}, "reverse": {1, 1, reverse},
		"sort": {1, 1, sorted}, "sort_by": {2, 2, sortedBy},
		"to_array": {1, 1, toArray}, "to_number": {1, 1, toNumber}, "to_string": {1, 1, toString}, "type": {1, 1, typeOf},
	}
}

func (c call) check() error {
	f, ok := functions()[c.name]
	if !ok {
		return fmt.Errorf("there is no function %s()", c.name)
	}
	if len(c.args) < f.least || (f.most >= 0 && len(c.args) > f.most) {
		return fmt.Errorf("%s() does not take %d arguments", c.name, len(c.args))
	}
	return nil
}

func (c call) eval(s *search, in any) (any, error) {
	args := make([]any, len(c.args))
	for i, x := range c.args {
		var err error
		if args[i], err = x.eval(s, in); err != nil {
			return nil, err
		}
	}
	v, err := functions()[c.name].run(s, args)
	if err != nil {
		return nil, fmt.Errorf("in function %s(): %w", c.name, err)
	}
	return v, nil
}

func wrong(v any) error { return fmt.Errorf("invalid type for value: %s", nameOf(v)) }

func nameOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case *value.Map:
		return "object"
	case reference:
		return "expref"
	}
	if _, ok := listOf(v); ok {
		return "array"
	}
	return "number"
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	case *big.Int:
		f, _ := new(big.Float).SetInt(n).Float64()
		return f, true
	}
	return 0, false
}

func absolute(_ *search, args []any) (any, error) {
	switch n := args[0].(type) {
	case int:
		return max(n, -n), nil
	case float64:
		return math.Abs(n), nil
	}
	return nil, wrong(args[0])
}

// whole makes numbers integers, as ceil and floor do.
func whole(fn func(float64) float64) func(*search, []any) (any, error) {
	return func(_ *search, args []any) (any, error) {
		switch n := args[0].(type) {
		case int:
			return n, nil
		case float64:
			if f := fn(n); math.Abs(f) < 1<<53 {
				return int(f), nil
			}
			return n, nil
		}
		return nil, wrong(args[0])
	}
}

func array(v any) ([]any, error) {
	items, ok := listOf(v)
	if !ok {
		return nil, wrong(v)
	}
	return items, nil
}

func numbers(v any) ([]float64, bool, error) {
	items, err := array(v)
	if err != nil {
		return nil, false, err
	}
	out, whole := make([]float64, len(items)), true
	for i, e := range items {
		f, ok := number(e)
		if !ok {
			return nil, false, wrong(e)
		}
		_, isInt := e.(int)
		out[i], whole = f, whole && isInt
	}
	return out, whole, nil
}

func sum(_ *search, args []any) (any, error) {
	nums, whole, err := numbers(args[0])
	total := 0.0
	for _, n := range nums {
		total += n
	}
	if whole {
		return int(total), err
	}
	return total, err
}

func average(_ *search, args []any) (any, error) {
	nums, _, err := numbers(args[0])
	if err != nil || len(nums) == 0 {
		return nil, err
	}
	total := 0.0
	for _, n := range nums {
		total += n
	}
	return total / float64(len(nums)), nil
}

func contains(_ *search, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		part, ok := args[1].(string)
		return ok && strings.Contains(s, part), nil
	}
	items, err := array(args[0])
	return slices.ContainsFunc(items, func(e any) bool { return equal(e, args[1]) }), err
}

func affix(has func(s, fix string) bool) func(*search, []any) (any, error) {
	return func(_ *search, args []any) (any, error) {
		s, ok := args[0].(string)
		fix, ok2 := args[1].(string)
		if !ok {
			return nil, wrong(args[0])
		}
		if !ok2 {
			return nil, wrong(args[1])
		}
		return has(s, fix), nil
	}
}

func join(_ *search, args []any) (any, error) {
	sep, ok := args[0].(string)
	if !ok {
		return nil, wrong(args[0])
	}
	items, err := array(args[1])
	if err != nil {
		return nil, err
	}
	for _, e := range items {
		if _, ok := e.(string); !ok {
			return nil, wrong(e)
		}
	}
	return strings.Join(value.Strings(items), sep), nil
}

func keys(_ *search, args []any) (any, error) {
	m, ok := args[0].(*value.Map)
	if !ok {
		return nil, wrong(args[0])
	}
	return append([]any{}, m.Keys()...), nil
}

func mapValues(_ *search, args []any) (any, error) {
	m, ok := args[0].(*value.Map)
	if !ok {
		return nil, wrong(args[0])
	}
	out := []any{}
	for _, v := range m.All() {
		out = append(out, v)
	}
	return out, nil
}

func length(_ *search, args []any) (any, error) {
	switch x := args[0].(type) {
	case string:
		return utf8.RuneCountInString(x), nil
	case *value.Map:
		return x.Len(), nil
	}
	items, err := array(args[0])
	return len(items), err
}

func mapped(s *search, args []any) (any, error) {
	ref, ok := args[0].(reference)
	if !ok {
		return nil, wrong(args[0])
	}
	items, err := array(args[1])
	if err != nil {
		return nil, err
	}
	out := make([]any, len(items))
	for i, e := range items {
		if out[i], err = ref.x.eval(s, e); err != nil {
			return nil, err
		}
	}
	return out, s.step(len(out))
}

// ordered compares two numbers or two texts.
func ordered(a, b any) (int, error) {
	x, ok := number(a)
	y, ok2 := number(b)
	if ok && ok2 {
		switch {
		case x < y:
			return -1, nil
		case x > y:
			return 1, nil
		}
		return 0, nil
	}
	s, ok := a.(string)
	t, ok2 := b.(string)
	if !ok || !ok2 {
		if ok {
			return 0, wrong(b)
		}
		return 0, wrong(a)
	}
	return strings.Compare(s, t), nil
}

func extreme(want int) func(*search, []any) (any, error) {
	return func(s *search, args []any) (any, error) {
		return best(s, args[0], current{}, want)
	}
}

func extremeBy(want int) func(*search, []any) (any, error) {
	return func(s *search, args []any) (any, error) {
		ref, ok := args[1].(reference)
		if !ok {
			return nil, wrong(args[1])
		}
		return best(s, args[0], ref.x, want)
	}
}

func best(s *search, list any, by node, want int) (any, error) {
	items, err := array(list)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	var found, key any
	for i, e := range items {
		k, err := by.eval(s, e)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			found, key = e, k
		}
		c, err := ordered(k, key)
		if err != nil {
			return nil, err
		}
		if c == want {
			found, key = e, k
		}
	}
	return found, nil
}

func sorted(s *search, args []any) (any, error) { return sortBy(s, args[0], current{}) }

func sortedBy(s *search, args []any) (any, error) {
	ref, ok := args[1].(reference)
	if !ok {
		return nil, wrong(args[1])
	}
	return sortBy(s, args[0], ref.x)
}

func sortBy(s *search, list any, by node) (any, error) {
	items, err := array(list)
	if err != nil {
		return nil, err
	}
	type keyed struct{ v, key any }
	rows := make([]keyed, len(items))
	for i, e := range items {
		k, err := by.eval(s, e)
		if err != nil {
			return nil, err
		}
		rows[i] = keyed{e, k}
		if _, err := ordered(rows[0].key, k); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(rows, func(a, b keyed) int { c, _ := ordered(a.key, b.key); return c })
	out := make([]any, len(rows))
	for i, r := range rows {
		out[i] = r.v
	}
	return out, s.step(4 * len(out))
}

func merge(_ *search, args []any) (any, error) {
	out := value.NewMap()
	for _, a := range args {
		m, ok := a.(*value.Map)
		if !ok {
			return nil, wrong(a)
		}
		for k, v := range m.All() {
			out.Set(k, v)
		}
	}
	return out, nil
}

func notNull(_ *search, args []any) (any, error) {
	for _, a := range args {
		if a != nil {
			return a, nil
		}
	}
	return nil, nil
}

func reverse(_ *search, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		r := []rune(s)
		slices.Reverse(r)
		return string(r), nil
	}
	items, err := array(args[0])
	out := append([]any{}, items...)
	slices.Reverse(out)
	return out, err
}

func toArray(_ *search, args []any) (any, error) {
	if items, ok := listOf(args[0]); ok {
		return items, nil
	}
	return []any{args[0]}, nil
}

func toNumber(_ *search, args []any) (any, error) {
	if _, ok := number(args[0]); ok {
		return args[0], nil
	}
	if s, ok := args[0].(string); ok {
		v, err := value.FromJSON([]byte(strings.TrimSpace(s)))
		if _, isNumber := number(v); err == nil && isNumber {
			return v, nil
		}
	}
	return nil, nil
}

func toString(_ *search, args []any) (any, error) {
	if s, ok := args[0].(string); ok {
		return s, nil
	}
	b, err := value.ToJSON(args[0])
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = json.Compact(&out, b)
	return out.String(), err
}

func typeOf(_ *search, args []any) (any, error) { return nameOf(args[0]), nil }

// cut applies a slice as Python does.
func cut(items []any, bounds [3]*int) (any, error) {
	n, step := len(items), 1
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, fmt.Errorf("slice step cannot be zero")
	}
	low, high, from, to := 0, n, 0, n
	if step < 0 {
		low, high, from, to = -1, n-1, n-1, -1
	}
	place := func(p *int, preset int) int {
		switch {
		case p == nil:
			return preset
		case *p < 0:
			return max(*p+n, low)
		}
		return min(*p, high)
	}
	out := []any{}
	for i, end := place(bounds[0], from), place(bounds[1], to); (step > 0 && i < end) || (step < 0 && i > end); i += step {
		out = append(out, items[i])
		if step > n || step < -n {
			break
		}
	}
	return out, nil
}
