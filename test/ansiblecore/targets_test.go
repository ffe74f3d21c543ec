// Package ansiblecore runs the integration targets of an ansible-core checkout
// with rollout in the place of Ansible's programs. The targets are not part of
// this repository: ROLLOUT_ANSIBLE_CHECKOUT names the checkout. What each
// target is expected to do stands in targets.txt.
package ansiblecore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	checkoutEnv = "ROLLOUT_ANSIBLE_CHECKOUT"
	// oracleEnv, if set, leaves the real programs on PATH: what fails then
	// cannot pass on this machine.
	oracleEnv = "ROLLOUT_ANSIBLE_ORACLE"
	// patience bounds one target.
	patience = 6 * time.Minute
)

// expectation is a line of targets.txt.
type expectation struct {
	name    string
	outcome string // "pass", "fail" or "out" (of scope: not run)
	reason  string
}

func TestTargets(t *testing.T) {
	checkout := os.Getenv(checkoutEnv)
	if checkout == "" {
		t.Skipf("%s does not name a checkout of ansible-core", checkoutEnv)
	}
	s := newSuite(t, checkout)
	t.Cleanup(func() { s.report(t) })
	for _, e := range expectations(t) {
		if e.outcome == "out" {
			s.note(e, "out", e.reason)
			continue
		}
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			s.check(t, e)
		})
	}
}

func expectations(t *testing.T) []expectation {
	t.Helper()
	file, err := os.Open("targets.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var list []expectation
	for lines := bufio.NewScanner(file); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 2 || (words[1] != "pass" && len(words) < 3) {
			t.Fatalf("targets.txt: %q: want a name, pass, fail or out, and a reason", lines.Text())
		}
		list = append(list, expectation{words[0], words[1], strings.Join(words[2:], " ")})
	}
	return list
}

// suite is a copy of the checkout's integration tests, and what became of them.
type suite struct {
	integration string // the copy's test/integration
	programs    string // the folder with rollout under Ansible's names
	mu          sync.Mutex
	lines       map[string]string
	counts      map[string]int
}

func newSuite(t *testing.T, checkout string) *suite {
	t.Helper()
	root := t.TempDir()
	s := &suite{
		integration: filepath.Join(root, "test", "integration"),
		programs:    filepath.Join(root, "bin"),
		lines:       map[string]string{},
		counts:      map[string]int{},
	}
	if err := os.CopyFS(filepath.Join(root, "test"), os.DirFS(filepath.Join(checkout, "test"))); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.programs, 0o755); err != nil {
		t.Fatal(err)
	}
	inventory := "[testgroup]\ntesthost ansible_connection=local ansible_pipelining=yes ansible_python_interpreter=/usr/bin/python3\n"
	if err := os.WriteFile(filepath.Join(s.integration, "inventory"), []byte(inventory), 0o644); err != nil {
		t.Fatal(err)
	}
	// what these would fetch from a package index is there, or its users are skipped
	for _, role := range []string{"setup_passlib", "setup_pexpect"} {
		if err := os.WriteFile(filepath.Join(s.integration, "targets", role, "tasks", "main.yml"), []byte("[]\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// the targets' Python virtual environments need a package index; nothing of theirs is in scope
	if err := os.WriteFile(filepath.Join(s.programs, "virtualenv.sh"), []byte(":\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	// Debian's python3 knows pexpect and passlib, which some targets drive others with
	for _, name := range []string{"python", "python3"} {
		if err := os.Symlink("/usr/bin/python3", filepath.Join(s.programs, name)); err != nil {
			t.Fatal(err)
		}
	}
	if os.Getenv(oracleEnv) == "" {
		s.install(t)
	}
	return s
}

// install builds rollout and puts it where the targets look for Ansible.
func (s *suite) install(t *testing.T) {
	t.Helper()
	binary := filepath.Join(s.programs, "rollout")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "rollout/cmd/rollout")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for program, line := range map[string]string{
		"ansible-playbook":  `exec "` + binary + `" "$@"`,
		"ansible-inventory": `exec "` + binary + `" inventory "$@"`,
		"ansible-vault":     `exec "` + binary + `" vault "$@"`,
		"ansible":           `exec "` + binary + `" run "$@"`,
		"ansible-config":    `echo "rollout has no ansible-config" >&2; exit 127`,
		"ansible-doc":       `echo "rollout has no ansible-doc" >&2; exit 127`,
		"ansible-galaxy":    `echo "rollout has no ansible-galaxy" >&2; exit 127`,
	} {
		if err := os.WriteFile(filepath.Join(s.programs, program), []byte("#!/bin/sh\n"+line+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// check runs a target and holds the outcome against what is expected of it.
func (s *suite) check(t *testing.T, e expectation) {
	out, err := s.run(t, e.name)
	t.Logf("%s", out)
	outcome, why := "pass", ""
	if err != nil {
		outcome, why = "fail", lastProblem(out, err)
	}
	s.note(e, outcome, why)
	if outcome != e.outcome {
		t.Errorf("%s: %s, expected to %s (%s) %s", e.name, outcome, e.outcome, e.reason, why)
	}
}

func (s *suite) run(t *testing.T, name string) ([]byte, error) {
	folder := filepath.Join(s.integration, "targets", name)
	output := filepath.Join(s.integration, "output-"+name)
	for _, dir := range []string{output, output + "/home"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	line, dir := []string{"./runme.sh", "-v"}, folder
	if _, err := os.Stat(filepath.Join(folder, "runme.sh")); err != nil {
		line, dir = []string{"ansible-playbook", s.roleBook(t, name, output), "-i", s.inventory(), "-v"}, s.integration
	}
	return s.command(t, dir, output, line)
}

func (s *suite) command(t *testing.T, dir, output string, line []string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/env", line...) // which looks on the PATH it is given
	cmd.Dir = dir
	cmd.Env = append(environment(), "PATH="+s.programs+":"+os.Getenv("PATH"),
		"OUTPUT_DIR="+output, "HOME="+output+"/home", "JUNIT_OUTPUT_DIR="+output,
		"INVENTORY_PATH="+s.inventory(), "ANSIBLE_INVENTORY="+s.inventory(),
		"ANSIBLE_ROLES_PATH="+filepath.Join(s.integration, "targets"), "ANSIBLE_PLAYBOOK_DIR="+dir)
	// a target starts programs of its own: all of them end with it
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if ctx.Err() != nil {
		err = fmt.Errorf("not done after %s", patience)
	}
	return out.Bytes(), err
}

// environment is this process's without what would steer Ansible, and with
// what ansible-test sets.
func environment() []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "ANSIBLE_") && name != "PATH" && name != "HOME" {
			env = append(env, pair)
		}
	}
	return append(env, "ANSIBLE_FORCE_COLOR=false", "ANSIBLE_DEPRECATION_WARNINGS=false", "ANSIBLE_HOST_KEY_CHECKING=false",
		"ANSIBLE_RETRY_FILES_ENABLED=false", "ANSIBLE_DEVEL_WARNING=false", "ANSIBLE_LIBRARY=/dev/null",
		"ANSIBLE_TEST_PYTHON_INTERPRETER=/usr/bin/python3", "ANSIBLE_TEST_PYTHON_VERSION=3.11", "PAGER=/bin/cat", "LC_ALL=C.UTF-8")
}

func (s *suite) inventory() string { return filepath.Join(s.integration, "inventory") }

// roleBook writes the playbook ansible-test makes for a target that is a role.
func (s *suite) roleBook(t *testing.T, name, output string) string {
	t.Helper()
	aliases, _ := os.ReadFile(filepath.Join(s.integration, "targets", name, "aliases")) // a target may have none
	book, err := json.Marshal([]map[string]any{{
		"hosts":        "testhost",
		"gather_facts": !strings.Contains(string(aliases), "gather_facts/no"),
		"vars":         map[string]string{"output_dir": output},
		"roles":        []string{name},
	}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(s.integration, "target-"+name+".yml")
	if err := os.WriteFile(file, book, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

var problem = regexp.MustCompile(`(?i)^(fatal:|failed:|error|.*\bERROR\b|.*: line \d+:|cannot |.*FAILED!|.*: error:|\+ )`)

// lastProblem is the line of a target's output that tells most about its end.
func lastProblem(out []byte, err error) string {
	found := err.Error()
	for line := range strings.Lines(string(out)) {
		if line = strings.TrimSpace(line); problem.MatchString(line) {
			found = line
		}
	}
	if len(found) > 200 {
		found = found[:200] + " …"
	}
	return strings.ToValidUTF8(found, "?")
}

func (s *suite) note(e expectation, outcome, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[e.name] = fmt.Sprintf("%-42s %-5s %s", e.name, outcome, why)
	s.counts[outcome]++
}

// report prints a line for every target; to the file that ROLLOUT_ANSIBLE_REPORT
// names as well.
func (s *suite) report(t *testing.T) {
	names := make([]string, 0, len(s.lines))
	for name := range s.lines {
		names = append(names, name)
	}
	sort.Strings(names)
	var text strings.Builder
	for _, name := range names {
		text.WriteString(s.lines[name] + "\n")
	}
	fmt.Fprintf(&text, "%d passed, %d failed, %d out of scope\n", s.counts["pass"], s.counts["fail"], s.counts["out"])
	t.Log("\n" + text.String())
	if file := os.Getenv("ROLLOUT_ANSIBLE_REPORT"); file != "" {
		if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}
