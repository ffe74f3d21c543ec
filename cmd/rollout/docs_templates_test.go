package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/template"
)

const templatesPage = "../../docs/templates.md"

// The page lists every filter, test and lookup there is; with UPDATE_DOCS=1 the
// test writes the lists.
func TestTemplatesPage(t *testing.T) {
	tests := lookup.Tests()
	tests["community.general.a_module"] = nil
	engine := template.New(template.Options{
		Env: os.LookupEnv, Tests: tests, Lookups: lookup.Table(lookup.Deps{Files: playbook.Files{}, Env: os.LookupEnv}),
	})
	data, err := os.ReadFile(templatesPage)
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	for name, list := range map[string][]string{"filters": engine.FilterNames(), "tests": engine.TestNames(), "lookups": engine.LookupNames()} {
		want = withList(t, want, name, list)
	}
	if want == string(data) {
		return
	}
	if os.Getenv("UPDATE_DOCS") == "" {
		t.Fatalf("the lists in %s are not what they were; run: UPDATE_DOCS=1 go test ./cmd/rollout -run TestTemplatesPage", templatesPage)
	}
	if err := os.WriteFile(templatesPage, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// withList replaces what stands between the marks of that name.
func withList(t *testing.T, page, name string, list []string) string {
	t.Helper()
	begin, end := fmt.Sprintf("<!-- %s -->\n", name), fmt.Sprintf("<!-- end of %s -->", name)
	before, rest, ok := strings.Cut(page, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no marks for %s", templatesPage, name)
	}
	slices.Sort(list)
	return before + begin + "`" + strings.Join(list, "` `") + "`\n" + end + after
}
