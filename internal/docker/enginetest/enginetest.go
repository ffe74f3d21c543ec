// Package enginetest gives tests the real Docker Engine of this machine, with a
// tiny image of its own and objects that are gone when the test ends. It
// speaks to the engine by plain HTTP, so that what it says of it owes nothing to
// the package under test.
package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Socket is the engine's.
const Socket = "/var/run/docker.sock"

// Label is on every image that a test makes, and so on their containers; tests
// give it to their networks and volumes.
const Label = "rollout.test"

// program is what the test image holds: it does what its arguments say.
const program = `package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	args := append(os.Args[1:], "serve")
	switch args[0] {
	case "serve":
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
		fmt.Println("serving")
		<-stop
	case "exit":
		code, _ := strconv.Atoi(args[1])
		fmt.Println("leaving")
		os.Exit(code)
	case "echo":
		fmt.Println(strings.Join(args[1:len(args)-1], " "))
	case "env":
		fmt.Println(os.Getenv(args[1]))
	case "upper":
		all, _ := io.ReadAll(os.Stdin)
		fmt.Print(strings.ToUpper(string(all)))
	case "exists":
		if _, err := os.Stat(args[1]); err != nil {
			fmt.Println("no " + args[1])
			os.Exit(1)
		}
		fmt.Println("there is " + args[1])
	case "touch":
		if err := os.WriteFile(args[1], []byte("x"), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
}
`

// Engine is the machine's engine, as a test uses it.
type Engine struct {
	t    testing.TB
	http *http.Client
	run  string // part of every name
}

// Start returns the engine, or skips the test where there is none.
func Start(t testing.TB) *Engine {
	t.Helper()
	if _, err := os.Stat(Socket); err != nil {
		t.Skipf("no Docker Engine on this machine: %v (Debian: apt-get install docker.io)", err)
	}
	var salt [4]byte
	_, _ = rand.Read(salt[:])
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", Socket)
	}}
	e := &Engine{t: t, run: fmt.Sprintf("%x", salt), http: &http.Client{Transport: transport}}
	resp, err := e.http.Get("http://docker/_ping")
	if err != nil {
		t.Skipf("the Docker Engine of this machine does not answer: %v", err)
	}
	_ = resp.Body.Close()
	t.Cleanup(func() {
		e.sweep()
		transport.CloseIdleConnections()
	})
	return e
}

// Name makes a name unique to this test.
func (e *Engine) Name(part string) string { return "rollout-test-" + e.run + "-" + part }

// Image imports the test program as an image of its own, made for this test,
// with the given further instructions of a Dockerfile; it returns its name.
func (e *Engine) Image(tag string, changes ...string) string {
	e.t.Helper()
	query := url.Values{"fromSrc": {"-"}, "repo": {"rollout.test/" + e.run}, "tag": {tag},
		"changes": append([]string{`ENTRYPOINT ["/t"]`, "LABEL " + Label + "=1 " + Label + ".run=" + e.run}, changes...)}
	out := e.Do("POST", "/images/create?"+query.Encode(), bytes.NewReader(archive(e.t)))
	if strings.Contains(string(out), `"error"`) {
		e.t.Fatalf("import: %s", out)
	}
	return "rollout.test/" + e.run + ":" + tag
}

// archive is a file system with nothing but the test program.
func archive(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "t")
	build := exec.Command("go", "build", "-ldflags", "-s -w", "-o", binary, source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GO111MODULE=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	_ = w.WriteHeader(&tar.Header{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777})
	_ = w.WriteHeader(&tar.Header{Name: "t", Mode: 0o755, Size: int64(len(data))})
	_, _ = w.Write(data)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Do sends a request and returns its answer, which must be a good one.
func (e *Engine) Do(method, path string, body io.Reader) []byte {
	e.t.Helper()
	status, out := e.Try(method, path, body)
	if status >= 300 {
		e.t.Fatalf("%s %s: %d %s", method, path, status, out)
	}
	return out
}

// Try sends a request and returns its status and answer.
func (e *Engine) Try(method, path string, body io.Reader) (int, []byte) {
	e.t.Helper()
	req, err := http.NewRequest(method, "http://docker/v1.41"+path, body)
	if err != nil {
		e.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := e.http.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return resp.StatusCode, out
}

// ID is a container's id, "" where there is none.
func (e *Engine) ID(name string) string {
	e.t.Helper()
	return e.Field(name, func(c Inspected) string { return c.ID })
}

// State is a container's state, such as "running"; "" where there is none.
func (e *Engine) State(name string) string {
	e.t.Helper()
	return e.Field(name, func(c Inspected) string { return c.State.Status })
}

// Inspected is what tests look at in a container.
type Inspected struct {
	ID     string `json:"Id"`
	Image  string
	State  struct{ Status, StartedAt string }
	Config struct{ Env []string }
}

// Field gives one thing of a container, "" where there is no such container.
func (e *Engine) Field(name string, of func(Inspected) string) string {
	e.t.Helper()
	status, out := e.Try("GET", "/containers/"+name+"/json", nil)
	if status == http.StatusNotFound {
		return ""
	}
	var c Inspected
	if err := json.Unmarshal(out, &c); err != nil {
		e.t.Fatalf("inspect %s: %s: %v", name, out, err)
	}
	return of(c)
}

// Await waits until a container is in a state.
func (e *Engine) Await(name, state string) {
	e.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if e.State(name) == state {
			return
		}
	}
	e.t.Fatalf("container %s is %q, awaited %s", name, e.State(name), state)
}

// sweep removes what the test made: by its name, and images by its label.
func (e *Engine) sweep() {
	for _, kind := range []struct{ list, one, by string }{
		{"/containers/json?all=1&", "/containers/%s?force=1&v=1", "name"},
		{"/networks?", "/networks/%s", "name"},
		{"/volumes?", "/volumes/%s?force=1", "name"},
		{"/images/json?", "/images/%s?force=1", "label"},
	} {
		for _, id := range e.found(kind.list, kind.by) {
			if status, out := e.Try("DELETE", fmt.Sprintf(kind.one, id), nil); status >= 300 &&
				status != http.StatusNotFound && status != http.StatusConflict { // it is being removed already
				e.t.Errorf("clean up %s: %d %s", id, status, out)
			}
		}
	}
}

// found lists the test's objects of a kind.
func (e *Engine) found(list, by string) []string {
	want := "rollout-test-" + e.run
	if by == "label" {
		want = Label + ".run=" + e.run
	}
	filter, _ := json.Marshal(map[string][]string{by: {want}})
	out := e.Do("GET", list+"filters="+url.QueryEscape(string(filter)), nil)
	type object struct {
		ID   string `json:"Id"`
		Name string
	}
	var objects []object
	var volumes struct{ Volumes []object }
	if json.Unmarshal(out, &objects) != nil {
		_ = json.Unmarshal(out, &volumes)
		objects = volumes.Volumes
	}
	var ids []string
	for _, o := range objects {
		if o.ID == "" {
			o.ID = o.Name
		}
		ids = append(ids, o.ID)
	}
	return ids
}
