package connection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// serverComment begins the comment of a learnt entry; the server's id follows.
const serverComment = "rollout-server="

func normalHost(address string) string { return knownhosts.Normalize(address) }

func splitAddress(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, "22"
	}
	return host, port
}

// hostKeys decides which keys a host may show. Where the server's id is known,
// the project's own file alone decides: an address that the cloud gave to
// another server may stand in the person's own file with a key long gone.
type hostKeys struct {
	cfg     SSHConfig
	address string
	db      *knownhosts.HostKeyDB
}

func loadHostKeys(ctx context.Context, cfg SSHConfig) (*hostKeys, error) {
	k := &hostKeys{cfg: cfg, address: cfg.hostPort()}
	if err := k.read(); err != nil {
		return nil, err
	}
	replaced := cfg.ServerID != "" && k.recordedFor(cfg.ServerID) == otherServer
	if cfg.LearnHostKeys == nil || (k.known() && !replaced) {
		return k, nil
	}
	return k, k.learn(ctx)
}

// files are the known_hosts files that decide, as far as they exist.
func (k *hostKeys) files() []string {
	all := append([]string{k.cfg.ProjectKnownHosts}, k.cfg.KnownHostsFiles...)
	if k.cfg.ServerID != "" && k.cfg.ProjectKnownHosts != "" && (k.cfg.LearnHostKeys != nil || k.recordedFor(k.cfg.ServerID) == sameServer) {
		all = all[:1]
	}
	var out []string
	for _, f := range all {
		if st, err := os.Stat(f); f != "" && err == nil && st.Mode().IsRegular() {
			out = append(out, f)
		}
	}
	return out
}

func (k *hostKeys) read() error {
	db, err := knownhosts.NewDB(k.files()...)
	if err != nil {
		return fmt.Errorf("cannot read the known host keys: %w", err)
	}
	k.db = db
	return nil
}

func (k *hostKeys) known() bool { return len(k.db.HostKeys(k.address)) > 0 }

// algorithms are those of the known keys, so that a server with keys of
// several types shows one that can be compared; nil allows all.
func (k *hostKeys) algorithms() []string { return k.db.HostKeyAlgorithms(k.address) }

func (k *hostKeys) learn(ctx context.Context) error {
	lines, err := k.cfg.LearnHostKeys(ctx)
	if err != nil {
		return fmt.Errorf("cannot learn the host keys of %s: %w", k.cfg.Name, err)
	}
	var entries []string
	for _, line := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return fmt.Errorf("cannot learn the host keys of %s: %q is not a public key: %w", k.cfg.Name, line, err)
		}
		entry := knownhosts.Line([]string{k.address}, key)
		if k.cfg.ServerID != "" {
			entry += " " + serverComment + k.cfg.ServerID
		}
		entries = append(entries, entry)
	}
	if len(entries) == 0 {
		return fmt.Errorf("cannot learn the host keys of %s: its console shows none yet (wait until cloud-init has printed them, "+
			"or put them into %s by hand)", k.cfg.Name, k.cfg.ProjectKnownHosts)
	}
	if err := k.record(ctx, entries); err != nil {
		return err
	}
	return k.read()
}

// record replaces the address's entries in the project's file.
func (k *hostKeys) record(ctx context.Context, entries []string) error {
	file := k.cfg.ProjectKnownHosts
	if file == "" {
		return errors.New("cannot keep learnt host keys: no known_hosts file of the project is set")
	}
	err := withLock(ctx, file, func() error {
		kept := keepOthers(readLines(file), normalHost(k.address))
		return replaceFile(file, strings.Join(append(kept, entries...), "\n")+"\n")
	})
	if err != nil {
		return fmt.Errorf("cannot keep learnt host keys in %s: %w", file, err)
	}
	return nil
}

type recorded int

const (
	noRecord recorded = iota
	sameServer
	otherServer
)

// recordedFor says what the project's file holds for the address: keys of the
// server with that id, of another one, or none that name a server.
func (k *hostKeys) recordedFor(id string) recorded {
	out := noRecord
	for _, line := range readLines(k.cfg.ProjectKnownHosts) {
		f := strings.Fields(line)
		if len(f) < 4 || f[0] != normalHost(k.address) {
			continue
		}
		switch recordedID, ok := strings.CutPrefix(f[3], serverComment); {
		case ok && recordedID == id:
			return sameServer
		case ok:
			out = otherServer
		}
	}
	return out
}

func readLines(file string) []string {
	data, err := os.ReadFile(file)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(data), "\n"), "\n")
}

func keepOthers(lines []string, host string) []string {
	var out []string
	for _, line := range lines {
		if f := strings.Fields(line); len(f) == 0 || f[0] != host {
			out = append(out, line)
		}
	}
	return out
}

// withLock runs f while no other process does for the same file.
func withLock(ctx context.Context, file string, f func() error) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // which also unlocks
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("cannot lock %s: %w", lock.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("cannot lock %s: %w", lock.Name(), context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// replaceFile writes a private file so that a reader sees the old or the new
// text, never a part.
func replaceFile(file, text string) error {
	tmp, err := os.CreateTemp(filepath.Dir(file), ".known_hosts-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // of no effect once renamed
	_, err = tmp.WriteString(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), file)
}

// check is the ssh.HostKeyCallback: it accepts known keys only, and in mode
// accept-new the first key of a host of which nothing is known.
func (k *hostKeys) check(ctx context.Context) ssh.HostKeyCallback {
	verify := k.db.HostKeyCallback()
	return func(hostname string, remote net.Addr, key ssh.PublicKey) error {
		err := verify(hostname, remote, key)
		if err == nil {
			return nil
		}
		if knownhosts.IsHostUnknown(err) && k.cfg.StrictChecking == AcceptNew {
			return k.acceptNew(ctx, key)
		}
		return k.refuse(key, err)
	}
}

func (k *hostKeys) acceptNew(ctx context.Context, key ssh.PublicKey) error {
	if k.cfg.ProjectKnownHosts == "" {
		return errors.New("cannot accept a new host key: no known_hosts file of the project is set to keep it in")
	}
	entry := knownhosts.Line([]string{k.address}, key)
	if k.cfg.ServerID != "" {
		entry += " " + serverComment + k.cfg.ServerID
	}
	return k.record(ctx, []string{entry})
}

// refuse turns what the known_hosts library says into a HostKeyError; a
// revoked key's error stands for itself.
func (k *hostKeys) refuse(key ssh.PublicKey, err error) error {
	var mismatch *xknownhosts.KeyError
	if !errors.As(err, &mismatch) {
		return fmt.Errorf("cannot trust the host key of %s: %w", k.address, err)
	}
	out := &HostKeyError{Address: k.address, Fingerprint: ssh.FingerprintSHA256(key), File: k.fileToEdit(), Err: err}
	for _, w := range mismatch.Want {
		out.Known = append(out.Known, fmt.Sprintf("%s:%d", w.Filename, w.Line))
	}
	return out
}

func (k *hostKeys) fileToEdit() string {
	if k.cfg.ProjectKnownHosts != "" {
		return k.cfg.ProjectKnownHosts
	}
	if len(k.cfg.KnownHostsFiles) > 0 {
		return k.cfg.KnownHostsFiles[0]
	}
	return "~/.ssh/known_hosts"
}
