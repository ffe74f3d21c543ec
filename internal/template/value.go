package template

import (
	"context"
	"math"
	"math/big"
	"strings"
	"unicode"

	"rollout/internal/value"
)

// A playbook's values are read this way: statements eat their newline, strings
// in {{ }} keep their backslashes, newlines at the end are kept.
var valueOptions = CompileOptions{TrimBlocks: true, RestoreNewlines: true, rawStrings: true}

// Value templates one string as Ansible does with set_fact and module
// arguments: without marks it is itself; a lone {{ expression }} keeps lists,
// dicts and bools, and a lone {{ variable }} numbers and None too; all else is
// text, and text that reads as a list, dict or bool literal becomes one.
func (e *Engine) Value(ctx context.Context, src string, scope Scope) (any, error) {
	if !IsTemplate(src) {
		return src, nil
	}
	if name := loneName(src); name != "" && scope != nil {
		v, ok, err := scope.Lookup(name)
		if ok || err != nil {
			return e.lone(ctx, v, src, err)
		}
	}
	t, err := e.CompileWith("", src, valueOptions)
	if err != nil {
		return nil, err
	}
	r := e.newRun(ctx)
	r.convert = true
	if err := r.enter(); err != nil {
		return nil, err
	}
	out := &output{run: r, hold: true}
	if err := newWorld(r, t, scope).renderTree(t, out); err != nil {
		return nil, err
	}
	v, err := out.result()
	if s, ok := v.(string); ok {
		return t.restored(s), err
	}
	return v, err
}

// lone is the value of {{ variable }}: no template is needed for it.
func (e *Engine) lone(ctx context.Context, v any, src string, err error) (any, error) {
	if v, err = opened(v, err); err != nil || v == nil || isNumber(v) {
		return v, err
	}
	r := e.newRun(ctx)
	r.convert = true
	out := &output{run: r, hold: true}
	if err := out.value(v, false); err != nil {
		return nil, err
	}
	v, err = out.result()
	if s, ok := v.(string); ok && strings.HasSuffix(src, "\n") && !strings.HasSuffix(s, "\n") {
		return s + "\n", err
	}
	return v, err
}

// loneName returns the variable's name if src is nothing but {{ name }}.
func loneName(src string) string {
	s, ok := strings.CutPrefix(src, "{{")
	if !ok {
		return ""
	}
	s, ok = strings.CutSuffix(strings.TrimSuffix(s, "\n"), "}}")
	if !ok {
		return ""
	}
	s = strings.TrimFunc(s, unicode.IsSpace)
	for _, r := range s {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ""
		}
	}
	return s
}

// result returns what was rendered: the text, or in a hold output the value.
func (o *output) result() (any, error) {
	if !o.hold {
		return string(o.b), nil
	}
	if o.run.engine.opts.Native && o.run.convert {
		return o.nativeResult()
	}
	if o.parts != 1 {
		return literalText(string(o.b)), nil
	}
	if s, ok := o.first.(string); ok {
		if o.native {
			return s, nil
		}
		return literalText(s), nil
	}
	v, err := freeze(o.run, o.first, 0)
	if err != nil {
		return nil, err
	}
	switch v.(type) {
	case bool, []any, *value.Map:
		if spellable(v) {
			return v, nil
		}
	}
	s, err := str(v)
	if err != nil {
		return nil, err
	}
	return literalText(s), nil
}

// nativeResult is what jinja2_native makes of the rendered parts.
func (o *output) nativeResult() (any, error) {
	switch o.parts {
	case 0:
		return nil, nil
	case 1:
		v, err := freeze(o.run, o.first, 0)
		if s, ok := v.(string); ok && err == nil && !o.native {
			return nativeText(s), nil
		}
		return v, err
	}
	return nativeText(string(o.b)), nil
}

// spellable reports whether Python's repr of v reads back as v.
func spellable(v any) bool {
	switch x := v.(type) {
	case nil, bool, int, string, *big.Int:
		return true
	case float64:
		return !math.IsInf(x, 0) && x == x
	case []any:
		return allSpellable(x)
	case value.Tuple:
		return allSpellable(x)
	case *value.Map:
		for k, e := range x.All() {
			if !spellable(k) || !spellable(e) {
				return false
			}
		}
		return true
	}
	return false
}

func allSpellable(items []any) bool {
	for _, e := range items {
		if !spellable(e) {
			return false
		}
	}
	return true
}

// Deep templates every string within lists and maps, keys included; v itself
// is not changed.
func (e *Engine) Deep(ctx context.Context, v any, scope Scope) (any, error) {
	return e.deep(ctx, v, scope, 0)
}

func (e *Engine) deep(ctx context.Context, v any, scope Scope, depth int) (any, error) {
	if depth > maxDataDepth {
		return nil, errTooDeep()
	}
	switch x := v.(type) {
	case string:
		return e.Value(ctx, x, scope)
	case []any:
		return e.deepList(ctx, x, scope, depth)
	case value.Tuple:
		items, err := e.deepList(ctx, x, scope, depth)
		return value.Tuple(items), err
	case *value.Map:
		return e.deepMap(ctx, x, scope, depth)
	}
	return v, nil
}

func (e *Engine) deepList(ctx context.Context, in []any, scope Scope, depth int) ([]any, error) {
	out := make([]any, len(in))
	for i, item := range in {
		var err error
		if out[i], err = e.deep(ctx, item, scope, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (e *Engine) deepMap(ctx context.Context, in *value.Map, scope Scope, depth int) (*value.Map, error) {
	out := value.NewMap()
	for k, item := range in.All() {
		key, err := e.deep(ctx, k, scope, depth+1)
		if err != nil {
			return nil, err
		}
		if !hashable(key) {
			return nil, unhashable(key)
		}
		item, err := e.deep(ctx, item, scope, depth+1)
		if err != nil {
			return nil, err
		}
		out.Set(key, item)
	}
	return out, nil
}
