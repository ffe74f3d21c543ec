package inventory

import (
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/value"
)

// What is wanted here is what ansible-inventory gives of the same file.
func TestTOML(t *testing.T) {
	dir := tree(t, map[string]string{"hosts.toml": `[web.hosts]
host1 = {}
host2 = { ansible_port = 222, when = 2024-01-02 }
"n[1:2]" = {}
[web.vars]
http_port = 80
nested = { a = [1, 2], b = true, f = 1.5 }
[app]
children = ["web"]
[ungrouped.hosts]
lone = {}
`})
	inv, err := Open(filepath.Join(dir, "hosts.toml"), Options{}).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, h := range inv.HostsOf(inv.Group("app")) {
		names = append(names, h.Name)
	}
	equal(t, "hosts of app", strings.Join(names, " "), "host1 host2 n1 n2")
	equal(t, "port", inv.Host("host2").Vars.At("ansible_port"), 222)
	want := value.NewMap("a", []any{1, 2}, "b", true, "f", 1.5)
	if got := inv.Group("web").Vars.At("nested"); !value.Equal(got, want) {
		t.Errorf("nested is %v", got)
	}
	if inv.Host("lone") == nil {
		t.Error("lone is missing")
	}
}

func TestTOMLThatIsNone(t *testing.T) {
	for text, says := range map[string]string{"[web hosts]\n": "hosts.toml:1", "[web.hosts]\na = 1 b\n": "hosts.toml:2", "plugin = 'x'\n": ""} {
		dir := tree(t, map[string]string{"hosts.toml": text})
		inv, err := Open(filepath.Join(dir, "hosts.toml"), Options{Config: Config{Enabled: []string{"toml"}}}).Load(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.Join(inv.Warnings, "\n"); !strings.Contains(all, "Unable to parse") || !strings.Contains(all, says) {
			t.Errorf("%q: %s", text, all)
		}
	}
}
