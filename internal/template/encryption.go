package template

import (
	"strings"

	"rollout/internal/crypt"
	"rollout/internal/value"
	"rollout/internal/vault"
)

// cryptNames are Ansible's short names of password schemes.
var cryptNames = map[string]string{"md5": "md5_crypt", "blowfish": "bcrypt", "sha256": "sha256_crypt", "sha512": "sha512_crypt"}

func filterPasswordHash(a *args) (any, error) {
	name := a.str(0, "sha512")
	if long, ok := cryptNames[name]; ok {
		name = long
	}
	opt := crypt.Options{Salt: a.textGiven(1), Ident: a.textGiven(4)}
	if a.given(2) {
		opt.SaltSize = a.int(2, 0)
	}
	if a.given(3) {
		opt.Rounds = a.int(3, 0)
	}
	if a.err != nil {
		return nil, a.err
	}
	work := max(opt.Rounds, 1000)
	if name == "bcrypt" {
		work = 1 << min(max(opt.Rounds, 10), 31) // its rounds are an exponent
	}
	if err := a.frame.run.step(work); err != nil {
		return nil, err
	}
	hash, err := crypt.Hash(name, a.input(), opt)
	if err != nil {
		return nil, failf("password_hash: %s", err)
	}
	return hash, nil
}

// textGiven is parameter i as text, "" where it was not given.
func (a *args) textGiven(i int) string {
	if !a.given(i) {
		return ""
	}
	return a.text(i, "")
}

// filterID is the vault id that the filters vault and unvault write.
const filterID = "filter_default"

func filterVault(a *args) (any, error) {
	plain, ok := a.in.(string)
	if !ok {
		return nil, failf("Can only vault strings, instead we got: %s", typeName(a.in))
	}
	secret := vault.NewSecret(filterID, []byte(a.password()))
	var salt []byte
	if s := a.textGiven(1); s != "" {
		salt = []byte(s)
	}
	label := filterID
	if a.given(2) {
		label = a.text(2, "")
	}
	if a.err != nil {
		return nil, a.err
	}
	text, err := secret.Encrypt([]byte(plain), label, salt)
	if err != nil {
		return nil, failf("Unable to encrypt: %s", err)
	}
	if a.bool(3, false) {
		return value.NewSealed(string(text), func() (string, error) { return plain, nil }), nil
	}
	return string(text), nil
}

// password is the secret of vault and unvault, which must be text.
func (a *args) password() string {
	if _, ok := a.need(0).(string); !ok && a.err == nil {
		a.fail(failf("Secret passed is required to be a string, instead we got: %s", typeName(a.p[0])))
		return ""
	}
	return a.text(0, "")
}

func filterUnvault(a *args) (any, error) {
	text, ok := a.in.(string)
	if sealed, isSealed := a.in.(*value.Sealed); isSealed {
		text, ok = sealed.Envelope(), true
	}
	if !ok {
		return nil, failf("Vault should be in the form of a string, instead we got: %s", typeName(a.in))
	}
	secret := vault.NewSecret(filterID, []byte(a.password()))
	if a.err != nil || !strings.HasPrefix(text, vault.Header) {
		return text, a.err
	}
	plain, err := (&vault.Keyring{Secrets: []vault.Secret{secret}}).Decrypt([]byte(text))
	if err != nil {
		return nil, failf("Unable to decrypt: %s", err)
	}
	return string(plain), nil
}
