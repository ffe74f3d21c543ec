package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Settings say where secrets come from, as the command line, the environment
// and ansible.cfg have it.
type Settings struct {
	IdentityList    []string // vault_identity_list: [label@]source, before IDs
	IDs             []string // --vault-id
	PasswordFiles   []string // --vault-password-file, then vault_password_file
	Ask             bool     // --ask-vault-password
	Identity        string   // vault_identity: the id of a secret without one; "" is DefaultID
	EncryptIdentity string   // vault_encrypt_identity
	MatchOnly       bool     // vault_id_match
}

// Any reports whether any secret is to be had.
func (s Settings) Any() bool {
	return len(s.IdentityList) > 0 || len(s.IDs) > 0 || len(s.PasswordFiles) > 0 || s.Ask
}

// identity is the id of a secret that was given none.
func (s Settings) identity() string {
	if s.Identity == "" {
		return DefaultID
	}
	return s.Identity
}

// The sources that ask at the terminal; the second asks in the words that
// --ask-vault-password has always used.
const (
	promptSource    = "prompt"
	oldPromptSource = "prompt_ask_vault_pass"
)

// source is one place where a secret comes from.
type source struct{ label, from string }

func (s source) asks() bool { return s.from == promptSource || s.from == oldPromptSource }

// parseSource splits [label@]source at the first @.
func parseSource(text string) source {
	label, from, ok := strings.Cut(text, "@")
	if !ok {
		return source{from: text}
	}
	return source{label, from}
}

// sources lists them in the order in which Ansible reads them.
func (s Settings) sources() ([]source, error) {
	var out []source
	for _, list := range [][]string{s.IdentityList, s.IDs} {
		for _, text := range list {
			if strings.Contains(text, ";") {
				return nil, fmt.Errorf("'%s' is not a valid vault id. The character ';' is not allowed in vault ids", text)
			}
			out = append(out, parseSource(strings.TrimSpace(text)))
		}
	}
	for _, file := range s.PasswordFiles {
		out = append(out, source{s.identity(), file})
	}
	if s.Ask {
		out = append(out, source{s.identity(), oldPromptSource})
	}
	return out, nil
}

// Reader gets secrets from their sources.
type Reader struct {
	// Ask shows text and returns the line typed, which is not echoed.
	Ask func(ctx context.Context, text string) (string, error)
	// Warn is told of a source that gave nothing; the others may be enough.
	Warn func(text string)
}

// Read reads the secrets to decrypt with. Sources that give nothing are warned
// of; where none gives anything, the last one's error is returned.
func (r Reader) Read(ctx context.Context, s Settings) (*Keyring, error) { return r.read(ctx, s, false) }

// ReadNew reads the secrets to encrypt with: what is typed is asked for twice,
// and asked for where there is no source at all.
func (r Reader) ReadNew(ctx context.Context, s Settings) (*Keyring, error) {
	if !s.Any() {
		s.Ask = true
	}
	return r.read(ctx, s, true)
}

func (r Reader) read(ctx context.Context, s Settings, fresh bool) (*Keyring, error) {
	sources, err := s.sources()
	if err != nil {
		return nil, err
	}
	ring := &Keyring{Identity: s.identity(), MatchOnly: s.MatchOnly}
	var last error
	for _, src := range sources {
		id := src.label
		if id == "" {
			id = s.identity()
		}
		password, err := r.password(ctx, src, id, ring, fresh)
		switch {
		case err == nil:
			ring.Secrets = append(ring.Secrets, NewSecret(id, password))
		case src.asks() || ctx.Err() != nil:
			return nil, err
		default:
			r.Warn(err.Error())
			last = err
		}
	}
	if len(ring.Secrets) == 0 && last != nil {
		return nil, last
	}
	return ring, nil
}

// password reads one secret; ring opens a password file that is itself a vault.
func (r Reader) password(ctx context.Context, src source, id string, ring *Keyring, fresh bool) ([]byte, error) {
	if src.asks() {
		return r.prompt(ctx, questions(src, id, fresh))
	}
	path, err := expand(src.from)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &SourceError{src.named(), "getting vault password file", fmt.Errorf("the vault password file %s was not found", path)}
	}
	var password []byte
	if info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
		password, err = r.script(ctx, path, src.label)
	} else {
		password, err = file(path, ring)
	}
	if err == nil && len(password) == 0 {
		err = fmt.Errorf("%s gave an empty password", path)
	}
	if err != nil {
		return nil, &SourceError{src.named(), "in vault password file loading", err}
	}
	return password, nil
}

// SourceError is a source that gave no secret.
type SourceError struct {
	Label  string
	Action string
	Err    error
}

func (e *SourceError) Error() string {
	return fmt.Sprintf("Error %s (%s): %v", e.Action, e.Label, e.Err)
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

func (s source) named() string {
	if s.label == "" {
		return "None"
	}
	return s.label
}

// questions are the words that programs which drive Ansible look for.
func questions(src source, id string, fresh bool) []string {
	switch old := src.from == oldPromptSource; {
	case old && fresh:
		return []string{"New Vault password: ", "Confirm New Vault password: "}
	case old:
		return []string{"Vault password: "}
	case fresh:
		return []string{"New vault password (" + id + "): ", "Confirm new vault password (" + id + "): "}
	}
	return []string{"Vault password (" + id + "): "}
}

// prompt asks each question; all answers must be the same.
func (r Reader) prompt(ctx context.Context, questions []string) ([]byte, error) {
	var first string
	for i, q := range questions {
		answer, err := r.Ask(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("cannot ask for the vault password: %w", err)
		}
		answer = strings.TrimSpace(answer)
		switch {
		case answer == "":
			return nil, errors.New("the vault password is empty")
		case i == 0:
			first = answer
		case answer != first:
			return nil, errors.New("the two vault passwords are not the same")
		}
	}
	return []byte(first), nil
}

// expand resolves ~ and $VARIABLES.
func expand(path string) (string, error) {
	path = os.ExpandEnv(path)
	if path == "~" || strings.HasPrefix(path, "~/") {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("cannot find the vault password file %s: %w", path, err)
		}
		path = home + path[1:]
	}
	// The symbolic link is not followed: scripts look at the name they go by.
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("cannot find the vault password file %s: %w", path, err)
	}
	return abs, nil
}

func file(path string, ring *Keyring) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the vault password file: %w", err)
	}
	data = bytes.TrimSpace(data)
	if IsEncrypted(data) {
		if data, err = ring.Decrypt(data); err != nil {
			return nil, fmt.Errorf("cannot decrypt the vault password file %s: %w", path, err)
		}
	}
	return bytes.Trim(data, "\r\n"), nil
}

// unknownID is how a client script says that it has no secret of the id.
const unknownID = 2

// script runs a program that prints the password. One whose name ends in
// -client is told the id.
func (r Reader) script(ctx context.Context, path, label string) ([]byte, error) {
	isClient := strings.HasSuffix(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), "-client")
	var args []string
	if isClient && label != "" {
		args = []string{"--vault-id", label}
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.WaitDelay = time.Second
	cmd.Stdin = os.Stdin // a script may ask its own questions
	var said bytes.Buffer
	cmd.Stderr = os.Stderr
	if isClient {
		cmd.Stderr = &said
	}
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && isClient && exit.ExitCode() == unknownID:
		return nil, fmt.Errorf("the vault password client script %s did not find a secret for vault-id=%s: %s", path, label, strings.TrimSpace(said.String()))
	case errors.As(err, &exit):
		return nil, fmt.Errorf("the vault password script %s returned %d: %s", path, exit.ExitCode(), strings.TrimSpace(said.String()))
	case err != nil:
		return nil, fmt.Errorf("cannot run the vault password script %s (%w); if it is not a script, remove its executable bit", path, err)
	}
	return bytes.Trim(out, "\r\n"), nil
}
