// Package sshtest runs real sshds on the loopback, with keys of their own, for
// tests of what goes over SSH.
package sshtest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"rollout/internal/connection"
)

// Server is a real sshd on the loopback, with keys of its own.
type Server struct {
	Dir     string // its configuration and keys
	Port    int    // on 127.0.0.1
	HostKey string // "ssh-ed25519 AAAA…"
	Extra   string // further lines of sshd_config, for the next Run

	t    *testing.T
	addr string
	cmd  *exec.Cmd
	key  []byte
	user string
}

// Start runs an sshd until the test ends. The test is skipped where there is
// none. extra is added to its sshd_config.
func Start(t *testing.T, extra string) *Server {
	t.Helper()
	s := &Server{t: t, Dir: t.TempDir(), addr: "127.0.0.1", Extra: extra}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.user = u.Username
	var pub string
	s.key, pub = NewKey(t)
	Write(t, filepath.Join(s.Dir, "authorized_keys"), pub)
	s.NewHostKey()
	s.Port = freePort(t)
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

// NewKey makes a key pair: PEM, and a line of authorized_keys.
func NewKey(t *testing.T) (private []byte, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	sshPub, err := ssh.NewPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), string(ssh.MarshalAuthorizedKey(sshPub))
}

// Write writes a private file and returns its name.
func Write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// NewHostKey gives the server another host key, from the next Run on.
func (s *Server) NewHostKey() {
	priv, pub := NewKey(s.t)
	Write(s.t, filepath.Join(s.Dir, "host_key"), string(priv))
	s.HostKey = strings.TrimSpace(pub)
}

// Run runs sshd and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd = "/usr/sbin/sshd"; !exists(sshd) {
			s.t.Skip("no sshd on this machine (Debian: apt-get install openssh-Server)")
		}
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	home := filepath.Join(s.Dir, "home")
	_ = os.MkdirAll(home, 0o700)
	conf := Write(s.t, filepath.Join(s.Dir, "sshd_config"), fmt.Sprintf(`ListenAddress 127.0.0.1
Port %d
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %s/authorized_keys
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
SetEnv HOME=%s
LogLevel ERROR
%s
`, s.Port, s.Dir, s.Dir, home, s.Extra))
	log := filepath.Join(s.Dir, "log")
	s.cmd = exec.Command(sshd, "-D", "-E", log, "-f", conf)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for range 200 {
		c, err := net.Dial("tcp", s.hostPort())
		if err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.t.Fatalf("sshd does not answer: %s", logText(log))
}

func exists(f string) bool {
	_, err := os.Stat(f)
	return err == nil
}

func (s *Server) hostPort() string { return fmt.Sprintf("%s:%d", s.addr, s.Port) }

// Kill ends the server and all its connections at once, and returns when its
// port is closed: a process that sshd was just starting holds the port a moment
// longer.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	// Each connection is served by processes in sessions of their own.
	for _, pid := range descendants(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = s.cmd.Wait()
	s.cmd = nil
	for range 200 {
		c, err := net.Dial("tcp", s.hostPort())
		if err != nil {
			return
		}
		_ = c.Close()
		time.Sleep(25 * time.Millisecond)
	}
}

// descendants are a process and all below it, itself first.
func descendants(pid int) []int {
	all := []int{pid}
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(data)) {
		var child int
		if _, err := fmt.Sscan(f, &child); err == nil {
			all = append(all, descendants(child)...)
		}
	}
	return all
}

// Config reaches the server, whose key is known.
func (s *Server) Config() connection.SSHConfig {
	file := filepath.Join(s.Dir, "known_hosts")
	if !exists(file) {
		Write(s.t, file, fmt.Sprintf("[127.0.0.1]:%d %s\n", s.Port, s.HostKey))
	}
	return connection.SSHConfig{Name: "host1", Address: s.addr, Port: s.Port, User: s.user, KeyPEM: s.key,
		KnownHostsFiles: []string{file}, ProjectKnownHosts: filepath.Join(s.Dir, "project_hosts")}
}

// Pool returns a pool that is closed when the test ends.
func (s *Server) Pool() *connection.Pool {
	p := connection.NewPool(s.t.Context())
	s.t.Cleanup(func() { _ = p.Close() })
	return p
}

// Host returns the server, connected.
func (s *Server) Host() connection.Host {
	s.t.Helper()
	h, err := s.Pool().Get(s.t.Context(), s.Config())
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

func logText(file string) string {
	data, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	return string(data)
}
