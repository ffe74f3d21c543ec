package openstack

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const testClouds = `
clouds:
  lab:
    auth: {auth_url: "http://lab/identity", username: student07, password: 0123, project_name: SNSApp}
    region_name: One
    verify: false
  bare:
    profile: campus
    auth: {username: student07, project_name: SNSApp}
    regions: [North, South]
`

func configIn(t *testing.T, env map[string]string) Config {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"clouds.yaml":        testClouds,
		"secure.yaml":        "clouds: {bare: {auth: {password: hush}}}\n",
		"clouds-public.yaml": "public-clouds: {campus: {auth: {auth_url: 'https://campus:5000/v3'}, interface: internal}}\n",
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return Config{Getenv: func(k string) string {
		if k == "OS_CLIENT_CONFIG_FILE" && env["none"] == "" {
			return filepath.Join(dir, "clouds.yaml")
		}
		if k == "HOME" {
			return dir
		}
		return env[k]
	}}
}

func TestEntryOfCloudsYAML(t *testing.T) {
	cfg := configIn(t, nil)
	cfg.Cloud = "lab"
	cred, err := cfg.credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	auth, err := cred.authOptions()
	if err != nil {
		t.Fatal(err)
	}
	if auth.Password != "0123" || auth.Scope.ProjectName != "SNSApp" || auth.DomainID != "default" || !auth.AllowReauth {
		t.Errorf("%+v scope %+v", auth, auth.Scope)
	}
	if !cred.insecure() || cred.iface() != "public" || cred.get("region_name") != "One" {
		t.Errorf("%v", cred.values)
	}
}

func TestProfileAndSecure(t *testing.T) {
	cfg := configIn(t, map[string]string{"OS_CLOUD": "bare"})
	cfg.Auth = map[string]string{"project_name": "Other"}
	cred, err := cfg.credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"auth.auth_url": "https://campus:5000/v3", "auth.password": "hush", "region_name": "North", "auth.project_name": "Other",
	} {
		if got := cred.get(key); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	if cred.iface() != "internal" || !strings.Contains(cred.source, "secure.yaml") {
		t.Errorf("interface %s, source %s", cred.iface(), cred.source)
	}
}

func TestVariables(t *testing.T) {
	cfg := configIn(t, map[string]string{"none": "1", "OS_AUTH_URL": "http://c:5000/v2.0/", "OS_USERNAME": "u", "OS_PASSWORD": "hush",
		"OS_TENANT_NAME": "SNSApp", "OS_ENDPOINT_TYPE": "internalURL", "OS_INSECURE": "true"})
	cred, err := cfg.credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	auth, err := cred.authOptions()
	if err != nil || auth.Scope.ProjectName != "SNSApp" || auth.Username != "u" || !cred.insecure() || cred.iface() != "internal" {
		t.Errorf("%+v %v", auth, err)
	}
}

func TestApplicationCredential(t *testing.T) {
	cfg := Config{Getenv: func(string) string { return "" }, Auth: map[string]string{"auth_url": "http://c/v3",
		"application_credential_id": "id", "application_credential_secret": "hush"}}
	cred, err := cfg.credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	auth, err := cred.authOptions()
	if err != nil || auth.ApplicationCredentialID != "id" || auth.Scope != nil || !auth.AllowReauth {
		t.Errorf("%+v %v", auth, err)
	}
}

func TestBadCredentials(t *testing.T) {
	for name, tc := range map[string]struct {
		cfg  Config
		says string
	}{
		"unknown entry": {func() Config { c := configIn(t, nil); c.Cloud = "lob"; return c }(), `did you mean "lab"?`},
		"which one":     {configIn(t, nil), "set OS_CLOUD to one of: bare, lab"},
		"no file":       {configIn(t, map[string]string{"none": "1"}), "looked for clouds.yaml, "},
		"no password": {Config{Getenv: func(string) string { return "" },
			Auth: map[string]string{"auth_url": "http://c/v3", "username": "u"}}, "password is missing; given are: auth_url, username"},
		"strange type": {Config{Getenv: func(string) string { return "" }, AuthType: "v3kerberos",
			Auth: map[string]string{"auth_url": "http://c/v3"}}, `auth_type "v3kerberos" is not known here`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), tc.cfg)
			var login *LoginError
			if !errors.As(err, &login) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestParseHostKeys(t *testing.T) {
	const key = "AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx"
	log := strings.Split(`[   9.1] cloud-init[301]: booting
ec2: #############################################################
ec2: -----BEGIN SSH HOST KEY FINGERPRINTS-----
ec2: 256 SHA256:`+strings.Repeat("a", 43)+` root@web1 (ED25519)
ec2: -----END SSH HOST KEY FINGERPRINTS-----
-----BEGIN SSH HOST KEY KEYS-----
ssh-ed25519 AAAAC3NzaC1lZDI1NTE5old root@web1
-----END SSH HOST KEY KEYS-----
[  11.0] -----BEGIN SSH HOST KEY KEYS-----
[  11.0] ssh-ed25519 `+key+` root@web1
[  11.0] ssh-rsa AAAAnotakey root@web1
[  11.0] -----END SSH HOST KEY KEYS-----
-----BEGIN SSH HOST KEY KEYS-----
ssh-ed25519 AAAAcut`, "\n")
	keys, prints := ParseHostKeys(log)
	if len(keys) != 1 || keys[0] != "ssh-ed25519 "+key {
		t.Errorf("keys are %q", keys)
	}
	if len(prints) != 1 || prints[0] != "SHA256:"+strings.Repeat("a", 43) {
		t.Errorf("fingerprints are %q", prints)
	}
	if keys, prints := ParseHostKeys(nil); keys != nil || prints != nil {
		t.Errorf("from nothing: %v %v", keys, prints)
	}
}

func FuzzParseHostKeys(f *testing.F) {
	f.Add("-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA x\n-----END SSH HOST KEY KEYS-----")
	f.Fuzz(func(t *testing.T, log string) {
		keys, _ := ParseHostKeys(strings.Split(log, "\n"))
		for _, k := range keys {
			if strings.Count(k, " ") != 1 || strings.ContainsAny(k, "\n\r") {
				t.Errorf("not a key: %q", k)
			}
		}
	})
}

func TestPatternsFor(t *testing.T) {
	for _, tc := range []struct{ names, want string }{
		{"student07-web-1", "^student07-web-1$"},
		{"student07-web-1 student07-app-1", "^student07-"},
		{"student07-web-1 student07-web-2", "^student07-web-"},
		{"a.b-1 c", `^a\.b-1$ ^c$`},
		{"student1-web student10-web student1-app", "^student1- ^student10-web$"},
		{"student01-step student02-step student03-step", "^student0"},
		{"web1 web2 web3", "^web"},
		{"a-1 b-1 c-1", ""},
	} {
		if got := strings.Join(patternsFor(strings.Fields(tc.names)), " "); got != tc.want {
			t.Errorf("%s: %s, not %s", tc.names, got, tc.want)
		}
	}
}

func TestEntryOfAFurtherFile(t *testing.T) {
	further := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(further, []byte("clouds: {lab: {auth: {auth_url: 'http://other'}}, practice: {auth: {auth_url: 'http://practice'}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"practice": "http://practice", "lab": "http://lab/identity"} {
		for _, env := range []map[string]string{nil, {"OS_CLOUD": name}} {
			cfg := configIn(t, env)
			cfg.Further = map[string]string{"practice": further, "lab": further}
			if env == nil {
				cfg.Cloud = name
			}
			cred, err := cfg.credentials(t.Context())
			if err != nil || cred.get("auth.auth_url") != want {
				t.Errorf("%s: %q, %v", name, cred.get("auth.auth_url"), err)
			}
		}
	}
	cfg := configIn(t, map[string]string{"none": "1"})
	cfg.Cloud, cfg.Further = "practice", map[string]string{"practice": further + "x"}
	if _, err := cfg.credentials(t.Context()); !errors.Is(err, ErrNoClouds) {
		t.Errorf("got %v", err)
	}
}
