package connection

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"rollout/internal/value"
)

// Checking says what is done about the key of an unknown host. A key that
// differs from a known one is refused in either mode.
type Checking string

// The modes of host key checking.
const (
	Strict    Checking = "yes"        // unknown hosts are refused
	AcceptNew Checking = "accept-new" // an unknown host's first key is kept
)

// SSHConfig says how a host is reached over SSH.
type SSHConfig struct {
	Name    string // inventory name, for messages
	Address string // host name or IP address
	Port    int    // 22 where 0
	User    string
	// Password is tried after the keys, also for keyboard-interactive.
	Password string
	KeyFiles []string // private keys, tried in this order
	KeyPEM   []byte   // a private key that is in no file; tried first
	// KeyPassphrase is asked for the passphrase of an encrypted key file; nil
	// leaves such keys out.
	KeyPassphrase func(ctx context.Context, file string) ([]byte, error)
	UseAgent      bool // also offer the keys of the agent at $SSH_AUTH_SOCK

	KnownHostsFiles   []string // read only
	ProjectKnownHosts string   // read first; learnt keys are written here, mode 0600
	StrictChecking    Checking // Strict where empty
	// LearnHostKeys gets the keys of an unknown host from a source that can be
	// trusted, as lines "ssh-ed25519 AAAA…".
	LearnHostKeys func(ctx context.Context) ([]string, error)
	// ServerID is kept with learnt keys. Where it differs from the recorded
	// one, the server was replaced: its keys are learnt anew.
	ServerID string

	ProxyJump      []Jump        // through these hosts, in order
	ConnectTimeout time.Duration // for the TCP connection; DefaultConnectTimeout where 0
	// Jumps gives the configuration of a jump host; nil uses this one's keys.
	Jumps func(Jump) (SSHConfig, error)
}

// Jump is a host on the way to another.
type Jump struct {
	User string // "" is the configuration's own
	Host string
	Port int // 0 is the configuration's own
}

// DefaultConnectTimeout bounds the TCP connection where nothing else is said.
const DefaultConnectTimeout = 10 * time.Second

func (c SSHConfig) hostPort() string {
	port := c.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(c.Address, strconv.Itoa(port))
}

func (c SSHConfig) String() string { return c.User + "@" + c.hostPort() }

// Way is how a host is reached.
type Way string

// The ways.
const (
	OverSSH   Way = "ssh"
	OnMachine Way = "local"
)

// WayFromVars reads ansible_connection.
func WayFromVars(name string, vars *value.Map) (Way, error) {
	switch c := text(vars, "ansible_connection"); strings.TrimPrefix(c, "ansible.builtin.") {
	case "", "ssh", "smart", "paramiko", "paramiko_ssh", "ansible.netcommon.libssh":
		return OverSSH, nil
	case "local":
		return OnMachine, nil
	default:
		return "", fmt.Errorf("cannot reach %s: ansible_connection %q is not known (ssh and local are)", name, c)
	}
}

// ConfigFromVars reads a host's connection variables, then the -o options of
// ansible_ssh_args, ansible_ssh_common_args and ansible_ssh_extra_args, then
// the person's and the machine's ssh_config: as with ssh, the first to say
// something wins, and identity files add up.
func ConfigFromVars(name string, vars *value.Map) (SSHConfig, error) {
	opts, err := sshOptions(vars)
	if err != nil {
		return SSHConfig{}, fmt.Errorf("cannot reach %s: %w", name, err)
	}
	host := first(text(vars, "ansible_ssh_host"), text(vars, "ansible_host"), name)
	src, err := newSettings(opts)
	if err != nil {
		return SSHConfig{}, fmt.Errorf("cannot reach %s: %w", name, err)
	}
	cfg, err := src.config(name, host, given{
		user:     first(text(vars, "ansible_ssh_user"), text(vars, "ansible_user")),
		port:     first(text(vars, "ansible_ssh_port"), text(vars, "ansible_port")),
		key:      first(text(vars, "ansible_ssh_private_key_file"), text(vars, "ansible_private_key_file")),
		timeout:  first(text(vars, "ansible_ssh_timeout"), text(vars, "ansible_timeout")),
		checking: first(text(vars, "ansible_ssh_host_key_checking"), text(vars, "ansible_host_key_checking")),
	})
	if err != nil {
		return SSHConfig{}, fmt.Errorf("cannot reach %s: %w", name, err)
	}
	cfg.Password = first(text(vars, "ansible_ssh_password"), text(vars, "ansible_ssh_pass"), text(vars, "ansible_password"))
	return cfg, nil
}

func text(vars *value.Map, key string) string {
	switch v := vars.At(key).(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func first(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

// given is what the inventory says itself; "" is nothing.
type given struct{ user, port, key, timeout, checking string }

func (s *settings) config(name, host string, g given) (SSHConfig, error) {
	s.alias = host
	cfg := SSHConfig{Name: name, Address: first(s.get("HostName"), host), UseAgent: os.Getenv("SSH_AUTH_SOCK") != ""}
	cfg.Address = strings.ReplaceAll(cfg.Address, "%h", host)
	cfg.User = first(g.user, s.get("User"), currentUser())
	var err error
	if cfg.Port, err = number("port", first(g.port, s.get("Port"), "22"), 1, 65535); err != nil {
		return cfg, err
	}
	seconds, err := number("timeout", first(g.timeout, s.get("ConnectTimeout"), "0"), 0, 86400)
	if err != nil {
		return cfg, err
	}
	cfg.ConnectTimeout = time.Duration(seconds) * time.Second
	if cfg.StrictChecking, err = checking(g.checking, s.get("StrictHostKeyChecking")); err != nil {
		return cfg, err
	}
	s.identities(&cfg, g.key)
	s.knownHosts(&cfg)
	return cfg, s.jumps(&cfg)
}

func number(what, s string, low, high int) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("the %s must be a number from %d to %d, not %q", what, low, high, s)
	}
	return n, nil
}

// checking maps Ansible's and OpenSSH's words. "no" would accept a changed
// key; here it accepts a new one only.
func checking(ansible, openssh string) (Checking, error) {
	switch strings.ToLower(ansible) {
	case "false", "no", "0", "off":
		return AcceptNew, nil
	}
	switch strings.ToLower(openssh) {
	case "", "yes", "ask":
		return Strict, nil
	case "no", "off", "accept-new":
		return AcceptNew, nil
	}
	return "", fmt.Errorf("StrictHostKeyChecking must be yes or accept-new, not %q", openssh)
}

// identities fills in the key files: what is asked for, else OpenSSH's default
// files as far as they exist.
func (s *settings) identities(cfg *SSHConfig, key string) {
	files := s.all("IdentityFile")
	if key != "" {
		files = append([]string{key}, files...)
	}
	if strings.EqualFold(s.get("IdentitiesOnly"), "yes") {
		cfg.UseAgent = false
	}
	for _, f := range files {
		if f != "none" {
			cfg.KeyFiles = append(cfg.KeyFiles, s.path(f, cfg))
		}
	}
	if len(files) > 0 {
		return
	}
	for _, base := range []string{"id_rsa", "id_ecdsa", "id_ed25519"} {
		f := filepath.Join(s.home, ".ssh", base)
		if _, err := os.Stat(f); err == nil {
			cfg.KeyFiles = append(cfg.KeyFiles, f)
		}
	}
}

func (s *settings) knownHosts(cfg *SSHConfig) {
	files := strings.Fields(s.get("UserKnownHostsFile"))
	if len(files) == 0 {
		files = []string{"~/.ssh/known_hosts", "~/.ssh/known_hosts2"}
	}
	global := strings.Fields(s.get("GlobalKnownHostsFile"))
	if len(global) == 0 {
		global = []string{"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"}
	}
	for _, f := range append(files, global...) {
		if f != "none" {
			cfg.KnownHostsFiles = append(cfg.KnownHostsFiles, s.path(f, cfg))
		}
	}
}

func (s *settings) jumps(cfg *SSHConfig) error {
	list := s.get("ProxyJump")
	if list == "" || strings.EqualFold(list, "none") {
		return nil
	}
	for part := range strings.SplitSeq(list, ",") {
		j, err := parseJump(strings.TrimSpace(part))
		if err != nil {
			return err
		}
		cfg.ProxyJump = append(cfg.ProxyJump, j)
	}
	files := *s
	cfg.Jumps = func(j Jump) (SSHConfig, error) {
		next := files
		next.options = nil // ssh -J passes no options on to the jump host
		port := ""
		if j.Port != 0 {
			port = strconv.Itoa(j.Port)
		}
		return next.config(j.Host, j.Host, given{user: j.User, port: port})
	}
	return nil
}

// parseJump reads [user@]host[:port] or ssh://[user@]host[:port].
func parseJump(s string) (Jump, error) {
	var j Jump
	rest := strings.TrimPrefix(s, "ssh://")
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		j.User, rest = rest[:i], rest[i+1:]
	}
	j.Host = strings.Trim(rest, "[]")
	if host, port, err := net.SplitHostPort(rest); err == nil {
		j.Host = host
		if j.Port, err = number("port of a jump host", port, 1, 65535); err != nil {
			return j, err
		}
	}
	if j.Host == "" {
		return j, fmt.Errorf("ProxyJump %q names no host", s)
	}
	return j, nil
}

func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return os.Getenv("USER")
}
