// Package system holds the modules that look at a host and its services: ping,
// setup, the waits, uri, service, packages, users and groups. What happens on a
// host is one POSIX sh program per task.
package system

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
)

// Modules returns the modules of this package.
func Modules() []*module.Module {
	return []*module.Module{
		pingModule(), setupModule(), waitForModule(), waitForConnectionModule(), uriModule(),
		serviceModule(), systemdModule(), aptModule(), dnfModule(), yumModule(), packageModule(), mountModule(), userModule(), groupModule(), authorizedKeyModule(),
		gitModule(), hostnameModule(),
	}
}

func pingModule() *module.Module {
	return &module.Module{
		Name:      "ansible.builtin.ping",
		Aliases:   []string{"ansible.legacy.ping"},
		Summary:   "Runs a trivial program on the host and answers pong.",
		Args:      module.Schema{Args: []module.Arg{{Name: "data", Default: "pong", Doc: "what to answer; crash fails"}}},
		NeedsHost: true,
		Run: func(ctx context.Context, call *module.Call) (module.Result, error) {
			data := call.Args.String("data")
			out, err := run(ctx, call, "printf %s "+connection.Quote(data), nil)
			if err != nil {
				return module.Result{}, err
			}
			if data == "crash" || string(out.Stdout) != data {
				return module.Fail("boom"), nil
			}
			return module.Result{}.Set("ping", data), nil
		},
	}
}

// run runs a program on the call's host as the call's user.
func run(ctx context.Context, call *module.Call, script string, stdin io.Reader) (connection.Output, error) {
	return call.Host.Run(ctx, connection.Command{Script: script, Stdin: stdin, Env: call.Env, Become: call.Become})
}

// answers are the "key=value" lines that a program says. Any other program
// that fails says why on standard error.
type answers map[string]string

func ask(ctx context.Context, call *module.Call, script string, stdin io.Reader) (answers, error) {
	out, err := run(ctx, call, script, stdin)
	if err != nil {
		return nil, err
	}
	a := answers{}
	for line := range strings.SplitSeq(string(out.Stdout), "\n") {
		if k, v, ok := strings.Cut(line, "="); ok {
			a[k] = v
		}
	}
	if out.Code != 0 && a["fail"] == "" {
		a["fail"] = fmt.Sprintf("the program on the host ended with code %d: %s", out.Code, oneLine(string(out.Stderr)))
	}
	return a, nil
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// vars are assignments at the top of a program.
func vars(pairs ...string) string {
	var b strings.Builder
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(pairs[i] + "=" + connection.Quote(pairs[i+1]) + "\n")
	}
	return b.String()
}

// flag is a bool for a program: 1 or nothing.
func flag(b bool) string {
	if b {
		return "1"
	}
	return ""
}

// saying are the functions with which programs answer.
const saying = `say() { printf '%s=%s\n' "$1" "$2"; }
fail() { printf 'fail=%s\n' "$(printf '%s' "$1" | tr '\n' ' ')"; exit 0; }
changed=
act() { # runs a change unless in check mode; its output is the reason where it fails
	changed=1
	[ "$check" ] && return 0
	out=$("$@" 2>&1 </dev/null) || fail "$1 failed: $out"
}
`

func progress(call *module.Call, format string, args ...any) {
	if call.Progress != nil {
		call.Progress(fmt.Sprintf(format, args...))
	}
}

// sleep waits, or tells that ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// elapsed is in whole seconds, as Ansible's waits return it.
func elapsed(since time.Time) int { return int(time.Since(since) / time.Second) }

// skipInCheck is the answer of modules that cannot know what they would do.
func skipInCheck(name string) module.Result {
	return module.Result{Skipped: true, Msg: fmt.Sprintf("%s is not run in check mode", name)}
}
