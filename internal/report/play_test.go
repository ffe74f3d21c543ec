package report

import (
	"bytes"
	"strings"
	"testing"

	"rollout/internal/value"
)

func printed(opt PlayOptions, events ...Event) (out, err string) {
	var o, e bytes.Buffer
	opt.Out, opt.Err = &o, &e
	p := NewPlay(opt)
	for _, ev := range events {
		p.Handle(ev)
	}
	return o.String(), e.String()
}

func TestResultLines(t *testing.T) {
	task := Task{ID: 1, Name: "t"}
	data := value.NewMap("changed", true, "b", 1, "a", "x", "failed", false, "_ansible_no_log", false)
	msg := value.NewMap("changed", false, "msg", "hello")
	for _, c := range []struct {
		name string
		opt  PlayOptions
		r    Result
		want string
	}{
		{"ok", PlayOptions{}, Result{Host: "h"}, "ok: [h]"},
		{"verbose", PlayOptions{Verbose: 1}, Result{Host: "h", Status: Changed, Data: data},
			`changed: [h] => {"a": "x", "b": 1, "changed": true}`},
		{"delegated", PlayOptions{}, Result{Host: "h", Delegate: "d", Status: Changed}, "changed: [h -> d]"},
		{"item", PlayOptions{}, Result{Host: "h", Item: true, Label: "1"}, "ok: [h] => (item=1)"},
		{"skipped item", PlayOptions{}, Result{Host: "h", Item: true, Label: "1", Status: Skipped}, "skipping: [h] => (item=1) "},
		{"debug", PlayOptions{}, Result{Host: "h", Debug: true, Data: msg}, "ok: [h] => {\n    \"msg\": \"hello\"\n}"},
		{"assert", PlayOptions{}, Result{Host: "h", Always: true, Data: msg},
			"ok: [h] => {\n    \"changed\": false,\n    \"msg\": \"hello\"\n}"},
		{"failed", PlayOptions{}, Result{Host: "h", Status: Failed, Data: msg}, `fatal: [h]: FAILED! => {"changed": false, "msg": "hello"}`},
		{"ignored", PlayOptions{}, Result{Host: "h", Status: Failed, Data: msg, Ignored: true},
			"fatal: [h]: FAILED! => {\"changed\": false, \"msg\": \"hello\"}\n...ignoring"},
		{"failed item", PlayOptions{}, Result{Host: "h", Status: Failed, Data: msg, Item: true, Label: "x"},
			`failed: [h] (item=x) => {"changed": false, "msg": "hello"}`},
		{"lost", PlayOptions{}, Result{Host: "h", Status: Unreachable, Data: value.NewMap("unreachable", true)},
			`fatal: [h]: UNREACHABLE! => {"unreachable": true}`},
		{"colour", PlayOptions{Color: true}, Result{Host: "h"}, "\033[0;32mok: [h]\033[0m"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.r.Task = task
			got, _ := printed(c.opt, TaskStart{task}, c.r)
			_, got, _ = strings.Cut(strings.TrimPrefix(got, "\n"), "\n")
			if got != c.want+"\n" {
				t.Errorf("got %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestAWholeRun(t *testing.T) {
	one := Task{ID: 1, Name: "role : first"}
	got, warned := printed(PlayOptions{},
		PlaybookStart{File: "site.yml"}, PlayStart{Name: "web servers"}, TaskStart{one},
		Result{Task: one, Host: "h1", Status: Changed, Diffs: []Diff{{Before: "a\nb\n", After: "a\nc\n", AfterHeader: "/etc/x"}}},
		Warning{Text: "twice"}, Warning{Text: "twice"},
		Included{File: "/x.yml", Hosts: []string{"h1", "h2"}, Label: "1"},
		Retry{Task: one, Host: "h1", Left: 2},
		Recap{Hosts: []HostStats{{Host: "h1", OK: 12, Changed: 1}, {Host: "a-long-name", Failed: 1}}})
	want := `
PLAY [web servers] *************************************************************

TASK [role : first] ************************************************************
--- before
+++ after: /etc/x
@@ -1,2 +1,2 @@
 a
-b
+c

changed: [h1]
included: /x.yml for h1, h2 => (item=1)
FAILED - RETRYING: [h1]: role : first (2 retries left).

PLAY RECAP *********************************************************************
h1                         : ok=12   changed=1    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   
a-long-name                : ok=0    changed=0    unreachable=0    failed=1    skipped=0    rescued=0    ignored=0   

`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if warned != "[WARNING]: twice\n" {
		t.Errorf("warnings: %q", warned)
	}
}

func TestUnifiedDiff(t *testing.T) {
	for _, c := range []struct{ before, after, want string }{
		{"", "", ""},
		{"same\n", "same\n", ""},
		{"", "a\n", "--- before\n+++ after\n@@ -0,0 +1 @@\n+a\n"},
		{"a\n", "", "--- before\n+++ after\n@@ -1 +0,0 @@\n-a\n"},
		{"a", "b\n", "--- before\n+++ after\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n"},
		{"1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nX\n6\n7\n8\n9\n",
			"--- before\n+++ after\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+X\n 6\n 7\n 8\n"},
	} {
		if got := UnifiedDiff(Diff{Before: c.before, After: c.after}); got != c.want {
			t.Errorf("%q -> %q: got\n%s\nwant\n%s", c.before, c.after, got, c.want)
		}
	}
}

func TestWhatIsWaitedForIsShownAndTakenAway(t *testing.T) {
	got, _ := printed(PlayOptions{Live: true}, Progress{Host: "h", Text: "for boot"}, Progress{Host: "h"})
	if got != "  h: for boot\n\033[1A\r\033[J" {
		t.Errorf("on a terminal: %q", got)
	}
	if got, _ := printed(PlayOptions{Live: true}, Progress{Host: "h", Text: "one\n\x1b[2Jtwo"}); got != "  h: one\n    \\x1b[2Jtwo\n" {
		t.Errorf("several lines, with what would clear the screen: %q", got)
	}
	if got, _ := printed(PlayOptions{}, Progress{Host: "h", Text: "for boot"}); got != "" {
		t.Errorf("off a terminal: %q", got)
	}
	if got, _ := printed(PlayOptions{Verbose: 1}, Progress{Host: "h", Text: "for boot"}); got != "waiting: [h] for boot\n" {
		t.Errorf("with -v: %q", got)
	}
}

func TestWhatAHostSaysCannotSteerTheTerminal(t *testing.T) {
	got, _ := printed(PlayOptions{Color: true}, Result{Task: Task{Name: "t"}, Host: "h\x1b]0;x\a", Status: Failed,
		Data: value.NewMap("msg", "\x1b[31mred", "stdout", "one\n\x1b[2Jtwo")})
	for _, sequence := range []string{"\x1b]0;", "\x1b[31mred", "\x1b[2J", "\a"} {
		if strings.Contains(got, sequence) {
			t.Errorf("%q reaches the terminal in %q", sequence, got)
		}
	}
}

func TestColorWanted(t *testing.T) {
	env := func(pairs ...string) func(string) string {
		return func(k string) string {
			for i := 0; i+1 < len(pairs); i += 2 {
				if pairs[i] == k {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	for _, c := range []struct {
		terminal, force, forbid bool
		env                     func(string) string
		want                    bool
	}{
		{true, false, false, env(), true}, {false, false, false, env(), false}, {true, false, false, env("NO_COLOR", "1"), false},
		{false, true, true, env(), true}, {true, false, true, env(), false}, {true, false, false, env("TERM", "dumb"), false},
	} {
		if got := ColorWanted(c.terminal, c.force, c.forbid, c.env); got != c.want {
			t.Errorf("got %v, want %v", got, c.want)
		}
	}
}
