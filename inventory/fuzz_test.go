package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No input may bring a reader down or make it run away.

func FuzzINI(f *testing.F) {
	for _, text := range oracleFiles {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inv := New()
		if err := parseINI(inv, "hosts", []byte(text), place{}); err != nil {
			return
		}
		shown(t, inv)
	})
}

func FuzzYAML(f *testing.F) {
	for name, text := range oracleFiles {
		if strings.HasSuffix(name, ".yml") {
			f.Add(text)
		}
	}
	f.Add(`{"all": {"hosts": {"a[1:3]": {"x": [1, {"y": null}]}}, "children": {"web": {"hosts": "w1", "vars": {"ansible_group_priority": 3}}}}}`)
	f.Add("web: {children: {app: {children: {web: }}}}\nodd: [1]\nother: {hots: {a: }, hosts: 3}\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "inv.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		inv := New()
		if err := readYAML(t.Context(), &pathSource{path: path}, inv); err == nil {
			shown(t, inv)
		}
	})
}

func FuzzScriptOutput(f *testing.F) {
	f.Add(`{"_meta": {"hostvars": {"p1": {"a": 1}}}, "g": ["p1", "p2"], "h": {"children": ["g", "n"], "vars": {"x": 1}}, "n": {"hosts": ["p3"]}}`)
	f.Add(`{"a": {"children": ["b"]}, "b": {"children": ["a"]}, "c": {"k": "v"}, "d": 1, "e": {"hosts": {"x": 1}, "vars": []}}`)
	f.Fuzz(func(t *testing.T, text string) {
		s := &scriptReader{inv: New(), path: "inv", seen: map[string]bool{}}
		list, err := s.object([]byte(text), "--list")
		if err != nil {
			return
		}
		for name, body := range list.All() {
			s.group(name.(string), body)
		}
		if s.errs.Err() != nil {
			return
		}
		if err := s.hostVars(t.Context(), list, func(string) ([]byte, error) { return []byte(text), nil }); err == nil {
			shown(t, s.inv)
		}
	})
}

// shown goes through all that can be asked of an inventory.
func shown(t *testing.T, inv *Inventory) {
	t.Helper()
	if len(inv.hosts)*len(inv.groups) > 20_000 {
		return // a long while to draw, but no mistake
	}
	inv.List(Form{})
	inv.Sections(Form{Export: true})
	inv.Tree(Form{})
	inv.GroupMap()
	if _, err := inv.Graph(All, Form{}); err != nil {
		t.Fatal(err)
	}
}

func FuzzPatterns(f *testing.F) {
	for _, p := range oraclePatterns {
		f.Add(p)
	}
	inv := New()
	if err := parseINI(inv, "hosts", []byte(board), place{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		sel, err := inv.Match(pattern)
		if err != nil {
			return
		}
		seen := map[*Host]bool{}
		for _, h := range sel.Hosts {
			if seen[h] {
				t.Fatalf("%q gave %s twice", pattern, h.Name)
			}
			seen[h] = true
		}
	})
}

func FuzzLiteral(f *testing.F) {
	for _, text := range oracleLiterals {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) { literal(text) })
}
