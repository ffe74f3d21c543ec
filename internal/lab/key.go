package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"os"
)

// keyPair returns the public key, in the form of authorized_keys, of the private key in a file, which is made if it is
// not there.
func keyPair(file string) (string, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		text, err = newKey(file)
	}
	if err != nil {
		return "", fmt.Errorf("cannot get the key pair %s: %w", KeyName, err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", fmt.Errorf("cannot get the key pair %s: %s holds no key", KeyName, file)
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return "", fmt.Errorf("cannot get the key pair %s from %s: %w", KeyName, file, err)
	}
	return authorizedKey(&key.PublicKey)
}

// newKey makes an ECDSA key in the form that every SSH client reads.
func newKey(file string) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return text, writeFile(file, text)
}

// authorizedKey writes a public key as RFC 5656, section 3.1, has it.
func authorizedKey(key *ecdsa.PublicKey) (string, error) {
	point, err := key.Bytes()
	if err != nil {
		return "", fmt.Errorf("cannot write the public key of %s: %w", KeyName, err)
	}
	const kind = "ecdsa-sha2-nistp256"
	var blob []byte
	for _, part := range [][]byte{[]byte(kind), []byte("nistp256"), point} {
		blob = binary.BigEndian.AppendUint32(blob, uint32(len(part)))
		blob = append(blob, part...)
	}
	return kind + " " + base64.StdEncoding.EncodeToString(blob) + " " + KeyName, nil
}
