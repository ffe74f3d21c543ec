package connection_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/connection"
)

// become runs as this user, so that nothing need be set up; sudo and su of
// root ask for no password.
func TestBecome(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, who may become anybody")
	}
	everyHost(t, func(t *testing.T, h connection.Host) {
		for _, method := range []string{"sudo", "su"} {
			if _, err := exec.LookPath(method); err != nil {
				t.Logf("no %s on this machine", method)
				continue
			}
			for _, password := range []string{"", "not asked for"} {
				out, err := h.Run(t.Context(), connection.Command{
					Script: `id -un; echo "$A"; cat; echo err >&2; exit 4`,
					Stdin:  strings.NewReader("in"), Env: map[string]string{"A": "a\n'b'"},
					Become: &connection.Become{Method: method, User: "nobody", Password: password}})
				if err != nil || string(out.Stdout) != "nobody\na\n'b'\nin" || string(out.Stderr) != "err\n" || out.Code != 4 {
					t.Errorf("%s, password %q: %q, %q, %d, %v", method, password, out.Stdout, out.Stderr, out.Code, err)
				}
			}
		}
	})
}

func TestBecomeRefused(t *testing.T) {
	for name, b := range map[string]connection.Become{
		"no such user": {Method: "sudo", User: "no-such-user"},
		"su":           {Method: "su", User: "no-such-user"},
	} {
		_, err := connection.Local().Run(t.Context(), connection.Command{Script: "echo ran", Become: &b})
		var refused *connection.BecomeError
		if !errors.As(err, &refused) || refused.Detail == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, b := range map[string]connection.Become{"pbrun": {Method: "pbrun"}, "doas": {Method: "doas", Password: "secret"}} {
		if _, err := connection.Local().Run(t.Context(), connection.Command{Script: "id", Become: &b}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s was accepted, or told its password: %v", name, err)
		}
	}
}

// doas is rarely installed: what it is called with is looked at.
func TestDoas(t *testing.T) {
	doas := filepath.Join(t.TempDir(), "doas")
	if err := os.WriteFile(doas, []byte("#!/bin/sh\nDOAS=\"$1 $2 $3 $4\"; export DOAS; shift 4; exec \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := connection.Local().Run(t.Context(), connection.Command{Script: `echo "$DOAS"; cat`, Stdin: strings.NewReader("in"),
		Become: &connection.Become{Method: "doas", User: "clerk", Exe: doas, Flags: "-n -L"}})
	if err != nil || string(out.Stdout) != "-L -n -u clerk\nin" {
		t.Errorf("%q, %v", out.Stdout, err)
	}
}
