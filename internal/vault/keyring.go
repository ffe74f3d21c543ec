package vault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// DefaultID is the vault id of a secret that was given none.
const DefaultID = "default"

// Secret is a password and the vault id it goes by. It never shows the
// password, however it is printed.
type Secret struct {
	ID       string
	password []byte
}

// NewSecret returns a secret; an empty id is DefaultID.
func NewSecret(id string, password []byte) Secret {
	if id == "" {
		id = DefaultID
	}
	return Secret{ID: id, password: password}
}

// String implements fmt.Stringer.
func (s Secret) String() string { return "the secret " + s.ID }

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// Keyring is the secrets at hand, the best first. A nil one has none.
type Keyring struct {
	Secrets []Secret
	// Identity is the id that a text without one goes by; "" is DefaultID.
	Identity string
	// MatchOnly tries the secrets of a text's own id and no others.
	MatchOnly bool
}

// NoSecretsError is a text to decrypt where no secret is there at all. These
// and others begin with Ansible's words, which people's scripts look for.
type NoSecretsError struct{}

func (NoSecretsError) Error() string {
	return "Attempting to decrypt but no vault secrets found (give one with --vault-id, --vault-password-file or --ask-vault-pass)"
}

// WrongSecretError says that none of the secrets opens a text.
type WrongSecretError struct {
	Label string   // the text's own id, "" where it has none
	Tried []string // the ids that were tried, in order
}

func (e *WrongSecretError) Error() string {
	text := "Decryption failed (no vault secrets were found that could decrypt)"
	if e.Label != "" {
		text += fmt.Sprintf(": it was encrypted with the vault id %s", e.Label)
	} else {
		text += ": it names no vault id"
	}
	if len(e.Tried) == 0 {
		return text + "; there is no secret of that id, and only those of a matching id are tried"
	}
	return text + "; tried " + strings.Join(e.Tried, ", ")
}

// IDs lists the ids of the secrets, in order.
func (k *Keyring) IDs() []string {
	if k == nil {
		return nil
	}
	out := make([]string, len(k.Secrets))
	for i, s := range k.Secrets {
		out[i] = s.ID
	}
	return out
}

// Decrypt returns the plain text of a vault. The error is a *FormatError,
// a NoSecretsError or a *WrongSecretError.
func (k *Keyring) Decrypt(text []byte) ([]byte, error) {
	plain, _, err := k.Open(text)
	return plain, err
}

// Open is Decrypt that also says which secret it was.
func (k *Keyring) Open(text []byte) ([]byte, Secret, error) {
	e, err := ParseEnvelope(text)
	if err != nil {
		return nil, Secret{}, err
	}
	if k == nil || len(k.Secrets) == 0 {
		return nil, Secret{}, NoSecretsError{}
	}
	parts, err := e.parts()
	if err != nil {
		return nil, Secret{}, err
	}
	fail := &WrongSecretError{Label: e.Label}
	for _, s := range k.candidates(e.Label) {
		plain, ok, err := parts.open(s.password)
		if err != nil {
			return nil, Secret{}, err
		}
		if ok {
			return plain, s, nil
		}
		fail.Tried = append(fail.Tried, s.ID)
	}
	return nil, Secret{}, fail
}

// candidates are the secrets to try: those of the text's id, then, unless ids
// must match, the others.
func (k *Keyring) candidates(label string) []Secret {
	if label == "" {
		label = k.Identity
	}
	if label == "" {
		label = DefaultID
	}
	var same, others []Secret
	for _, s := range k.Secrets {
		if s.ID == label {
			same = append(same, s)
		} else {
			others = append(others, s)
		}
	}
	if k.MatchOnly {
		return same
	}
	return append(same, others...)
}

// AmbiguousError says that several secrets could encrypt and none was chosen.
type AmbiguousError struct{ IDs []string }

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("The vault-ids %s are available to encrypt. Specify the vault-id to encrypt with --encrypt-vault-id",
		strings.Join(e.IDs, ","))
}

// UnknownIDError is an id to encrypt with that no secret goes by.
type UnknownIDError struct {
	ID    string
	Known []string
}

func (e *UnknownIDError) Error() string {
	known := make([]string, len(e.Known))
	for i, id := range e.Known {
		known[i] = "'" + id + "'"
	}
	return fmt.Sprintf("Did not find a match for --encrypt-vault-id=%s in the known vault-ids [%s]", e.ID, strings.Join(known, ", "))
}

// Choose returns the secret to encrypt with: the first of the given id, or with
// "" the only one.
func (k *Keyring) Choose(id string) (Secret, error) {
	switch {
	case len(k.IDs()) == 0:
		return Secret{}, NoSecretsError{}
	case id == "" && len(k.Secrets) > 1:
		return Secret{}, &AmbiguousError{k.IDs()}
	case id == "":
		return k.Secrets[0], nil
	}
	at := slices.Index(k.IDs(), id)
	if at < 0 {
		return Secret{}, &UnknownIDError{ID: id, Known: k.IDs()}
	}
	return k.Secrets[at], nil
}

// ErrEncrypted is a text to encrypt that is a vault already.
var ErrEncrypted = errors.New("input is already encrypted")

// Encrypt returns the vault of a text, under the given label; "" and
// "default" write none. A nil salt is a random one.
func (s Secret) Encrypt(plain []byte, label string, salt []byte) ([]byte, error) {
	if IsEncrypted(plain) {
		return nil, ErrEncrypted
	}
	if strings.ContainsAny(label, ";\n\r") {
		return nil, fmt.Errorf("'%s' is not a valid vault id. The character ';' is not allowed in vault ids", label)
	}
	parts, err := seal(plain, s.password, salt)
	if err != nil {
		return nil, err
	}
	return format(parts, label), nil
}
