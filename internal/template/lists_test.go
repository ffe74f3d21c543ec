package template

import (
	"testing"

	"rollout/internal/value"
)

func TestFiltersOnSeveralLists(t *testing.T) {
	e := New(Options{})
	scope := MapScope{value.NewMap("a", []any{1, 2, 2, 5}, "b", []any{2, 3, 3}, "c", []any{3, 5},
		"m", []any{value.NewMap("k", 1)})}
	for src, want := range map[string]any{
		"a | community.general.lists_union(b, c)":                     []any{1, 2, 5, 3},
		"a | community.general.lists_union":                           []any{1, 2, 2, 5},
		"a | community.general.lists_intersect(b)":                    []any{2},
		"a | community.general.lists_intersect(b, c)":                 []any{},
		"a | community.general.lists_difference(b)":                   []any{1, 5},
		"a | community.general.lists_difference(b, c)":                []any{1},
		"a | community.general.lists_symmetric_difference(b)":         []any{1, 5, 3},
		"a | community.general.lists_symmetric_difference(b, c)":      []any{1},
		"[a, b] | community.general.lists_intersect(c, flatten=true)": []any{},
		"[a, b] | community.general.lists_union(flatten=true)":        []any{1, 2, 5, 3},
		"m | community.general.lists_intersect([{'k': 1}, {'k': 2}])": []any{value.NewMap("k", 1)},
		"['a', 'b', 'c'] | ansible.utils.param_list_compare(['all', '!b', 'z'])": value.NewMap(
			"actionable", []any{"a", "c"}, "unsupported", []any{"z"}),
		"['a', 'b', 'c'] | ansible.utils.param_list_compare(target=['c', 'b', '!b'])": value.NewMap(
			"actionable", []any{"b", "c"}, "unsupported", []any{}),
		"['10.1.2.3', '8.8.8.8', '100.64.0.1', '192.0.0.9', '2001:db8::1', '::ffff:10.0.0.1', 'x'] | select('ansible.utils.private') | list": []any{
			"10.1.2.3", "2001:db8::1", "::ffff:10.0.0.1"},
		"['10.1.2.3', '8.8.8.8', '100.64.0.1', '192.0.0.9', '2600::1', 'x'] | select('ansible.utils.public') | list": []any{"8.8.8.8", "192.0.0.9", "2600::1"},
		"['250.1.2.3', '8.8.8.8', '::1', '2600::1'] | select('ansible.utils.reserved') | list":                       []any{"250.1.2.3", "::1"},
	} {
		expr, err := e.CompileExpr(src)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := expr.Eval(t.Context(), scope); err != nil || !value.Equal(got, want) {
			t.Errorf("%s: got %v, %v; want %v", src, got, err, want)
		}
	}
	for _, src := range []string{"a | community.general.lists_union('x')", "a | community.general.lists_union(b, x=1)"} {
		expr, err := e.CompileExpr(src)
		if err == nil {
			_, err = expr.Eval(t.Context(), scope)
		}
		if err == nil {
			t.Errorf("%s is no error", src)
		}
	}
}
