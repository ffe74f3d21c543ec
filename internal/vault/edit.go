package vault

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Editor is the program that a person edits with.
type Editor struct {
	Command []string // the program and its first arguments
}

// Edit hands text to the editor and returns what it was left as. The copy is in
// a directory of its own that only its owner may enter, under memory where the
// system has such a place; it is overwritten and removed in any case, also when
// ctx ends.
func (e Editor) Edit(ctx context.Context, text []byte, ext string) (edited []byte, err error) {
	dir, err := os.MkdirTemp(privateDir(), "rollout-vault-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory to edit in: %w", err)
	}
	defer func() {
		if gone := shredAll(dir); gone != nil {
			err = errors.Join(err, fmt.Errorf("plain text may be left in %s: %w", dir, gone))
		}
	}()
	path := filepath.Join(dir, "vault"+ext)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return nil, fmt.Errorf("cannot write what is to be edited: %w", err)
	}
	if err := e.run(ctx, path); err != nil {
		return nil, err
	}
	edited, err = os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read what was edited: %w", err)
	}
	return edited, nil
}

// run waits for the editor. As with ansible-vault, how it ended does not count:
// what it left in the file does.
func (e Editor) run(ctx context.Context, path string) error {
	args := append(append([]string{}, e.Command[1:]...), path)
	cmd := exec.CommandContext(ctx, e.Command[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return fmt.Errorf("the file was left as it was: %w", ctx.Err())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return fmt.Errorf("cannot run the editor %s (set $EDITOR to another): %w", e.Command[0], err)
	}
	return nil
}

// privateDir is a directory in memory that is the user's own, or "".
func privateDir() string {
	dir := os.Getenv("XDG_RUNTIME_DIR")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return ""
	}
	return dir
}
