package connection_test

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

// server is a real sshd on the loopback, with keys of its own.
type server struct {
	t         *testing.T
	dir, addr string
	port      int
	hostKey   string // "ssh-ed25519 AAAA…"
	extra     string // further lines of sshd_config
	cmd       *exec.Cmd
	key       []byte
	user      string
}

func startServer(t *testing.T, extra string) *server {
	t.Helper()
	s := &server{t: t, dir: t.TempDir(), addr: "127.0.0.1", extra: extra}
	u, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s.user = u.Username
	var pub string
	s.key, pub = newKey(t)
	write(t, filepath.Join(s.dir, "authorized_keys"), pub)
	s.newHostKey()
	s.port = freePort(t)
	s.start()
	t.Cleanup(s.kill)
	return s
}

func newKey(t *testing.T) (private []byte, public string) {
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

func write(t *testing.T, file, text string) string {
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

func (s *server) newHostKey() {
	priv, pub := newKey(s.t)
	write(s.t, filepath.Join(s.dir, "host_key"), string(priv))
	s.hostKey = strings.TrimSpace(pub)
}

// start runs sshd and waits until it answers.
func (s *server) start() {
	s.t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		if sshd = "/usr/sbin/sshd"; !exists(sshd) {
			s.t.Skip("no sshd on this machine (Debian: apt-get install openssh-server)")
		}
	}
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	home := filepath.Join(s.dir, "home")
	_ = os.MkdirAll(home, 0o700)
	conf := write(s.t, filepath.Join(s.dir, "sshd_config"), fmt.Sprintf(`ListenAddress 127.0.0.1
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
`, s.port, s.dir, s.dir, home, s.extra))
	log := filepath.Join(s.dir, "log")
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
	s.t.Fatalf("sshd does not answer: %s", read(s.t, log))
}

func exists(f string) bool {
	_, err := os.Stat(f)
	return err == nil
}

func (s *server) hostPort() string { return fmt.Sprintf("%s:%d", s.addr, s.port) }

// kill ends the server and all its connections at once.
func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	// Each connection is served by processes in sessions of their own.
	for _, pid := range descendants(s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = s.cmd.Wait()
	s.cmd = nil
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

// config reaches the server, whose key is known.
func (s *server) config() connection.SSHConfig {
	file := filepath.Join(s.dir, "known_hosts")
	if !exists(file) {
		write(s.t, file, fmt.Sprintf("[127.0.0.1]:%d %s\n", s.port, s.hostKey))
	}
	return connection.SSHConfig{Name: "host1", Address: s.addr, Port: s.port, User: s.user, KeyPEM: s.key,
		KnownHostsFiles: []string{file}, ProjectKnownHosts: filepath.Join(s.dir, "project_hosts")}
}

func (s *server) pool() *connection.Pool {
	p := connection.NewPool(s.t.Context())
	s.t.Cleanup(func() { _ = p.Close() })
	return p
}

func (s *server) host() connection.Host {
	s.t.Helper()
	h, err := s.pool().Get(s.t.Context(), s.config())
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}
