package classroom

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil { //nolint:gosec // it must run
		t.Fatal(err)
	}
}

// runShell runs a script that must succeed, or must fail, with tools first in
// the path.
func runShell(t *testing.T, tools, script string, good bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); (err == nil) != good {
		t.Fatalf("%v\n%s", err, out)
	}
}

var layout = Layout{App: "board", Tiers: []Tier{{Name: "dbs", Count: 1}, {Name: "app", Count: 2}, {Name: "web", Count: 1, Front: true}}}

func TestProgress(t *testing.T) {
	r := parse(t, "students: [ada, grace, alan, joan]"+step)
	all := r.Progress(r.Students, layout, []Server{
		{Name: "ada-step", Status: "ACTIVE", Address: "198.51.100.1"},
		{Name: "ada-dbs-1", Status: "ACTIVE"}, {Name: "ada-app-1", Status: "ACTIVE"}, {Name: "ada-app-2", Status: "BUILD"},
		{Name: "ada-app-3", Status: "ERROR", Fault: "No valid host"},
		{Name: "ada-web-1", Status: "ACTIVE", Address: "198.51.100.2"},
		{Name: "grace-step", Status: "ERROR", Fault: "No valid host was found. There are not enough hosts available.\nMore"},
		{Name: "grace-board-all", Status: "ACTIVE", Address: "198.51.100.3"}, {Name: "grace-web", Status: "ACTIVE"},
		{Name: "alan-web-1", Status: "ACTIVE"}, {Name: "someone-else", Status: "ACTIVE"},
	})
	all[0].Page = Page{Address: "x", URL: "http://198.51.100.2/", Answers: true, Text: "200 OK"}
	all[1].Page.Text = "no answer"
	var got []string
	for _, p := range all {
		got = append(got, strings.Join(p.Row(layout), "|"))
	}
	want := []string{
		"ada|ACTIVE|-|ACTIVE|1 of 3 ACTIVE, 1 BUILD, 1 ERROR|ACTIVE|answers: http://198.51.100.2/",
		"grace|ERROR: No valid host was found. There are not e…|ACTIVE|-|-|-|no answer",
		"alan|-|-|-|-|ACTIVE|-",
		"joan|-|-|-|-|-|-",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows:\n%s", strings.Join(got, "\n"))
	}
	if all[1].Page.Address != "198.51.100.3" || all[2].Page.Address != "" || len(all[1].Other) != 1 {
		t.Errorf("%+v\n%+v", all[1], all[2])
	}
	if h := layout.Header(); len(h) != len(all[0].Row(layout)) {
		t.Errorf("header %v", h)
	}
}
