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
	"rollout/internal/connection/sshtest"
)

func TestHostKeys(t *testing.T) {
	s := sshtest.Start(t, "")
	_, other := sshtest.NewKey(t)
	at := fmt.Sprintf("[127.0.0.1]:%d", s.Port)
	cases := []struct {
		name, known string
		mode        connection.Checking
		wantErr     string
	}{
		{"known", at + " " + s.HostKey, "", ""},
		{"hashed", xknownhosts.HashHostname(at) + " " + s.HostKey, "", ""},
		{"pattern", strings.Replace(at, "0.1", "0.*", 1) + " " + s.HostKey, "", ""},
		{"unknown", "", "", "is not known"},
		{"unknown, accept-new", "", connection.AcceptNew, ""},
		{"changed", at + " " + other, "", "CHANGED"},
		{"changed, accept-new", at + " " + other, connection.AcceptNew, "CHANGED"},
		{"changed, hashed", xknownhosts.HashHostname(at) + " " + other, "", "CHANGED"},
		{"revoked", "@revoked " + at + " " + s.HostKey, "", "revoked"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			cfg := s.Config()
			dir := t.TempDir()
			cfg.KnownHostsFiles = []string{sshtest.Write(t, dir+"/known", c.known+"\n"), dir + "/none"}
			cfg.ProjectKnownHosts = dir + "/project"
			cfg.StrictChecking = c.mode
			_, err := s.Pool().Get(t.Context(), cfg)
			if c.wantErr == "" && err != nil {
				t.Fatal(err)
			}
			if c.wantErr != "" && (err == nil || !strings.Contains(err.Error(), c.wantErr)) {
				t.Errorf("got %v", err)
			}
			if c.mode == connection.AcceptNew && err == nil && !strings.Contains(read(t, cfg.ProjectKnownHosts), s.HostKey) {
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
	caPEM, caPub := sshtest.NewKey(t)
	ca, err := ssh.ParsePrivateKey(caPEM)
	if err != nil {
		t.Fatal(err)
	}
	s := sshtest.Start(t, "")
	s.Kill()
	pub, _, _, _, err := ssh.ParseAuthorizedKey([]byte(s.HostKey))
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: pub, CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(nonce{}, ca); err != nil {
		t.Fatal(err)
	}
	s.Extra = "HostCertificate " + sshtest.Write(t, s.Dir+"/host_key-cert.pub", string(ssh.MarshalAuthorizedKey(cert)))
	s.Run()
	cfg := s.Config()
	cfg.KnownHostsFiles = []string{sshtest.Write(t, s.Dir+"/ca", fmt.Sprintf("@cert-authority [127.0.0.1]:%d %s", s.Port, caPub))}
	if _, err := s.Pool().Get(t.Context(), cfg); err != nil {
		t.Error(err)
	}
}

// nonce is all the randomness that signing with ed25519 needs.
type nonce struct{}

func (nonce) Read(p []byte) (int, error) { return len(p), nil }

func TestLearntKeys(t *testing.T) {
	s := sshtest.Start(t, "")
	cfg := s.Config()
	cfg.KnownHostsFiles = nil
	asked := 0
	cfg.ServerID = "server-1"
	cfg.LearnHostKeys = func(context.Context) ([]string, error) {
		asked++
		return []string{s.HostKey + " root@vm"}, nil
	}
	connect := func() error {
		p := s.Pool()
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

	s.Kill()
	s.NewHostKey()
	s.Run()
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
