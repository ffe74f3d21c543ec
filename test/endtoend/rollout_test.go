package endtoend

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollout/internal/lab"
	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
	"rollout/internal/openstack/clouds"
)

// board is one person's bulletin board: a topology in a folder of its own.
type board struct {
	t     *testing.T
	owner string
	dir   string
	bin   string
	cloud *openstack.Cloud
}

// longest bounds one command; a healthy one needs far less.
const longest = 8 * time.Minute

func newBoard(t *testing.T, owner string) *board {
	t.Helper()
	if os.Getenv("ROLLOUT_E2E") == "" {
		t.Skip("end-to-end tests take minutes and need the practice cloud: set ROLLOUT_E2E=1")
	}
	bin, err := filepath.Abs("../../bin/rollout")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../examples/board/topology.yml")
	if err != nil {
		t.Fatal(err)
	}
	b := &board{t: t, owner: owner, dir: t.TempDir(), bin: bin}
	b.write(string(text))
	b.cloud, err = openstack.Open(t.Context(), clouds.Config{Cloud: lab.CloudName, Getenv: func(key string) string {
		if key == "OS_CLIENT_CONFIG_FILE" {
			return lab.CloudsFile()
		}
		return os.Getenv(key)
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.cleanUp()
	t.Cleanup(b.cleanUp)
	return b
}

// with is the same board in a part of the test.
func (b *board) with(t *testing.T) *board {
	part := *b
	part.t = t
	return &part
}

// cleanUp deletes what an interrupted test left.
func (b *board) cleanUp() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), 2*time.Minute)
	defer cancel()
	plan, err := cleanup.PlanFor(ctx, b.cloud, cleanup.Scope{Prefix: b.owner + "-"})
	if err != nil {
		b.t.Error(err)
		return
	}
	for _, left := range plan.Execute(ctx, func(cleanup.Step) {}) {
		b.t.Errorf("left behind: %s %s: %v", left.Row.Kind, left.Row.Name, left.Err)
	}
}

func (b *board) write(text string) {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "topology.yml"), []byte(text), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *board) edit(from, to string) { b.t.Helper(); b.replace(from, to, 1) }

func (b *board) editAll(from, to string) { b.t.Helper(); b.replace(from, to, -1) }

func (b *board) replace(from, to string, times int) {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "topology.yml"))
	if err != nil || !strings.Contains(string(text), from) {
		b.t.Fatalf("the topology does not hold %q (%v)", from, err)
	}
	b.write(strings.Replace(string(text), from, to, times))
}

func (b *board) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.bin, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "OS_CLOUD="+lab.CloudName, "STUDENT="+b.owner)
	return cmd
}

// try runs a command of rollout's and returns what it printed.
func (b *board) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), longest)
	defer cancel()
	var out bytes.Buffer
	cmd := b.command(ctx, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

func (b *board) run(args ...string) string {
	b.t.Helper()
	start := time.Now()
	out, err := b.try(args...)
	if err != nil {
		b.t.Fatalf("rollout %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	b.t.Logf("rollout %s: %.1f s", strings.Join(args, " "), time.Since(start).Seconds())
	return out
}

// rollout runs a playbook, site.yml where args name none.
func (b *board) rollout(args ...string) string {
	b.t.Helper()
	return b.run(args...)
}

// killed starts a whole roll-out and kills it, as kill -9 does, after a while.
func (b *board) killed(after time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), after)
	defer cancel()
	out, err := b.command(ctx).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		b.t.Fatalf("rollout: %v\n%s", err, out)
	}
}

func recapOf(out, host string) string {
	_, recap, _ := strings.Cut(out, "PLAY RECAP")
	for line := range strings.SplitSeq(recap, "\n") {
		if strings.HasPrefix(line, host) {
			return line
		}
	}
	return ""
}

// wantServers says which servers with our prefix the API must list, each once.
func (b *board) wantServers(names ...string) {
	b.t.Helper()
	servers, err := b.cloud.ListServers(b.t.Context(), openstack.Filter{NamePrefix: b.owner + "-"})
	if err != nil {
		b.t.Fatal(err)
	}
	got := []string{}
	for _, s := range servers {
		got = append(got, s.Name)
	}
	if !slices.Equal(got, names) {
		b.t.Fatalf("the cloud has %v, want %v", got, names)
	}
}

func (b *board) deleteServer(name string) {
	b.t.Helper()
	s, err := b.cloud.FindServer(b.t.Context(), name)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.cloud.DeleteServer(b.t.Context(), s, time.Minute); err != nil {
		b.t.Fatal(err)
	}
}

// idsPlaybook prints the id of the one container of each VM.
const idsPlaybook = `- hosts: all
  gather_facts: false
  tasks:
    - community.docker.docker_container_info: {name: "{{ tier }}"}
      register: it
    - debug: {msg: "container {{ tier }} is {{ it.container.Id }}."}
`

// containers are the ids of the containers by name.
func (b *board) containers() map[string]string {
	b.t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "ids.yml"), []byte(idsPlaybook), 0o600); err != nil {
		b.t.Fatal(err)
	}
	out := map[string]string{}
	for _, found := range regexp.MustCompile(`container (\w+) is (\w+)\.`).FindAllStringSubmatch(b.run("ids.yml"), -1) {
		out[found[1]] = found[2]
	}
	if len(out) != 3 {
		b.t.Fatalf("containers: %v", out)
	}
	return out
}
