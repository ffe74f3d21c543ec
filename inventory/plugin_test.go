package inventory

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/value"
)

func TestSafeGroupNames(t *testing.T) {
	for in, want := range map[string]string{"web": "web", "a-b.c d": "a_b_c_d", "0web": "_web", "größe": "größe", "": "", "_x": "_x", "日本": "日本", "a/b": "a_b"} {
		if got := safeGroupName(in); got != want {
			t.Errorf("%q becomes %q, not %q", in, got, want)
		}
	}
}

func TestPluginsAreRefusedWhereThereAreNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "openstack.yml")
	if err := os.WriteFile(path, []byte("plugin: openstack\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, opts := range map[string]Options{
		"cannot list servers here": {Plugins: &Plugins{}},
	} {
		if _, err := Open(path, opts).Load(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, not %s", err, want)
		}
	}
}

func TestTheNameOfAFileForClouds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts.yml")
	if err := os.WriteFile(path, []byte("plugin: openstack\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Open(path, Options{Plugins: &Plugins{}}).Load(t.Context())
	if err == nil || !strings.Contains(err.Error(), "must end in openstack.yml or openstack.yaml, hosts.yml doesn't") {
		t.Errorf("the error is %v", err)
	}
}

func TestCachesHoldNoSecrets(t *testing.T) {
	server := value.NewMap("id", "1", "user_data", "c2VjcmV0", "adminPass", "x",
		"properties", value.NewMap("OS-EXT-SRV-ATTR:user_data", "c2VjcmV0", "locked", false))
	c := cacheOptions{dir: t.TempDir(), prefix: "p_"}
	warn := func(text string, args ...any) { t.Errorf(text, args...) }
	c.write("key", []*value.Map{server}, warn)
	data, err := os.ReadFile(c.file("key"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "c2VjcmV0") || strings.Contains(string(data), `"x"`) {
		t.Errorf("the cache holds secrets: %s", data)
	}
	if server.At("user_data") == nil {
		t.Error("the inventory lost what only the cache must not have")
	}
}

func FuzzPluginFile(f *testing.F) {
	for _, seed := range []string{"plugin: openstack\n", "plugin: openstack\ncompose: {a: b}\nkeyed_groups: [{key: a, prefix: [b]}]\ngroups: []\n",
		"plugin: openstack\ncache: yes\ncache_timeout: -1\nserver_filters: {a: [b]}\nonly_clouds: {a: b}\n", "plugin: [openstack]\nstrict: {}\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := document.Parse("openstack.yml", []byte(text))
		if err != nil || doc.Kind != document.Mapping || doc.Get("plugin") == nil {
			return
		}
		p := &pathSource{path: "openstack.yml", opts: Options{Plugins: &Plugins{}}}
		if file, err := p.openstackFile(doc); err == nil && file == nil {
			t.Error("neither a file nor an error")
		}
	})
}

func FuzzCache(f *testing.F) {
	f.Add(`{"format": 1, "servers": [{"id": "1"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		servers, err := decodeCache([]byte(text))
		for _, s := range servers {
			if err == nil && s == nil {
				t.Error("a server that is none")
			}
		}
	})
}
