package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// The parameters of AES256 as Ansible's documentation of the format gives them:
// one PBKDF2 run makes the cipher's key, the HMAC's key and the counter.
const (
	iterations = 10000
	keySize    = 32
	saltSize   = 32
)

// sealed is what an envelope wraps.
type sealed struct{ salt, mac, data []byte }

type keys struct{ cipher, mac, counter []byte }

func derive(password, salt []byte) (keys, error) {
	k, err := pbkdf2.Key(sha256.New, string(password), salt, iterations, 2*keySize+aes.BlockSize)
	if err != nil {
		return keys{}, fmt.Errorf("cannot derive the vault's key: %w", err)
	}
	return keys{k[:keySize], k[keySize : 2*keySize], k[2*keySize:]}, nil
}

func (k keys) sum(data []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	h.Write(data)
	return h.Sum(nil)
}

func (k keys) crypt(data []byte) ([]byte, error) {
	block, err := aes.NewCipher(k.cipher)
	if err != nil {
		return nil, fmt.Errorf("cannot make the vault's cipher: %w", err)
	}
	out := make([]byte, len(data))
	cipher.NewCTR(block, k.counter).XORKeyStream(out, data)
	return out, nil
}

// seal encrypts; a nil salt is a random one.
func seal(plain, password, salt []byte) (sealed, error) {
	if salt == nil {
		salt = make([]byte, saltSize)
		if _, err := rand.Read(salt); err != nil {
			return sealed{}, fmt.Errorf("cannot encrypt: no random salt: %w", err)
		}
	}
	k, err := derive(password, salt)
	if err != nil {
		return sealed{}, err
	}
	data, err := k.crypt(pad(plain))
	if err != nil {
		return sealed{}, err
	}
	return sealed{salt: salt, mac: k.sum(data), data: data}, nil
}

// open decrypts; ok is false where the password is not the one.
func (s sealed) open(password []byte) (plain []byte, ok bool, err error) {
	k, err := derive(password, s.salt)
	if err != nil || !hmac.Equal(k.sum(s.data), s.mac) {
		return nil, false, err
	}
	padded, err := k.crypt(s.data)
	if err != nil {
		return nil, false, err
	}
	plain, err = unpad(padded)
	return plain, err == nil, err
}

// pad is PKCS#7 (RFC 5652, 6.3).
func pad(plain []byte) []byte {
	n := aes.BlockSize - len(plain)%aes.BlockSize
	out := make([]byte, 0, len(plain)+n)
	out = append(out, plain...)
	for range n {
		out = append(out, byte(n))
	}
	return out
}

func unpad(padded []byte) ([]byte, error) {
	wrong := malformed("Vault vaulttext format error: the decrypted text is not padded as it should be")
	if len(padded) == 0 || len(padded)%aes.BlockSize != 0 {
		return nil, wrong
	}
	n := int(padded[len(padded)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, wrong
	}
	for _, b := range padded[len(padded)-n:] {
		if int(b) != n {
			return nil, wrong
		}
	}
	return padded[:len(padded)-n], nil
}
