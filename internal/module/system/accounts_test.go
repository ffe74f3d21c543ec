package system_test

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
)

// sandbox is this machine with an /etc of its own, so that accounts and
// services can be changed.
type sandbox struct {
	connection.Host
	etc string
}

func (s sandbox) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = "exec unshare -m sh -c " + connection.Quote("mount --bind "+s.etc+" /etc || exit 99; exec sh -c \"$1\"") + " sh " + connection.Quote(cmd.Script)
	return s.Host.Run(ctx, cmd)
}

func newSandbox(t *testing.T) sandbox {
	t.Helper()
	s := sandbox{connection.Local(), t.TempDir() + "/etc"}
	if out, err := exec.Command("cp", "-a", "/etc", s.etc).CombinedOutput(); err != nil {
		t.Skipf("cannot copy /etc: %s", out)
	}
	out, err := s.Run(t.Context(), connection.Command{Script: "echo ok"})
	if err != nil || string(out.Stdout) != "ok\n" {
		t.Skipf("no mount namespaces here: %s %v", out.Stderr, err)
	}
	return s
}

// step runs a module three times: in check mode, for real, and once more.
func step(t *testing.T, h connection.Host, name string, changed bool, pairs ...any) module.Result {
	t.Helper()
	var real module.Result
	for _, mode := range []string{"check", "real", "again"} {
		res, err := try(t, name, &module.Call{Host: h, Check: mode == "check"}, pairs...)
		if err != nil {
			t.Fatal(err)
		}
		if mode == "real" {
			real = res
		}
		if want := changed && mode != "again"; res.Failed || res.Changed != want {
			t.Errorf("%s %v, %s: changed=%v failed=%v %s", name, pairs, mode, res.Changed, res.Failed, res.Msg)
		}
	}
	return real
}

func TestAccounts(t *testing.T) {
	h := newSandbox(t)
	home := t.TempDir() + "/home of it"
	step(t, h, "group", true, "name", "rollouts", "gid", 4711)
	step(t, h, "group", false, "name", "rollouts")
	step(t, h, "group", true, "name", "rollouts", "gid", 4712)
	res := step(t, h, "user", true, "name", "rolly", "group", "rollouts", "groups", "adm,games", "shell", "/bin/sh", "home", home, "comment", "R. O'Lly")
	if res.Data.Int("group") != 4712 || res.Data.String("home") != home || res.Data.String("comment") != "R. O'Lly" {
		t.Errorf("got %+v", res.Data)
	}
	step(t, h, "user", false, "name", "rolly", "groups", "games,adm")
	step(t, h, "user", false, "name", "rolly", "groups", "adm", "append", true)
	step(t, h, "user", true, "name", "rolly", "groups", "adm", "shell", "/bin/bash", "comment", "")
	step(t, h, "user", true, "name", "rolly", "password", "$6$salt$hash")
	step(t, h, "user", false, "name", "rolly", "password", "$6$salt$other", "update_password", "on_create")
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9t0xOmFzPZ5xVn2bPzQ3"
	step(t, h, "ansible.posix.authorized_key", true, "user", "rolly", "key", key+" me@here")
	step(t, h, "ansible.posix.authorized_key", true, "user", "rolly", "key", key, "key_options", `command="echo ssh-rsa x"`)
	if data, err := os.ReadFile(home + "/.ssh/authorized_keys"); err != nil || string(data) != `command="echo ssh-rsa x" `+key+"\n" {
		t.Errorf("got %q, %v", data, err)
	}
	step(t, h, "ansible.posix.authorized_key", true, "user", "rolly", "key", key, "state", "absent")
	step(t, h, "user", true, "name", "rolly", "state", "absent", "remove", true)
	step(t, h, "group", true, "name", "rollouts", "state", "absent")
	if res, err := try(t, "user", &module.Call{Host: h}, "name", "rolly", "group", "no-such-group"); err != nil || !strings.Contains(res.Msg, "does not exist") {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestServiceOfInitScripts(t *testing.T) {
	h := newSandbox(t)
	file := t.TempDir() + "/runs"
	script := `#!/bin/sh
### BEGIN INIT INFO
# Provides: rollout-test
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
case $1 in
start) echo "$$" >` + file + ` ; sleep 100 & echo $! >` + file + ` ;;
stop) kill $(cat ` + file + `); rm ` + file + ` ;;
status) [ -e ` + file + ` ] || exit 3 ;;
reload) ;;
esac
`
	if err := os.WriteFile(h.etc+"/init.d/rollout-test", []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	step(t, h, "service", true, "name", "rollout-test", "state", "started", "use", "sysvinit")
	if res, err := try(t, "service", &module.Call{Host: h}, "name", "rollout-test", "state", "restarted", "use", "sysvinit"); err != nil || !res.Changed || res.Failed {
		t.Errorf("got %+v, %v", res, err)
	}
	if _, err := exec.LookPath("update-rc.d"); err == nil {
		step(t, h, "service", true, "name", "rollout-test", "enabled", true, "use", "sysvinit")
		step(t, h, "service", true, "name", "rollout-test", "enabled", false, "use", "sysvinit")
	}
	step(t, h, "service", true, "name", "rollout-test", "state", "stopped", "use", "sysvinit")
	if res, err := try(t, "service", &module.Call{Host: h}, "name", "not-there", "state", "started", "use", "sysvinit"); err != nil || !strings.Contains(res.Msg, "Could not find the requested service") {
		t.Errorf("got %+v, %v", res, err)
	}
}

// TestAptLooksOnly changes nothing here: it asks for what is so already, and
// in check mode for what is not.
func TestAptLooksOnly(t *testing.T) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("no apt on this machine")
	}
	step(t, connection.Local(), "apt", false, "name", "dpkg,coreutils")
	step(t, connection.Local(), "apt", false, "name", "awk") // provided by another package
	step(t, connection.Local(), "apt", false, "name", "no-such-package-4711", "state", "absent")
	res, err := try(t, "apt", &module.Call{Host: connection.Local(), Check: true}, "name", "no-such-package-4711")
	if err != nil || !res.Failed {
		t.Errorf("got %+v, %v", res, err)
	}
}
