package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// Logs returns the last lines a container wrote, both streams in order of
// arrival; a negative number is all.
func (e *Engine) Logs(ctx context.Context, name string, lines int) (string, error) {
	tail := "all"
	if lines >= 0 {
		tail = strconv.Itoa(lines)
	}
	c, err := e.Container(ctx, name)
	if err != nil || c == nil {
		return "", err
	}
	stream, err := e.api.ContainerLogs(ctx, name, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: tail})
	if err != nil {
		return "", e.failed(ctx, err, "read the log of container %s", name)
	}
	defer stream.Close()
	var both bytes.Buffer
	err = split(&both, &both, stream, c.Raw.Map("Config").Bool("Tty"))
	return both.String(), e.failed(ctx, err, "read the log of container %s", name)
}

// split copies an engine's output stream: with a terminal it is raw, else both
// streams come in frames.
func split(stdout, stderr io.Writer, from io.Reader, tty bool) error {
	if tty {
		_, err := io.Copy(stdout, from)
		return err
	}
	_, err := stdcopy.StdCopy(stdout, stderr, from)
	return err
}

// RunToEnd starts a container, blocks until it ends and returns its exit code.
func (e *Engine) RunToEnd(ctx context.Context, name string) (int, error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	// The wait is open before the start, else a short-lived container with
	// auto_remove could be gone before it is waited for.
	done, failed := e.api.ContainerWait(waiting, name, container.WaitConditionNextExit)
	if err := e.Start(ctx, name); err != nil {
		return 0, err
	}
	select {
	case r := <-done:
		if r.Error != nil {
			return 0, &Error{Doing: "wait for container " + name + " on " + e.host, Kind: Refused, Text: r.Error.Message}
		}
		return int(r.StatusCode), nil
	case err := <-failed:
		return 0, e.failed(ctx, err, "wait for container %s", name)
	}
}

// UnhealthyError says how the wait for a healthy container ended.
type UnhealthyError struct {
	Container, Host string
	State           string // the last state seen: "unhealthy", "exited (1)", "starting" …
	Output          string // what the last check or the container itself said last
	After           time.Duration
}

func (e *UnhealthyError) Error() string {
	text := fmt.Sprintf("cannot see container %s on %s healthy: it is %s after %s", e.Container, e.Host, e.State, e.After.Round(time.Second))
	if e.Output != "" {
		text += ": " + e.Output
	}
	return text + fmt.Sprintf(" (type there: docker logs %s)", e.Container)
}

// The interval between two looks at a starting container grows from the first
// to the last of these.
const firstLook, lastLook = 100 * time.Millisecond, 2 * time.Second

// WaitHealthy waits until a container's health check passes; one without a
// check is healthy when it runs. It ends with an *UnhealthyError where the
// container ends or takes longer than limit. An unhealthy container may recover
// and is waited for.
func (e *Engine) WaitHealthy(ctx context.Context, name string, limit time.Duration) (*Container, error) {
	began := time.Now()
	for pause := firstLook; ; pause = min(pause*3/2, lastLook) {
		c, err := e.Container(ctx, name)
		if err != nil {
			return nil, err
		}
		state, final := healthOf(c)
		if state == "healthy" {
			return c, nil
		}
		if spent := time.Since(began); final || spent >= limit {
			return c, e.unhealthy(ctx, c, name, state, spent)
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return c, fmt.Errorf("cannot wait for container %s on %s to be healthy: %w (last seen %s)", name, e.host, ctx.Err(), state)
		}
	}
}

// healthOf names a container's state and says whether waiting longer is vain.
func healthOf(c *Container) (state string, final bool) {
	switch {
	case c == nil:
		return "gone", true
	case !c.Running() && c.Status() != "restarting":
		return fmt.Sprintf("%s (exit code %d)", c.Status(), c.ExitCode()), true
	case c.Health() == "" || c.Health() == "none":
		return "healthy", false
	}
	return c.Health(), false
}

func (e *Engine) unhealthy(ctx context.Context, c *Container, name, state string, spent time.Duration) error {
	failure := &UnhealthyError{Container: name, Host: e.host, State: state, After: spent}
	if c == nil {
		return failure
	}
	failure.Output = c.LastCheck()
	if failure.Output == "" {
		// The log is a help; that it cannot be read is not the news here.
		log, _ := e.Logs(ctx, name, 5)
		failure.Output = log
	}
	return failure
}

// Executed is what a command inside a container left.
type Executed struct {
	ID             string // the engine's name of this run
	Stdout, Stderr []byte
	Code           int
}

// Exec is a command to run inside a running container.
type Exec struct {
	Argv   []string
	Env    []string
	Dir    string
	User   string
	TTY    bool
	Stdin  []byte // nil leaves the input closed
	Detach bool   // return when it has been started
}

// Exec runs a command inside a running container.
func (e *Engine) Exec(ctx context.Context, name string, cmd Exec) (Executed, error) {
	made, err := e.api.ContainerExecCreate(ctx, name, container.ExecOptions{
		Cmd: cmd.Argv, Env: cmd.Env, WorkingDir: cmd.Dir, User: cmd.User, Tty: cmd.TTY,
		AttachStdin: cmd.Stdin != nil, AttachStdout: !cmd.Detach, AttachStderr: !cmd.Detach})
	if err != nil {
		return Executed{}, e.failed(ctx, err, "run a command in container %s", name)
	}
	if cmd.Detach {
		err := e.api.ContainerExecStart(ctx, made.ID, container.ExecStartOptions{Detach: true, Tty: cmd.TTY})
		return Executed{ID: made.ID}, e.failed(ctx, err, "run a command in container %s", name)
	}
	out, err := e.attached(ctx, made.ID, cmd)
	if err != nil {
		return out, e.failed(ctx, err, "run a command in container %s", name)
	}
	end, err := e.api.ContainerExecInspect(ctx, made.ID)
	out.Code = end.ExitCode
	return out, e.failed(ctx, err, "run a command in container %s", name)
}

// attached starts an exec and copies its streams until it ends. A cancelled
// context closes the connection, which ends both copies.
func (e *Engine) attached(ctx context.Context, id string, cmd Exec) (Executed, error) {
	stream, err := e.api.ContainerExecAttach(ctx, id, container.ExecAttachOptions{Tty: cmd.TTY})
	if err != nil {
		return Executed{}, err
	}
	stop := context.AfterFunc(ctx, stream.Close)
	defer func() {
		if stop() {
			stream.Close()
		}
	}()
	fed := make(chan error, 1)
	go func() {
		_, err := stream.Conn.Write(cmd.Stdin)
		if cmd.Stdin != nil && err == nil {
			err = stream.CloseWrite()
		}
		fed <- err
	}()
	var stdout, stderr bytes.Buffer
	err = split(&stdout, &stderr, stream.Reader, cmd.TTY)
	stream.Close()
	<-fed // a command may end without reading its input: that is no failure
	return Executed{ID: id, Stdout: stdout.Bytes(), Stderr: stderr.Bytes()}, err
}
