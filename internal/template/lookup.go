package template

import (
	"context"
	"strings"

	"rollout/internal/value"
)

// LookupNames returns the names of all lookups, sorted.
func (e *Engine) LookupNames() []string { return sortedNames(e.lookups) }

// lookup returns the lookup of that name, or nil.
func (e *Engine) lookup(name string) Lookup {
	if fn, ok := e.lookups[name]; ok {
		return fn
	}
	return e.lookups[shortName(name)]
}

// Query runs a lookup and returns its list, as with_<name> does.
func (e *Engine) Query(ctx context.Context, name string, args []any, kwargs *value.Map, scope Scope) ([]any, error) {
	fn := e.lookup(name)
	if fn == nil {
		return nil, failf("no lookup named %s", quoted(name))
	}
	return fn(ctx, args, orEmpty(kwargs), scope)
}

// lookup is lookup(), query() and q().
func (a *args) lookup(wantList bool) (any, error) {
	if err := a.defined(); err != nil {
		return nil, err
	}
	name := a.str(0, "")
	a.need(0)
	fn := a.frame.run.engine.lookup(name)
	if a.err != nil {
		return nil, a.err
	}
	if fn == nil {
		return nil, failf("lookup plugin (%s) not found", name)
	}
	kw := value.NewMap()
	onError := "strict"
	for k, v := range a.kw.All() {
		switch k {
		case "wantlist":
			t, err := truth(v)
			if err != nil {
				return nil, err
			}
			wantList = wantList || t
		case "errors":
			onError = text(v)
		case "allow_unsafe":
		default:
			kw.Set(k, v)
		}
	}
	terms, err := a.terms()
	if err != nil {
		return nil, err
	}
	r := a.frame.run
	ctx := context.WithValue(r.ctx, callsKey{}, r.calls+1)
	found, err := fn(ctx, terms, kw, &frameScope{a.frame})
	if err != nil {
		return r.lookupFailed(name, onError, wantList, err)
	}
	if r.mutable {
		if found, err = thawAll(r, found, 0); err != nil {
			return nil, err
		}
	}
	return a.found(found, wantList)
}

// terms are the lookup's arguments in package value's types.
func (a *args) terms() ([]any, error) {
	v, err := freezeAll(a.frame.run, a.rest, 0)
	return v, err
}

// lookupFailed is what a lookup gives whose errors are not wanted, else its
// error; what is not defined always is one.
func (r *run) lookupFailed(name, onError string, wantList bool, err error) (any, error) {
	if _, ok := err.(*UndefinedError); ok {
		return nil, err
	}
	message := "the lookup '" + name + "' failed: " + err.Error()
	switch {
	case onError == "warn" && r.engine.opts.Warn != nil:
		r.engine.opts.Warn(message)
	case onError != "warn" && onError != "ignore":
		return nil, &RuntimeError{Message: message, Cause: err}
	}
	if wantList {
		return []any{}, nil
	}
	return nil, nil
}

// found gives strings joined by commas, a single other value as it is.
func (a *args) found(items []any, wantList bool) (any, error) {
	if wantList || len(items) == 0 {
		return a.list(items), nil
	}
	parts := make([]string, len(items))
	for i, v := range items {
		s, ok := v.(string)
		if !ok {
			if len(items) == 1 {
				return items[0], nil
			}
			return a.list(items), nil
		}
		parts[i] = s
	}
	return a.sized(strings.Join(parts, ","))
}

// frameScope lets a lookup see the variables of the place it is called from.
type frameScope struct{ f *frame }

// Lookup returns the variable as the template sees it.
func (s *frameScope) Lookup(name string) (any, bool, error) {
	v, err := s.f.lookup(name)
	if err != nil {
		return nil, false, err
	}
	switch v.(type) {
	case *Undefined, *function, *selfRef, *macro:
		return nil, false, nil
	case *value.Sealed:
		return v, true, nil
	}
	v, err = freeze(s.f.run, v, 0)
	return v, err == nil, err
}

// builtinLookups are those that need no I/O.
func builtinLookups(opts Options) map[string]Lookup {
	out := map[string]Lookup{
		"cartesian":     lookupNested,
		"dict":          lookupDict,
		"flattened":     lookupFlattened,
		"indexed_items": lookupIndexed,
		"items":         lookupItems,
		"list":          lookupList,
		"nested":        lookupNested,
		"sequence":      lookupSequence,
		"subelements":   lookupSubelements,
		"together":      lookupTogether,
		"vars":          lookupVars,
	}
	if opts.Env != nil {
		out["env"] = func(_ context.Context, args []any, kw *value.Map, _ Scope) ([]any, error) {
			return lookupEnv(opts.Env, args, kw)
		}
	}
	return out
}

func lookupEnv(env func(string) (string, bool), args []any, kw *value.Map) ([]any, error) {
	out := []any{}
	for _, arg := range args {
		var v any = ""
		if preset, ok := kw.Get("default"); ok {
			v = preset
		}
		if s, ok := env(text(arg)); ok {
			v = s
		}
		out = append(out, v)
	}
	return out, nil
}

func lookupVars(_ context.Context, args []any, kw *value.Map, scope Scope) ([]any, error) {
	out := []any{}
	for _, arg := range args {
		name, ok := arg.(string)
		if !ok {
			return nil, failf("Invalid setting identifier, \"%s\" is not a string, its a %s", text(arg), typeName(arg))
		}
		v, ok, err := scope.Lookup(name)
		if err != nil {
			return nil, err
		}
		if !ok {
			if v, ok = kw.Get("default"); !ok {
				return nil, &UndefinedError{Name: name, Message: "No variable found with this name: " + name}
			}
		}
		out = append(out, v)
	}
	return out, nil
}

func lookupItems(_ context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	return flattenOnce(args), nil
}

func flattenOnce(args []any) []any {
	out := []any{}
	for _, arg := range args {
		if items, ok := sequenceOf(arg); ok {
			out = append(out, items...)
		} else {
			out = append(out, arg)
		}
	}
	return out
}

func lookupList(_ context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	return args, nil
}

func lookupFlattened(ctx context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	return flattened(&run{ctx: ctx}, args, -1, false, 0)
}

func lookupIndexed(_ context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	items := flattenOnce(args)
	out := make([]any, len(items))
	for i, v := range items {
		out[i] = value.Tuple{i, v}
	}
	return out, nil
}

func lookupDict(ctx context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	out := []any{}
	for _, arg := range args {
		if many, ok := sequenceOf(arg); ok {
			more, err := lookupDict(ctx, many, nil, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			continue
		}
		m, ok := arg.(*value.Map)
		if !ok {
			return nil, failf("with_dict expects a dict")
		}
		for k, v := range m.All() {
			out = append(out, value.NewMap("key", k, "value", v))
		}
	}
	return out, nil
}

func lookupTogether(_ context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	if len(args) == 0 {
		return nil, failf("with_together requires at least one element in each list")
	}
	lists, longest := make([][]any, len(args)), 0
	for i, arg := range args {
		lists[i] = flattenOnce([]any{arg})
		longest = max(longest, len(lists[i]))
	}
	return zipped(lists, longest, nil), nil
}

// zipped makes n rows of the lists' elements; fill stands for what is missing.
func zipped(lists [][]any, n int, fill any) []any {
	out := make([]any, n)
	for i := range n {
		row := make([]any, len(lists))
		for j, l := range lists {
			row[j] = fill
			if i < len(l) {
				row[j] = l[i]
			}
		}
		out[i] = row
	}
	return out
}

func lookupNested(_ context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	lists := make([][]any, len(args))
	for i, arg := range args {
		lists[i] = flattenOnce([]any{arg})
	}
	if len(lists) == 0 {
		return nil, failf("with_nested requires at least one element in the nested list")
	}
	rows, err := product(lists)
	if err != nil {
		return nil, err
	}
	out := make([]any, len(rows))
	for i, row := range rows {
		out[i] = row
	}
	return out, nil
}

// product is the cartesian product, the last list turning fastest.
func product(lists [][]any) ([][]any, error) {
	total := 1
	for _, l := range lists {
		if total *= len(l); total > maxItems {
			return nil, failf("a product of more than %d elements", maxItems)
		}
	}
	rows := [][]any{{}}
	for _, l := range lists {
		next := make([][]any, 0, len(rows)*len(l))
		for _, row := range rows {
			for _, v := range l {
				next = append(next, append(row[:len(row):len(row)], v))
			}
		}
		rows = next
	}
	return rows, nil
}

func lookupSubelements(_ context.Context, args []any, _ *value.Map, _ Scope) ([]any, error) {
	if len(args) < 2 || len(args) > 3 {
		return nil, failf("subelements lookup expects a list of two or three items, ")
	}
	elements, isList := listOf(args[0])
	path, isText := args[1].(string)
	if m, ok := args[0].(*value.Map); ok && isText {
		if value.Truthy(m.At("skipped")) {
			return []any{}, nil
		}
		for _, v := range m.All() {
			elements = append(elements, v)
		}
		isList = true
	}
	if !isList && isText {
		elements, isList = []any{args[0]}, true
	}
	if !isList || !isText {
		return nil, failf("subelements lookup expects a list of two or three items, first a dict or a list, second a string pointing to the subkey")
	}
	skip := false
	if len(args) == 3 {
		flags, ok := args[2].(*value.Map)
		if !ok {
			return nil, failf("subelements lookup expects a list of two or three items, the optional third item must be a dict with flags ('skip_missing',)")
		}
		skip = toBool(flags.At("skip_missing")) == true
	}
	out := []any{}
	for _, e := range elements {
		m, ok := e.(*value.Map)
		if !ok {
			return nil, failf("subelements lookup expects a dictionary, got '%s'", text(e))
		}
		if value.Truthy(m.At("skipped")) {
			continue
		}
		keys := strings.Split(path, ".")
		items, err := sublist(m, keys, skip)
		if err != nil {
			return nil, err
		}
		if len(items) > 0 {
			m = withoutPath(m, keys)
		}
		for _, v := range items {
			out = append(out, value.Tuple{m, v})
		}
	}
	return out, nil
}

// sublist is the list that the keys lead to; skip lets keys and mappings be
// missing, as Ansible goes on with the next key then.
func sublist(m *value.Map, keys []string, skip bool) ([]any, error) {
	for i, k := range keys {
		v, ok := m.Get(k)
		if !ok {
			if skip {
				continue
			}
			return nil, failf("could not find '%s' key in iterated item '%s'", k, repr(m))
		}
		if k == keys[len(keys)-1] && i == len(keys)-1 {
			items, ok := v.([]any)
			if !ok {
				return nil, failf("the key %s should point to a list, got '%s'", k, text(v))
			}
			return items, nil
		}
		inner, ok := v.(*value.Map)
		if !ok && !skip {
			return nil, failf("the key %s should point to a dictionary, got '%s'", k, text(v))
		}
		if ok {
			m = inner
		}
	}
	return nil, nil
}

// withoutPath is a copy of m that lacks the list which the keys lead to: the
// lookup, unlike the filter, takes the list out of the element.
func withoutPath(m *value.Map, keys []string) *value.Map {
	out := m.Clone()
	v, ok := out.Get(keys[0])
	if !ok {
		if len(keys) > 1 {
			return withoutPath(m, keys[1:])
		}
		return m
	}
	if len(keys) == 1 {
		out.Delete(keys[0])
		return out
	}
	if inner, ok := v.(*value.Map); ok {
		out.Set(keys[0], withoutPath(inner, keys[1:]))
	}
	return out
}
