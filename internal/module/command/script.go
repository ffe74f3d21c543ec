package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
)

func rawModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.raw",
		Aliases: []string{"ansible.legacy.raw"},
		Summary: "Sends a command line to the login shell's sh as it is.",
		Args: module.Schema{FreeForm: true, Args: []module.Arg{
			{Name: "_raw_params", Doc: "the command line"},
			{Name: "executable", Type: module.Path, Doc: "the shell to run it in"},
		}},
		NeedsHost: true,
		Run:       runRaw,
	}
}

func runRaw(ctx context.Context, call *module.Call) (module.Result, error) {
	script := text(call)
	if call.Check {
		return module.Result{Skipped: true}, nil
	}
	if shell := call.Args.String("executable"); shell != "" {
		script = connection.Quote(shell) + " -c " + connection.Quote(script)
	}
	out, err := call.Host.Run(ctx, connection.Command{Script: script, Env: call.Env, Become: call.Become})
	if err != nil {
		return module.Result{}, err
	}
	return delivered(string(out.Stdout), string(out.Stderr), out.Code), nil
}

func delivered(stdout, stderr string, code int) module.Result {
	res := output(module.Result{Changed: true}, stdout, stderr).Set("rc", code)
	if code != 0 {
		res.Failed, res.Msg = true, "non-zero return code"
	}
	return res
}

func scriptModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.script",
		Aliases: []string{"ansible.legacy.script"},
		Summary: "Runs a script of this machine on the host.",
		Args: module.Schema{FreeForm: true, Args: append([]module.Arg{
			{Name: "_raw_params", Doc: "the script's file name and its arguments"},
			{Name: "cmd", Doc: "the script's file name and its arguments"},
			{Name: "executable", Type: module.Path, Doc: "the program that interprets the script"},
			{Name: "decrypt", Type: module.Bool, Default: true, Doc: "a script that is a vault is decrypted"},
		}, guards...)},
		NeedsHost: true,
		Run:       runScript,
	}
}

// The script travels as input; what the host keeps of it is gone when it ends.
const scriptProgram = `f=$(mktemp "${TMPDIR:-/tmp}/rollout-XXXXXX") || exit
trap 'rm -f "$f"' EXIT
trap 'exit 143' TERM INT HUP
cat >"$f" && chmod 700 "$f" || exit
%s "$f" %s </dev/null
`

func runScript(ctx context.Context, call *module.Call) (module.Result, error) {
	argv, err := words(text(call))
	if err != nil {
		return module.Fail(fmt.Sprintf("cannot split the script's arguments: %v", err)), nil
	}
	if len(argv) == 0 {
		return module.Fail("no script given"), nil
	}
	content, err := readFile(call.Files, argv[0])
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	args := make([]string, 0, len(argv))
	for _, a := range argv[1:] {
		args = append(args, connection.Quote(a))
	}
	program := fmt.Sprintf(scriptProgram, call.Args.String("executable"), strings.Join(args, " "))
	out, err := call.Host.Run(ctx, connection.Command{Script: guarded(call, program, ""), Stdin: bytes.NewReader(content), Env: call.Env, Become: call.Become})
	if err != nil {
		return module.Result{}, err
	}
	return scriptResult(call, out), nil
}

func scriptResult(call *module.Call, out connection.Output) module.Result {
	state, stdout, _ := bytes.Cut(out.Stdout, []byte("\n"))
	switch string(state) {
	case "ran":
		return delivered(string(stdout), string(out.Stderr), out.Code)
	case "exists":
		return module.Result{Skipped: true, Msg: fmt.Sprintf("%s exists, matching creates option", call.Args.String("creates"))}
	case "missing":
		return module.Result{Skipped: true, Msg: fmt.Sprintf("%s does not exist, matching removes option", call.Args.String("removes"))}
	case "check":
		return module.Result{Changed: true}
	}
	return module.Fail("cannot change to the folder before the script runs: " + strings.TrimSpace(string(out.Stderr)))
}

func readFile(files module.Files, name string) ([]byte, error) {
	f, _, err := files.Open("files", name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
