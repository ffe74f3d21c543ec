// Package vault is Ansible Vault: encrypted files and values, formats 1.1 and
// 1.2, and the secrets that open them. Data goes sources → Keyring → plain text;
// it knows playbooks and terminals by what is handed in, and shows no secret.
package vault

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Header begins every encrypted text.
const Header = "$ANSIBLE_VAULT"

// The one cipher there is; older files' AES is not written since Ansible 1.5.
const cipherName = "AES256"

// lineWidth is how many hexadecimal digits stand in a line.
const lineWidth = 80

// IsEncrypted reports whether text is a vault: ASCII that begins with Header.
func IsEncrypted(text []byte) bool {
	if !bytes.HasPrefix(text, []byte(Header)) {
		return false
	}
	for _, c := range text {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// Envelope is an encrypted text taken apart: the fields of its first line, and
// the hexadecimal digits of the rest.
type Envelope struct {
	Version string
	Cipher  string
	Label   string // the vault id; "" where the header has none
	body    []byte
}

// FormatError is a text that is no vault, or a broken one.
type FormatError struct{ Problem string }

func (e *FormatError) Error() string { return e.Problem }

func malformed(format string, args ...any) error {
	return &FormatError{fmt.Sprintf(format, args...)}
}

// ParseEnvelope reads the outer form. What it wraps is checked by opening it.
func ParseEnvelope(text []byte) (Envelope, error) {
	if !IsEncrypted(text) {
		return Envelope{}, malformed("input is not vault encrypted data")
	}
	lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' || r == '\r' })
	fields := strings.Split(strings.TrimSpace(lines[0]), ";")
	if len(fields) < 3 {
		return Envelope{}, malformed("Vault envelope format error: the header %q has no version and cipher", lines[0])
	}
	e := Envelope{Version: strings.TrimSpace(fields[1]), Cipher: strings.TrimSpace(fields[2])}
	if len(fields) > 3 {
		e.Label = strings.TrimSpace(fields[3])
	}
	if e.Cipher != cipherName {
		return Envelope{}, malformed("%s cipher could not be found (%s is known)", e.Cipher, cipherName)
	}
	e.body = []byte(strings.Join(lines[1:], ""))
	return e, nil
}

// parts returns what the body holds: salt, authentication code, encrypted text.
func (e Envelope) parts() (sealed, error) {
	outer, err := unhex(e.body)
	if err != nil {
		return sealed{}, err
	}
	rows := bytes.SplitN(outer, []byte("\n"), 3)
	if len(rows) != 3 {
		return sealed{}, malformed("Vault vaulttext format error: expected salt, HMAC and data, got %d of the three", len(rows))
	}
	var s sealed
	for i, into := range []*[]byte{&s.salt, &s.mac, &s.data} {
		if *into, err = unhex(rows[i]); err != nil {
			return sealed{}, err
		}
	}
	return s, nil
}

func unhex(digits []byte) ([]byte, error) {
	out := make([]byte, hex.DecodedLen(len(digits)))
	_, err := hex.Decode(out, digits)
	switch {
	case errors.Is(err, hex.ErrLength):
		return nil, malformed("Vault format unhexlify error: Odd-length string")
	case err != nil:
		return nil, malformed("Vault format unhexlify error: Non-hexadecimal digit found")
	}
	return out, nil
}

// format writes the envelope of a sealed text. A label other than "" and
// "default" makes it format 1.2.
func format(s sealed, label string) []byte {
	header := Header + ";1.1;" + cipherName
	if label != "" && label != DefaultID {
		header = Header + ";1.2;" + cipherName + ";" + label
	}
	inner := strings.Join([]string{hex.EncodeToString(s.salt), hex.EncodeToString(s.mac), hex.EncodeToString(s.data)}, "\n")
	digits := hex.EncodeToString([]byte(inner))
	var out strings.Builder
	out.WriteString(header + "\n")
	for len(digits) > 0 {
		n := min(lineWidth, len(digits))
		out.WriteString(digits[:n] + "\n")
		digits = digits[n:]
	}
	return []byte(out.String())
}
