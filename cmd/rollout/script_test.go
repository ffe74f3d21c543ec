package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"rollout/internal/connection/sshtest"
	"rollout/internal/lab/api/apitest"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"rollout": main}) }

// TestScripts runs what a person types, without any cloud, and compares what
// they see. With UPDATE_SCRIPTS=1 the files that are compared are written anew.
func TestScripts(t *testing.T) {
	port := closedPort(t)
	runScripts(t, "testdata/script", func() map[string]string { return map[string]string{"CLOSED_PORT": port} })
}

// TestCloudScripts does so with a cloud for each script, the practice cloud's API over machines
// in memory.
func TestCloudScripts(t *testing.T) {
	roles, err := filepath.Abs("../../roles")
	if err != nil {
		t.Fatal(err)
	}
	runScripts(t, "testdata/cloud", func() map[string]string {
		return map[string]string{"OS_CLIENT_CONFIG_FILE": apitest.Start(t).Clouds, "OS_CLOUD": apitest.Cloud, "SHIPPED_ROLES": roles}
	})
}

// TestSSHScripts does so with an sshd.
func TestSSHScripts(t *testing.T) {
	server := sshtest.Start(t, "")
	key := sshtest.Write(t, filepath.Join(t.TempDir(), "key"), string(server.Config().KeyPEM))
	runScripts(t, "testdata/ssh", func() map[string]string {
		return map[string]string{"SSH_PORT": strconv.Itoa(server.Port), "SSH_HOST_KEY": server.HostKey, "SSH_KEY": key}
	})
}

// runScripts runs the scripts of a folder, each with variables of its own.
func runScripts(t *testing.T, dir string, vars func() map[string]string) {
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Setup: func(env *testscript.Env) error {
			for name, text := range vars() {
				env.Setenv(name, text)
			}
			env.Setenv("HOME", env.WorkDir+"/home")
			env.Setenv("STUDENT", "student07")
			return os.Mkdir(env.WorkDir+"/home", 0o755)
		},
	})
}

// exits is the script command `exits CODE PROGRAM ARG...`: the program must end
// with that code. What it printed is stdout and stderr, as with exec.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	var ended *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &ended):
		code = ended.ExitCode()
	case err != nil:
		ts.Fatalf("cannot run %s: %v", args[1], err)
	}
	if code != want {
		ts.Fatalf("%s ended with %d, not %d", args[1], code, want)
	}
}

// closedPort is a port of this machine that nobody listens on.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
