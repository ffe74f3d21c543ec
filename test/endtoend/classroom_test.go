package endtoend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollout/internal/lab"
	"rollout/internal/openstack"
)

// newClass is a folder with the example's topology and a roster, of which more
// is the end.
func newClass(t *testing.T, owner, students, more string) *board {
	t.Helper()
	b := newBoard(t, owner)
	text, err := os.ReadFile("../../examples/classroom/topology.yml")
	if err != nil {
		t.Fatal(err)
	}
	b.write(string(text))
	roster := "students: " + students + "\nstep_server:\n  image: docker-base\n  flavor: standard.xsmall\n  ssh_from: [0.0.0.0/0]\n" + more
	if err := os.WriteFile(filepath.Join(b.dir, "classroom.yml"), []byte(roster), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run("classroom", "cleanup", "--all", "--yes") // what an interrupted test left
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), longest)
		defer cancel()
		if out, err := b.command(ctx, "classroom", "cleanup", "--all", "--yes").CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
	return b
}

// wantClass says which servers the students must have, each once.
func (b *board) wantClass(names ...string) {
	b.t.Helper()
	servers, err := b.cloud.ListServers(b.t.Context(), openstack.Filter{NamePrefix: b.owner})
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

// on runs a command in a login shell on a student's step server.
func (b *board) on(student, command string) string {
	b.t.Helper()
	return b.run("ssh", student+"-step", "--", "bash -lc '"+command+"'")
}

func TestAClassOfTwoWhoseNamesBeginAlike(t *testing.T) {
	b := newClass(t, "e2ec", "[e2ec1, e2ec10]", "")
	out := b.run("classroom", "init")
	for _, want := range []string{"| e2ec1   | e2ec1-step  | ready", "| e2ec10  | e2ec10-step | ready"} {
		if !strings.Contains(out, want) {
			t.Fatalf("%q is not said:\n%s", want, out)
		}
	}
	if out := b.run("classroom", "init"); strings.Count(out, "changed=0") != 3 {
		t.Errorf("a rerun changed something:\n%s", out)
	}
	t.Run("a student rolls out from the step server", func(t *testing.T) {
		b := b.with(t)
		if out := b.on("e2ec1", "stat -c %a openrc .config/openstack/clouds.yaml .ssh/e2ec1-key"); out != "600\n600\n600\n" {
			t.Errorf("others may read the student's secrets: %s", out)
		}
		b.on("e2ec1", "cd board && rollout -e target=dbs")
		b.on("e2ec10", "cd board && rollout playbooks/all_in_one.yml")
		b.wantClass("e2ec1-dbs-1", "e2ec1-step", "e2ec10-board-all", "e2ec10-step")
	})
	status := b.run("classroom", "status")
	if !strings.Contains(status, "| e2ec1   | ACTIVE      | -          | ACTIVE | -   | -   | -") || !strings.Contains(status, "| e2ec10  | ACTIVE      | ACTIVE     | -      | -   | -   | answers: http://") {
		t.Errorf("status:\n%s", status)
	}
	if console := b.run("console", "e2ec1-step"); !strings.Contains(console, "END SSH HOST KEY KEYS") {
		t.Errorf("the console shows no host keys:\n%s", console)
	}
	b.on("e2ec1", "cd board && rollout cleanup --yes")
	b.wantClass("e2ec1-step", "e2ec10-board-all", "e2ec10-step") // a student starts over
	b.run("classroom", "cleanup", "e2ec1", "--yes")
	b.wantClass("e2ec10-board-all", "e2ec10-step")
	b.run("classroom", "cleanup", "--all", "--yes")
	b.wantClass()
}

// serveProgram serves the program where VMs of the practice cloud reach it.
func serveProgram(t *testing.T, program string) (url, sum string) {
	t.Helper()
	status, err := lab.Look(t.Context(), lab.Options{})
	if err != nil {
		t.Fatal(err)
	}
	external, err := netip.ParsePrefix(status.External)
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp4", net.JoinHostPort(external.Addr().Next().String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.FileServer(http.Dir(filepath.Dir(program))))
	_ = server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	digest := sha256.Sum256(data)
	return server.URL + "/" + filepath.Base(program), hex.EncodeToString(digest[:])
}

func TestStepServersThatFetchTheProgram(t *testing.T) {
	bin, err := filepath.Abs("../../bin/rollout")
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("ROLLOUT_E2E") == "" {
		newBoard(t, "") // skips, and says why
	}
	url, sum := serveProgram(t, bin)
	b := newClass(t, "e2ef", "{count: 1, pattern: e2ef%02d}", fmt.Sprintf("  rollout: {url: %q, sha256: %s}\n", url, sum))
	b.run("classroom", "init")
	out := b.on("e2ef01", "stat -c %a openrc .config/openstack/clouds.yaml .ssh/e2ef01-key && sha256sum /usr/local/bin/rollout && cd board && /usr/local/bin/rollout status")
	for _, want := range []string{"600\n600\n600\n", sum, "| e2ef01-dbs-1 | dbs  | not there"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not there:\n%s", want, out)
		}
	}
}
