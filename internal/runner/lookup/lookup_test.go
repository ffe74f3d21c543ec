package lookup

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/playbook"
	"rollout/internal/template"
	"rollout/internal/value"
)

// inside is a scope whose files are looked for in dir.
func inside(dir string) template.Scope {
	return template.MapScope{Vars: value.NewMap(searchPath, []any{dir}, "playbook_dir", dir,
		NamesVariable, []any{"web_a", "web_b", "other"})}
}

func becomeUser(name string) (any, bool) { return "root", name == "DEFAULT_BECOME_USER" }

func TestLookups(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"files/a.txt": "  text\n", "b.txt": "b", "t.csv": "k,one,two\nl,three,four\n", "n.ini": "[s]\n# no\nkey = v = w\n",
		"vault": "$ANSIBLE_VAULT;1.1;AES256\n00",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte("one\ntwo\n"))
	}))
	defer page.Close()
	table := Table(Deps{Files: playbook.Files{}, Setting: becomeUser, Hosts: func(p string) ([]string, error) { return []string{"h-" + p}, nil }})
	for _, c := range []struct {
		name  string
		terms []any
		kw    *value.Map
		want  []any
		err   string
	}{
		{name: "file", terms: []any{"a.txt", "b.txt"}, want: []any{"  text", "b"}},
		{name: "file", terms: []any{"a.txt"}, kw: value.NewMap("lstrip", true, "rstrip", false), want: []any{"text\n"}},
		{name: "file", terms: []any{"c.txt"}, err: "could not locate file in lookup: c.txt"},
		{name: "file", terms: []any{"vault"}, err: "it is encrypted"},
		{name: "fileglob", terms: []any{"*.txt"}, want: []any{filepath.Join(dir, "files/a.txt")}},
		{name: "fileglob", terms: []any{"*.none"}, want: []any{}},
		{name: "first_found", terms: []any{[]any{"none", "b.txt"}}, want: []any{filepath.Join(dir, "b.txt")}},
		{name: "first_found", terms: []any{value.NewMap("files", []any{"a.txt"}, "paths", []any{"none", "files"})},
			want: []any{filepath.Join(dir, "files/a.txt")}},
		{name: "first_found", terms: []any{value.NewMap("files", "none", "skip", true)}, want: []any{}},
		{name: "first_found", terms: []any{"none"}, err: "No file was found"},
		{name: "csvfile", terms: []any{"l file=t.csv delimiter=, col=2"}, want: []any{"four"}},
		{name: "csvfile", terms: []any{"z"}, kw: value.NewMap("file", "t.csv", "delimiter", ",", "default", "d"), want: []any{"d"}},
		{name: "ini", terms: []any{"key section=s file=n.ini"}, want: []any{"v = w"}},
		{name: "ini", terms: []any{"none section=s file=n.ini default=x"}, want: []any{"x"}},
		{name: "pipe", terms: []any{"pwd"}, want: []any{dir}},
		{name: "pipe", terms: []any{"echo no >&2; exit 3"}, err: "returned 3: no"},
		{name: "lines", terms: []any{"printf 'a\\nb'"}, want: []any{"a", "b"}},
		{name: "url", terms: []any{page.URL}, want: []any{"one", "two"}},
		{name: "url", terms: []any{page.URL}, kw: value.NewMap("split_lines", false), want: []any{"one\ntwo\n"}},
		{name: "url", terms: []any{page.URL + "/gone"}, err: "404"},
		{name: "varnames", terms: []any{"^web_"}, want: []any{"web_a", "web_b"}},
		{name: "inventory_hostnames", terms: []any{"all"}, want: []any{"h-all"}},
		{name: "random_choice", terms: []any{"x"}, want: []any{"x"}},
		{name: "config", terms: []any{"DEFAULT_BECOME_USER"}, want: []any{"root"}},
		{name: "config", terms: []any{"NONE"}, kw: value.NewMap("on_missing", "skip"), want: []any{}},
		{name: "config", terms: []any{"NONE"}, kw: value.NewMap("on_missing", "boo"), err: "valid values are"},
		{name: "config", terms: []any{1337}, err: "Invalid setting identifier"},
		{name: "config", terms: []any{"NONE"}, err: "Unable to find setting"},
	} {
		got, err := table[c.name](t.Context(), c.terms, orEmpty(c.kw), inside(dir))
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s %v: got %v, want the error %q", c.name, c.terms, err, c.err)
		case c.err == "" && (err != nil || !value.Equal(got, c.want)):
			t.Errorf("%s %v: got %v, %v; want %v", c.name, c.terms, got, err, c.want)
		}
	}
}

func TestAPasswordIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "word")
	table := Table(Deps{Setting: func(name string) (any, bool) { return "root", name == "DEFAULT_BECOME_USER" }, Files: playbook.Files{}})
	var words []any
	for range 2 {
		got, err := table["password"](t.Context(), []any{path + " length=12 chars=digits"}, value.NewMap(), nil)
		if err != nil {
			t.Fatal(err)
		}
		words = append(words, got...)
	}
	word, _ := words[0].(string)
	if words[0] != words[1] || len(word) != 12 || strings.Trim(word, "0123456789") != "" {
		t.Errorf("got %v", words)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}
