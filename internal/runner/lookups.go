package runner

import (
	"context"
	"fmt"
	"maps"
	"sort"

	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// templateOptions joins the lookups that need the run to those handed in, which
// win.
func (r *Run) templateOptions() template.Options {
	opt := r.opt.Template
	r.lookups = lookup.Table(lookup.Deps{
		Files: r.opt.Loader.Files, Renderer: r, Hosts: r.matchHosts, Names: namesIn, Env: opt.Env, Decrypt: r.opt.Decrypt,
	})
	maps.Copy(r.lookups, opt.Lookups)
	opt.Lookups = r.lookups
	return opt
}

// Render implements lookup.Renderer.
func (r *Run) Render(ctx context.Context, name, text string, scope template.Scope) (string, error) {
	t, err := r.engine.Compile(name, text)
	if err != nil {
		return "", err
	}
	return t.Render(ctx, scope)
}

func (r *Run) matchHosts(pattern string) ([]string, error) {
	hosts, _, err := r.hosts.match(pattern, "")
	return hosts, err
}

// namesIn returns the names of a scope's variables, as far as it tells them.
func namesIn(s template.Scope) []string {
	if named, ok := s.(interface{ Names() []string }); ok {
		return named.Names()
	}
	return nil
}

func (r *Run) hasLookup(name string) bool {
	_, ok := r.lookups[name]
	return ok
}

func (r *Run) lookupNames() []string {
	var out []string
	for name := range r.lookups {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}

// lookupItems evaluates a with_ loop: the lookup's results are the items.
func (b *batch) lookupItems(ctx context.Context, s *vars.Scope, l *playbook.Loop) ([]any, error) {
	fn, ok := b.run.lookups[l.With]
	if !ok {
		return nil, fmt.Errorf("unknown lookup %q in with_%s", l.With, l.With)
	}
	v, err := evaluate(s, b.run, l.Value)
	if err != nil {
		return nil, err
	}
	return fn(ctx, lookupTerms(v), value.NewMap("wantlist", true), s)
}

// lookupTerms are the lookup's arguments: a list's elements, or the value.
func lookupTerms(v any) []any {
	if items, ok := listOf(v); ok {
		return items
	}
	return []any{v}
}
