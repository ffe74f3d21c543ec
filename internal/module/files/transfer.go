package files

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
)

func slurpModule() *module.Module {
	return &module.Module{
		Name:      "ansible.builtin.slurp",
		Aliases:   []string{"ansible.legacy.slurp"},
		Summary:   "Returns a file's content in base64.",
		Args:      module.Schema{Args: []module.Arg{{Name: "src", Aliases: []string{"path"}, Type: module.Path, Required: true, Doc: "the file on the host"}}},
		NeedsHost: true,
		Run: func(ctx context.Context, call *module.Call) (module.Result, error) {
			data, problem, err := readThere(ctx, call, call.Args.String("src"))
			if err != nil || problem != "" {
				return module.Fail(problem), err
			}
			return module.Result{}.Set("content", base64.StdEncoding.EncodeToString(data)).Set("encoding", "base64").
				Set("source", call.Args.String("src")), nil
		},
	}
}

// readThere reads a file of the host. The program's first line says whether it
// could; problem is the reason otherwise, and problem "missing" is told apart.
func readThere(ctx context.Context, call *module.Call, name string) (data []byte, problem string, err error) {
	script := "f=" + path(name) + `
[ -e "$f" ] || { echo missing; exit; }
[ -d "$f" ] && { echo folder; exit; }
[ -r "$f" ] || { echo forbidden; exit; }
echo ok; cat -- "$f"`
	out, err := call.Host.Run(ctx, connection.Command{Script: script, Env: call.Env, Become: call.Become})
	if err != nil {
		return nil, "", err
	}
	state, rest, _ := bytes.Cut(out.Stdout, []byte("\n"))
	switch string(state) {
	case "ok":
		if out.Code != 0 {
			return nil, fmt.Sprintf("cannot read %s: %s", name, strings.TrimSpace(string(out.Stderr))), nil
		}
		return rest, "", nil
	case "missing":
		return nil, "file not found: " + name, nil
	case "folder":
		return nil, "source is a directory and must be a file: " + name, nil
	}
	return nil, "file is not readable: " + name, nil
}

func fetchModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.fetch",
		Aliases: []string{"ansible.legacy.fetch"},
		Summary: "Brings a file of the host to this machine.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "src", Type: module.Path, Required: true, Doc: "the file on the host"},
			{Name: "dest", Type: module.Path, Required: true, Doc: "folder here; the file goes to dest/host/src"},
			{Name: "flat", Type: module.Bool, Default: false, Doc: "dest is the file itself, or with a trailing / its folder"},
			{Name: "fail_on_missing", Type: module.Bool, Default: true, Doc: "a file that is not there is a failure"},
			{Name: "validate_checksum", Type: module.Bool, Default: true, Doc: "no effect: what arrives is always whole"},
		}},
		NeedsHost: true,
		Run:       runFetch,
	}
}

func runFetch(ctx context.Context, call *module.Call) (module.Result, error) {
	src := call.Args.String("src")
	data, problem, err := readThere(ctx, call, src)
	switch {
	case err != nil:
		return module.Result{}, err
	case problem != "" && strings.HasPrefix(problem, "file not found") && !call.Args.Bool("fail_on_missing"):
		return module.Result{Msg: "the remote file does not exist, not transferring, ignored"}.Set("file", src), nil
	case problem != "":
		return module.Fail(problem).Set("file", src), nil
	}
	dest := fetchPath(call, src)
	sum := sha1.Sum(data)
	old := md5.Sum(data)
	res := module.Result{}.Set("dest", dest).Set("checksum", hex.EncodeToString(sum[:])).Set("md5sum", hex.EncodeToString(old[:]))
	if there, err := os.ReadFile(dest); err == nil && bytes.Equal(there, data) {
		return res.Set("file", src), nil
	}
	res.Changed = true
	res = res.Set("remote_checksum", hex.EncodeToString(sum[:])).Set("remote_md5sum", nil)
	if call.Check {
		return res, nil
	}
	if err := writeHere(dest, data); err != nil {
		return module.Fail(err.Error()).Set("file", src), nil
	}
	return res, nil
}

func fetchPath(call *module.Call, src string) string {
	dest := call.Args.String("dest")
	switch {
	case !call.Args.Bool("flat"):
		return filepath.Join(dest, call.HostName, filepath.Clean("/"+src)) // Clean: a ../ does not lead out of dest
	case strings.HasSuffix(dest, "/"):
		return filepath.Join(dest, filepath.Base(src))
	}
	return filepath.Clean(dest)
}

func writeHere(dest string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(dest), 0o755); err != nil {
		return fmt.Errorf("cannot make the folder of %s: %w", dest, err)
	}
	// In a folder of its own, so that the file gets the mode any new file has.
	folder, err := os.MkdirTemp(filepath.Dir(dest), ".rollout-*")
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", dest, err)
	}
	defer os.RemoveAll(folder)
	tmp := filepath.Join(folder, "file")
	err = os.WriteFile(tmp, data, 0o666)
	if old, there := os.Stat(dest); err == nil && there == nil {
		err = os.Chmod(tmp, old.Mode().Perm())
	}
	if err == nil {
		err = os.Rename(tmp, dest)
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", dest, err)
	}
	return nil
}

func tempfileModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.tempfile",
		Aliases: []string{"ansible.legacy.tempfile"},
		Summary: "Makes a temporary file or folder on the host.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "state", Default: "file", Choices: []string{"directory", "file"}, Doc: "what to make"},
			{Name: "path", Type: module.Path, Doc: "folder to make it in; default: the host's"},
			{Name: "prefix", Default: "ansible.", Doc: "how the name begins"},
			{Name: "suffix", Default: "", Doc: "how the name ends"},
		}},
		NeedsHost: true,
		Run:       runTempfile,
	}
}

func runTempfile(ctx context.Context, call *module.Call) (module.Result, error) {
	if call.Check {
		return module.Result{Skipped: true, Msg: "tempfile is not run in check mode"}, nil
	}
	folder := `"${TMPDIR:-/tmp}"`
	if p := call.Args.String("path"); p != "" {
		folder = path(p)
	}
	// mktemp of busybox takes no suffix, so the name is extended afterwards.
	script := vars("d", flag(call.Args.String("state") == "directory"), "prefix", call.Args.String("prefix"), "suffix", call.Args.String("suffix")) +
		"folder=" + folder + `
while :; do
	t=$(mktemp ${d:+-d} "${folder%/}/${prefix}XXXXXXXX" 2>&1) || fail "$t"
	[ "$suffix" ] || break
	if [ ! -e "$t$suffix" ]; then mv "$t" "$t$suffix" && t=$t$suffix && break; fi
	rm -rf "$t"
done
say path "$t"; describe "$t"
`
	a, err := ask(ctx, call, script, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail("cannot make a temporary file: " + msg), nil
	}
	return described(module.Result{Changed: true}, a).Set("path", a.get("path")), nil
}
