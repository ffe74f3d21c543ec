package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fake is a docker command that says what it was asked, and fails when asked to.
func fake(t *testing.T) Engine {
	t.Helper()
	program := filepath.Join(t.TempDir(), "docker")
	script := `#!/bin/sh
case "$1" in
fail) echo "Error response from daemon: no" >&2; exit 3 ;;
cat) cat ;;
network) printf 'lab-net-1\nlab-net-10\n\n' ;;
*) echo "$@" ;;
esac
`
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return Engine{Program: program}
}

func TestRun(t *testing.T) {
	e := fake(t)
	if out, err := e.Run(t.Context(), "start", "web"); err != nil || out != "start web" {
		t.Errorf("got %q, %v", out, err)
	}
	if out, err := e.Feed(t.Context(), strings.NewReader("text"), "cat"); err != nil || out != "text" {
		t.Errorf("got %q, %v", out, err)
	}
	_, err := e.Run(t.Context(), "fail", "web")
	var failed *CommandError
	if !errors.As(err, &failed) || err.Error() != "docker fail web: Error response from daemon: no" {
		t.Errorf("got %v", err)
	}
}

func TestExistsTakesWholeNames(t *testing.T) {
	e := fake(t)
	for name, want := range map[string]bool{"lab-net-1": true, "lab-net-10": true, "lab-net": false} {
		if got, err := e.Exists(t.Context(), "network", name); err != nil || got != want {
			t.Errorf("Exists(%q) = %v, %v", name, got, err)
		}
	}
}

func TestCompleteDoesNotStartLate(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if out, err := fake(t).Complete(ctx, "create"); !errors.Is(err, context.Canceled) || out != "" {
		t.Errorf("got %q, %v", out, err)
	}
}
