package connection

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What is made is what ssh-keygen reads, and gives the same public key again.
func TestNewKeyPair(t *testing.T) {
	private, public, err := NewKeyPair("student07-key class")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := PublicKey(private, "student07-key class"); err != nil || again != public {
		t.Errorf("%q, then %q, %v", public, again, err)
	}
	if _, err := PublicKey([]byte("no key"), ""); err == nil {
		t.Error("a text that is no key was taken for one")
	}
	tool, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("ssh-keygen is not installed")
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, private, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), tool, "-y", "-f", file).Output()
	if err != nil || strings.TrimSpace(string(out)) != public {
		t.Errorf("ssh-keygen reads %q, not %q, %v", out, public, err)
	}
}

func TestArgumentsOfSSH(t *testing.T) {
	dir := t.TempDir()
	known := filepath.Join(dir, "known_hosts")
	key := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx"
	if err := os.WriteFile(known, []byte("198.51.100.7 "+key+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := SSHConfig{Name: "x", Address: "198.51.100.7", Port: 2222, User: "debian", KeyFiles: []string{"/k y"}, ProjectKnownHosts: known,
		ProxyJump: []Jump{{User: "me", Host: "2001:db8::1", Port: 22}, {Host: "gate"}}}
	got, err := cfg.Arguments(t.Context(), []string{"ls", "-l"})
	want := []string{"-o", `UserKnownHostsFile="` + known + `"`, "-o", "GlobalKnownHostsFile=/dev/null", "-o", "StrictHostKeyChecking=yes",
		"-l", "debian", "-i", "/k y", "-p", "2222", "-J", "me@[2001:db8::1]:22,gate", "--", "198.51.100.7", "ls", "-l"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	none := SSHConfig{Name: "x", Address: "198.51.100.8", User: "u"}
	if got, err := none.Arguments(t.Context(), nil); err != nil || !slices.Contains(got, "UserKnownHostsFile="+os.DevNull) || !slices.Contains(got, "StrictHostKeyChecking=yes") {
		t.Errorf("where no key is known: %q, %v", got, err)
	}
}
