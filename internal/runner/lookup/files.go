package lookup

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"

	"rollout/internal/template"
	"rollout/internal/value"
)

// searchPath is the variable that says where the task's files are looked for.
const searchPath = "ansible_search_path"

// places are the paths that name may mean in a folder of its kind.
func places(scope template.Scope, kind, name string) []string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		if home, err := os.UserHomeDir(); err == nil {
			return []string{filepath.Join(home, rest)}
		}
	}
	if filepath.IsAbs(name) || strings.HasPrefix(name, "embedded:") || scope == nil {
		return []string{name}
	}
	var out []string
	dirs, _, err := scope.Lookup(searchPath)
	list, _ := dirs.([]any)
	if err != nil || list == nil {
		return []string{name}
	}
	for _, d := range list {
		if base, ok := d.(string); ok {
			if real, err := filepath.EvalSymlinks(base); err == nil {
				base = real
			}
			if !strings.HasPrefix(name, kind+"/") {
				out = append(out, filepath.Join(base, kind, name))
			}
			out = append(out, filepath.Join(base, name))
		}
	}
	return out
}

// find returns the first place where name is.
func (d Deps) find(scope template.Scope, kind, name string) (string, error) {
	tried := places(scope, kind, name)
	for _, p := range tried {
		if _, err := d.Files.Stat(p); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("could not locate file in lookup: %s (looked for %s)", name, strings.Join(tried, ", "))
}

func (d Deps) read(scope template.Scope, kind, name string) ([]byte, error) {
	path, err := d.find(scope, kind, name)
	if err != nil {
		return nil, err
	}
	data, err := d.Files.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	if !strings.HasPrefix(string(data), "$ANSIBLE_VAULT;") {
		return data, nil
	}
	if d.Decrypt == nil {
		return nil, fmt.Errorf("cannot read %s: it is encrypted (give its vault password)", path)
	}
	if data, err = d.Decrypt(data); err != nil {
		return nil, fmt.Errorf("cannot decrypt %s: %w", path, err)
	}
	return data, nil
}

// unvault gives files as they are, vaults decrypted.
func (d Deps) unvault(_ context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, name := range names {
		data, err := d.read(scope, "files", name)
		if err != nil {
			return nil, err
		}
		out = append(out, string(data))
	}
	return out, nil
}

func (d Deps) file(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, name := range names {
		data, err := d.read(scope, "files", name)
		if err != nil {
			return nil, err
		}
		text := string(data)
		if optionBool(kw, "lstrip", false) {
			text = strings.TrimLeft(text, " \t\r\n")
		}
		if optionBool(kw, "rstrip", true) {
			text = strings.TrimRight(text, " \t\r\n")
		}
		out = append(out, text)
	}
	return out, nil
}

// layered lays variables over a scope.
type layered struct {
	below template.Scope
	vars  *value.Map
}

// Lookup implements template.Scope.
func (l layered) Lookup(name string) (any, bool, error) {
	if v, ok := l.vars.Get(name); ok {
		return v, true, nil
	}
	return l.below.Lookup(name)
}

// fileglob lists the files that a pattern's last part matches, in the first
// folder of the search path that has any.
func (d Deps) fileglob(_ context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	globs, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, glob := range globs {
		dir, last := filepath.Split(glob)
		if dir != "" {
			if found, err := d.find(scope, "files", strings.TrimSuffix(dir, "/")+"/"); err == nil {
				out = append(out, d.matching(filepath.Join(found, last))...)
			}
			continue
		}
		for _, place := range places(scope, "files", glob) {
			if found := d.matching(place); len(found) > 0 {
				out = append(out, found...)
				break
			}
		}
	}
	return out, nil
}

// matching lists the plain files that a pattern's last part matches, sorted.
func (d Deps) matching(glob string) []any {
	entries, err := d.Files.ReadDir(filepath.Dir(glob))
	if err != nil {
		return nil
	}
	var names []string
	pattern := strings.NewReplacer(`\`, `\\`, "[!", "[^").Replace(filepath.Base(glob))
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(pattern, ".") {
			continue
		}
		if ok, err := filepath.Match(pattern, e.Name()); err == nil && ok && !e.IsDir() {
			names = append(names, filepath.Join(filepath.Dir(glob), e.Name()))
		}
	}
	sort.Strings(names)
	return value.List(names)
}

// termOptions splits "path length=12" into the path and its options.
func termOptions(term string, kw *value.Map) (string, *value.Map) {
	out, key := kw.Clone(), []string{}
	for _, w := range strings.Fields(term) {
		k, v, ok := strings.Cut(w, "=")
		if ok && optionName.MatchString(k) {
			out.Set(k, v)
			continue
		}
		key = append(key, w)
	}
	return strings.Join(key, " "), out
}

var optionName = regexp.MustCompile(`^[a-z_]+$`)

func orEmpty(m *value.Map) *value.Map {
	if m == nil {
		return value.NewMap()
	}
	return m
}
