package crypt

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"slices"

	//lint:ignore SA1019 bcrypt is made of it
	"golang.org/x/crypto/blowfish"
)

const (
	bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	bcryptText     = "OrpheanBeholderScryDoubt"
	bcryptKey      = 72 // bytes of the password that count
)

// bcryptHash is bcrypt (Provos, Mazières 1999) with a given salt, which x/crypto's
// own does not take.
func bcryptHash(key []byte, salt string, cost int, ident string) (string, error) {
	if ident == "" {
		ident = "2b"
	}
	if !slices.Contains([]string{"2a", "2b", "2y"}, ident) {
		return "", fmt.Errorf("cannot hash by bcrypt: the ident %q is not supported (2a, 2b and 2y are)", ident)
	}
	if bytes.IndexByte(key, 0) >= 0 {
		return "", fmt.Errorf("cannot hash by bcrypt: the password holds a NUL byte")
	}
	enc := base64.NewEncoding(bcryptAlphabet).WithPadding(base64.NoPadding)
	raw, err := enc.DecodeString(salt) // what is beyond 16 bytes is dropped, as passlib does
	if err != nil {
		return "", fmt.Errorf("cannot hash by bcrypt: the salt: %w", err)
	}
	key = append(slices.Clone(key), 0)
	key = key[:min(len(key), bcryptKey)]
	c, err := blowfish.NewSaltedCipher(key, raw)
	if err != nil {
		return "", fmt.Errorf("cannot hash by bcrypt: %w", err)
	}
	for range uint64(1) << cost {
		blowfish.ExpandKey(key, c)
		blowfish.ExpandKey(raw, c)
	}
	sum := []byte(bcryptText)
	for at := 0; at < len(sum); at += blowfish.BlockSize {
		for range 64 {
			c.Encrypt(sum[at:at+blowfish.BlockSize], sum[at:at+blowfish.BlockSize])
		}
	}
	return fmt.Sprintf("$%s$%02d$%s%s", ident, cost, enc.EncodeToString(raw), enc.EncodeToString(sum[:len(sum)-1])), nil
}
