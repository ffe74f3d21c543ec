package runner

import (
	"strings"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"time"

	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner/lookup"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// templateOptions joins the lookups that need the run to those handed in, which
// win.
func (r *Run) templateOptions() template.Options {
	opt := r.opt.Template
	table := lookup.Table(lookup.Deps{
		Files: r.opt.Loader.Files, Renderer: r, Hosts: r.matchHosts, Decrypt: r.opt.Decrypt,
		Setting: r.setting, Warn: func(text string) { r.tell(report.Warning{Text: text}) },
	})
	maps.Copy(table, opt.Lookups)
	opt.Lookups = table
	if opt.Env == nil {
		opt.Env = os.LookupEnv
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Random == 0 {
		opt.Random = rand.Uint64()
	}
	tests := pathTests()
	maps.Copy(tests, opt.Tests)
	opt.Tests = tests
	return opt
}

// pathTests are Ansible's tests on paths of the control machine.
func pathTests() map[string]template.Test {
	test := func(look func(string) (fs.FileInfo, error), is func(fs.FileInfo) bool) template.Test {
		return func(_ context.Context, in any, _ []any, _ *value.Map) (bool, error) {
			path, ok := in.(string)
			if !ok {
				return false, fmt.Errorf("a path is text, not %v", in)
			}
			info, err := look(path)
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return err == nil && is(info), err
		}
	}
	whatever := func(fs.FileInfo) bool { return true }
	return map[string]template.Test{
		"file":      test(os.Stat, func(i fs.FileInfo) bool { return i.Mode().IsRegular() }),
		"directory": test(os.Stat, fs.FileInfo.IsDir),
		"exists":    test(os.Stat, whatever), "link_exists": test(os.Lstat, whatever),
		"link": test(os.Lstat, func(i fs.FileInfo) bool { return i.Mode()&fs.ModeSymlink != 0 }),
	}
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
	hosts, _, err := r.hosts.match([]string{pattern}, "")
	return hosts, err
}

// lookupItems evaluates a with_ loop: the lookup's results are the items.
func (b *batch) lookupItems(ctx context.Context, s *vars.Scope, l *playbook.Loop) ([]any, error) {
	v, err := evaluate(s, b.run, l.Value)
	if err != nil {
		return nil, err
	}
	found, err := b.run.engine.Query(ctx, l.With, lookupTerms(l.With, v), nil, s)
	if err != nil {
		return nil, err
	}
	open, err := value.Unseal(lists(found))
	if err != nil {
		return nil, err
	}
	items, _ := open.([]any)
	return items, nil
}

// lookupTerms are the lookup's arguments: a list's elements, or the value. Of a
// mapping, with_items takes the keys.
func lookupTerms(with string, v any) []any {
	if m, ok := v.(*value.Map); ok && strings.TrimPrefix(with, builtin) == "items" {
		return m.Keys()
	}
	if items, ok := listOf(v); ok {
		return items
	}
	return []any{v}
}
