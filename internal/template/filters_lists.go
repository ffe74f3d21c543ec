package template

import (
	"slices"
	"strings"

	"rollout/internal/value"
)

// overLists is a filter of community.general on its input and arguments, two
// lists at a time; with flatten, on the lists within those.
func (a *args) overLists(join func(r *run, x, y []any) ([]any, error)) (any, error) {
	lists := append([]any{a.in}, a.rest...)
	for k, v := range a.kw.All() {
		if k != any("flatten") {
			return nil, failf("%s takes no argument %s", a.def.name, text(k))
		}
		flatten, err := truth(v)
		if err != nil {
			return nil, err
		}
		if flatten {
			if lists, err = mergeLists("All arguments", lists); err != nil {
				return nil, err
			}
		}
	}
	switch len(lists) {
	case 0:
		return a.list(nil), nil
	case 1:
		return lists[0], nil
	}
	var out []any
	for i, list := range lists {
		next, ok := sequenceOf(list)
		if !ok {
			return nil, failf("All arguments must be lists. %s is %s", text(list), typeName(list))
		}
		if i == 0 {
			out = next
			continue
		}
		var err error
		if out, err = join(a.frame.run, out, next); err != nil {
			return nil, err
		}
	}
	return a.list(out), nil
}

// chosen are the different ones of the items, in their order, that are in the
// other list, or are not.
func chosen(r *run, items, other []any, inside bool) ([]any, error) {
	seen, others := newSet(), newSet()
	for _, v := range other {
		if _, err := others.add(r, v); err != nil {
			return nil, err
		}
	}
	var out []any
	for _, v := range items {
		has, err := others.has(r, v)
		if err != nil {
			return nil, err
		}
		if has != inside {
			continue
		}
		fresh, err := seen.add(r, v)
		if err != nil {
			return nil, err
		}
		if fresh {
			out = append(out, v)
		}
	}
	return out, nil
}

func keepOutside(r *run, x, y []any) ([]any, error) { return chosen(r, x, y, false) }
func keepInside(r *run, x, y []any) ([]any, error)  { return chosen(r, x, y, true) }
func keepAll(r *run, x, y []any) ([]any, error)     { return chosen(r, slices.Concat(x, y), nil, false) }

func keepUnshared(r *run, x, y []any) ([]any, error) {
	left, err := chosen(r, x, y, false)
	if err != nil {
		return nil, err
	}
	right, err := chosen(r, y, x, false)
	return append(left, right...), err
}

// filterParamListCompare resolves a list of wanted parameters, where "all" and
// "!this" may stand, against those that there are.
func filterParamListCompare(a *args) (any, error) {
	base, target := slices.Clone(a.items()), a.itemsOf(a.need(0))
	if a.err != nil {
		return nil, a.err
	}
	var actionable, unsupported, wanted []string
	known := value.NewMap()
	for _, v := range base {
		known.Set(text(v), true)
	}
	if slices.Contains(target, any("all")) {
		for _, v := range base {
			actionable = append(actionable, text(v))
		}
	}
	for _, v := range target {
		word := text(v)
		name, not := strings.CutPrefix(word, "!")
		switch {
		case word == "all":
		case not:
			if i := slices.Index(actionable, name); i >= 0 {
				actionable = slices.Delete(actionable, i, i+1)
			}
		case known.Bool(word):
			wanted = append(wanted, word)
		default:
			unsupported = append(unsupported, word)
		}
	}
	for _, word := range wanted {
		if !slices.Contains(actionable, word) {
			actionable = append(actionable, word)
		}
	}
	slices.Sort(actionable)
	return value.NewMap("actionable", a.list(value.List(actionable)), "unsupported", a.list(value.List(unsupported))), nil
}
