package connection

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// credentials are what a host is offered, and what is said of it in errors.
type credentials struct {
	signers []ssh.Signer
	tried   []string
	notes   []string
	agent   net.Conn // open while the agent's keys may be used; may be nil
}

// close lets go of the agent.
func (c *credentials) close() {
	if c.agent != nil {
		_ = c.agent.Close()
	}
}

// gather reads the keys: the one given as text, the files in order, then the
// agent's. A key that cannot be used is a note, not an error, as another may
// do.
func gather(ctx context.Context, cfg SSHConfig) *credentials {
	c := &credentials{}
	if len(cfg.KeyPEM) > 0 {
		c.add("the key given", cfg.KeyPEM, nil)
	}
	for _, file := range cfg.KeyFiles {
		data, err := os.ReadFile(file)
		if err != nil {
			c.notes = append(c.notes, fmt.Sprintf("key %v", err))
			continue
		}
		c.add("key "+file, data, func() ([]byte, error) {
			if cfg.KeyPassphrase == nil {
				return nil, errors.New("it is encrypted and there is nobody to ask for its passphrase")
			}
			return cfg.KeyPassphrase(ctx, file)
		})
		c.addCertificate(file)
	}
	if cfg.UseAgent {
		c.addAgent(ctx)
	}
	return c
}

func (c *credentials) add(what string, pem []byte, passphrase func() ([]byte, error)) {
	signer, err := ssh.ParsePrivateKey(pem)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) && passphrase != nil {
		var phrase []byte
		if phrase, err = passphrase(); err == nil {
			signer, err = ssh.ParsePrivateKeyWithPassphrase(pem, phrase)
		}
	}
	if err != nil {
		c.notes = append(c.notes, fmt.Sprintf("%s (%v)", what, err))
		return
	}
	c.signers = append(c.signers, signer)
	c.tried = append(c.tried, what)
}

// addCertificate offers the certificate beside the key file just added, first,
// as ssh does.
func (c *credentials) addCertificate(file string) {
	data, err := os.ReadFile(file + "-cert.pub")
	if err != nil || len(c.signers) == 0 {
		return
	}
	pub, _, _, _, err := ssh.ParseAuthorizedKey(data)
	cert, ok := pub.(*ssh.Certificate)
	last := len(c.signers) - 1
	if err != nil || !ok || !bytes.Equal(cert.Key.Marshal(), c.signers[last].PublicKey().Marshal()) {
		return
	}
	signer, err := ssh.NewCertSigner(cert, c.signers[last])
	if err != nil {
		return
	}
	c.signers = append(c.signers[:last], signer, c.signers[last])
	c.tried = append(c.tried, "certificate "+file+"-cert.pub")
}

func (c *credentials) addAgent(ctx context.Context) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		c.notes = append(c.notes, fmt.Sprintf("the agent (%v)", err))
		return
	}
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		_ = conn.Close()
		c.notes = append(c.notes, fmt.Sprintf("the agent (%v)", err))
		return
	}
	c.agent = conn
	for _, s := range signers {
		if !c.has(s) {
			c.signers = append(c.signers, s)
			c.tried = append(c.tried, "agent key "+ssh.FingerprintSHA256(s.PublicKey()))
		}
	}
}

func (c *credentials) has(s ssh.Signer) bool {
	for _, have := range c.signers {
		if bytes.Equal(have.PublicKey().Marshal(), s.PublicKey().Marshal()) {
			return true
		}
	}
	return false
}

// methods are the ways of logging in, keys first. x/crypto tries a method of
// one name once, so all keys are in one.
func (c *credentials) methods(password string) []ssh.AuthMethod {
	var out []ssh.AuthMethod
	if len(c.signers) > 0 {
		out = append(out, ssh.PublicKeys(c.signers...))
	}
	if password == "" {
		return out
	}
	c.tried = append(c.tried, "the password")
	answer := func(_, _ string, questions []string, _ []bool) ([]string, error) {
		answers := make([]string, len(questions))
		for i := range answers {
			answers[i] = password
		}
		return answers, nil
	}
	return append(out, ssh.Password(password), ssh.KeyboardInteractive(answer))
}
