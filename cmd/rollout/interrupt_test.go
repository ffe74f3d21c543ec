package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rollout/internal/runner"
)

// longRun starts a playbook whose task does not end, and returns when the task
// runs: with the program and the task's process.
func longRun(t *testing.T, task string) (program *exec.Cmd, out *bytes.Buffer, child int) {
	t.Helper()
	dir := t.TempDir()
	book := "- hosts: all\n  gather_facts: false\n  tasks:\n    - name: Sleep long\n      shell: |\n        " +
		task + "\n    - debug: {msg: never}\n"
	if err := os.WriteFile(filepath.Join(dir, "site.yml"), []byte(book), 0o600); err != nil {
		t.Fatal(err)
	}
	out = &bytes.Buffer{}
	program = exec.CommandContext(t.Context(), "rollout", "-i", "here,", "-c", "local", "site.yml")
	program.Dir, program.Stdout, program.Stderr = dir, out, out
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill() })
	return program, out, pidFrom(t, filepath.Join(dir, "pid"))
}

// pidFrom waits for a process to write its id into a file.
func pidFrom(t *testing.T, file string) int {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		data, err := os.ReadFile(file)
		if pid, bad := strconv.Atoi(strings.TrimSuffix(string(data), "\n")); err == nil && bad == nil && bytes.HasSuffix(data, []byte("\n")) {
			return pid
		}
	}
	t.Fatal("the task did not start within a minute")
	return 0
}

// ended waits for the program and returns its exit code, -1 where a signal
// ended it.
func ended(t *testing.T, program *exec.Cmd) int {
	t.Helper()
	err := program.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return program.ProcessState.ExitCode()
}

func TestCtrlCEndsARunAndSaysWhatWasRunning(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		program, out, child := longRun(t, "echo $$ > pid; exec sleep 600")
		if err := program.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if code := ended(t, program); code != runner.ExitInterrupted {
			t.Errorf("%v: exit code %d, not %d", signal, code, runner.ExitInterrupted)
		}
		for _, want := range []string{"the run was interrupted", "here was running [Sleep long]", "PLAY RECAP"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%v: %q is not said:\n%s", signal, want, out)
			}
		}
		if strings.Contains(out.String(), "never") {
			t.Errorf("%v: the run went on:\n%s", signal, out)
		}
		if err := syscall.Kill(child, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("%v: the task's process is still there: %v", signal, err)
		}
	}
}

// A second Ctrl-C is for when the clean end takes too long, as here, where a
// child that left the task's session is waited for a little: it ends the
// program at once, or finds it ended.
func TestASecondCtrlCEndsTheProgram(t *testing.T) {
	program, _, child := longRun(t, "setsid sh -c 'echo $$ > pid; exec sleep 600'")
	t.Cleanup(func() { _ = syscall.Kill(child, syscall.SIGKILL) })
	stop := make(chan struct{})
	go func() {
		for program.Process.Signal(os.Interrupt) == nil {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	code := ended(t, program)
	close(stop)
	status, _ := program.ProcessState.Sys().(syscall.WaitStatus)
	if code != runner.ExitInterrupted && status.Signal() != syscall.SIGINT {
		t.Errorf("exit code %d, signal %v", code, status.Signal())
	}
}
