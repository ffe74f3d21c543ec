package library

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// program keeps the module and its arguments in a folder that is gone when it
// ends. The arguments are the first line of the input, in base64: they may be
// secret, and so are in no process list.
const program = `old=$(umask)
umask 077
d=$(mktemp -d "${TMPDIR:-/tmp}/rollout-XXXXXX") || exit
trap 'rm -rf "$d"' EXIT
trap 'exit 143' TERM INT HUP
IFS= read -r args
printf %s "$args" | base64 -d >"$d/args" && cat >"$d/$name" && chmod 700 "$d/$name" || exit
set -- $with
if [ "$1" ] && ! command -v "$1" >/dev/null 2>&1; then
	case $1 in
	*/python*) for p in python3 python; do command -v $p >/dev/null 2>&1 && { shift; set -- $p "$@"; break; }; done ;;
	esac
	command -v "$1" >/dev/null 2>&1 || { echo "the host has no $1, which the module needs" >&2; exit 127; }
fi
umask "$old"
"$@" "$d/$name" "$d/args" </dev/null
`

func (o *ownModule) run(ctx context.Context, call *module.Call) (module.Result, error) {
	content, how, err := o.read()
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	args, err := o.arguments(how, call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	if how == jsonArgs {
		content = bytes.ReplaceAll(content, []byte(jsonMark), args)
	}
	interpreter, err := o.interpreter(ctx, how, content, call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	script := "name=" + connection.Quote(filepath.Base(o.file)) + "\nwith=" + connection.Quote(interpreter) + "\n" + program
	input := append([]byte(base64.StdEncoding.EncodeToString(args)+"\n"), content...)
	out, err := call.Host.Run(ctx, connection.Command{Script: script, Stdin: bytes.NewReader(input), Env: call.Env, Become: call.Become})
	if err != nil {
		return module.Result{}, err
	}
	return answer(out), nil
}

// arguments are what the module reads: what the task gives it, and how it is
// run, under the names that Ansible uses.
func (o *ownModule) arguments(how style, call *module.Call) ([]byte, error) {
	args := value.NewMap()
	for k, v := range call.Args.All() {
		args.Set(k, v)
	}
	if call.FreeForm != "" {
		args.Set("_raw_params", call.FreeForm)
	}
	for k, v := range map[string]any{"check_mode": call.Check, "diff": call.Diff, "verbosity": call.Verbose, "module_name": o.name,
		"no_log": false, "debug": false} {
		args.Set("_ansible_"+k, v)
	}
	if how != oldStyle {
		return value.ToJSON(args)
	}
	var b strings.Builder
	for k, v := range args.All() {
		text, isText := v.(string)
		if !isText {
			encoded, err := value.ToJSON(v)
			if err != nil {
				return nil, err
			}
			text = string(encoded)
		}
		fmt.Fprintf(&b, "%v=%s ", k, connection.Quote(text))
	}
	return []byte(b.String()), nil
}

// interpreter is what the module's first line names, or the variable
// ansible_NAME_interpreter in its place; empty for a program of the machine's.
func (o *ownModule) interpreter(ctx context.Context, how style, content []byte, call *module.Call) (string, error) {
	if how == binary {
		return "", nil
	}
	first, _, _ := bytes.Cut(content, []byte("\n"))
	line, ok := strings.CutPrefix(strings.TrimSpace(string(first)), "#!")
	words := strings.Fields(line)
	if !ok || len(words) == 0 {
		return "", fmt.Errorf("cannot run the module %s: its first line names no interpreter, such as #!/bin/sh", o.file)
	}
	name := filepath.Base(words[0])
	if name == "env" && len(words) > 1 {
		name = words[1]
	}
	if strings.HasPrefix(name, "python") {
		name = "python"
	}
	chosen, err := call.Render(ctx, "interpreter", "{{ ansible_"+name+"_interpreter | default('') }}", nil)
	if err != nil || chosen == "" || strings.HasPrefix(chosen, "auto") {
		return strings.Join(words, " "), nil
	}
	return chosen, nil
}

// answer reads what the module printed: JSON, around which there may be lines
// of others.
func answer(out connection.Output) module.Result {
	text, junk := withoutJunk(string(out.Stdout))
	data, err := value.FromJSON([]byte(text))
	m, ok := data.(*value.Map)
	if err != nil || !ok {
		return module.Fail("MODULE FAILURE\nSee stdout/stderr for the exact error").
			Set("module_stdout", string(out.Stdout)).Set("module_stderr", string(out.Stderr)).Set("rc", out.Code)
	}
	res := module.Result{Changed: m.Bool("changed"), Failed: m.Bool("failed"), Skipped: m.Bool("skipped"), Msg: m.String("msg"),
		Facts: m.Map("ansible_facts"), Warnings: value.Strings(m.List("warnings")), Data: value.NewMap()}
	if _, says := m.Get("failed"); !says {
		rc, has := m.Get("rc")
		res.Failed = has && rc != 0 && rc != "0"
	}
	if junk != "" {
		res.Warnings = append(res.Warnings, "Module invocation had junk after the JSON data: "+junk)
	}
	for k, v := range m.All() {
		switch k {
		case "changed", "failed", "skipped", "msg", "ansible_facts", "warnings", "invocation":
		default:
			res.Data.Set(k, v)
		}
	}
	return res
}

// withoutJunk takes away the lines before the first that begins an object, and
// those after the last that ends it, which it returns as junk: "" for none.
func withoutJunk(text string) (found, junk string) {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for len(lines) > 0 && !strings.HasPrefix(strings.TrimSpace(lines[0]), "{") {
		lines = lines[1:]
	}
	end := len(lines)
	for end > 0 && !strings.HasSuffix(strings.TrimSpace(lines[end-1]), "}") {
		end--
	}
	if junk = strings.Join(lines[end:], "\n"); strings.TrimSpace(junk) == "" {
		junk = ""
	}
	return strings.Join(lines[:end], "\n"), junk
}
