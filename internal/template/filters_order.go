package template

import (
	"strings"

	"rollout/internal/value"
)

func filterSort(a *args) (any, error) {
	key := a.sortKey(2, !a.bool(1, false))
	items := a.items()
	list := make([]keyed, len(items))
	for i, item := range items {
		k, err := key(item)
		if err != nil {
			return nil, err
		}
		list[i] = keyed{k, item}
	}
	if err := sortKeyed(a.frame.run, list, a.bool(0, false)); err != nil {
		return nil, err
	}
	return a.itemsOfKeyed(list), a.frame.run.step(8 * len(items))
}

// sortKey reads "attr,other.attr": several attributes are compared in turn.
func (a *args) sortKey(i int, fold bool) func(any) (any, error) {
	var gets []func(any) (any, error)
	if s, ok := a.get(i, nil).(string); ok && strings.Contains(s, ",") {
		for part := range strings.SplitSeq(s, ",") {
			gets = append(gets, a.getter(part, absent{}))
		}
	} else {
		gets = append(gets, a.attribute(i))
	}
	return func(v any) (any, error) {
		keys := make([]any, len(gets))
		for i, get := range gets {
			k, err := get(v)
			if err != nil {
				return nil, err
			}
			if fold {
				k = folded(k)
			}
			keys[i] = k
		}
		if len(keys) == 1 {
			return keys[0], nil
		}
		return keys, nil
	}
}

func filterGroupby(a *args) (any, error) {
	if !a.has(0) {
		return nil, failf("groupby needs an attribute")
	}
	get := a.getter(a.p[0], a.get(1, absent{}))
	fold := !a.bool(2, false)
	var list []keyed
	for _, item := range a.items() {
		k, err := get(item)
		if err != nil {
			return nil, err
		}
		list = append(list, keyed{k, item})
	}
	byFold := make([]keyed, len(list))
	for i, k := range list {
		byFold[i] = keyed{k.key, k}
		if fold {
			byFold[i].key = folded(k.key)
		}
	}
	if err := sortKeyed(a.frame.run, byFold, false); err != nil {
		return nil, err
	}
	return a.groups(byFold), nil
}

// groups puts neighbours of equal keys together; the group is named by its
// first element's own key.
func (a *args) groups(sorted []keyed) any {
	var out []any
	for i := 0; i < len(sorted); {
		j := i
		var members []any
		for j < len(sorted) && equal(a.frame.run, sorted[i].key, sorted[j].key) {
			members = append(members, sorted[j].item.(keyed).item)
			j++
		}
		out = append(out, value.Tuple{sorted[i].item.(keyed).key, a.list(members)})
		i = j
	}
	return a.list(out)
}

func filterSum(a *args) (any, error) {
	get := a.attribute(0)
	total := a.get(1, 0)
	for _, item := range a.items() {
		v, err := get(item)
		if err != nil {
			return nil, err
		}
		if total, err = binary(a.frame.run, "+", total, v); err != nil {
			return nil, err
		}
	}
	return total, nil
}

func filterUnique(a *args) (any, error) {
	get := a.attribute(1)
	fold := !a.bool(0, false)
	strict := (a.given(0) && fold) || a.given(1) // what Ansible's own version can't do
	seen := newSet()
	var out []any
	for _, item := range a.items() {
		k, err := get(item)
		if err != nil {
			return nil, err
		}
		if u, ok := k.(*Undefined); ok {
			return nil, u.Err()
		}
		if fold {
			k = folded(k)
		}
		if strict && !hashable(k) {
			return nil, failf("%s. Jinja2's unique filter failed and we cannot fall back to Ansible's version as it does not support the parameters supplied", unhashable(k))
		}
		fresh, err := seen.add(a.frame.run, k)
		if err != nil {
			return nil, err
		}
		if fresh {
			out = append(out, item)
		}
	}
	return a.list(out), nil
}

// set is a collection without duplicates, hashed where elements allow it.
type set struct {
	hashed *value.Map
	others []any
}

func newSet() *set { return &set{hashed: value.NewMap()} }

// add reports whether v was not there yet.
func (s *set) add(r *run, v any) (bool, error) {
	if has, err := s.has(r, v); has || err != nil {
		return false, err
	}
	if hashable(v) {
		s.hashed.Set(v, true)
	} else if sealed, ok := v.(*value.Sealed); ok {
		key, err := unseal(sealed)
		s.hashed.Set(key, true)
		return true, err
	} else {
		s.others = append(s.others, v)
	}
	return true, nil
}

func (s *set) has(r *run, v any) (bool, error) {
	v, err := opened(v, nil)
	if err != nil {
		return false, err
	}
	if hashable(v) {
		_, ok := s.hashed.Get(v)
		return ok, nil
	}
	if err := r.step(1 + len(s.others)); err != nil {
		return false, err
	}
	return indexOf(r, s.others, v) >= 0, nil
}

func setOf(r *run, items []any) (*set, error) {
	s := newSet()
	for _, v := range items {
		if _, err := s.add(r, v); err != nil {
			return nil, err
		}
	}
	return s, nil
}
