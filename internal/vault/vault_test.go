package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What ansible-vault 2.14 made of "foo: bar\n" with the password "secret".
const made = `$ANSIBLE_VAULT;1.1;AES256
33386337343963393533343039333563323733646137636162346266643134323539396237646333
3663363965336335663161656236616532346363303832310a393264356663393330346137613239
34633765333936633466353932663166343531616230326161383365323966386434366431353839
3838623233373231340a303166666433613439303464393661363365643765666137393137653138
3631
`

func secret(id, password string) Secret { return NewSecret(id, []byte(password)) }

func TestWhatAnsibleVaultMadeIsOpened(t *testing.T) {
	ring := &Keyring{Secrets: []Secret{secret("a", "wrong"), secret("", "secret")}}
	plain, by, err := ring.Open([]byte(made))
	if err != nil || string(plain) != "foo: bar\n" || by.ID != DefaultID {
		t.Errorf("got %q by %v, %v", plain, by, err)
	}
}

func TestEncryptAndOpen(t *testing.T) {
	for _, plain := range []string{"", "x", strings.Repeat("k", 16), "日本語\n", strings.Repeat("long\n", 1000)} {
		for label, header := range map[string]string{"": ";1.1;AES256\n", "default": ";1.1;AES256\n", "dev": ";1.2;AES256;dev\n"} {
			s := secret(label, "p")
			text, err := s.Encrypt([]byte(plain), label, nil)
			if err != nil || !bytes.HasPrefix(text, []byte(Header+header)) {
				t.Fatalf("%q: %v, %.60s", plain, err, text)
			}
			for line := range strings.Lines(string(text)) {
				if len(line) > lineWidth+1 {
					t.Errorf("a line of %d", len(line))
				}
			}
			got, err := (&Keyring{Secrets: []Secret{s}, MatchOnly: true}).Decrypt(text)
			if err != nil || string(got) != plain {
				t.Errorf("%q: got %q, %v", plain, got, err)
			}
		}
	}
}

func TestErrorsSayWhatIsWrong(t *testing.T) {
	ring := &Keyring{Secrets: []Secret{secret("a", "hidden1"), secret("b", "hidden2")}}
	labelled, err := secret("c", "other").Encrypt([]byte("x"), "c", nil)
	if err != nil {
		t.Fatal(err)
	}
	body := strings.TrimPrefix(made, "$ANSIBLE_VAULT;1.1;AES256\n")
	for text, want := range map[string]string{
		"no vault":                               "input is not vault encrypted data",
		"$ANSIBLE_VAULT":                         "envelope format error",
		"$ANSIBLE_VAULT;1.1;AES\n00":             "AES cipher could not be found",
		"$ANSIBLE_VAULT;1.1;AES256\n":            "got 1 of the three",
		"$ANSIBLE_VAULT;1.1;AES256\n0":           "Odd-length string",
		"$ANSIBLE_VAULT;1.1;AES256\nzz":          "Non-hexadecimal digit found",
		"$ANSIBLE_VAULT;1.1;AES256\n00\n" + body: "Non-hexadecimal digit found",
		"$ANSIBLE_VAULT;1.1;AES256\nä":           "not vault encrypted",
		string(labelled):                         "encrypted with the vault id c; tried a, b",
		made:                                     "names no vault id; tried a, b",
	} {
		_, err := ring.Decrypt([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%.50q: got %v, want %q", text, err, want)
		}
	}
	ring.MatchOnly = true
	if _, err := ring.Decrypt(labelled); err == nil || !strings.Contains(err.Error(), "there is no secret of that id") {
		t.Errorf("got %v", err)
	}
	var none *Keyring
	if _, err := none.Decrypt(labelled); !errors.As(err, &NoSecretsError{}) {
		t.Errorf("got %v", err)
	}
	if _, err := secret("", "p").Encrypt([]byte(made), "", nil); !errors.Is(err, ErrEncrypted) {
		t.Errorf("encrypting twice: %v", err)
	}
	if _, err := secret("", "p").Encrypt([]byte("x"), "a;b", nil); err == nil {
		t.Error("a label with a semicolon is accepted")
	}
}

func TestASecretIsNeverPrinted(t *testing.T) {
	s := secret("dev", "hidden")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(verb, s) + fmt.Sprintf(verb, &Keyring{Secrets: []Secret{s}}); strings.Contains(text, "hidden") {
			t.Errorf("%s: %s", verb, text)
		}
	}
}

func TestTheOrderOfSecrets(t *testing.T) {
	ring := &Keyring{Secrets: []Secret{secret("a", "1"), secret("b", "2"), secret("default", "3"), secret("b", "4")}}
	for label, want := range map[string]string{"": "default a b b", "b": "b b a default", "none": "a b default b"} {
		var got []string
		for _, s := range ring.candidates(label) {
			got = append(got, s.ID)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %v, want %s", label, got, want)
		}
	}
	if s, err := ring.Choose("b"); err != nil || string(s.password) != "2" {
		t.Errorf("chose %v, %v", s, err)
	}
	var ambiguous *AmbiguousError
	if _, err := ring.Choose(""); !errors.As(err, &ambiguous) {
		t.Errorf("got %v", err)
	}
	if _, err := ring.Choose("z"); err == nil || err.Error() != "Did not find a match for --encrypt-vault-id=z in the known vault-ids ['a', 'b', 'default', 'b']" {
		t.Errorf("got %v", err)
	}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	inner, err := secret("", "first").Encrypt([]byte("inner\n"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"plain": " first \n", "empty": "", "vaulted": string(inner)} {
		write(t, filepath.Join(dir, name), text, 0o600)
	}
	write(t, filepath.Join(dir, "script"), "#!/bin/sh\necho from $# $1\n", 0o700)
	write(t, filepath.Join(dir, "x-client.sh"), "#!/bin/sh\n[ \"$2\" = dev ] || { echo unknown >&2; exit 2; }\necho \"$1 $2\"\n", 0o700)
	for _, c := range []struct {
		name  string
		s     Settings
		fresh bool
		typed []string
		want  string
		err   string
	}{
		{name: "a file", s: Settings{IDs: []string{"~/plain"}}, want: "default=first"},
		{name: "ids before files", s: Settings{PasswordFiles: []string{dir + "/plain"}, IDs: []string{"b@" + dir + "/script"}, IdentityList: []string{" a@~/plain"}},
			want: "a=first b=from 0 default=first"},
		{name: "a vaulted file", s: Settings{IDs: []string{"~/plain", "in@~/vaulted"}}, want: "default=first in=inner"},
		{name: "a vaulted file alone", s: Settings{IDs: []string{"in@~/vaulted"}}, err: "Error in vault password file loading (in): cannot decrypt the vault password file"},
		{name: "a client", s: Settings{IDs: []string{"dev@~/x-client.sh"}}, want: "dev=--vault-id dev"},
		{name: "a client without the id", s: Settings{IDs: []string{"prod@~/x-client.sh"}}, err: "did not find a secret for vault-id=prod: unknown"},
		{name: "one of two is enough", s: Settings{IDs: []string{"a@~/gone", "b@~/plain"}}, want: "b=first"},
		{name: "empty", s: Settings{PasswordFiles: []string{"~/empty"}}, err: "empty password"},
		{name: "missing", s: Settings{IDs: []string{"id1@~/gone"}}, err: "Error getting vault password file (id1)"},
		{name: "a semicolon", s: Settings{IDs: []string{"a;b@~/plain"}}, err: "is not a valid vault id"},
		{name: "prompts", s: Settings{IDs: []string{"dev@prompt"}, Ask: true}, typed: []string{"Vault password (dev): ", "Vault password: "},
			want: "dev=typed default=typed"},
		{name: "new prompts", s: Settings{IDs: []string{"dev@prompt"}}, fresh: true,
			typed: []string{"New vault password (dev): ", "Confirm new vault password (dev): "}, want: "dev=typed"},
		{name: "asked where there is none", fresh: true, typed: []string{"New Vault password: ", "Confirm New Vault password: "}, want: "default=typed"},
		{name: "none", want: ""},
		{name: "an own default", s: Settings{Identity: "me", PasswordFiles: []string{"~/plain"}}, want: "me=first"},
	} {
		var asked, warned []string
		r := Reader{Ask: func(_ context.Context, text string) (string, error) { asked = append(asked, text); return "typed", nil },
			Warn: func(text string) { warned = append(warned, text) }}
		read := r.Read
		if c.fresh {
			read = r.ReadNew
		}
		ring, err := read(t.Context(), c.s)
		var got []string
		if ring != nil {
			for _, s := range ring.Secrets {
				got = append(got, s.ID+"="+string(s.password))
			}
		}
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v, want the error %q", c.name, err, c.err)
		case c.err == "" && (err != nil || strings.Join(got, " ") != c.want || strings.Join(asked, "") != strings.Join(c.typed, "")):
			t.Errorf("%s: got %v, asked %q, %v", c.name, got, asked, err)
		}
	}
}

func TestPasswordsMustBeTypedTheSameTwice(t *testing.T) {
	n := 0
	r := Reader{Ask: func(context.Context, string) (string, error) { n++; return fmt.Sprint(n), nil }}
	if _, err := r.ReadNew(t.Context(), Settings{}); err == nil || !strings.Contains(err.Error(), "not the same") {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestReplaceKeepsTheMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	link := path + ".link"
	write(t, path, "old", 0o644)
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		how  Replacement
		mode os.FileMode
	}{{Replacement{Shred: true}, 0o644}, {Replacement{Private: true}, 0o600}} {
		if err := Replace(link, []byte("new"), c.how); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		info, err2 := os.Lstat(path)
		if err != nil || err2 != nil || string(data) != "new" || info.Mode() != c.mode {
			t.Errorf("got %q, %v, %v, %v", data, info, err, err2)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 2 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestOldPlainTextIsOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	write(t, path, "plain text", 0o600)
	f, err := os.Open(path) // the old file, which rename takes the name of
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := Replace(path, []byte("new"), Replacement{Shred: true}); err != nil {
		t.Fatal(err)
	}
	old := make([]byte, 10)
	if _, err := f.ReadAt(old, 0); err != nil || string(old) == "plain text" {
		t.Errorf("got %q, %v", old, err)
	}
}

func TestEditLeavesNothingBehind(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", dir)
	script := filepath.Join(t.TempDir(), "editor")
	write(t, script, "#!/bin/sh\ncp \"$2\" \"$2.bak\"\necho \"$1\" >>\"$2\"\n", 0o700)
	got, err := Editor{[]string{script, "more"}}.Edit(t.Context(), []byte("text\n"), ".yml")
	if err != nil || string(got) != "text\nmore\n" {
		t.Errorf("got %q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Editor{[]string{script, "more"}}).Edit(ctx, []byte("text\n"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte(made))
	f.Add([]byte("$ANSIBLE_VAULT;1.2;AES256;id\r\n3030\n"))
	f.Add([]byte("$ANSIBLE_VAULT;;AES256;;\n" + "330a330a33"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ParseEnvelope(text)
		if err != nil {
			return
		}
		if s, err := e.parts(); err == nil {
			again, err := ParseEnvelope(format(s, e.Label))
			if err != nil && !strings.ContainsAny(e.Label, ";\n\r") {
				t.Fatalf("%v", err)
			}
			if _, err := again.parts(); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
		}
	})
}
