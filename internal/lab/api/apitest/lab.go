// Package apitest serves the practice cloud's API to tests, in their own process, over machines that exist in memory
// only: whatever speaks to OpenStack can be tested without Docker and in no time.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/identity"
)

// Cloud is the lab's entry in its clouds.yaml.
const Cloud = "lab"

// password is the user's. It opens nothing but a test's own lab.
const password = "only-for-tests"

// Lab is a practice cloud that serves at URL until its test ends.
type Lab struct {
	URL      string // without a path: http://127.0.0.1:port
	Clouds   string // its clouds.yaml, with the entry "lab"
	Machines *Machines
	orders   string // a token from before the faults
}

// Seed is what a test's lab comes with: the exercise's networks, image and key pair.
func Seed() api.Seed {
	return api.Seed{External: netip.MustParsePrefix("10.20.30.0/24"), ImageName: "docker-base", ImageRef: "rollout-lab:test",
		ImageSize: 390 << 20, KeyName: "key-for-internal",
		PublicKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx lab",
		Networks: []api.SeedNetwork{{Name: "dmz-net", CIDR: "192.168.0.0/24"}, {Name: "app-net", CIDR: "172.16.10.0/24"},
			{Name: "dbs-net", CIDR: "172.16.20.0/24"}}}
}

// Config is what a test's lab is made of; a second api.New with the same StateFile takes up where the first ended.
func Config(stateFile string) api.Config {
	return api.Config{StateFile: stateFile, Password: password, Seed: Seed()}
}

// Start serves a new lab until the test ends.
func Start(t testing.TB) *Lab {
	t.Helper()
	machines := &Machines{}
	dir := t.TempDir()
	server, err := api.New(context.WithoutCancel(t.Context()), Config(filepath.Join(dir, "state.json")), machines)
	if err != nil {
		t.Fatal(err)
	}
	return Serve(t, server, machines)
}

// Serve serves an API until the test ends, and closes it then.
func Serve(t testing.TB, server *api.Server, machines *Machines) *Lab {
	t.Helper()
	web := httptest.NewServer(server.Handler())
	t.Cleanup(func() {
		web.Close()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	lab := &Lab{URL: web.URL, Clouds: filepath.Join(t.TempDir(), "clouds.yaml"), Machines: machines}
	if err := os.WriteFile(lab.Clouds, []byte(lab.clouds()), 0o600); err != nil {
		t.Fatal(err)
	}
	return lab
}

func (l *Lab) clouds() string {
	return fmt.Sprintf(`clouds:
  %s:
    auth:
      auth_url: %s/identity/v3
      username: %s
      password: %s
      project_name: %s
      user_domain_name: %s
      project_domain_name: %s
    region_name: %s
    identity_api_version: 3
`, Cloud, l.URL, identity.UserName, password, identity.ProjectName, identity.DomainName, identity.DomainName, identity.Region)
}

// Token logs in and returns the token.
func (l *Lab) Token(t testing.TB) string {
	t.Helper()
	type object = map[string]any
	response := l.send(t, http.MethodPost, "/identity/v3/auth/tokens", "", object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{
			"name": identity.UserName, "password": password, "domain": object{"id": identity.DomainID}}}},
		"scope": object{"project": object{"name": identity.ProjectName, "domain": object{"id": identity.DomainID}}}}})
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("logging in: %s", response.Status)
	}
	return response.Header.Get("X-Subject-Token")
}

// Order orders faults, in place of those ordered before.
func (l *Lab) Order(t testing.TB, faults api.Faults) {
	t.Helper()
	response := l.send(t, http.MethodPost, "/lab/faults", l.key(t), faults)
	if response.StatusCode != http.StatusNoContent {
		t.Fatalf("ordering faults: %s", response.Status)
	}
}

// key is a token to give orders with: faults of Keystone's must be possible to end.
func (l *Lab) key(t testing.TB) string {
	t.Helper()
	if l.orders == "" {
		l.orders = l.Token(t)
	}
	return l.orders
}

// Heal ends all faults.
func (l *Lab) Heal(t testing.TB) { l.Order(t, api.Faults{}) }

// Left returns the faults that are still to strike.
func (l *Lab) Left(t testing.TB) api.Faults {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.URL+"/lab/faults", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", l.key(t))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var left api.Faults
	if err := json.NewDecoder(response.Body).Decode(&left); err != nil {
		t.Fatal(err)
	}
	return left
}

// send makes a request of which only the answer's head counts.
func (l *Lab) send(t testing.TB, method, path, token string, body any) *http.Response {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, l.URL+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Auth-Token", token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response
}
