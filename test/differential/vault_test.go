package differential

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVaultsOpenBothWays has each tool read what the other writes, by every
// subcommand.
func TestVaultsOpenBothWays(t *testing.T) {
	theirs, err := exec.LookPath("ansible-vault")
	if err != nil {
		t.Skip("ansible-vault is not installed")
	}
	ours := build(t)
	v := &vaults{dir: t.TempDir()}
	v.write(t, "pw", "secret\n", 0o600)
	v.write(t, "new", "other\n", 0o600)
	v.write(t, "editor", "#!/bin/sh\necho added >>\"$1\"\n", 0o700)
	our, their := []string{ours, "vault"}, []string{theirs}
	for _, c := range []struct {
		name        string
		write, read []string
	}{{"ours to theirs", our, their}, {"theirs to ours", their, our}} {
		for _, id := range []string{"pw", "dev@pw"} {
			t.Run(c.name+" "+id, func(t *testing.T) { v.bothWays(t, c.write, c.read, id) })
		}
	}
}

// vaults is a directory with passwords.
type vaults struct{ dir string }

func (v *vaults) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(v.dir, name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// run runs one of the tools and returns its output.
func (v *vaults) run(t *testing.T, tool []string, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), tool[0], append(append([]string{}, tool[1:]...), args...)...)
	cmd.Dir, cmd.Stdin = v.dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "EDITOR="+filepath.Join(v.dir, "editor"), "ANSIBLE_DEPRECATION_WARNINGS=false", "PAGER=cat")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", tool[0], strings.Join(args, " "), err, out, said.String())
	}
	return string(out)
}

func (v *vaults) bothWays(t *testing.T, write, read []string, id string) {
	const text = "päss: wörd\nmore: lines\n"
	view := func(id string) string { return v.run(t, read, "", "view", "--vault-id", id, "file") }
	expect := func(step, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("after %s: got %q, want %q", step, got, want)
		}
	}
	v.write(t, "file", text, 0o600)
	v.run(t, write, "", "encrypt", "--vault-id", id, "file")
	expect("encrypt", view(id), text)
	v.run(t, read, "", "edit", "--vault-id", id, "file")
	expect("edit", v.run(t, write, "", "view", "--vault-id", id, "file"), text+"added\n")
	v.run(t, write, "", "rekey", "--vault-id", id, "--new-vault-id", "prod@new", "file")
	expect("rekey", view("prod@new"), text+"added\n")
	v.run(t, read, "", "decrypt", "--vault-id", "prod@new", "file")
	plain, err := os.ReadFile(filepath.Join(v.dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	expect("decrypt", string(plain), text+"added\n")
	piped := v.run(t, write, text, "encrypt", "--vault-id", id, "--output", "-", "-")
	expect("a pipe", v.run(t, read, piped, "decrypt", "--vault-id", id, "--output", "-", "-"), text)
	value := v.run(t, write, "", "encrypt_string", "--vault-id", id, "-n", "name", "the value")
	head, body, _ := strings.Cut(value, "\n")
	expect("encrypt_string", head, "name: !vault |")
	expect("encrypt_string", v.run(t, read, strings.ReplaceAll(body, " ", ""), "decrypt", "--vault-id", id, "--output", "-", "-"), "the value")
}
