package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"rollout/internal/connection"
	"rollout/internal/connection/sshtest"
	"rollout/internal/docker/enginetest"
)

// elsewhere is a host whose engine's socket is at another path, for engines
// that are not as they should be. As another user it can be told to look
// around, as a login user that is not root would.
type elsewhere struct {
	connection.Host
	socket string
	as     *connection.Become
}

func (h elsewhere) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if h.as != nil { // root may open everything
		return nil, &connection.SocketError{Host: "web-1", Path: address, Reason: connection.SocketForbidden}
	}
	return h.Host.Dial(ctx, network, strings.ReplaceAll(address, Socket, h.socket))
}

func (h elsewhere) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = strings.ReplaceAll(cmd.Script, Socket, h.socket)
	if cmd.Become == nil {
		cmd.Become = h.as
	}
	return h.Host.Run(ctx, cmd)
}

// fakeEngine answers on a socket of its own with the handler.
func fakeEngine(t *testing.T, handler http.HandlerFunc) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: handler}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		_ = server.Close()
		serving.Wait()
	})
	return socket
}

func unavailable(t *testing.T, err error) *UnavailableError {
	t.Helper()
	var found *UnavailableError
	if !errors.As(err, &found) {
		t.Fatalf("not an UnavailableError: %v", err)
	}
	return found
}

func TestEngineIsNotThere(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: dir + "/none.sock"}, nil)
	found := unavailable(t, err)
	if _, missing := exec.LookPath("dockerd"); missing == nil && found.Reason != NotRunning || missing != nil && found.Reason != NotInstalled {
		t.Errorf("no socket: %s", found.Reason)
	}
	if found.Host != "web-1" || found.User == "" || !strings.Contains(err.Error(), "cannot use Docker on web-1") {
		t.Errorf("%+v", found)
	}
}

func TestNobodyListens(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "docker.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	_, err = Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: socket}, nil)
	if found := unavailable(t, err); found.Reason != NotRunning || !strings.Contains(err.Error(), "service docker start") {
		t.Errorf("%v", err)
	}
}

func TestForbiddenSocket(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can look around as nobody")
	}
	socket := fakeEngine(t, func(http.ResponseWriter, *http.Request) {})
	for _, path := range []string{filepath.Dir(filepath.Dir(socket)), filepath.Dir(socket)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		t.Fatal(err)
	}
	nobody := &connection.Become{Method: "su", User: "nobody", Flags: "-s /bin/sh"}
	_, err := Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: socket, as: nobody}, nil)
	if found := unavailable(t, err); found.Reason != Forbidden || found.User != "nobody" {
		t.Fatalf("%v", err)
	}
	for _, part := range []string{"the user nobody may not open", "usermod -aG docker nobody", "become: true"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestTooOldAnEngine(t *testing.T) {
	socket := fakeEngine(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.38") })
	_, err := Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: socket}, nil)
	if found := unavailable(t, err); found.Reason != TooOld || !strings.Contains(err.Error(), "1.38") {
		t.Errorf("%v", err)
	}
}

func TestConnectionBreaksBeforeTheAnswer(t *testing.T) {
	socket := fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			panic(http.ErrAbortHandler)
		}
	})
	e, err := Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: socket}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	err = e.Start(t.Context(), "app")
	if found := unavailable(t, err); found.Reason != Lost || !strings.Contains(err.Error(), "cannot tell what the Docker Engine of web-1 did") {
		t.Errorf("%v", err)
	}
}

func TestEngineEndsLater(t *testing.T) {
	dir := t.TempDir()
	socket := filepath.Join(dir, "docker.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	e, err := Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: socket}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	_ = server.Close()
	serving.Wait()
	if found := unavailable(t, e.Start(t.Context(), "app")); found.Reason != NotRunning {
		t.Errorf("%v", found)
	}
}

func TestCancelledCallIsNoRefusal(t *testing.T) {
	entered := make(chan struct{}, 1)
	socket := fakeEngine(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		if !strings.HasSuffix(r.URL.Path, "/_ping") {
			entered <- struct{}{}
			<-r.Context().Done()
		}
	})
	e, err := Open(t.Context(), "web-1", elsewhere{Host: connection.Local(), socket: socket}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var group errgroup.Group
	group.Go(func() error {
		_, err := e.Container(ctx, "app")
		return err
	})
	<-entered
	cancel()
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// ways are the ways to the machine's real engine.
func ways(t *testing.T) map[string]func(*testing.T) (Host, *connection.Become) {
	root := &connection.Become{Method: "su", User: "root"}
	return map[string]func(*testing.T) (Host, *connection.Become){
		"directly": func(*testing.T) (Host, *connection.Become) { return connection.Local(), nil },
		"over SSH": func(t *testing.T) (Host, *connection.Become) { return sshtest.Start(t, "").Host(), nil },
		"over SSH without forwarding": func(t *testing.T) (Host, *connection.Become) {
			needsClient(t)
			return sshtest.Start(t, "AllowStreamLocalForwarding no").Host(), nil
		},
		"as another user": func(t *testing.T) (Host, *connection.Become) {
			needsClient(t)
			if os.Getuid() != 0 {
				t.Skip("only root becomes another user without a password")
			}
			nobody := &connection.Become{Method: "su", User: "nobody", Flags: "-s /bin/sh"}
			return elsewhere{Host: connection.Local(), socket: Socket, as: nobody}, root
		},
	}
}

func needsClient(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("docker"); err != nil {
		t.Skip("no docker command on this machine, which this way goes through")
	}
}

// Everything that streams goes the same on every way to the engine.
func TestWaysToTheEngine(t *testing.T) {
	for name, way := range ways(t) {
		t.Run(name, func(t *testing.T) {
			real := enginetest.Start(t)
			image := real.Image("1")
			host, become := way(t)
			pool := NewPool()
			defer pool.Close()
			e, err := pool.Engine(t.Context(), "web-1", host, become)
			if err != nil {
				t.Fatal(err)
			}
			container := real.Name("a")
			want := Spec{Name: container, Image: image, Settings: []Setting{env("A=1")}}
			for _, step := range Decide(Goal{State: Started}, want, nil, nil).Steps {
				if _, err := e.Apply(t.Context(), container, step, Means{}); err != nil {
					t.Fatal(err)
				}
			}
			streams(t, e, container)
			c, err := e.Container(t.Context(), container)
			if err != nil || !c.Running() {
				t.Fatalf("%+v %v", c, err)
			}
			if err := e.Kill(t.Context(), container, "NOSUCH"); !hasKind(err, Invalid) && !hasKind(err, Refused) {
				t.Errorf("a signal that does not exist: %v", err)
			}
			if c, err := e.Container(t.Context(), real.Name("none")); c != nil || err != nil {
				t.Errorf("no such container: %v %v", c, err)
			}
			if err := e.Start(t.Context(), real.Name("none")); !IsNotFound(err) {
				t.Errorf("start of none: %v", err)
			}
		})
	}
}

func streams(t *testing.T, e *Engine, container string) {
	t.Helper()
	long := strings.Repeat("many words ", 20_000)
	var group errgroup.Group
	for i := range 4 {
		group.Go(func() error {
			in := fmt.Sprint(i, long)
			out, err := e.Exec(t.Context(), container, Exec{Argv: []string{"/t", "upper"}, Stdin: []byte(in)})
			if err == nil && string(out.Stdout) != strings.ToUpper(in) {
				err = fmt.Errorf("%d bytes of %d came back", len(out.Stdout), len(in))
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Error(err)
	}
	out, err := e.Exec(t.Context(), container, Exec{Argv: []string{"/t", "exit", "4"}})
	if err != nil || out.Code != 4 || string(out.Stdout) != "leaving\n" {
		t.Errorf("%+v %v", out, err)
	}
	if log, err := e.Logs(t.Context(), container, 5); err != nil || log != "serving\n" {
		t.Errorf("log %q %v", log, err)
	}
}

func TestNoClientOnTheOtherSide(t *testing.T) {
	host := withoutClient{connection.Local()}
	_, err := Open(t.Context(), "web-1", host, &connection.Become{Method: "su", User: "root"})
	if err == nil || !strings.Contains(err.Error(), "web-1") || !strings.Contains(err.Error(), "not found") {
		t.Errorf("%v", err)
	}
}

type withoutClient struct{ connection.Host }

func (h withoutClient) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Become, cmd.Script = nil, strings.ReplaceAll(cmd.Script, "docker -H", "no-such-docker -H")
	return h.Host.Run(ctx, cmd)
}

func TestLostHostIsSaidToBeLost(t *testing.T) {
	enginetest.Start(t)
	server := sshtest.Start(t, "")
	e, err := Open(t.Context(), "web-1", server.Host(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	server.Kill()
	err = e.Start(t.Context(), "app")
	var lost *connection.UnreachableError
	if !errors.As(err, &lost) {
		t.Errorf("%v", err)
	}
}

func TestPool(t *testing.T) {
	enginetest.Start(t)
	pool := NewPool()
	engines := make([]*Engine, 8)
	var group errgroup.Group
	for i := range engines {
		group.Go(func() (err error) {
			engines[i], err = pool.Engine(t.Context(), "web-1", connection.Local(), nil)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, e := range engines {
		if e != engines[0] {
			t.Error("one host has two engines")
		}
	}
	if _, err := pool.Engine(t.Context(), "web-2", elsewhere{Host: connection.Local(), socket: "/nowhere"}, nil); err == nil {
		t.Error("no engine, and no error")
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
	if _, err := pool.Engine(t.Context(), "web-1", connection.Local(), nil); err == nil || !strings.Contains(err.Error(), "the run has ended") {
		t.Errorf("%v", err)
	}
}
