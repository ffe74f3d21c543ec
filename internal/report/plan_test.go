package report_test

import (
	"slices"
	"strings"
	"testing"

	"rollout/internal/report"
	"rollout/internal/value"
)

func TestPlan(t *testing.T) {
	var warned []string
	plan := report.NewPlan(func(text string) { warned = append(warned, text) })
	op := func(kind, thing, do, cause string) report.Operation {
		return report.Operation{Kind: kind, Thing: thing, Do: do, Cause: cause}
	}
	held := op(report.Replace, "server b", "replace server b", "flavor is s, should be l")
	held.Held = true
	for _, e := range []report.Event{
		report.Result{Task: report.Task{ID: 1, Name: "networks"}, Status: report.Changed, Loop: true}, // its items were told
		report.Result{Task: report.Task{ID: 1}, Host: "localhost", Status: report.Changed, Item: true,
			Plan: []report.Operation{op(report.Create, "network n", "make network n", "not found")}},
		report.Result{Task: report.Task{ID: 2}, Host: "b", Status: report.Changed, Warnings: []string{"b differs"},
			Plan: []report.Operation{held, op(report.Change, "server b", "add security group web", "not on the server")}},
		report.Result{Task: report.Task{ID: 2}, Host: "a", Status: report.Changed,
			Plan: []report.Operation{op(report.Create, "server a", "boot server a", "not found")}},
		report.Result{Task: report.Task{ID: 3}, Host: "a", Status: report.Changed,
			Plan: []report.Operation{op(report.Change, "server a", "put a floating IP before server a", "the server has none")}},
		report.Result{Task: report.Task{ID: 3}, Host: "c", Status: report.Changed, Warnings: []string{"twice", "twice"},
			Plan: []report.Operation{op(report.Change, "server c", "put a floating IP before server c", "the server has none")}},
		report.Result{Task: report.Task{ID: 4}, Host: "c", Status: report.Changed,
			Plan: []report.Operation{op(report.Replace, "container web on c", "recreate", "image: x → y"), op(report.Change, "container web on c", "start", "new")}},
		report.Result{Task: report.Task{ID: 5, Name: "motd"}, Host: "c", Status: report.Changed},
		report.Result{Task: report.Task{ID: 6, Name: "SSH answers"}, Host: "d", Status: report.Unreachable, Data: value.NewMap("msg", "no route\nto host")},
		report.Result{Task: report.Task{ID: 7, Name: "page"}, Host: "d", Status: report.Failed, Ignored: true},
	} {
		plan.Handle(e)
	}
	plan.AddExtra("server x", "tier web has count 1; not deleted: rollout cleanup --prefix x")
	var out strings.Builder
	if err := plan.Print(&out, false); err != nil {
		t.Fatal(err)
	}
	want := `+ network n: not found
+ server a: not found
~ server b: add security group web: not on the server
~ server c: put a floating IP: the server has none
~ host c: motd
± server b: flavor is s, should be l (only with --replace)
± container web on c: image: x → y
! server x: tier web has count 1; not deleted: rollout cleanup --prefix x
? d: SSH answers: no route

Plan: 2 to create, 3 to change, 1 to replace, 1 to replace (only with --replace), 1 extra, 1 unknown. Nothing was changed.
`
	if out.String() != want {
		t.Errorf("the plan is\n%s\nnot\n%s", out.String(), want)
	}
	if !slices.Equal(warned, []string{"twice"}) {
		t.Errorf("warned %q", warned)
	}
}

func TestPlanOfNothing(t *testing.T) {
	plan := report.NewPlan(func(string) {})
	plan.Handle(report.Result{Task: report.Task{ID: 1}, Host: "a", Status: report.OK})
	var out strings.Builder
	if err := plan.Print(&out, true); err != nil {
		t.Fatal(err)
	}
	if want := "Plan: nothing to do. Nothing was changed.\n"; out.String() != want || plan.Counts().Differs() {
		t.Errorf("the plan is %q", out.String())
	}
}
