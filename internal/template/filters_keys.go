package template

import (
	"fmt"
	"strings"

	"rollout/internal/regex"
	"rollout/internal/value"
)

// keyTest is how keep_keys, remove_keys and replace_keys compare keys.
func (a *args) keyTest(i int) (func(wanted, key string) (bool, error), error) {
	if !a.given(i) {
		return func(wanted, key string) (bool, error) { return wanted == key, nil }, nil
	}
	switch how := a.str(i, ""); how {
	case "starts_with":
		return func(wanted, key string) (bool, error) { return strings.HasPrefix(key, wanted), nil }, nil
	case "ends_with":
		return func(wanted, key string) (bool, error) { return strings.HasSuffix(key, wanted), nil }, nil
	case "regex":
		return func(wanted, key string) (bool, error) {
			re, err := a.frame.run.engine.patterns.compile(wanted, 0)
			if err != nil {
				return false, err
			}
			m, err := re.Match(key)
			return m != nil, err
		}, nil
	default:
		return nil, failf("value of matching_parameter must be one of: starts_with, ends_with, regex, got: %s", how)
	}
}

// keyed walks the data that a key filter works on.
type keyWalk struct {
	a       *args
	targets []any
	match   func(wanted, key string) (bool, error)
}

func (a *args) keyWalk() (*keyWalk, error) {
	_, isList := sequenceOf(a.in)
	if _, isMap, err := dictOf(a.in); err != nil || (!isMap && !isList) {
		return nil, failf("Error when using plugin '%s': Input is not valid: a list or a dictionary is", strings.TrimPrefix(a.def.name, "ansible.utils."))
	}
	match, err := a.keyTest(1)
	if err != nil {
		return nil, err
	}
	return &keyWalk{a: a, targets: a.itemsOf(a.need(0)), match: match}, a.err
}

func (w *keyWalk) hits(k any) (bool, error) {
	for _, t := range w.targets {
		hit, err := w.match(text(t), text(k))
		if hit || err != nil {
			return hit, err
		}
	}
	return false, nil
}

func filterKeepKeys(a *args) (any, error) {
	w, err := a.keyWalk()
	if err != nil {
		return nil, err
	}
	return w.keep(a.in, 0)
}

func emptyData(v any) bool {
	switch x := v.(type) {
	case []any:
		return len(x) == 0
	case *value.Map:
		return x.Len() == 0
	}
	return false
}

// eachBelow does the same with every element of a list, one level deeper.
func eachBelow(items []any, depth int, do func(v any, depth int) (any, error)) (any, error) {
	out := make([]any, len(items))
	for i, e := range items {
		var err error
		if out[i], err = do(e, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (w *keyWalk) keep(v any, depth int) (any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if items, ok := listOf(v); ok {
		return eachBelow(items, depth, w.keep)
	}
	m, ok := v.(*value.Map)
	if !ok {
		return v, nil
	}
	out := value.NewMap()
	for k, e := range m.All() {
		_, isList := listOf(e)
		if _, isMap := e.(*value.Map); !isMap && !isList {
			hit, err := w.hits(k)
			if err != nil {
				return nil, err
			}
			if hit {
				out.Set(k, e)
			}
			continue
		}
		inner, err := w.keep(e, depth+1)
		if err != nil {
			return nil, err
		}
		if items, ok := inner.([]any); ok {
			inner = keptItems(items)
		}
		if inner != nil && !emptyData(inner) {
			out.Set(k, inner)
		}
	}
	return out, nil
}

// keptItems drops what is empty; a list of texts alone is not kept.
func keptItems(items []any) any {
	out, texts := []any{}, true
	for _, e := range items {
		if emptyData(e) {
			continue
		}
		_, isText := e.(string)
		texts = texts && isText
		out = append(out, e)
	}
	if texts {
		return nil
	}
	return out
}

func filterRemoveKeys(a *args) (any, error) {
	w, err := a.keyWalk()
	if err != nil {
		return nil, err
	}
	return w.remove(a.in, 0)
}

func (w *keyWalk) remove(v any, depth int) (any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if items, ok := listOf(v); ok {
		out := []any{}
		for _, e := range items {
			inner, err := w.remove(e, depth+1)
			if err != nil {
				return nil, err
			}
			if t, err := truth(inner); err != nil || !t {
				continue
			}
			out = append(out, inner)
		}
		return out, nil
	}
	m, ok := v.(*value.Map)
	if !ok {
		return v, nil
	}
	out := value.NewMap()
	for k, e := range m.All() {
		hit, err := w.hits(k)
		if err != nil {
			return nil, err
		}
		if hit {
			continue
		}
		inner, err := w.remove(e, depth+1)
		if err != nil {
			return nil, err
		}
		out.Set(k, inner)
	}
	return out, nil
}

func filterReplaceKeys(a *args) (any, error) {
	w, err := a.keyWalk()
	if err != nil {
		return nil, err
	}
	return w.replace(a.in, 0)
}

func (w *keyWalk) replace(v any, depth int) (any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	if items, ok := listOf(v); ok {
		return eachBelow(items, depth, w.replace)
	}
	m, ok := v.(*value.Map)
	if !ok {
		return v, nil
	}
	out := m.Clone()
	for _, t := range w.targets {
		pair, ok := t.(*value.Map)
		if !ok {
			return nil, failf("replace_keys: each target is a mapping of before and after, not %s", typeName(t))
		}
		for _, k := range append([]any(nil), out.Keys()...) {
			hit, err := w.match(text(pair.At("before")), text(k))
			if err != nil {
				return nil, err
			}
			if after := pair.At("after"); hit && !hashable(after) {
				return nil, unhashable(after)
			}
			if hit {
				e := out.At(k)
				out.Delete(k)
				out.Set(pair.At("after"), e)
			}
		}
	}
	for k, e := range out.All() {
		inner, err := w.replace(e, depth+1)
		if err != nil {
			return nil, err
		}
		out.Set(k, inner)
	}
	return out, nil
}

// filterToPaths lists every leaf under the path that leads to it.
func filterToPaths(a *args) (any, error) {
	out := value.NewMap()
	prefix := a.textGiven(0)
	if err := toPaths(a.frame.run, out, prefix, a.in, 0); err != nil {
		return nil, err
	}
	if a.bool(1, false) {
		return a.list([]any{out}), nil
	}
	return out, nil
}

func toPaths(r *run, out *value.Map, path string, v any, depth int) error {
	if depth > maxDataDepth {
		return errTooDeep()
	}
	if err := r.dict(1); err != nil {
		return err
	}
	if items, ok := listOf(v); ok && len(items) > 0 {
		for i, e := range items {
			if err := toPaths(r, out, fmt.Sprintf("%s[%d]", path, i), e, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	m, ok := v.(*value.Map)
	if !ok || m.Len() == 0 {
		out.Set(path, v)
		return nil
	}
	for k, e := range m.All() {
		if err := toPaths(r, out, path+pathStep(path, k), e, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func pathStep(path string, k any) string {
	s, ok := k.(string)
	switch {
	case !ok:
		return "[" + repr(k) + "]"
	case path == "":
		return s
	case !isPathName(s):
		return "['" + s + "']"
	}
	return "." + s
}

// isPathName reports a key that needs no brackets.
func isPathName(s string) bool {
	re, err := regex.Compile(`^[a-zA-Z_]\w*$`, 0)
	if err != nil {
		return false
	}
	m, err := re.Match(s)
	return err == nil && m != nil
}

// filterIndexOf finds the places of the elements that pass a test.
func filterIndexOf(a *args) (any, error) {
	name, not := a.str(0, ""), false
	if rest, ok := strings.CutPrefix(name, "not "); ok {
		name, not = strings.TrimSpace(rest), true
	} else if rest, ok := strings.CutPrefix(name, "!"); ok {
		name, not = map[bool]string{true: "==", false: rest}[rest == "="], true
	}
	test := a.frame.run.engine.test(name)
	if a.err == nil && test == nil {
		return nil, failf("Error when using plugin 'index_of': the test '%s' was not found.", name)
	}
	var found []any
	for i, e := range a.items() {
		v := e
		if a.given(2) && a.p[2] != nil {
			m, ok := e.(*value.Map)
			if !ok {
				return nil, failf("Error when using plugin 'index_of': When a key name is provided, all list entries are required to be dictionaries, got str")
			}
			if v, ok = m.Get(a.p[2]); !ok {
				if a.bool(4, false) {
					return nil, failf("Error when using plugin 'index_of': '%s' was not found in %s at [%d]", text(a.p[2]), repr(m), i)
				}
				continue
			}
		}
		var more actual
		if a.given(1) && a.p[1] != nil {
			more.pos = []any{a.p[1]}
		}
		hit, err := test.call(a.frame, v, more)
		if err != nil {
			return nil, err
		}
		if t, err := truth(hit); err != nil || t != not {
			if err != nil {
				return nil, err
			}
			found = append(found, i)
		}
	}
	if len(found) == 1 && !a.bool(3, false) {
		return found[0], nil
	}
	return a.list(found), nil
}
