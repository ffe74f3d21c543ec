package runner

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/value"
	"rollout/inventory"
)

// trace keeps what the observer is told, a line per result.
type trace struct {
	mu    sync.Mutex
	lines []string
	raw   []report.Event
	dir   string // of the playbook: left out of messages
}

func (tr *trace) Handle(e report.Event) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.raw = append(tr.raw, e)
	switch e := e.(type) {
	case report.PlayStart:
		tr.lines = append(tr.lines, "play "+e.Name)
	case report.NoHostsMatched:
		tr.lines = append(tr.lines, "nobody")
	case report.Included:
		if e.Label != "" {
			tr.lines = append(tr.lines, "included ("+e.Label+")")
		}
	case report.Result:
		tr.result(e)
	case report.Retry:
		tr.lines = append(tr.lines, fmt.Sprintf("%s retry %s, %d left", e.Host, e.Task.Name, e.Left))
	}
}

func (tr *trace) result(e report.Result) {
	line := fmt.Sprintf("%s %s %s", e.Host, e.Status, e.Task.Name)
	if e.Item {
		line += " (" + e.Label + ")"
	}
	if e.Ignored {
		line += " ignored"
	}
	if msg, ok := e.Data.Get("msg"); ok && !e.Loop && text(msg) != "" {
		first, _, _ := strings.Cut(strings.ReplaceAll(text(msg), tr.dir+"/", ""), "\n")
		line += ": " + first
	}
	tr.lines = append(tr.lines, line)
}

func (tr *trace) text() string { return strings.Join(tr.lines, "\n") }

// testModules are the modules of these tests: they touch nothing.
func testModules() map[string]*module.Module {
	mods := []*module.Module{
		{Name: "ansible.builtin.setup", Run: func(_ context.Context, c *module.Call) (module.Result, error) {
			return module.Result{Facts: value.NewMap("ansible_hostname", "fact-"+c.HostName, "ansible_host", "evil",
				"ansible_said", "{{ 1 + 1 }}")}, nil
		}},
		{Name: "test.say", Args: module.Schema{Args: []module.Arg{
			{Name: "out", Doc: "What to return."}, {Name: "changed", Type: module.Bool, Default: false},
			{Name: "rc", Type: module.Int, Default: 0}, {Name: "secret", NoLog: true},
			{Name: "list", Type: module.List, Elements: module.Str}}},
			Run: func(_ context.Context, c *module.Call) (module.Result, error) {
				res := module.Result{Changed: c.Args.Bool("changed"), Failed: c.Args.Int("rc") != 0}
				if res.Failed {
					res.Msg = "rc is not 0"
				}
				return res.Set("stdout", c.Args.String("out")).Set("rc", c.Args.Int("rc")).
					Set("check", c.Check).Set("secret", c.Args.String("secret")), nil
			}},
		{Name: "test.gone", NeedsHost: true, Run: func(context.Context, *module.Call) (module.Result, error) {
			return module.Result{}, nil
		}},
		{Name: "test.wait", Run: func(ctx context.Context, c *module.Call) (module.Result, error) {
			c.Progress("for a sign")
			<-ctx.Done()
			return module.Result{}, ctx.Err()
		}},
		{Name: "test.where", NeedsHost: true, Run: func(_ context.Context, c *module.Call) (module.Result, error) {
			msg := fmt.Sprint(c.Host)
			if c.Become != nil {
				msg += fmt.Sprintf(" as %s by %s", c.Become.User, c.Become.Method)
			}
			return module.Result{Msg: msg + fmt.Sprint(" env ", len(c.Env), " ", c.Env["A"])}, nil
		}},
	}
	table := map[string]*module.Module{}
	for _, m := range mods {
		table[m.Name] = m
	}
	return table
}

// fakeHosts opens hosts that only know where they are; those named gone can't
// be reached.
type fakeHosts struct{}

type fakeHost struct {
	connection.Host
	target Target
}

func (h fakeHost) String() string {
	return fmt.Sprintf("%s %s@%s:%d", h.target.Connection, h.target.User, h.target.Address, h.target.Port)
}

func (h fakeHost) Close() error { return nil }

func (fakeHosts) Connect(_ context.Context, t Target) (connection.Host, error) {
	if strings.HasPrefix(t.Name, "gone") {
		return nil, &connection.UnreachableError{Host: t.Name, Addr: t.Address, Err: errors.New("no route")}
	}
	return fakeHost{target: t}, nil
}

// ran runs a playbook, given with the files it needs, and returns its trace.
func ran(t *testing.T, files map[string]string, change func(*Options)) (*trace, Summary, error) {
	t.Helper()
	site := written(t, files)
	dir := filepath.Dir(site)
	loader := &playbook.Loader{Files: playbook.Files{}}
	book, err := loader.Load(site)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	tr := &trace{dir: dir}
	opt := Options{Playbook: book, Loader: loader, Inventory: inventory.Names{"h1", "h2"}, Modules: testModules(),
		Connector: fakeHosts{}, Observer: tr, Forks: 1,
		After: func(time.Duration) <-chan time.Time { c := make(chan time.Time); close(c); return c }}
	if change != nil {
		change(&opt)
	}
	run, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Check(); err != nil {
		return tr, Summary{}, err
	}
	sum, err := run.Execute(t.Context())
	return tr, sum, err
}

// written puts files into a new directory and returns the path of its site.yml.
func written(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "site.yml")
}

// play is a playbook of one play without facts on the given hosts.
func play(hosts, body string) string {
	return "- hosts: " + hosts + "\n  gather_facts: false\n  name: p\n" + indent(body)
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") + "\n"
}

// check compares a run's trace with what is wanted, both trimmed.
func check(t *testing.T, tr *trace, want string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(want), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	if got, want := tr.text(), strings.Join(lines, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

type scenario struct {
	name   string
	files  map[string]string
	body   string // of a play on h1, where files has no site.yml
	hosts  string
	change func(*Options)
	want   string
	exit   int
}

func (s scenario) run(t *testing.T) {
	t.Helper()
	files := map[string]string{}
	for k, v := range s.files {
		files[k] = v
	}
	if s.hosts == "" {
		s.hosts = "h1"
	}
	if s.body != "" {
		files["site.yml"] = play(s.hosts, s.body)
	}
	tr, sum, err := ran(t, files, s.change)
	if err != nil {
		t.Fatalf("run: %v\n%s", err, tr.text())
	}
	check(t, tr, s.want)
	if sum.ExitCode() != s.exit {
		t.Errorf("exit code %d, want %d", sum.ExitCode(), s.exit)
	}
}

func runAll(t *testing.T, list []scenario) {
	t.Helper()
	for _, s := range list {
		t.Run(s.name, s.run)
	}
}
