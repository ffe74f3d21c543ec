package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollout/internal/module"
	"rollout/internal/settings"
	"rollout/internal/value"
)

// What a host sends is data: no path leads from it to an expression that is
// evaluated on this machine.
func TestTextOfAHostIsNotEvaluated(t *testing.T) {
	const call = `(lookup)('env', 'HOME')`
	runAll(t, []scenario{
		{name: "as a variable's name", body: `
tasks:
  - test.say: {out: "` + call + `"}
    register: r
  - debug: {var: "{{ r.stdout }}"}
    register: d
  - debug: {msg: "{{ d[r.stdout] }}"}
`, want: `
play p
h1 ok test.say
h1 ok debug
h1 ok debug: {{` + call + `}}`},
		{name: "as a condition", body: `
tasks:
  - test.say: {out: "` + call + ` == 'x'"}
    register: r
  - debug: {msg: ran}
    when: "{{ r.stdout }}"
    ignore_errors: true
`, want: `
play p
h1 ok test.say
h1 failed debug ignored: The conditional check '{{ r.stdout }}' failed. The error was: error while evaluating conditional ({{ r.stdout }}): ` +
			`the condition's template gave a text with a lookup in it; write the condition without {{ }}`},
		{name: "as a key", body: `
tasks:
  - test.say: {out: '{"{{"{{"}} 1 + 1 {{"}}"}}": 1}'}
    register: r
  - set_stats: {data: "{{ r.stdout | from_json }}"}
    ignore_errors: true
  - set_fact:
    args: "{{ r.stdout | from_json }}"
    ignore_errors: true
`, want: `
play p
h1 ok test.say
h1 failed set_stats ignored: The variable name '{{ 1 + 1 }}' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores.
h1 failed set_fact ignored: The variable name '{{ 1 + 1 }}' is not valid. Variables must start with a letter or underscore character, and contain only letters, numbers and underscores.`},
	})
}

// Facts do not say how their host is reached, in no way that they come by.
func TestFactsDoNotRedirect(t *testing.T) {
	lies := &module.Module{Name: "test.lies", NeedsHost: true, Run: func(_ context.Context, c *module.Call) (module.Result, error) {
		return module.Result{Msg: c.Host.(fakeHost).String(), Facts: value.NewMap("ansible_connection", "local", "ansible_host", "evil")}, nil
	}}
	scenario{name: "in a loop", body: `
tasks:
  - test.lies:
    loop: [1, 2]
`, change: func(o *Options) { o.Modules[lies.Name] = lies }, want: `
play p
h1 ok test.lies (1): ssh @h1:0
h1 ok test.lies (2): ssh @h1:0
h1 ok test.lies`}.run(t)

	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "h1"), []byte(`{"ansible_host": "evil", "ansible_kept": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	scenario{name: "kept by an earlier run", body: `
tasks:
  - test.where:
    environment: {A: b}
  - debug: {msg: "{{ ansible_kept }}"}
`, change: func(o *Options) {
		o.Settings = settings.Default()
		o.Settings.FactCaching, o.Settings.FactCachingConnection = "jsonfile", dir
	}, want: `
play p
h1 ok test.where: ssh @h1:0 env 1 b
h1 ok debug: 1`}.run(t)
}

func TestFactsStayInTheirFolder(t *testing.T) {
	c := &factCache{dir: t.TempDir(), now: time.Now}
	if got := filepath.Dir(c.file("../../etc/passwd")); got != c.dir {
		t.Errorf("got %s, want %s", got, c.dir)
	}
}

func TestAnIncludeThatFailsHidesItsFile(t *testing.T) {
	tr, _, err := ran(t, map[string]string{"site.yml": play("h1", `
vars: {secret: hush}
tasks:
  - include_tasks: "{{ secret }}.yml"
    no_log: true
`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if shown := fmt.Sprint(tr.raw) + tr.text(); strings.Contains(shown, "hush") {
		t.Errorf("shown: %s", shown)
	}
}

func TestReservedFacts(t *testing.T) {
	given := value.NewMap("ansible_ssh_host_key_checking", false, "ansible_ssh_host_key_rsa_public", "k", "ansible_ruby_interpreter", "/evil",
		"ansible_async_dir", "/evil", "ansible_doas_exe", "/evil", "ansible_distribution", "Debian", "mine", 1)
	want := value.NewMap("ansible_ssh_host_key_rsa_public", "k", "ansible_distribution", "Debian", "mine", 1)
	if got := cleanFacts(given); !value.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}
