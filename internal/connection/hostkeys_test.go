package connection_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"rollout/internal/connection"
)

func TestHostKeys(t *testing.T) {
	s := startServer(t, "")
	_, other := newKey(t)
	at := fmt.Sprintf("[127.0.0.1]:%d", s.port)
	cases := []struct {
		name, known string
		mode        connection.Checking
		wantErr     string
	}{
		{"known", at + " " + s.hostKey, "", ""},
		{"hashed", xknownhosts.HashHostname(at) + " " + s.hostKey, "", ""},
		{"pattern", strings.Replace(at, "0.1", "0.*", 1) + " " + s.hostKey, "", ""},
		{"unknown", "", "", "is not known"},
		{"unknown, accept-new", "", connection.AcceptNew, ""},
		{"changed", at + " " + other, "", "CHANGED"},
		{"changed, accept-new", at + " " + other, connection.AcceptNew, "CHANGED"},
		{"changed, hashed", xknownhosts.HashHostname(at) + " " + other, "", "CHANGED"},
		{"revoked", "@revoked " + at + " " + s.hostKey, "", "revoked"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := s.config()
			dir := t.TempDir()
			cfg.KnownHostsFiles = []string{write(t, dir+"/known", c.known+"\n"), dir + "/none"}
			cfg.ProjectKnownHosts = dir + "/project"
			cfg.StrictChecking = c.mode
			_, err := s.pool().Get(t.Context(), cfg)
			if c.wantErr == "" && err != nil {
				t.Fatal(err)
			}
			if c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)) {
				t.Errorf("got %v", err)
			}
			if c.mode == connection.AcceptNew && err == nil && !strings.Contains(read(t, cfg.ProjectKnownHosts), s.hostKey) {
				t.Error("the accepted key was not kept")
			}
		})
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCertificateAuthority(t *testing.T) {
	caPEM, caPub := newKey(t)
	ca, err := ssh.ParsePrivateKey(caPEM)
	if err != nil {
		t.Fatal(err)
	}
	s := startServer(t, "")
	s.kill()
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.hostKey))
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: pub, CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(nonce{}, ca); err != nil {
		t.Fatal(err)
	}
	s.extra = "HostCertificate " + write(t, s.dir+"/host_key-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
	s.start()
	cfg := s.config()
	cfg.KnownHostsFiles = []string{write(t, s.dir+"/ca", fmt.Sprintf("@cert-authority [127.0.0.1]:%d %s", s.port, caPub))}
	if _, err := s.pool().Get(t.Context(), cfg); err != nil {
		t.Error(err)
	}
}

// nonce is all the randomness that signing with ed25519 needs.
type nonce struct{}

func (nonce) Read(p []byte) (int, error) { return len(p), nil }

func TestLearntKeys(t *testing.T) {
	s := startServer(t, "")
	cfg := s.config()
	cfg.KnownHostsFiles = nil
	asked := 0
	cfg.ServerID = "server-1"
	cfg.LearnHostKeys = func(context.Context) ([]string, error) {
		asked++
		return []string{s.hostKey + " root@vm"}, nil
	}
	connect := func() error {
		p := s.pool()
		defer p.Close()
		_, err := p.Get(t.Context(), cfg)
		return err
	}
	for range 2 {
		if err := connect(); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 1 || !strings.HasSuffix(read(t, cfg.ProjectKnownHosts), " rollout-server=server-1\n") {
		t.Errorf("asked %d times, kept %q", asked, read(t, cfg.ProjectKnownHosts))
	}
	if st, _ := os.Stat(cfg.ProjectKnownHosts); st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}

	s.kill()
	s.newHostKey()
	s.start()
	var changed *connection.HostKeyError
	if err := connect(); !errors.As(err, &changed) || len(changed.Known) == 0 {
		t.Errorf("another key of the same server: got %v", err)
	}
	cfg.ServerID = "server-2"
	if err := connect(); err != nil {
		t.Errorf("a replaced server: %v", err)
	}
	if got := read(t, cfg.ProjectKnownHosts); strings.Contains(got, "server-1") || strings.Count(got, "\n") != 1 {
		t.Errorf("kept %q", got)
	}

	cfg.ServerID = "server-3"
	cfg.LearnHostKeys = func(context.Context) ([]string, error) { return nil, nil }
	if err := connect(); err == nil || !strings.Contains(err.Error(), "its console shows none yet") {
		t.Errorf("nothing learnt: got %v", err)
	}
}
