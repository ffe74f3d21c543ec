package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Local is this machine.
func Local() Host { return local{} }

type local struct{}

// pipeGrace is how long a command's left-over children may keep its output
// open after the command was ended.
const pipeGrace = 2 * time.Second

func (local) Close() error { return nil }

func (local) Run(ctx context.Context, cmd Command) (Output, error) {
	mark, err := newMark()
	if err != nil {
		return Output{}, err
	}
	prog, err := build(cmd, mark)
	if err != nil {
		return Output{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout := &capture{to: cmd.Stdout, limit: maxOutput, stop: cancel}
	stderr := &capture{limit: maxOutput, stop: cancel}
	c := exec.Command("/bin/sh", "-c", prog.line)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	err = runPiped(ctx, c, prog.input(cmd.Stdin), stdout, stderr, func() { letGo(cmd.Stdin) })
	if cause := context.Cause(ctx); cause != nil {
		return Output{}, fmt.Errorf("cannot finish the command: %w", cause)
	}
	code, err := exitCode(err)
	if err != nil {
		return Output{}, fmt.Errorf("cannot run /bin/sh: %w", err)
	}
	errText, err := prog.verdict(stderr.bytes())
	return Output{Stdout: stdout.bytes(), Stderr: errText, Code: code}, err
}

// runPiped runs c until it has ended and nobody holds its output open any
// more, as sshd does, or until ctx ends; ended is called then. os/exec's own
// copying is not used: it takes a command that ends without reading its input
// for a failure, and cannot tell a cancelled command from one that left a child
// behind.
func runPiped(ctx context.Context, c *exec.Cmd, input io.Reader, stdout, stderr io.Writer, ended func()) error {
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	errs, err := c.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	var copying sync.WaitGroup
	copying.Go(func() {
		_, _ = io.Copy(in, input) // a broken pipe says only that the command ended
		_ = in.Close()
	})
	done := make(chan struct{})
	copying.Go(func() { endWhenDone(ctx, c.Process.Pid, done, in, out, errs) })
	var reading sync.WaitGroup
	reading.Go(func() { _, _ = io.Copy(stdout, out) })
	reading.Go(func() { _, _ = io.Copy(stderr, errs) })
	reading.Wait()
	close(done)
	err = c.Wait()
	ended()
	copying.Wait()
	return err
}

// endWhenDone kills the command when ctx ends before done, and closes its
// pipes should a left-over child still hold them.
func endWhenDone(ctx context.Context, pid int, done <-chan struct{}, pipes ...io.Closer) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	_ = syscall.Kill(-pid, syscall.SIGKILL) // other users' processes stay; sudo ends what it started
	select {
	case <-done:
	case <-time.After(pipeGrace):
		for _, p := range pipes {
			_ = p.Close()
		}
	}
}

func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, err
	}
	if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return exit.ExitCode(), nil
}

func (local) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err == nil || network != "unix" {
		return conn, err
	}
	return nil, &SocketError{Host: "this machine", Path: address, Reason: localReason(address, err), Err: err}
}

func localReason(path string, err error) SocketReason {
	switch {
	case errors.Is(err, syscall.ENOENT):
		return SocketMissing
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return SocketForbidden
	}
	if st, statErr := os.Stat(path); statErr == nil && st.Mode()&os.ModeSocket == 0 {
		return SocketNotSocket
	}
	return SocketSilent
}
