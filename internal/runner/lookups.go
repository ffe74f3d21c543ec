package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	opt.Warn = func(text string) { r.tell(report.Warning{Text: text}) }
	table := lookup.Table(lookup.Deps{
		Files: r.opt.Loader.Files, Renderer: r, Hosts: r.matchHosts, Decrypt: r.opt.Decrypt, Managed: r.opt.Settings.Managed,
		Setting: r.setting, Warn: opt.Warn,
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
	opt.Native = r.opt.Settings.JinjaNative
	opt.Extensions = strings.FieldsFunc(r.opt.Settings.JinjaExtensions, func(c rune) bool { return c == ',' || c == ' ' })
	if opt.RealPath == nil {
		opt.RealPath = realPath
	}
	tests := lookup.Tests()
	tests["community.general.a_module"] = moduleTest(Known(r.opt.Modules, r.opt.Own))
	maps.Copy(tests, opt.Tests)
	opt.Tests = tests
	filters := lookup.Filters()
	maps.Copy(filters, opt.Filters)
	opt.Filters = filters
	return opt
}

// moduleTest tells whether there is a module of a name.
func moduleTest(known func(name string) bool) template.Test {
	return func(_ context.Context, in any, _ []any, _ *value.Map) (bool, error) {
		name, ok := in.(string)
		if !ok {
			return false, fmt.Errorf("parameter for community.general.a_module is not a string")
		}
		return known(name), nil
	}
}

// realPath makes a path absolute and follows its links as far as there are any.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot resolve %s: %w", path, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	if abs == "/" {
		return abs, nil
	}
	dir, err := realPath(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// Render implements lookup.Renderer.
func (r *Run) Render(ctx context.Context, t lookup.Text, scope template.Scope) (any, error) {
	ctx = r.withIncludes(ctx, t.Name, scope)
	opts := template.CompileOptions{TrimBlocks: true, RestoreNewlines: true, Delimiters: t.Delimiters}
	compiled, err := r.engine.CompileWith(t.Name, t.Source, opts)
	if err != nil {
		return nil, err
	}
	rendered, err := compiled.Render(ctx, scope)
	if err != nil || !t.Convert || !marked(t) {
		return rendered, err
	}
	v := template.Literal(rendered)
	if r.opt.Settings.JinjaNative && !t.Native {
		return text(v), nil // as Ansible has it: Python's spelling of the value
	}
	return v, nil
}

// marked reports whether a text has what makes it a template: Ansible gives any
// other as it is.
func marked(t lookup.Text) bool {
	for _, mark := range []string{t.Delimiters.VariableStart, t.Delimiters.BlockStart, t.Delimiters.CommentStart} {
		if strings.Contains(t.Source, mark) {
			return true
		}
	}
	return false
}

// withIncludes lets the template of that file include others: from beside it,
// and from the templates of the task's search path.
func (r *Run) withIncludes(ctx context.Context, file string, scope template.Scope) context.Context {
	return template.WithLoader(ctx, func(name string) (string, error) {
		for _, place := range includePlaces(file, name, scope) {
			data, err := r.opt.Loader.Files.ReadFile(place)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err == nil && r.opt.Decrypt != nil && strings.HasPrefix(string(data), "$ANSIBLE_VAULT;") {
				data, err = r.opt.Decrypt(data)
			}
			return string(data), err
		}
		return "", fmt.Errorf("%w in the folders of the task", fs.ErrNotExist)
	})
}

func includePlaces(file, name string, scope template.Scope) []string {
	if filepath.IsAbs(name) || slices.Contains(strings.Split(name, "/"), "..") {
		return nil // as jinja2's loader has it
	}
	places := []string{filepath.Join(filepath.Dir(file), name)}
	dirs, _, err := scope.Lookup("ansible_search_path")
	list, _ := dirs.([]any)
	if err != nil {
		return places
	}
	for _, dir := range value.Strings(list) {
		places = append(places, filepath.Join(dir, "templates", name), filepath.Join(dir, name))
	}
	return places
}

func (r *Run) matchHosts(pattern string) ([]string, error) {
	hosts, _, err := r.hosts.match([]string{pattern}, "")
	return hosts, err
}

// lookupItems evaluates a with_ loop: the lookup's results are the items.
func (b *batch) lookupItems(ctx context.Context, s *vars.Scope, l *playbook.Loop, action string) ([]any, error) {
	v, err := b.loopValue(s, l)
	if err != nil {
		return nil, err
	}
	options := value.NewMap()
	switch name := l.With[strings.LastIndexByte(l.With, '.')+1:]; name {
	case "indexed_items":
		if _, isMap := v.(*value.Map); isMap {
			return nil, &template.RuntimeError{Message: "with_indexed_items expects a list"}
		}
	case "list":
		if _, isMap := v.(*value.Map); isMap {
			return nil, &template.RuntimeError{Message: "with_list expects a list"}
		}
	case "first_found":
		options.Set(lookup.FolderOption, folderOf(action))
	}
	found, err := b.run.engine.Query(ctx, l.With, lookupTerms(l.With, v), options, s)
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

// folderOf is where with_first_found looks for what an action needs.
func folderOf(action string) string {
	for _, kind := range []string{"template", "var", "file"} {
		if strings.Contains(action, kind) {
			return kind + "s"
		}
	}
	return "files"
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
