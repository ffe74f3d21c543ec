package runner

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/inventory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// onEvent is an observer that does something.
type onEvent func(report.Event)

func (f onEvent) Handle(e report.Event) { f(e) }

func TestAnInterruptEndsTheRunAndTellsWhatRan(t *testing.T) {
	stop, cancel := context.WithCancel(t.Context())
	var told report.Interrupted
	run := prepared(t, play("h1", "tasks:\n  - name: long\n    test.wait:\n  - debug: {msg: never}\n"), func(o *Options) {
		o.Observer = onEvent(func(e report.Event) {
			switch e := e.(type) {
			case report.Progress:
				cancel()
			case report.Interrupted:
				told = e
			case report.Result:
				t.Errorf("a result: %+v", e)
			}
		})
	})
	sum, err := run.Execute(stop)
	if err != nil || sum.ExitCode() != ExitInterrupted {
		t.Fatalf("got %+v, %v", sum, err)
	}
	if len(told.Running) != 1 || told.Running[0].Host != "h1" || told.Running[0].Task != "long" || told.Running[0].Text != "for a sign" {
		t.Errorf("told %+v", told)
	}
}

func TestATimeoutFailsTheTask(t *testing.T) {
	tr, _, err := ran(t, map[string]string{"site.yml": play("h1", "tasks:\n  - test.wait:\n    timeout: 1\n    ignore_errors: true\n")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	check(t, tr, "play p\nh1 failed test.wait ignored: The test.wait action failed to execute in the expected time frame (1) and was terminated")
}

func TestList(t *testing.T) {
	run := prepared(t, play("all", "tags: p\ntasks:\n  - name: a\n    debug: {msg: x}\n    tags: t\n  - debug: {msg: y}\n    tags: never\n"), nil)
	got, err := run.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%+v %v", got, got[0].AllTags()); s != "[{Name:p Patterns:[all] Hosts:[h1 h2] Tags:[p] Tasks:[{Name:a Tags:[p t]}]}] [p t]" {
		t.Errorf("got %s", s)
	}
}

func TestManyHostsAtOnce(t *testing.T) {
	var names inventory.Names
	for i := range 40 {
		names = append(names, fmt.Sprintf("n%02d", i))
	}
	tr, sum, err := ran(t, map[string]string{"site.yml": play("all", `
tasks:
  - set_fact: {mine: "{{ inventory_hostname }}"}
  - add_host: {name: "extra", groups: [more]}
  - debug: {msg: "{{ hostvars['n39'].mine }} {{ groups.all | length }}"}
  - test.say: {changed: true}
    notify: h
handlers:
  - name: h
    debug: {msg: handled}
`)}, func(o *Options) { o.Inventory, o.Forks = names, 16 })
	if err != nil || sum.ExitCode() != 0 || len(sum.Hosts) != 40 {
		t.Fatalf("%v, %d hosts, exit code %d", err, len(sum.Hosts), sum.ExitCode())
	}
	if n := strings.Count(tr.text(), "debug: n39 41"); n != 40 {
		t.Errorf("%d hosts saw the last one's fact, not 40", n)
	}
}

// prepared is a run of one playbook, not yet executed.
func prepared(t testing.TB, text string, change func(*Options)) *Run {
	t.Helper()
	loader := &playbook.Loader{Files: playbook.Files{}}
	book, err := loader.Load(written(t, map[string]string{"site.yml": text}))
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Playbook: book, Loader: loader, Inventory: inventory.Names{"h1", "h2"}, Modules: testModules(), Connector: fakeHosts{}}
	if change != nil {
		change(&opt)
	}
	run, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return run
}

func BenchmarkTwoHundredTasks(b *testing.B) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "  - set_fact: {v%d: \"{{ v%d | int + 1 }}\"}\n  - debug: {msg: \"{{ v%d }}\"}\n", i+1, i, i+1)
	}
	run := prepared(b, play("h1", "vars: {v0: 0}\ntasks:\n"+text.String()), func(o *Options) { o.Modules = map[string]*module.Module{} })
	for b.Loop() {
		if sum, err := run.Execute(b.Context()); err != nil || sum.ExitCode() != 0 {
			b.Fatal(err, sum)
		}
	}
}
