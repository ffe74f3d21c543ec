package runner

import (
	"context"
	"maps"
	"os"

	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/template"
	"rollout/internal/vars"
)

// templateOptions joins the lookups that need the run to those handed in, which
// win.
func (r *Run) templateOptions() template.Options {
	opt := r.opt.Template
	table := lookup.Table(lookup.Deps{
		Files: r.opt.Loader.Files, Renderer: r, Hosts: r.matchHosts, Decrypt: r.opt.Decrypt,
	})
	maps.Copy(table, opt.Lookups)
	opt.Lookups = table
	if opt.Env == nil {
		opt.Env = os.LookupEnv
	}
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

// lookupItems evaluates a with_ loop: the lookup's results are the items.
func (b *batch) lookupItems(ctx context.Context, s *vars.Scope, l *playbook.Loop) ([]any, error) {
	v, err := evaluate(s, b.run, l.Value)
	if err != nil {
		return nil, err
	}
	found, err := b.run.engine.Query(ctx, l.With, lookupTerms(v), nil, s)
	if err != nil {
		return nil, err
	}
	items, _ := lists(found).([]any)
	return items, nil
}

// lookupTerms are the lookup's arguments: a list's elements, or the value.
func lookupTerms(v any) []any {
	if items, ok := listOf(v); ok {
		return items
	}
	return []any{v}
}
