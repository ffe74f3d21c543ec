package lookup

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
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

// passwordChars are Ansible's defaults: letters, digits and .,:-_
const passwordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:-_"

// password reads a password from a file, or makes one and keeps it there.
func (d Deps) password(_ context.Context, terms []any, kw *value.Map, _ template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, term := range names {
		path, opt := termOptions(term, orEmpty(kw))
		if v := optionText(opt, "encrypt", ""); v != "" {
			return nil, fmt.Errorf("password: encrypt isn't supported (use the filter password_hash)")
		}
		length, err := strconv.Atoi(optionText(opt, "length", "20"))
		if err != nil || length < 1 || length > 4096 {
			return nil, fmt.Errorf("password: length must be a number from 1 to 4096")
		}
		word, err := keptPassword(path, length, charSet(optionText(opt, "chars", "")))
		if err != nil {
			return nil, err
		}
		out = append(out, word)
	}
	return out, nil
}

func charSet(names string) string {
	if names == "" {
		return passwordChars
	}
	sets := map[string]string{
		"ascii_letters": passwordChars[:52], "ascii_lowercase": passwordChars[:26], "ascii_uppercase": passwordChars[26:52],
		"digits": "0123456789", "hexdigits": "0123456789abcdefABCDEF", "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
	}
	var b strings.Builder
	for name := range strings.SplitSeq(names, ",") {
		if set, ok := sets[strings.TrimSpace(name)]; ok {
			b.WriteString(set)
			continue
		}
		b.WriteString(name)
	}
	return b.String()
}

func keptPassword(path string, length int, chars string) (string, error) {
	if path != "/dev/null" {
		data, err := os.ReadFile(path)
		if err == nil {
			word, _, _ := strings.Cut(strings.TrimRight(string(data), "\n"), " salt=")
			return word, nil
		}
		if !os.IsNotExist(err) {
			return "", fmt.Errorf("password: %w", err)
		}
	}
	word := make([]byte, length)
	for i := range word {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(chars))))
		if err != nil {
			return "", fmt.Errorf("password: %w", err)
		}
		word[i] = chars[n.Int64()]
	}
	if path == "/dev/null" {
		return string(word), nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	if err := os.WriteFile(path, append(word, '\n'), 0o600); err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return string(word), nil
}

func orEmpty(m *value.Map) *value.Map {
	if m == nil {
		return value.NewMap()
	}
	return m
}
