package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"rollout/internal/runner"
)

// stdin answers what is asked.
type stdin struct{}

// terminal is who answers a playbook's questions; nil where nobody sits there.
func terminal() runner.Person {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	return stdin{}
}

// Ask implements runner.Person. An answer may also come through a pipe.
func (stdin) Ask(ctx context.Context, text string, secret bool) (string, error) {
	fmt.Fprint(os.Stderr, text)
	if secret && term.IsTerminal(int(os.Stdin.Fd())) {
		return readSecret(ctx)
	}
	return readLine(ctx, os.Stdin)
}

// readSecret reads a line that is not shown. Where ctx ends first, the terminal
// is set back to showing what is typed.
func readSecret(ctx context.Context) (string, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("cannot read from the terminal: %w", err)
	}
	defer fmt.Fprintln(os.Stderr)
	return read(ctx, func() (string, error) {
		line, err := term.ReadPassword(fd)
		return string(line), err
	}, func() { _ = term.Restore(fd, before) })
}

// readLine reads up to a newline, a byte at a time: what follows is somebody
// else's.
func readLine(ctx context.Context, in io.Reader) (string, error) {
	return read(ctx, func() (string, error) {
		var line []byte
		one := make([]byte, 1)
		for {
			n, err := in.Read(one)
			switch {
			case n == 1 && one[0] == '\n':
				return string(line), nil
			case n == 1:
				line = append(line, one[0])
			case err != nil:
				return string(line), err
			}
		}
	}, func() {})
}

// read waits for an answer or the end of ctx. A read that never ends is left
// behind, with the process, after it was given up.
func read(ctx context.Context, line func() (string, error), giveUp func()) (string, error) {
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := line()
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.line, a.err
	case <-ctx.Done():
		giveUp()
		return "", ctx.Err()
	}
}
