// Package crypt makes password hashes as crypt(3) and Python's passlib write
// them, with Ansible's defaults. Data goes password, salt and rounds → text.
package crypt

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
)

// alphabet is crypt's own base 64.
const alphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// maxKey bounds passwords, whose length the schemes' work grows with.
const maxKey = 4096

// Options are what a hash is made with; the zero value takes the scheme's
// defaults and a random salt.
type Options struct {
	Salt     string
	SaltSize int    // of a random salt; 0 is the scheme's own
	Rounds   int    // 0 is Ansible's default; bcrypt's is the exponent
	Ident    string // bcrypt's variant: 2a, 2b or 2y; "" is 2b
}

// scheme is one way to hash.
type scheme struct {
	salt     int // the longest salt
	exact    bool
	min, max int // rounds; 0 where there are none to choose
	preset   int
	hash     func(key []byte, salt string, rounds int, ident string) (string, error)
}

func schemes() map[string]scheme {
	out := map[string]scheme{
		"md5_crypt": {salt: 8, hash: md5Hash},
		"bcrypt":    {salt: 22, exact: true, min: 4, max: 31, preset: 12, hash: bcryptHash},
	}
	for name, k := range shaKinds() {
		out[name] = scheme{salt: 16, min: 1000, max: 5_000_000, preset: k.rounds, hash: k.crypt}
	}
	return out
}

// Names lists the schemes.
func Names() []string { return []string{"bcrypt", "md5_crypt", "sha256_crypt", "sha512_crypt"} }

// Known reports whether there is a scheme of that name.
func Known(name string) bool { return slices.Contains(Names(), name) }

// SaltSize is the length of the salt that a scheme is given where none is said.
func SaltSize(name string) int { return schemes()[name].salt }

// Hash hashes a password by a scheme of Names.
func Hash(name, password string, opt Options) (string, error) {
	s, ok := schemes()[name]
	if !ok {
		return "", fmt.Errorf("there is no password scheme %q (there are %s)", name, strings.Join(Names(), ", "))
	}
	if len(password) > maxKey {
		return "", fmt.Errorf("the password is longer than %d bytes", maxKey)
	}
	salt, err := s.salted(opt)
	if err != nil {
		return "", fmt.Errorf("cannot hash by %s: %w", name, err)
	}
	rounds := opt.Rounds
	if rounds == 0 {
		rounds = s.preset
	}
	if s.max > 0 && (rounds < s.min || rounds > s.max) {
		return "", fmt.Errorf("cannot hash by %s: %d rounds are not possible, from %d to %d are", name, rounds, s.min, s.max)
	}
	return s.hash([]byte(password), salt, rounds, opt.Ident)
}

func (s scheme) salted(opt Options) (string, error) {
	if opt.Salt == "" {
		size := s.salt
		if opt.SaltSize > 0 && !s.exact {
			size = opt.SaltSize
		}
		if size > s.salt {
			return "", fmt.Errorf("a salt has at most %d characters, not %d", s.salt, size)
		}
		return RandomSalt(size)
	}
	switch {
	case strings.Trim(opt.Salt, alphabet) != "":
		return "", fmt.Errorf("a salt consists of letters, digits, . and /")
	case s.exact && len(opt.Salt) != s.salt:
		return "", fmt.Errorf("a salt has %d characters, not %d", s.salt, len(opt.Salt))
	case len(opt.Salt) > s.salt:
		return "", fmt.Errorf("a salt has at most %d characters, not %d", s.salt, len(opt.Salt))
	}
	return opt.Salt, nil
}

// RandomSalt makes a salt of n characters.
func RandomSalt(n int) (string, error) {
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		return "", fmt.Errorf("no random salt: %w", err)
	}
	for i := range b {
		b[i] = alphabet[b[i]&63]
	}
	return string(b), nil
}

// implicitRounds are those that SHA-crypt does not write down.
const implicitRounds = 5000

// crypt is one of the SHA-crypt schemes.
func (k shaKind) crypt(key []byte, salt string, rounds int, _ string) (string, error) {
	stated := ""
	if rounds != implicitRounds {
		stated = fmt.Sprintf("rounds=%d$", rounds)
	}
	return k.mark + stated + salt + "$" + k.encode(k.sum(key, []byte(salt), rounds)), nil
}
