package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rollout/internal/docker"
	"rollout/internal/lint"
	"rollout/internal/settings"
)

// TestMistakes looks at bad files, each a case of an archive: what it is told
// must hold the place and the hint that stand in the case's "want", and nothing
// else may be told. With UPDATE_MISTAKES=1 what is told is written there, to be
// read with care.
func TestMistakes(t *testing.T) {
	archives, err := filepath.Glob("testdata/mistakes/*.txt")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	count := 0
	for _, path := range archives {
		whole, err := filepath.Abs(path)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cases := strings.Split(string(data), "\n=== ")
		for i, text := range cases[1:] {
			title, body, _ := strings.Cut(text, "\n")
			count++
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txt")+"/"+title, func(t *testing.T) {
				cases[i+1] = title + "\n" + mistakesCase(t, body+"\n")
			})
		}
		if os.Getenv("UPDATE_MISTAKES") != "" {
			if err := os.WriteFile(whole, []byte(strings.Join(cases, "\n=== ")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if count < 100 {
		t.Errorf("only %d cases", count)
	}
}

// mistakesCase runs one case and returns it as it should be.
func mistakesCase(t *testing.T, body string) string {
	t.Helper()
	arc := txtar.Parse([]byte(body))
	dir := t.TempDir()
	want := ""
	for i, f := range arc.Files {
		if f.Name == "want" {
			want, arc.Files[i].Data = string(f.Data), nil
			continue
		}
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		data := strings.NewReplacer("<TAB>", "\t").Replace(string(f.Data))
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	got := told(t, dir)
	for i, f := range arc.Files {
		if f.Name == "want" {
			arc.Files[i].Data = []byte(got)
		}
	}
	if got != want && os.Getenv("UPDATE_MISTAKES") == "" {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	return strings.TrimSuffix(string(txtar.Format(arc)), "\n")
}

func told(t *testing.T, dir string) string {
	t.Helper()
	flags := &projectFlags{}
	if _, err := os.Stat("hosts.ini"); err == nil {
		flags.inventories = []string{"hosts.ini"}
	}
	p, err := openProject(t.Context(), flags, settings.Default(), 0)
	if err != nil {
		t.Fatal(err)
	}
	engines := docker.NewPool()
	defer func() { _ = engines.Close() }()
	paths := []string{"site.yml"}
	if _, err := os.Stat("site.yml"); err != nil {
		paths = nil
		entries, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Name() != "hosts.ini" {
				paths = append(paths, e.Name())
			}
		}
	}
	found, err := p.lintAll(t.Context(), engines, paths)
	if err != nil {
		return "ERROR! " + err.Error() + "\n"
	}
	var b strings.Builder
	for _, f := range lint.Sort(found) {
		severity := ""
		if f.Warning {
			severity = "warning: "
		}
		text := f.Error.Error()
		if f.Pos.Line > 0 {
			text = strings.Replace(text, f.Pos.String()+": ", f.Pos.String()+": "+severity, 1)
		}
		fmt.Fprintf(&b, "%s [%s]\n", strings.ReplaceAll(text, dir+"/", ""), f.Rule)
	}
	return b.String()
}
