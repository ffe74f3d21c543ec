package lookup

import (
	"context"
	"crypto/rand"
	"encoding/csv"
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
			out = append(out, filepath.Join(base, kind, name), filepath.Join(base, name))
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

func (d Deps) template(ctx context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	if extra, ok := option(kw, "template_vars", nil).(*value.Map); ok {
		scope = layered{scope, extra}
	}
	out := []any{}
	for _, name := range names {
		data, err := d.read(scope, "templates", name)
		if err != nil {
			return nil, err
		}
		text, err := d.Renderer.Render(ctx, name, string(data), scope)
		if err != nil {
			return nil, err
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

func (d Deps) fileglob(_ context.Context, terms []any, _ *value.Map, scope template.Scope) ([]any, error) {
	globs, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, glob := range globs {
		for _, place := range places(scope, "files", glob) {
			found := d.matching(place)
			if len(found) > 0 {
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
	for _, e := range entries {
		if ok, err := filepath.Match(filepath.Base(glob), e.Name()); err == nil && ok && !e.IsDir() {
			names = append(names, filepath.Join(filepath.Dir(glob), e.Name()))
		}
	}
	sort.Strings(names)
	return value.List(names)
}

// firstFound takes names, or maps of files, paths and skip.
func (d Deps) firstFound(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	var names []string
	skip := optionBool(kw, "skip", false)
	if kw.Len() > 0 {
		more, err := candidates(kw)
		if err != nil {
			return nil, err
		}
		names = append(names, more...)
	}
	for _, t := range flat(terms) {
		if m, ok := t.(*value.Map); ok {
			more, err := candidates(m)
			if err != nil {
				return nil, err
			}
			names = append(names, more...)
			skip = skip || optionBool(m, "skip", false)
			continue
		}
		if name, ok := t.(string); ok {
			names = append(names, name)
		}
	}
	for _, name := range names {
		for _, kind := range []string{"files", "vars", "templates", "tasks"} {
			if path, err := d.find(scope, kind, name); err == nil {
				return []any{path}, nil
			}
		}
	}
	if skip {
		return []any{}, nil
	}
	return nil, fmt.Errorf("no file was found when using first_found (looked for %s)", strings.Join(names, ", "))
}

func candidates(m *value.Map) ([]string, error) {
	files, err := splitList(option(m, "files", nil))
	if err != nil {
		return nil, err
	}
	paths, err := splitList(option(m, "paths", nil))
	if err != nil || len(paths) == 0 {
		return files, err
	}
	var out []string
	for _, p := range paths {
		for _, f := range files {
			out = append(out, filepath.Join(p, f))
		}
	}
	return out, nil
}

func splitList(v any) ([]string, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case string:
		return strings.FieldsFunc(x, func(r rune) bool { return r == ',' || r == ';' || r == ':' }), nil
	case []any:
		return words(x)
	}
	return nil, fmt.Errorf("expected a list of names")
}

// termOptions splits "key file=x.csv col=1" into the key and its options.
func termOptions(term string, kw *value.Map) (string, *value.Map) {
	out, key := kw.Clone(), []string{}
	for _, w := range strings.Fields(term) {
		k, v, ok := strings.Cut(w, "=")
		if ok && regexp.MustCompile(`^[a-z_]+$`).MatchString(k) {
			out.Set(k, v)
			continue
		}
		key = append(key, w)
	}
	return strings.Join(key, " "), out
}

func (d Deps) csvfile(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, term := range names {
		key, opt := termOptions(term, orEmpty(kw))
		rows, err := d.csvRows(scope, opt)
		if err != nil {
			return nil, err
		}
		col, err := strconv.Atoi(optionText(opt, "col", "1"))
		if err != nil {
			return nil, fmt.Errorf("csvfile: col must be a number")
		}
		found := option(opt, "default", nil)
		for _, row := range rows {
			if len(row) > col && row[0] == key {
				found = row[col]
				break
			}
		}
		if found != nil {
			out = append(out, found)
		}
	}
	return out, nil
}

func (d Deps) csvRows(scope template.Scope, opt *value.Map) ([][]string, error) {
	name := optionText(opt, "file", "ansible.csv")
	data, err := d.read(scope, "files", name)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(strings.NewReader(string(data)))
	r.FieldsPerRecord, r.LazyQuotes = -1, true
	switch sep := optionText(opt, "delimiter", "TAB"); sep {
	case "TAB", "t", `\t`, "\t":
		r.Comma = '\t'
	case "":
		return nil, fmt.Errorf("csvfile: the delimiter is empty")
	default:
		r.Comma = []rune(sep)[0]
	}
	rows, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("csvfile: cannot read %s: %w", name, err)
	}
	return rows, nil
}

func (d Deps) ini(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, term := range names {
		key, opt := termOptions(term, orEmpty(kw))
		name := optionText(opt, "file", "ansible.ini")
		data, err := d.read(scope, "files", name)
		if err != nil {
			return nil, err
		}
		section := optionText(opt, "section", "global")
		if optionText(opt, "type", "ini") == "properties" {
			section = ""
		}
		v, ok := iniValue(string(data), section, key)
		switch {
		case ok:
			out = append(out, v)
		default:
			out = append(out, optionText(opt, "default", ""))
		}
	}
	return out, nil
}

// iniValue reads a key of a section; "" is what stands before any section.
func iniValue(text, section, key string) (string, bool) {
	current := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' && line[len(line)-1] == ']' {
			current = line[1 : len(line)-1]
			continue
		}
		i := strings.IndexAny(line, "=:")
		if i < 0 || current != section {
			continue
		}
		if strings.EqualFold(strings.TrimSpace(line[:i]), key) {
			return strings.TrimSpace(line[i+1:]), true
		}
	}
	return "", false
}

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
