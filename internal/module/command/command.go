// Package command holds the modules that run what a person wrote: command,
// shell, raw and script. Each is one program on the host that looks at creates
// and removes, and then becomes the command.
package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// Modules returns the modules of this package.
func Modules() []*module.Module {
	return []*module.Module{commandModule(), shellModule(), rawModule(), scriptModule()}
}

var guards = []module.Arg{
	{Name: "chdir", Type: module.Path, Doc: "folder to change to before the command runs"},
	{Name: "creates", Type: module.Path, Doc: "a file or pattern; where it exists the command does not run"},
	{Name: "removes", Type: module.Path, Doc: "a file or pattern; where it does not exist the command does not run"},
}

func inputs() []module.Arg {
	return append([]module.Arg{
		{Name: "_raw_params", Doc: "the command as one text"},
		{Name: "cmd", Doc: "the command as one text"},
		{Name: "stdin", Doc: "what the command reads"},
		{Name: "stdin_add_newline", Type: module.Bool, Default: true, Doc: "end stdin with a line end"},
		{Name: "strip_empty_ends", Type: module.Bool, Default: true, Doc: "strip line ends from the end of the output"},
		{Name: "executable", Type: module.Path, Doc: "the shell; only the shell module uses it"},
	}, guards...)
}

func commandModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.command",
		Aliases: []string{"ansible.legacy.command"},
		Summary: "Runs a command without a shell.",
		Args: module.Schema{FreeForm: true, Args: append(inputs(),
			module.Arg{Name: "argv", Type: module.List, Elements: module.Str, Doc: "the command as a list of words"})},
		NeedsHost: true,
		Run:       runCommand,
		Detach:    detachCommand,
	}
}

func shellModule() *module.Module {
	return &module.Module{
		Name:      "ansible.builtin.shell",
		Aliases:   []string{"ansible.legacy.shell"},
		Summary:   "Runs a command line in a shell.",
		Args:      module.Schema{FreeForm: true, Args: inputs()},
		NeedsHost: true,
		Run:       runShell,
		Detach:    detachShell,
	}
}

// text is the command as written: free form, or in one of the arguments.
func text(call *module.Call) string {
	for _, s := range []string{call.FreeForm, call.Args.String("_raw_params"), call.Args.String("cmd")} {
		if strings.TrimSpace(s) != "" {
			return s
		}
	}
	return ""
}

func failed(rc int, msg string) module.Result { return module.Fail(msg).Set("rc", rc) }

// line is a command made ready: the statement that becomes it, the one that
// looks whether it is there, and the return value cmd.
type line struct {
	name          string // the program
	exec, present string
	cmd           any
}

// commandLine is what the command module runs, or why it cannot.
func commandLine(call *module.Call) (line, string) {
	argv := value.Strings(call.Args.List("argv"))
	src := text(call)
	switch {
	case src == "" && len(argv) == 0:
		return line{}, "no command given"
	case src != "" && len(argv) > 0:
		return line{}, "only command or argv can be given, not both"
	}
	if src != "" {
		var err error
		if argv, err = words(src); err != nil {
			return line{}, fmt.Sprintf("cannot split the command %q: %v", src, err)
		}
	}
	quoted := make([]string, len(argv))
	for i, w := range argv {
		quoted[i] = module.Expanding(w)
	}
	return line{exec: "exec " + strings.Join(quoted, " "), present: presence(quoted[0]), name: argv[0], cmd: value.List(argv)}, ""
}

// shellLine is what the shell module runs, or why it cannot.
func shellLine(call *module.Call) (line, string) {
	src := text(call)
	if src == "" {
		return line{}, "no command given"
	}
	shell := call.Args.String("executable")
	if shell == "" {
		shell = "/bin/sh"
	}
	shell = connection.Quote(shell)
	return line{exec: "exec " + shell + " -c " + connection.Quote(src), present: presence(shell), name: shell, cmd: src}, ""
}

func presence(quoted string) string {
	return "command -v -- " + quoted + " >/dev/null || { echo nocommand; exit; }"
}

func runCommand(ctx context.Context, call *module.Call) (module.Result, error) {
	l, wrong := commandLine(call)
	if wrong != "" {
		return failed(256, wrong), nil
	}
	res, err := run(ctx, call, l)
	if call.Args.String("executable") != "" {
		res.Warnings = append(res.Warnings, "the command module has no use for executable; use the shell module")
	}
	return withCmd(res, l.cmd), err
}

func runShell(ctx context.Context, call *module.Call) (module.Result, error) {
	l, wrong := shellLine(call)
	if wrong != "" {
		return failed(256, wrong), nil
	}
	res, err := run(ctx, call, l)
	return withCmd(res, l.cmd), err
}

func withCmd(r module.Result, cmd any) module.Result {
	if r.Data != nil && r.Data.At("cmd") == nil {
		r.Data.Set("cmd", cmd)
	}
	return r
}

// guarded puts the looks before the command. The program's first line of
// output says how they ended; the command's own output follows.
func guarded(call *module.Call, command, present string) string {
	var b strings.Builder
	if dir := call.Args.String("chdir"); dir != "" {
		b.WriteString("cd -- " + home(dir) + " || { echo nofolder; exit; }\n")
	}
	if p := call.Args.String("creates"); p != "" {
		b.WriteString("for f in " + pattern(p) + "; do if [ -e \"$f\" ] || [ -L \"$f\" ]; then echo exists; exit; fi; done\n")
	}
	if p := call.Args.String("removes"); p != "" {
		b.WriteString("there=; for f in " + pattern(p) + "; do if [ -e \"$f\" ] || [ -L \"$f\" ]; then there=1; fi; done\n" +
			"[ \"$there\" ] || { echo missing; exit; }\nunset there\n")
	}
	if call.Check {
		return b.String() + "echo check\n"
	}
	return b.String() + present + "\necho ran\n" + command + "\n"
}

// home quotes a path, leaving a ~ at its beginning to the shell.
func home(path string) string {
	if path == "~" {
		return "~"
	}
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return "~/" + connection.Quote(rest)
	}
	return connection.Quote(path)
}

// pattern quotes a path but for what makes it a pattern.
func pattern(path string) string {
	var b strings.Builder
	rest := path
	if strings.HasPrefix(path, "~/") {
		b.WriteString("~/")
		rest = path[2:]
	}
	for rest != "" {
		i := strings.IndexAny(rest, "*?[]")
		if i < 0 {
			i = len(rest)
		}
		if i > 0 {
			b.WriteString(connection.Quote(rest[:i]))
		}
		if i < len(rest) {
			b.WriteByte(rest[i])
			i++
		}
		rest = rest[i:]
	}
	return b.String()
}

// run sends the command and reads the result. Begin, end and duration are
// this machine's, so the way there and back is in them.
func run(ctx context.Context, call *module.Call, l line) (module.Result, error) {
	started := time.Now()
	out, err := call.Host.Run(ctx, connection.Command{Script: guarded(call, l.exec, l.present), Stdin: stdin(call), Env: call.Env, Become: call.Become})
	if err != nil {
		return module.Result{}, err
	}
	ended := time.Now()
	state, stdout, _ := bytes.Cut(out.Stdout, []byte("\n"))
	switch string(state) {
	case "ran":
		return ran(call, stdout, out.Stderr, out.Code).Set("start", stamp(started)).Set("end", stamp(ended)).
			Set("delta", duration(ended.Sub(started))), nil
	case "nofolder":
		return failed(1, "Unable to change directory before execution: "+strings.TrimSpace(string(out.Stderr))), nil
	case "nocommand":
		return notThere(l), nil
	case "exists":
		return skipped(call, call.Args.String("creates"), "exists"), nil
	case "missing":
		return skipped(call, call.Args.String("removes"), "does not exist"), nil
	case "check":
		return wouldRun(call), nil
	}
	return failed(out.Code, "the host did not run the program: "+strings.TrimSpace(string(out.Stderr))), nil
}

// notThere is the result of a command whose program is missing.
func notThere(l line) module.Result {
	msg := "No such file or directory, or it may not be executed: " + l.name
	return output(failed(2, msg), "", "").Set("cmd", l.name).Set("msg", msg).Set("failed", true).Set("changed", false)
}

func stdin(call *module.Call) io.Reader {
	s, given := call.Args.Get("stdin")
	if !given {
		return nil
	}
	in := fmt.Sprint(s)
	if call.Args.Bool("stdin_add_newline") {
		in += "\n"
	}
	return strings.NewReader(in)
}

func ran(call *module.Call, stdout, stderr []byte, code int) module.Result {
	o, e := string(stdout), string(stderr)
	if call.Args.Bool("strip_empty_ends") {
		o, e = strings.TrimRight(o, "\r\n"), strings.TrimRight(e, "\r\n")
	}
	res := output(module.Result{Changed: true}, o, e).Set("rc", code).Set("msg", "")
	if code != 0 {
		res.Failed, res.Msg = true, "non-zero return code"
	}
	return res
}

func output(r module.Result, stdout, stderr string) module.Result {
	return r.Set("stdout", stdout).Set("stderr", stderr).Set("stdout_lines", module.Lines(stdout)).Set("stderr_lines", module.Lines(stderr))
}

func skipped(call *module.Call, path, is string) module.Result {
	did := "Did"
	if call.Check {
		did = "Would"
	}
	res := module.Result{Msg: fmt.Sprintf("%s not run command since '%s' %s", did, path, is)}
	return output(res, fmt.Sprintf("skipped, since %s %s", path, is), "").Set("rc", 0)
}

// wouldRun is check mode's answer: only with creates or removes is it known
// that the command would change something.
func wouldRun(call *module.Call) module.Result {
	guarded := call.Args.String("creates") != "" || call.Args.String("removes") != ""
	res := module.Result{Msg: "Command would have run if not in check mode", Changed: guarded, Skipped: !guarded}
	return output(res, "", "").Set("rc", 0)
}

func stamp(t time.Time) string { return t.Format("2006-01-02 15:04:05.000000") }

// duration is Python's str(timedelta).
func duration(d time.Duration) string {
	d = d.Round(time.Microsecond)
	h, m := d/time.Hour, d/time.Minute%60
	return fmt.Sprintf("%d:%02d:%02d.%06d", h, m, d/time.Second%60, d/time.Microsecond%1_000_000)
}
