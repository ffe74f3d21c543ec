package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"rollout/internal/value"
)

// TestListingsAreAnsibles runs the command lines at the head of each archive in
// testdata/listings with `rollout inventory` and with ansible-inventory: what
// they print must be the same to the last byte, and so must the way they end.
// A line `env NAME=VALUE` holds for all of the archive's commands; one that
// begins with `warn ` compares what is said on the error stream instead.
func TestListingsAreAnsibles(t *testing.T) {
	program, err := exec.LookPath("ansible-inventory")
	if err != nil {
		t.Skip("ansible-inventory isn't installed: nothing to compare with")
	}
	archives, err := filepath.Glob("testdata/listings/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			l := &listings{dir: unpack(t, archive)}
			l.read(string(archive.Comment))
			l.compare(t, l.oracle(t, program))
		})
	}
}

// unpack writes the files; what begins with #! is made executable.
func unpack(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range archive.Files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if bytes.HasPrefix(f.Data, []byte("#!")) {
			mode = 0o755
		}
		if err := os.WriteFile(path, f.Data, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// listings are the commands of one archive.
type listings struct {
	dir      string
	env      []string
	commands []listing
}

type listing struct {
	text string
	args []string
	warn bool // compare the error stream, not the output
}

func (l *listings) read(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		warn, isWarn := strings.CutPrefix(line, "warn ")
		env, isEnv := strings.CutPrefix(line, "env ")
		switch {
		case line == "" || line[0] == '#':
		case isEnv:
			l.env = append(l.env, env)
		default:
			l.commands = append(l.commands, listing{line, words(warn), isWarn})
		}
	}
}

// words splits at blanks; single quotes keep what they hold together.
func words(line string) []string {
	var out []string
	for i, part := range strings.Split(line, "'") {
		if i%2 == 1 {
			out = append(out, part)
		} else {
			out = append(out, strings.Fields(part)...)
		}
	}
	return out
}

// environment is that of both programs.
func (l *listings) environment() []string {
	return append(os.Environ(), append([]string{"HOME=" + l.dir, "ANSIBLE_NOCOLOR=1", "COLUMNS=1000", "LC_ALL=C.UTF-8"}, l.env...)...)
}

// oracle is what ansible-inventory answers, all commands by one process: it
// takes long to start.
func (l *listings) oracle(t *testing.T, program string) []any {
	t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	python := strings.Fields(strings.TrimPrefix(first, "#!"))
	script, err := filepath.Abs("testdata/listings/oracle.py")
	if err != nil {
		t.Fatal(err)
	}
	var asked []any
	for _, c := range l.commands {
		asked = append(asked, value.List(c.args))
	}
	question, err := value.ToJSON(asked)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python[0], append(python[1:], script)...)
	cmd.Dir, cmd.Env, cmd.Stdin = l.dir, l.environment(), bytes.NewReader(question)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	answer, err := value.FromJSON(out)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return answer.([]any)
}

func (l *listings) compare(t *testing.T, answers []any) {
	t.Helper()
	for i, c := range l.commands {
		want := answers[i].(*value.Map)
		cmd := exec.CommandContext(t.Context(), "rollout", append([]string{"inventory"}, c.args...)...)
		cmd.Dir, cmd.Env = l.dir, l.environment()
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err := cmd.Run()
		var ended *exec.ExitError
		if err != nil && !errors.As(err, &ended) {
			t.Fatal(err)
		}
		if failed := want.Int("code") != 0; failed != (err != nil) {
			t.Errorf("%s: ended with %v, ansible-inventory with %d\n%s\nansible-inventory:\n%s", c.text, err, want.Int("code"), stderr.String(), want.String("err"))
			continue
		}
		if err != nil && !c.warn {
			continue // Ansible prints its usage; what it says beside is its own
		}
		got, expect := stdout.String(), want.String("out")
		if c.warn {
			got, expect = warningsOf(stderr.String()), warningsOf(want.String("err"))
		}
		if got != expect {
			t.Errorf("%s:\n%s\nansible-inventory:\n%s\n%s", c.text, got, expect, stderr.String())
		}
	}
}

// warningsOf leaves the warnings, each on one line: Ansible breaks its own.
// What is wrong in a file each says in its own words.
func warningsOf(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "["), strings.HasPrefix(line, "ERROR"):
			out = append(out, line)
		case len(out) > 0 && line != "":
			out[len(out)-1] += " " + line
		}
	}
	out = slices.DeleteFunc(out, func(w string) bool {
		return !strings.HasPrefix(w, "[WARNING]") || strings.Contains(w, "Failed to parse")
	})
	return strings.Join(out, "\n")
}
