package connection

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// NewKeyPair makes an Ed25519 key: the private one in OpenSSH's format, without
// a passphrase, and the public one as a line of authorized_keys with comment.
func NewKeyPair(comment string) (private []byte, public string, err error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", fmt.Errorf("cannot make a key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(priv, comment)
	if err != nil {
		return nil, "", fmt.Errorf("cannot write a private key: %w", err)
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return nil, "", fmt.Errorf("cannot write a public key: %w", err)
	}
	return pem.EncodeToMemory(block), authorizedLine(key, comment), nil
}

// PublicKey returns the public key of a private one that has no passphrase.
func PublicKey(private []byte, comment string) (string, error) {
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return "", fmt.Errorf("cannot read the private key: %w", err)
	}
	return authorizedLine(signer.PublicKey(), comment), nil
}

func authorizedLine(key ssh.PublicKey, comment string) string {
	return strings.TrimSuffix(string(ssh.MarshalAuthorizedKey(key)), "\n") + " " + comment
}
