package clouds

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
	cred, err := cfg.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cred.Get("auth.password") != "0123" || cred.Get("auth.project_name") != "SNSApp" {
		t.Errorf("%v", cred.values)
	}
	if !cred.Insecure() || cred.Interface("compute") != "public" || cred.Get("region_name") != "One" {
		t.Errorf("%v", cred.values)
	}
}

func TestProfileAndSecure(t *testing.T) {
	cfg := configIn(t, map[string]string{"OS_CLOUD": "bare"})
	cfg.Auth = map[string]string{"project_name": "Other"}
	cred, err := cfg.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"auth.auth_url": "https://campus:5000/v3", "auth.password": "hush", "region_name": "North", "auth.project_name": "Other",
	} {
		if got := cred.Get(key); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	if cred.Interface("compute") != "internal" || !strings.Contains(cred.Source, "secure.yaml") {
		t.Errorf("interface %s, source %s", cred.Interface("compute"), cred.Source)
	}
}

func TestVariables(t *testing.T) {
	cfg := configIn(t, map[string]string{"none": "1", "OS_AUTH_URL": "http://c:5000/v2.0/", "OS_USERNAME": "u", "OS_PASSWORD": "hush",
		"OS_TENANT_NAME": "SNSApp", "OS_ENDPOINT_TYPE": "internalURL", "OS_INSECURE": "true"})
	cred, err := cfg.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if cred.Get("auth.project_name") != "SNSApp" || cred.Get("auth.username") != "u" || !cred.Insecure() || cred.Interface("image") != "internal" {
		t.Errorf("%v", cred.values)
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
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.cfg.Credentials(t.Context())
			var login *LoginError
			if !errors.As(err, &login) || !strings.Contains(err.Error(), tc.says) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%v", err)
			}
		})
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
			cred, err := cfg.Credentials(t.Context())
			if err != nil || cred.Get("auth.auth_url") != want {
				t.Errorf("%s: %q, %v", name, cred.Get("auth.auth_url"), err)
			}
		}
	}
	cfg := configIn(t, map[string]string{"none": "1"})
	cfg.Cloud, cfg.Further = "practice", map[string]string{"practice": further + "x"}
	if _, err := cfg.Credentials(t.Context()); !errors.Is(err, ErrNoClouds) {
		t.Errorf("got %v", err)
	}
}
