package connection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/connection"
	"rollout/internal/connection/sshtest"
)

// everyHost runs a test on this machine and on a host over SSH.
func everyHost(t *testing.T, f func(t *testing.T, h connection.Host)) {
	t.Run("local", func(t *testing.T) { f(t, connection.Local()) })
	t.Run("ssh", func(t *testing.T) { f(t, sshtest.Start(t, "").Host()) })
}

func TestRun(t *testing.T) {
	binary := make([]byte, 3<<20)
	for i := range binary {
		binary[i] = byte(i * 7)
	}
	big := "cat >/dev/null; x='" + strings.Repeat("it is long\n", 20_000) + "'; echo ${#x}"
	cases := []struct {
		name   string
		cmd    connection.Command
		stdout string
		stderr string
		code   int
	}{
		{"output", connection.Command{Script: "echo out; echo err >&2; exit 3"}, "out\n", "err\n", 3},
		{"quotes", connection.Command{Script: `printf '%s|' "a'b" 'c"d' '$HOME' "\\"`}, `a'b|c"d|$HOME|\|`, "", 0},
		{"input", connection.Command{Script: "cat", Stdin: bytes.NewReader(binary)}, string(binary), "", 0},
		{"no input", connection.Command{Script: "cat; echo end"}, "end\n", "", 0},
		{"input not read", connection.Command{Script: "echo done", Stdin: bytes.NewReader(binary)}, "done\n", "", 0},
		{"env", connection.Command{Script: `printf '%s|' "$A" "$n"; cat`, Env: map[string]string{"A": "x\n'y' $z\\\n", "n": "1"},
			Stdin: strings.NewReader("in")}, "x\n'y' $z\\\n|1|in", "", 0},
		{"env reaches children", connection.Command{Script: `sh -c 'echo $A'`, Env: map[string]string{"A": "ü"}}, "ü\n", "", 0},
		{"long script", connection.Command{Script: big, Stdin: strings.NewReader("rest"), Env: map[string]string{"B": "1"}}, "220000\n", "", 0},
		{"signal", connection.Command{Script: "kill -TERM $$"}, "", "", 143},
		{"not found", connection.Command{Script: "exit 127"}, "", "", 127},
	}
	everyHost(t, func(t *testing.T, h connection.Host) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				if s, ok := c.cmd.Stdin.(io.Seeker); ok {
					_, _ = s.Seek(0, io.SeekStart)
				}
				out, err := h.Run(t.Context(), c.cmd)
				if err != nil {
					t.Fatal(err)
				}
				if string(out.Stdout) != c.stdout || string(out.Stderr) != c.stderr || out.Code != c.code {
					t.Errorf("got %d bytes %.60q, %.200q, %d", len(out.Stdout), out.Stdout, out.Stderr, out.Code)
				}
			})
		}
	})
}

func TestShellsOfBusybox(t *testing.T) {
	if _, err := exec.LookPath("busybox"); err != nil {
		t.Skip("no busybox on this machine")
	}
	// The prologue is what must work in any sh; the program runs itself in it.
	script := `busybox ash -c 'rollout_n="
"; IFS= read -r e; rollout_n="
"; eval "$e"; printf "%s" "$A"; cat'`
	out, err := connection.Local().Run(t.Context(), connection.Command{Script: script,
		Stdin: strings.NewReader("export A='x '\"$rollout_n\"y\nrest")})
	if err != nil || string(out.Stdout) != "x \nyrest" {
		t.Errorf("got %q, %q, %v", out.Stdout, out.Stderr, err)
	}
}

func TestSecretsAreInNoProcessList(t *testing.T) {
	everyHost(t, func(t *testing.T, h connection.Host) {
		out, err := h.Run(t.Context(), connection.Command{Script: `cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' '; echo "len ${#TOKEN}"`,
			Env: map[string]string{"TOKEN": "open-" + "sesame-4711"}})
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(out.Stdout, []byte("sesame-4711")) || !bytes.Contains(out.Stdout, []byte("len 16")) {
			t.Error("the value of an environment variable is in the process list")
		}
	})
}

func TestStreamedOutput(t *testing.T) {
	everyHost(t, func(t *testing.T, h connection.Host) {
		var n counter
		out, err := h.Run(t.Context(), connection.Command{Script: "head -c 100000000 /dev/zero", Stdout: &n})
		if err != nil || n != 100_000_000 || len(out.Stdout) != 0 {
			t.Errorf("streamed %d, collected %d, %v", n, len(out.Stdout), err)
		}
	})
}

type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

func TestTooMuchOutput(t *testing.T) {
	everyHost(t, func(t *testing.T, h connection.Host) {
		_, err := h.Run(t.Context(), connection.Command{Script: "cat /dev/zero"})
		var much *connection.OutputError
		if !errors.As(err, &much) {
			t.Fatalf("got %v", err)
		}
		if out, err := h.Run(t.Context(), connection.Command{Script: "echo ok"}); err != nil || string(out.Stdout) != "ok\n" {
			t.Errorf("the connection is of no use any more: %v", err)
		}
	})
}

func TestCancelEndsTheCommand(t *testing.T) {
	everyHost(t, func(t *testing.T, h connection.Host) {
		file := filepath.Join(t.TempDir(), "pid")
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		go func() {
			for !hasText(file) {
				time.Sleep(10 * time.Millisecond)
			}
			cancel(why)
		}()
		_, err := h.Run(ctx, connection.Command{Script: "sleep 1000 & echo $! >" + file + "; wait"})
		if !errors.Is(err, why) {
			t.Fatalf("got %v", err)
		}
		data, _ := os.ReadFile(file)
		var pid int
		_, _ = fmt.Sscan(string(data), &pid)
		eventually(t, "the command's child is gone", func() bool {
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err != nil || strings.Contains(string(stat), ") Z ")
		})
	})
}

func hasText(file string) bool {
	st, err := os.Stat(file)
	return err == nil && st.Size() > 0
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 500 {
		if f() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestParallelCommandsShareAConnection(t *testing.T) {
	for _, conf := range []string{"", "MaxSessions 2"} {
		t.Run(conf, func(t *testing.T) {
			h := sshtest.Start(t, conf).Host()
			var g errgroup.Group
			for i := range 20 {
				g.Go(func() error {
					out, err := h.Run(t.Context(), connection.Command{Script: fmt.Sprintf("echo %d $SSH_CONNECTION; sleep 0.1", i)})
					if err == nil && !strings.HasPrefix(string(out.Stdout), fmt.Sprint(i, " ")) {
						err = fmt.Errorf("%d got %q", i, out.Stdout)
					}
					return err
				})
			}
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServerKilledWhileACommandRuns(t *testing.T) {
	s := sshtest.Start(t, "")
	h := s.Host()
	file := filepath.Join(t.TempDir(), "runs")
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for !hasText(file) {
			time.Sleep(10 * time.Millisecond)
		}
		s.Kill()
	}()
	_, err := h.Run(t.Context(), connection.Command{Script: "echo x >" + file + "; sleep 1000"})
	<-killed
	var lost *connection.UnreachableError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "its result is unknown") {
		t.Fatalf("got %v", err)
	}
	s.Run()
	out, err := h.Run(t.Context(), connection.Command{Script: "echo again"})
	if err != nil || string(out.Stdout) != "again\n" {
		t.Errorf("after the server came back: %q, %v", out.Stdout, err)
	}
}

func TestReconnectBeforeACommand(t *testing.T) {
	s := sshtest.Start(t, "")
	h := s.Host()
	s.Kill()
	s.Run()
	if out, err := h.Run(t.Context(), connection.Command{Script: "echo again"}); err != nil || string(out.Stdout) != "again\n" {
		t.Errorf("got %q, %v", out.Stdout, err)
	}
}

func TestUnreachable(t *testing.T) {
	s := sshtest.Start(t, "")
	cfg := s.Config()
	s.Kill()
	_, err := s.Pool().Get(t.Context(), cfg)
	var lost *connection.UnreachableError
	if !errors.As(err, &lost) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Pool().Get(ctx, cfg); !errors.Is(err, context.Canceled) || errors.As(err, &lost) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestRefusedLoginSaysWhatWasTried(t *testing.T) {
	s := sshtest.Start(t, "")
	cfg := s.Config()
	cfg.KeyPEM, _ = sshtest.NewKey(t)
	cfg.KeyFiles = []string{"/nonexistent/key"}
	_, err := s.Pool().Get(t.Context(), cfg)
	var auth *connection.AuthError
	if !errors.As(err, &auth) || len(auth.Tried) != 1 || len(auth.Notes) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestDialSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "sock") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "s")
	echo(t, "unix", path)
	sshtest.Write(t, filepath.Join(dir, "plain"), "")
	dead, err := net.Listen("unix", filepath.Join(dir, "dead"))
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	_ = dead.Close()
	everyHost(t, func(t *testing.T, h connection.Host) {
		for range 12 { // more than sshd allows sessions
			roundTrip(t, h, "unix", path)
		}
		for name, want := range map[string]connection.SocketReason{"none": connection.SocketMissing,
			"plain": connection.SocketNotSocket, "dead": connection.SocketSilent} {
			_, err := h.Dial(t.Context(), "unix", filepath.Join(dir, name))
			var sock *connection.SocketError
			if !errors.As(err, &sock) || sock.Reason != want {
				t.Errorf("%s: got %v", name, err)
			}
		}
		roundTrip(t, h, "tcp", echo(t, "tcp", "127.0.0.1:0"))
	})
	h := sshtest.Start(t, "AllowStreamLocalForwarding no").Host()
	_, err = h.Dial(t.Context(), "unix", path)
	var sock *connection.SocketError
	if !errors.As(err, &sock) || sock.Reason != connection.SocketNoForwards {
		t.Errorf("forbidden by sshd: got %v", err)
	}
}

func echo(t *testing.T, network, address string) string {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
	return l.Addr().String()
}

func roundTrip(t *testing.T, h connection.Host, network, address string) {
	t.Helper()
	c, err := h.Dial(t.Context(), network, address)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = c.Write([]byte("ping"))
	buf := make([]byte, 4)
	if _, err := io.ReadFull(c, buf); err != nil || string(buf) != "ping" {
		t.Errorf("got %q, %v", buf, err)
	}
}
