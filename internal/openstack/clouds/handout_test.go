package clouds

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// What is handed out logs in as the entry does.
func TestHandout(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{"OS_CLIENT_CONFIG_FILE": filepath.Join(dir, "clouds.yaml")}
	text := `clouds:
  class:
    auth: {auth_url: http://127.0.0.1:5000/v3, username: ada, password: "it's: \"0123\" $HOME", project_name: P, user_domain_name: Default}
    region_name: R
    interface: internal
    cacert: ` + dir + `/ca.pem
    networks: [{name: n}]
`
	for file, content := range map[string]string{"clouds.yaml": text, "ca.pem": "CA"} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Cloud: "class", Getenv: func(key string) string { return env[key] }}
	h, err := cfg.Handout(t.Context(), "", "/ca")
	if err != nil {
		t.Fatal(err)
	}
	if !h.Loopback() || h.Entry != "class" || h.CACert != "CA" {
		t.Errorf("%+v", h)
	}
	if h, err = cfg.Handout(t.Context(), "http://10.0.0.1:5000/v3", "/ca"); err != nil || h.Loopback() {
		t.Fatalf("%+v, %v", h, err)
	}
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "clouds.yaml"), []byte(h.CloudsYAML), 0o600); err != nil {
		t.Fatal(err)
	}
	env["OS_CLIENT_CONFIG_FILE"] = filepath.Join(other, "clouds.yaml")
	cred, err := Config{Cloud: "class", Getenv: func(key string) string { return env[key] }}.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"auth.password": `it's: "0123" $HOME`, "auth.username": "ada", "auth.auth_url": "http://10.0.0.1:5000/v3",
		"region_name": "R", "interface": "internal", "cacert": "/ca"} {
		if got := cred.Get(key); got != want {
			t.Errorf("%s is %q, not %q", key, got, want)
		}
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", h.OpenRC+`echo "$OS_PASSWORD|$OS_USERNAME|$OS_REGION_NAME|$OS_CACERT|$OS_PROJECT_NAME"`).CombinedOutput()
	if want := `it's: "0123" $HOME|ada|R|/ca|P` + "\n"; err != nil || string(out) != want {
		t.Errorf("the shell read %q, %v", out, err)
	}
	if strings.Contains(h.CloudsYAML, "networks") {
		t.Error("more than credentials was handed out")
	}
}
