package vars

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollout/internal/template"
	"rollout/internal/value"
)

// Engine is what a Scope needs of the template package.
type Engine interface {
	Value(ctx context.Context, src string, scope template.Scope) (any, error)
}

// Scope is what the names in templates mean for one host and one task. It
// caches what it evaluated, and is used by one goroutine.
type Scope struct {
	ctx    context.Context
	engine Engine
	host   string
	apart  bool    // the variables of a host as others see them, without a task's
	layers []Layer // weakest first
	cache  map[string]cached
	trail  *trail

	merging bool // mappings of several layers are merged
}

type cached struct {
	v   any
	err error
}

// trail is the chain of variables being evaluated, through the scopes of all
// hosts involved.
type trail struct {
	active map[string]bool
	names  []string
}

// NewScope returns the scope of a host; layers go from weakest to strongest.
// ctx bounds every evaluation the scope makes.
func NewScope(ctx context.Context, engine Engine, host string, layers []Layer) *Scope {
	return &Scope{ctx: ctx, engine: engine, host: host, layers: layers, cache: map[string]cached{},
		trail: &trail{active: map[string]bool{}}}
}

// With returns a scope with a stronger layer on top.
func (s *Scope) With(layer Layer) *Scope {
	layers := append(append(make([]Layer, 0, len(s.layers)+1), s.layers...), layer)
	return &Scope{ctx: s.ctx, engine: s.engine, host: s.host, apart: s.apart, layers: layers, cache: map[string]cached{}, trail: s.trail, merging: s.merging}
}

// Of returns the scope of another host whose evaluation is part of this one's,
// so that a loop across hosts is found.
func (s *Scope) Of(host string, layers []Layer) *Scope {
	return &Scope{ctx: s.ctx, engine: s.engine, host: host, apart: true, layers: layers, cache: map[string]cached{}, trail: s.trail, merging: s.merging}
}

// Host is the host whose variables these are; "" for none.
func (s *Scope) Host() string { return s.host }

// Lookup implements template.Scope. What is vaulted is left for whoever uses it
// to decrypt; Get decrypts.
func (s *Scope) Lookup(name string) (any, bool, error) {
	if c, ok := s.cache[name]; ok {
		return c.v, true, c.err
	}
	for i := len(s.layers) - 1; i >= 0; i-- {
		layer := &s.layers[i]
		if make, ok := layer.Lazy[name]; ok {
			v, err := make()
			s.cache[name] = cached{v, err}
			return v, true, err
		}
		raw, ok := layer.get(name)
		if !ok {
			continue
		}
		if s.merging && merges(layer, raw) {
			v, err := s.merged(name, i)
			return v, true, err
		}
		if layer.Data {
			return raw, true, nil
		}
		v, err := s.variable(name, raw)
		if !isLoop(err) {
			s.cache[name] = cached{v, err}
		}
		return v, true, err
	}
	return nil, false, nil
}

// Get is Lookup with what is vaulted decrypted.
func (s *Scope) Get(name string) (any, bool, error) {
	v, ok, err := s.Lookup(name)
	if err != nil {
		return nil, ok, err
	}
	v, err = value.Unseal(v)
	return v, ok, err
}

// Written returns a variable as it was written, its templates not evaluated.
func (s *Scope) Written(name string) (any, bool, error) {
	for i := len(s.layers) - 1; i >= 0; i-- {
		if make, ok := s.layers[i].Lazy[name]; ok {
			v, err := make()
			return v, true, err
		}
		if raw, ok := s.layers[i].get(name); ok {
			return Plain(raw), true, nil
		}
	}
	return nil, false, nil
}

// Partly returns a variable's value with its templates evaluated, but those
// that need what is not defined as they were written (Ansible's hostvars).
func (s *Scope) Partly(name string) (any, bool, error) {
	for i := len(s.layers) - 1; i >= 0; i-- {
		if raw, ok := s.layers[i].get(name); ok {
			v, err := s.partly(raw)
			return v, true, err
		}
	}
	return nil, false, nil
}

func (s *Scope) partly(v any) (any, error) {
	var err error
	switch x := v.(type) {
	case string:
		out, err := s.walk(x, keep)
		var undefined *template.UndefinedError
		if errors.As(err, &undefined) {
			return x, nil
		}
		return out, err
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			if out[i], err = s.partly(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			if e, err = s.partly(e); err != nil {
				return nil, err
			}
			out.Set(k, e)
		}
		return out, nil
	}
	return s.walk(v, keep)
}

// Has tells whether there is a variable of that name, without evaluating it.
func (s *Scope) Has(name string) bool {
	_, ok := s.Source(name)
	return ok
}

// Source returns the level that a variable comes from.
func (s *Scope) Source(name string) (Level, bool) {
	for i := len(s.layers) - 1; i >= 0; i-- {
		if _, ok := s.layers[i].Lazy[name]; ok {
			return s.layers[i].Level, true
		}
		if _, ok := s.layers[i].get(name); ok {
			return s.layers[i].Level, true
		}
	}
	return 0, false
}

// Names returns the names of all variables: the weakest level's first, each
// level's in the order in which they were set.
func (s *Scope) Names() []string {
	seen := map[string]bool{}
	var out []string
	add := func(name string) {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	for _, l := range s.layers {
		for k := range l.Values.All() {
			if name, ok := k.(string); ok {
				add(name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(l.Lazy)) {
			add(name)
		}
	}
	return out
}

// LoopError is a variable that is defined by itself.
type LoopError struct {
	Template string
	Chain    []string // the variables, outermost first
}

func (e *LoopError) Error() string {
	return fmt.Sprintf("recursive loop detected in template string: %s (%s)", e.Template, strings.Join(e.Chain, " -> "))
}

func isLoop(err error) bool {
	var loop *LoopError
	return errors.As(err, &loop)
}

// variable evaluates one variable's value as written. What it needs and does
// not find makes it undefined, so that default() still applies, as in Ansible.
func (s *Scope) variable(name string, raw any) (any, error) {
	key := s.host + "\x00" + name
	if s.apart { // a host's variables without a task's: the same name can mean something else
		key += "\x00apart"
	}
	if s.trail.active[key] {
		text, _ := raw.(string)
		return nil, &LoopError{Template: text, Chain: append(append([]string{}, s.trail.names...), name)}
	}
	s.trail.active[key] = true
	s.trail.names = append(s.trail.names, name)
	v, err := s.walk(raw, keep)
	s.trail.names = s.trail.names[:len(s.trail.names)-1]
	delete(s.trail.active, key)
	var undefined *template.UndefinedError
	if errors.As(err, &undefined) {
		return &template.Undefined{Name: name, Message: undefined.Message}, nil
	}
	return v, err
}

// Evaluate templates v at all depths; values that hold no template are shared,
// and what is vaulted is decrypted.
func (s *Scope) Evaluate(v any) (any, error) { return s.walk(v, open) }

// EvaluateSealed is Evaluate that leaves what is vaulted as it is.
func (s *Scope) EvaluateSealed(v any) (any, error) { return s.walk(v, keep) }

// seal says what becomes of a vaulted value.
type seal func(*value.Sealed) (any, error)

func open(x *value.Sealed) (any, error) { return x.Open() }

// keep leaves decrypting to whoever uses the variable, so that one that nobody
// uses needs no password.
func keep(x *value.Sealed) (any, error) { return x, nil }

func (s *Scope) walk(v any, sealed seal) (any, error) {
	switch x := v.(type) {
	case *value.Sealed:
		return sealed(x)
	case Raw:
		return string(x), nil
	case string:
		if !template.IsTemplate(x) {
			return x, nil
		}
		return s.engine.Value(s.ctx, x, s)
	case []any:
		return s.list(x, sealed)
	case *value.Map:
		return s.mapping(x, sealed)
	}
	return v, nil
}

func (s *Scope) list(list []any, sealed seal) (any, error) {
	out := make([]any, len(list))
	for i, e := range list {
		v, err := s.walk(e, sealed)
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

func (s *Scope) mapping(m *value.Map, sealed seal) (any, error) {
	out := value.NewMap()
	for k, e := range m.All() {
		v, err := s.walk(e, sealed)
		if err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	return out, nil
}
