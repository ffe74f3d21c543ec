// Package engine drives a Docker Engine through the docker command line. It is the lab's one way to Docker: commands go
// in, text and exit codes come out.
package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// Engine is a Docker Engine as the docker command reaches it (DOCKER_HOST and contexts count).
type Engine struct {
	Program string // the docker command; "docker" where empty
}

// CommandError is a docker command that ran and failed, or never ran.
type CommandError struct {
	Args   []string
	Stderr string
	Err    error
}

func (e *CommandError) Error() string {
	said := strings.TrimSpace(e.Stderr)
	if said == "" {
		said = e.Err.Error()
	}
	return fmt.Sprintf("docker %s: %s", strings.Join(e.shown(), " "), said)
}

// Unwrap returns what os/exec said.
func (e *CommandError) Unwrap() error { return e.Err }

// shown leaves out what makes a message unreadable: the end of a long command.
func (e *CommandError) shown() []string {
	if len(e.Args) <= 12 {
		return e.Args
	}
	return append(append([]string{}, e.Args[:12]...), "…")
}

const completeLimit = 2 * time.Minute

// Run runs a docker command and returns what it printed, without the last newline.
func (e Engine) Run(ctx context.Context, args ...string) (string, error) {
	return e.Feed(ctx, nil, args...)
}

// Complete is Run for a command that makes something: Docker would go on with it after the command was cut off, and what
// it made would be left. So it doesn't start once ctx has ended, and then runs to its end, or to a limit of its own.
func (e Engine) Complete(ctx context.Context, args ...string) (string, error) {
	if ctx.Err() != nil {
		return "", &CommandError{Args: args, Err: context.Cause(ctx)}
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), completeLimit)
	defer stop()
	return e.Run(ctx, args...)
}

// Feed is Run with something to read for the command.
func (e Engine) Feed(ctx context.Context, stdin io.Reader, args ...string) (string, error) {
	var out bytes.Buffer
	err := e.Stream(ctx, stdin, &out, args...)
	return strings.TrimRight(out.String(), "\n"), err
}

// Stream runs a docker command and writes what it prints to stdout as it comes.
func (e Engine) Stream(ctx context.Context, stdin io.Reader, stdout io.Writer, args ...string) error {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, e.program(), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, &stderr
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = errors.Join(cause, err)
		}
		return &CommandError{Args: args, Stderr: stderr.String(), Err: err}
	}
	return nil
}

// Lines runs a docker command and returns the lines it printed, without empty ones.
func (e Engine) Lines(ctx context.Context, args ...string) ([]string, error) {
	out, err := e.Run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.SplitSeq(out, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// Exists tells whether an object of a kind (container, network, volume, image) is there, found in a list rather than by
// reading the text of an error.
func (e Engine) Exists(ctx context.Context, kind, name string) (bool, error) {
	args := []string{kind, "ls", "--format", "{{.Name}}", "--filter", "name=" + name}
	switch kind {
	case "container":
		args = []string{"container", "ls", "-a", "--format", "{{.Names}}", "--filter", "name=" + name}
	case "image":
		args = []string{"image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=" + name}
	}
	lines, err := e.Lines(ctx, args...)
	if err != nil {
		return false, err
	}
	for _, line := range lines {
		if line == name {
			return true, nil
		}
	}
	return false, nil
}

// Labelled lists the objects of a kind (container, network, volume) that carry a label ("key=value"), by name.
func (e Engine) Labelled(ctx context.Context, kind, label string) ([]string, error) {
	switch kind {
	case "container":
		return e.Lines(ctx, "container", "ls", "-a", "--format", "{{.Names}}", "--filter", "label="+label)
	default:
		return e.Lines(ctx, kind, "ls", "--format", "{{.Name}}", "--filter", "label="+label)
	}
}

func (e Engine) program() string {
	if e.Program == "" {
		return "docker"
	}
	return e.Program
}
