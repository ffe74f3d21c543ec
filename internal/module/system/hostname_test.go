package system_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// named is a sandbox whose name is its own, too: it is "old" each time.
type named struct{ sandbox }

func (n named) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = "exec unshare -u sh -c " + connection.Quote(`echo old >/proc/sys/kernel/hostname && [ "$(uname -n)" = old ] || exit 98; exec sh -c "$1"`) +
		" sh " + connection.Quote(cmd.Script)
	return n.sandbox.Run(ctx, cmd)
}

func newNamed(t *testing.T) named {
	t.Helper()
	n := named{newSandbox(t)}
	out, err := n.Run(t.Context(), connection.Command{Script: "uname -n"})
	if err != nil || string(out.Stdout) != "old\n" {
		t.Skipf("no name of its own for a process here: %s %v", out.Stderr, err)
	}
	return n
}

// hostnamectl stands for systemd's: what it was told is in /etc.
const hostnamectl = `#!/bin/sh
case $* in
'--transient status') cat /etc/now ;;
'--static status') cat /etc/lasting ;;
'--transient set-hostname '*) echo "$3" >/etc/now ;;
'--pretty --static set-hostname '*) echo "$4" >/etc/lasting ;;
*) echo "what is $*?" >&2; exit 1 ;;
esac
`

// hostnameCases say what /etc holds; the file named is compared.
var hostnameCases = []struct{ name, use, file, content, setup string }{
	{"of the system", "", "hostname", "old\n", ""},
	{"is so", "", "hostname", "web1.example.org\n", ""},
	{"no file", "", "hostname", "", "rm hostname"},
	{"sles", "sles", "HOSTNAME", "old\n", ""},
	{"redhat", "redhat", "sysconfig/network", "A=1\nHOSTNAME=old\nB=2\n", "mkdir -p sysconfig"},
	{"redhat without", "redhat", "sysconfig/network", "A=1\n", "mkdir -p sysconfig"},
	{"openrc", "openrc", "conf.d/hostname", "# the name\nhostname=\"old\"\n", "mkdir -p conf.d"},
	{"alpine", "alpine", "hostname", "old\n", ""},
	{"systemd", "systemd", "lasting", "old\n", "echo other >now"},
	{"systemd is so", "systemd", "lasting", "web1.example.org\n", "echo web1.example.org >now"},
	{"debian", "debian", "lasting", "web1.example.org\n", "echo other >now"},
}

func TestHostnameAsAnsible(t *testing.T) {
	h := newNamed(t)
	bin := t.TempDir()
	if err := os.WriteFile(bin+"/hostnamectl", []byte(hostnamectl), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	python := ansiblePython()
	for _, c := range hostnameCases {
		t.Run(c.name, func(t *testing.T) {
			args := value.NewMap("name", "web1.example.org")
			if c.use != "" {
				args.Set("use", c.use)
			}
			file := filepath.Join(h.etc, c.file)
			fill := func() {
				sh(t, "cd "+connection.Quote(h.etc)+"; "+c.setup)
				if c.content != "" {
					_ = os.WriteFile(file, []byte(c.content), 0o644)
				}
			}
			fill()
			checked := hostnameOurs(t, h, args, true)
			if data, _ := os.ReadFile(file); string(data) != c.content {
				t.Errorf("check mode left %q", data)
			}
			res := hostnameOurs(t, h, args, false)
			data, _ := os.ReadFile(file)
			if checked.Changed != res.Changed {
				t.Errorf("check mode says %v, the run %v", checked.Changed, res.Changed)
			}
			if again := hostnameOurs(t, h, args, false); again.Changed && !res.Failed {
				t.Errorf("again: %+v", again)
			}
			if python == "" {
				return
			}
			fill()
			theirs := hostnameTheirs(t, h, python, args)
			if want, _ := os.ReadFile(file); string(want) != string(data) {
				t.Errorf("ansible leaves %q, ours %q", want, data)
			}
			if theirs.Bool("changed") != res.Changed || theirs.Bool("failed") != res.Failed {
				t.Errorf("ansible %v, ours %+v", theirs, res)
			}
			if res.Failed {
				return
			}
			// Ansible sets Alpine's name of now from the file before it is written.
			if c.use != "alpine" && !value.Equal(theirs.At("ansible_facts"), res.Facts) || theirs.String("name") != res.Data.String("name") {
				x, _ := value.ToJSON(theirs)
				y, _ := value.ToJSON(res.Facts)
				t.Errorf("ansible %s, ours %s", x, y)
			}
			if res.Changed && (res.Diff[0].Before != theirs.Map("diff").String("before") || res.Diff[0].After != theirs.Map("diff").String("after")) {
				t.Errorf("ansible %v, ours %v", theirs.Map("diff"), res.Diff)
			}
		})
	}
}

func hostnameOurs(t *testing.T, h named, args *value.Map, check bool) module.Result {
	t.Helper()
	mod := find(t, "hostname")
	valid, err := mod.Args.Validate(args)
	if err != nil {
		t.Fatal(err)
	}
	res, err := mod.Run(t.Context(), &module.Call{Host: h, Args: valid, Check: check})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func hostnameTheirs(t *testing.T, h named, python string, args *value.Map) *value.Map {
	t.Helper()
	in, err := value.ToJSON(value.NewMap("ANSIBLE_MODULE_ARGS", args))
	if err != nil {
		t.Fatal(err)
	}
	out, err := h.Run(t.Context(), connection.Command{Script: python + " -m ansible.modules.hostname", Stdin: bytes.NewReader(in)})
	if err != nil {
		t.Fatal(err)
	}
	v, err := value.FromJSON(bytes.TrimSpace(out.Stdout))
	if err != nil {
		t.Fatalf("%v: %s %s", err, out.Stdout, out.Stderr)
	}
	return v.(*value.Map)
}

// TestHostnameNow sets the name in force, where a program does that.
func TestHostnameNow(t *testing.T) {
	h := newNamed(t)
	if _, err := exec.LookPath("hostname"); err != nil {
		t.Skip("no hostname(1) on this machine")
	}
	out, err := h.Run(t.Context(), connection.Command{Script: "echo alp >/etc/hostname; hostname -F /etc/hostname; uname -n"})
	if err != nil || string(out.Stdout) != "alp\n" {
		t.Skipf("%s %v", out.Stderr, err)
	}
	res, err := try(t, "hostname", &module.Call{Host: h}, "name", strings.Repeat("x", 65), "use", "alpine")
	if err != nil || !res.Failed {
		t.Errorf("a name too long was set: %+v %v", res, err)
	}
	for _, use := range []string{"freebsd", "generic", "macos", "openbsd", "solaris"} {
		if res, err := try(t, "hostname", &module.Call{Host: h}, "name", "x", "use", use); err != nil || !strings.Contains(res.Msg, use+" is not supported") {
			t.Errorf("%s: got %+v, %v", use, res, err)
		}
	}
}
