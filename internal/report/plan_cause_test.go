package report_test

import (
	"strings"
	"testing"

	"rollout/internal/report"
)

// What a diff says of a task that has no plan of its own.
func TestPlanCauses(t *testing.T) {
	for _, c := range []struct {
		name  string
		diffs []report.Diff
		want  string
	}{
		{"none", nil, ""},
		{"text", []report.Diff{{BeforeHeader: "/etc/motd", AfterHeader: "motd.j2", Before: "a\nb\n", After: "b\nc\nd\n"}}, ": /etc/motd (+2 -1 lines)"},
		{"new", []report.Diff{{BeforeHeader: "/etc/motd", AfterHeader: "content", After: "a\n"}}, ": /etc/motd (+1 line)"},
		{"not shown", []report.Diff{{BeforeHeader: "/bin/x", AfterHeader: "/bin/x"}}, ": /bin/x"},
		{"attributes", []report.Diff{{Of: "/srv",
			Before: `{"path": "/srv", "state": "absent", "mode": "0755"}`, After: `{"path": "/srv", "state": "directory", "mode": "0700"}`}},
			": /srv: state is absent, should be directory, mode is 0755, should be 0700"},
		{"YAML is text", []report.Diff{{BeforeHeader: "/x.yml", AfterHeader: "/x.yml", Before: "port: 80\n", After: "port: 81\n"}}, ": /x.yml (+1 -1 lines)"},
		{"two files, one twice", []report.Diff{{BeforeHeader: "a", After: "1\n"}, {BeforeHeader: "b", After: "1\n"}, {BeforeHeader: "a", After: "1\n"}},
			": a (+1 line); b (+1 line)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := report.NewPlan(func(string) {})
			plan.Handle(report.Result{Task: report.Task{ID: 1, Name: "write"}, Host: "a", Status: report.Changed, Diffs: c.diffs})
			var out strings.Builder
			if err := plan.Print(&out, false); err != nil {
				t.Fatal(err)
			}
			if got, _, _ := strings.Cut(out.String(), "\n"); got != "~ host a: write"+c.want {
				t.Errorf("it says %q", got)
			}
		})
	}
}

// What is left alone and what is worth knowing are told; a note is no
// difference.
func TestPlanOfWhatIsLeft(t *testing.T) {
	plan := report.NewPlan(func(string) {})
	note := report.Operation{Kind: report.Note, Thing: "server a", Cause: "its image is gone"}
	plan.Handle(report.Result{Task: report.Task{ID: 1}, Host: "a", Status: report.OK, Plan: []report.Operation{note}})
	if plan.Counts().Differs() {
		t.Error("a note is a difference")
	}
	left := report.Operation{Kind: report.Left, Thing: "subnet of n", Cause: "it is 10.0.0.0/24"}
	extra := report.Operation{Kind: report.Extra, Thing: "rule r", Cause: "left alone"}
	plan.Handle(report.Result{Task: report.Task{ID: 2}, Host: "a", Status: report.OK, Plan: []report.Operation{extra, left}})
	var out strings.Builder
	if err := plan.Print(&out, false); err != nil {
		t.Fatal(err)
	}
	want := "! subnet of n: it is 10.0.0.0/24\n! rule r: left alone\ni server a: its image is gone\n\n" +
		"Plan: 1 left alone, 1 extra. Nothing was changed.\n"
	if out.String() != want || !plan.Counts().Differs() {
		t.Errorf("the plan is\n%s", out.String())
	}
}
