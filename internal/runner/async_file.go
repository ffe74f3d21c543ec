package runner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
)

// asyncFolder is where jobs leave their results unless told otherwise, as
// Ansible's do: one JSON file each, named after the job.
const asyncFolder = "~/.ansible_async"

// jobFile is the file that says how a job does.
type jobFile struct {
	dir  folder
	jid  string
	path string // known once the job was started or looked at
}

// folder holds the files of jobs: on a host, or on this machine for work that
// this machine does.
type folder interface {
	// run runs a program to which $d is the folder and returns its output and
	// exit code.
	run(ctx context.Context, script string, in []byte) (string, int, error)
}

// hostFolder is on the host that a call works on, in the home of the user that
// it becomes.
type hostFolder struct {
	call *call
	name string
}

// asyncDir is the folder of the call's jobs.
func (c *call) asyncDir() folder {
	name := asyncFolder
	if v, ok, err := c.scope.Lookup("ansible_async_dir"); ok && err == nil && v != nil {
		name = text(v)
	}
	if env := c.env["ANSIBLE_ASYNC_DIR"]; env != "" {
		name = env
	}
	if c.module != nil && !c.module.NeedsHost {
		return ownFolder{name}
	}
	return hostFolder{c, name}
}

func (h hostFolder) run(ctx context.Context, script string, in []byte) (string, int, error) {
	host, err := h.call.job.batch.run.conns.get(ctx, h.call.target)
	if err != nil {
		return "", 0, err
	}
	return runIn(ctx, host, connection.Command{Script: folderScript(h.name, script), Stdin: reader(in), Env: h.call.env, Become: h.call.become})
}

// ownFolder is on this machine.
type ownFolder struct{ name string }

func (o ownFolder) run(ctx context.Context, script string, in []byte) (string, int, error) {
	return runIn(ctx, connection.Local(), connection.Command{Script: folderScript(o.name, script), Stdin: reader(in)})
}

func reader(in []byte) io.Reader {
	if in == nil {
		return nil
	}
	return bytes.NewReader(in)
}

func runIn(ctx context.Context, host connection.Host, cmd connection.Command) (string, int, error) {
	out, err := host.Run(ctx, cmd)
	if err != nil {
		return "", 0, err
	}
	if out.Code > 3 {
		return "", out.Code, fmt.Errorf("cannot keep track of the job: %s", strings.TrimSpace(string(out.Stderr)))
	}
	return string(out.Stdout), out.Code, nil
}

// folderScript sets $d to the folder and then runs script.
func folderScript(name, script string) string {
	quoted := connection.Quote(name)
	if rest, ok := strings.CutPrefix(name, "~/"); ok {
		quoted = "~/" + connection.Quote(rest)
	}
	return "old=$(umask)\numask 077\nd=" + quoted + "\n" + script
}

// The exit codes of the programs here: 3 says that there is no such job.
const noJob = 3

const makeFolder = `mkdir -p -- "$d" || exit 9
printf '%s\n' "$d"
`

// put writes the file whole, so that nobody reads half of it.
func (f *jobFile) put(ctx context.Context, content []byte) error {
	j := connection.Quote(f.jid)
	out, _, err := f.dir.run(ctx, makeFolder+`cat >"$d/"`+j+`.tmp && mv -- "$d/"`+j+`.tmp "$d/"`+j+" || exit 9\n", content)
	f.found(out)
	return err
}

func (f *jobFile) found(out string) {
	dir, _, _ := strings.Cut(out, "\n")
	f.path = filepath.Join(dir, f.jid)
}

// get reads the file; nil where there is none.
func (f *jobFile) get(ctx context.Context) ([]byte, error) {
	out, code, err := f.dir.run(ctx, `printf '%s\n' "$d"; [ -f "$d/"`+connection.Quote(f.jid)+" ] || exit 3\ncat \"$d/\""+connection.Quote(f.jid), nil)
	if err != nil {
		return nil, err
	}
	f.found(out)
	if code == noJob {
		return nil, nil
	}
	_, content, _ := strings.Cut(out, "\n")
	return []byte(content), nil
}

// erase deletes the file and tells whether there was one.
func (f *jobFile) erase(ctx context.Context) (bool, error) {
	out, code, err := f.dir.run(ctx, `printf '%s\n' "$d"; [ -f "$d/"`+connection.Quote(f.jid)+" ] || exit 3\nrm -f -- \"$d/\""+connection.Quote(f.jid), nil)
	f.found(out)
	return code != noJob, err
}

// launchScript leaves a program running on the host: $j is the job's file, $n
// the seconds that it may take. The program writes beside the file and its
// result is then put in place; a second process ends its whole group in time.
const launchScript = `j=$d/%[1]s n=%[2]d
printf '{"started": 1, "finished": 0, "ansible_job_id": "%%s"}' %[1]s >"$j.tmp" && mv -- "$j.tmp" "$j" || exit 9
cat >"$j.in" && printf '%%s' %[3]s >"$j.sh" && printf '%%s' %[4]s >"$j.run" || exit 9
s=$(command -v setsid || command -v nohup)
$s /bin/sh "$j.run" "$j" "$n" "$old" </dev/null >/dev/null 2>&1 &
exit 0
`

// superviseScript runs beside the program on the host, given $j, $n and the
// umask that the program is to have: only what is kept of it is secret. Where
// there is no setsid the groups are not separate, and only the program's first
// process is ended.
const superviseScript = `trap '' HUP
s=$(command -v setsid) g=-
[ "$s" ] || g=
$s /bin/sh -c '(umask "$2"; exec /bin/sh "$1.sh") <"$1.in" >"$1.out" 2>"$1.err"; [ -s "$1.out" ] && mv -- "$1.out" "$1"' sh "$1" "$3" &
p=$!
$s /bin/sh -c 'sleep "$2"; printf "{\"msg\": \"Timeout exceeded\", \"failed\": true, \"child_pid\": %s}" "$4" >"$1.tmp"; mv -- "$1.tmp" "$1"; kill -KILL "$3$4"' sh "$1" "$2" "$g" "$p" &
w=$!
wait "$p"
rc=$?
kill -KILL "$g$w"
case $(cat "$1") in '{"started"'*)
	printf '{"msg": "the job ended without a result (exit code %s)", "failed": true}' "$rc" >"$1.tmp"
	mv -- "$1.tmp" "$1" ;;
esac
rm -f -- "$1.in" "$1.sh" "$1.run" "$1.out" "$1.err"
`

// launch starts a program that the host runs on, also when we have gone.
func (f *jobFile) launch(ctx context.Context, seconds int, p module.Program) error {
	script := makeFolder + fmt.Sprintf(launchScript, connection.Quote(f.jid), seconds,
		connection.Quote(p.Script), connection.Quote(superviseScript))
	in := p.Stdin
	if in == nil {
		in = []byte{}
	}
	out, _, err := f.dir.run(ctx, script, in)
	f.found(out)
	return err
}

// localJob tells whether this machine has the file of a job: one of
// an earlier run on this machine.
func localJob(jid string) bool {
	home, err := os.UserHomeDir()
	if err != nil {
		return false
	}
	if jid != filepath.Base(jid) { // it may come from a host
		return false
	}
	_, err = os.Stat(filepath.Join(home, strings.TrimPrefix(asyncFolder, "~/"), jid))
	return err == nil
}
