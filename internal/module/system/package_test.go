package system_test

import (
	"os/exec"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
)

// TestPackageLooksOnly changes nothing here: it asks for what is so already,
// and in check mode for what is not.
func TestPackageLooksOnly(t *testing.T) {
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("no apt on this machine")
	}
	step(t, connection.Local(), "package", false, "name", []any{"dpkg", "coreutils"}, "state", "present")
	step(t, connection.Local(), "package", false, "pkg", "dpkg", "use", "ansible.builtin.apt")
	for _, wrong := range []struct{ key, val, want string }{
		{"enablerepo", "epel", `ansible.builtin.apt: unknown argument "enablerepo"`},
		{"state", "installed", `argument "state" must be one of absent, latest, present`},
		{"use", "zypper", "Could not find a module for zypper."},
	} {
		c := &module.Call{Host: connection.Local(), Check: true}
		if res, err := try(t, "package", c, "name", "dpkg", wrong.key, wrong.val); err != nil || !res.Failed || !strings.Contains(res.Msg, wrong.want) {
			t.Errorf("%s=%s: got %+v, %v", wrong.key, wrong.val, res, err)
		}
	}
	if res, err := try(t, "package", &module.Call{Host: connection.Local(), Check: true}, "name", "no-such-package-4711"); err != nil || !res.Failed {
		t.Errorf("got %+v, %v", res, err)
	}
}
