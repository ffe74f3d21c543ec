package report

import (
	"slices"
	"strings"

	"rollout/internal/value"
)

// SortedJSON writes v as Ansible prints inventories: four blanks a level, keys
// sorted. Where keys cannot be compared, as texts with numbers, all stay in
// their order, and sorted is false.
func SortedJSON(v any) (text string, sorted bool, err error) {
	ordered, sorted := sortedKeys(v)
	if !sorted {
		ordered = v
	}
	data, err := value.ToJSONIndent(ordered, "    ")
	return string(data), sorted, err
}

// sortedKeys copies v with the keys of all maps sorted.
func sortedKeys(v any) (any, bool) {
	switch x := v.(type) {
	case *value.Map:
		keys := x.Keys()
		ok := sortable(keys)
		slices.SortStableFunc(keys, compareKeys)
		out := value.NewMap()
		for _, k := range keys {
			e, fine := sortedKeys(x.At(k))
			ok = ok && fine
			out.Set(k, e)
		}
		return out, ok
	case []any:
		return sortItems(x)
	case value.Tuple:
		return sortItems(x)
	}
	return v, true
}

func sortItems(list []any) (any, bool) {
	out, ok := make([]any, len(list)), true
	for i, e := range list {
		var fine bool
		out[i], fine = sortedKeys(e)
		ok = ok && fine
	}
	return out, ok
}

// sortable tells whether Python could compare the keys.
func sortable(keys []any) bool {
	texts, numbers := 0, 0
	for _, k := range keys {
		switch k.(type) {
		case string:
			texts++
		case int, float64, bool:
			numbers++
		}
	}
	return len(keys) < 2 || texts == len(keys) || numbers == len(keys)
}

func compareKeys(a, b any) int {
	x, isText := a.(string)
	y, other := b.(string)
	if isText && other {
		return strings.Compare(x, y)
	}
	switch p, q := number(a), number(b); {
	case p < q:
		return -1
	case p > q:
		return 1
	}
	return 0
}

func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	case bool:
		if n {
			return 1
		}
	}
	return 0
}
