// Package differential runs the playbooks under testdata with rollout and with
// the real ansible-playbook, on the same hosts, and compares what each says of
// every task and host, with all data, the files each leaves, and the exit code.
package differential

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollout/internal/connection/sshtest"
	"rollout/internal/report"
)

// suite is what all cases share.
type suite struct {
	rollout string // the program
	farm    string // inventory of the hosts behind sshd
	oracle  oracle

	mu     sync.Mutex
	agree  int
	differ []string
}

// TestSameAsAnsible is the suite. With -v it ends in a report.
func TestSameAsAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible-playbook is not installed")
	}
	s := &suite{rollout: build(t), farm: farm(t), oracle: oracle{os.Getenv("ROLLOUT_ORACLE_CACHE")}}
	t.Cleanup(func() { s.report(t) })
	for _, b := range allBooks(t) {
		for _, args := range b.lines {
			name := strings.Join(append([]string{b.name}, args...), " ")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s.count(t, name, s.compare(t, b, args))
			})
		}
	}
}

// count tells a difference, unless it is known.
func (s *suite) count(t *testing.T, name, difference string) {
	t.Helper()
	reason, known := knownDifferences[name]
	switch {
	case difference == "" && known:
		t.Errorf("both tools agree here now: take %q out of knownDifferences", name)
	case difference != "" && !known:
		t.Error(difference)
	case known:
		t.Log(reason + "\n" + difference)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if difference == "" {
		s.agree++
		return
	}
	if !known {
		reason = "unexplained"
	}
	s.differ = append(s.differ, name+": "+reason)
}

func (s *suite) report(t *testing.T) {
	slices.Sort(s.differ)
	t.Logf("%d of %d runs agree; %d differ:\n%s", s.agree, s.agree+len(s.differ), len(s.differ), strings.Join(s.differ, "\n"))
}

// farm starts an sshd and returns an inventory file of two hosts behind it; ""
// where there is no sshd.
func farm(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("/usr/sbin/sshd"); err != nil {
		return ""
	}
	server := sshtest.Start(t, "MaxStartups 100:30:200")
	cfg := server.Config()
	key := sshtest.Write(t, filepath.Join(server.Dir, "id"), string(cfg.KeyPEM))
	return sshtest.Write(t, filepath.Join(server.Dir, "farm"), fmt.Sprintf(`[farm]
s1
s2
[farm:vars]
ansible_connection=ssh
ansible_host=%s
ansible_port=%d
ansible_user=%s
ansible_ssh_private_key_file=%s
ansible_ssh_common_args=-o UserKnownHostsFile=%s
ansible_python_interpreter=/usr/bin/python3
`, cfg.Address, cfg.Port, cfg.User, key, cfg.KnownHostsFiles[0]))
}

// compare runs a book under both tools and says how they differ; "" if not.
func (s *suite) compare(t *testing.T, b book, args []string) string {
	t.Helper()
	if b.ssh && s.farm == "" {
		t.Skip("no sshd on this machine (Debian: apt-get install openssh-server)")
	}
	dir := t.TempDir()
	theirs := s.ask(t, filepath.Join(dir, "a"), b, args)
	ours := s.play(t, s.rollout, filepath.Join(dir, "r"), b, args)
	if b.refused != "" {
		return refusal(b, theirs, ours)
	}
	var diff strings.Builder
	if want, got := theirs.normal(b.free), ours.normal(b.free); got != want {
		fmt.Fprintf(&diff, "the runs differ (- ansible, + rollout):\n%s\n", report.UnifiedDiff(report.Diff{Before: want, After: got}))
	}
	if theirs.files != ours.files {
		fmt.Fprintf(&diff, "the files left differ (- ansible, + rollout):\n%s\n", report.UnifiedDiff(report.Diff{Before: theirs.files, After: ours.files}))
	}
	if ours.code != theirs.code {
		fmt.Fprintf(&diff, "exit code %d, ansible-playbook's is %d\n", ours.code, theirs.code)
	}
	if diff.Len() > 0 {
		fmt.Fprintf(&diff, "ansible said:\n%s%s\nrollout said:\n%s%s", theirs.stdout, theirs.stderr, ours.stdout, ours.stderr)
	}
	return diff.String()
}

// ask runs a book under ansible-playbook, unless its answer is kept.
func (s *suite) ask(t *testing.T, dir string, b book, args []string) played {
	t.Helper()
	key := s.oracle.key(t, b, args)
	p, known := s.oracle.recall(key)
	if !known {
		p = s.play(t, "ansible-playbook", dir, b, args)
		s.oracle.keep(t, key, p)
	}
	return p
}

// refusal checks that rollout refused what Ansible failed at later.
func refusal(b book, theirs, ours played) string {
	switch {
	case theirs.code == 0:
		return fmt.Sprintf("Ansible runs this without a mistake:\n%s", theirs.stdout)
	case ours.code != 1 || strings.Contains(ours.stdout, "PLAY") || ours.files != "":
		return fmt.Sprintf("exit code %d, and not 1 before anything is done:\n%s%s", ours.code, ours.stdout, ours.stderr)
	case !strings.Contains(ours.stderr, b.path+":"+b.refused+":"):
		return fmt.Sprintf("the mistake is at %s:\n%s", b.refused, ours.stderr)
	}
	return ""
}

// played is how a run went.
type played struct {
	stdout, stderr string
	files          string // a listing of the folder it got as {{ out }}
	code           int
}

// play runs a book in a folder of its own, below which out is the playbook's.
func (s *suite) play(t *testing.T, program, dir string, b book, args []string) played {
	t.Helper()
	out := filepath.Join(dir, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	line := []string{"-v", "-e", "out=" + out, "-i", b.inventory()}
	if b.ssh {
		line = append(line, "-i", s.farm)
	}
	cmd := exec.CommandContext(t.Context(), program, append(append(line, b.path), args...)...)
	cmd.Env = append(append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=False", "ANSIBLE_RETRY_FILES_ENABLED=False",
		"ANSIBLE_DEPRECATION_WARNINGS=False", "LC_ALL=C.UTF-8"), b.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err = cmd.Run()
	var code *exec.ExitError
	if err != nil && !errors.As(err, &code) {
		t.Fatal(err)
	}
	placed := strings.NewReplacer(dir, "DIR", here, "HERE")
	return played{stdout: placed.Replace(stdout.String()), stderr: placed.Replace(stderr.String()),
		files: placed.Replace(listing(t, out)), code: cmd.ProcessState.ExitCode()}
}
