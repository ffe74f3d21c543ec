package main

import (
	"os"
	"path/filepath"
	"testing"

	"rollout/internal/settings"
)

// The cache of inventories may be set in ansible.cfg; the environment counts
// where the file says nothing.
func TestCacheOfInventoriesInTheSettings(t *testing.T) {
	dir := t.TempDir()
	text := "[inventory]\ncache = yes\ncache_plugin = jsonfile\ncache_connection = /kept\ncache_timeout = 60\n"
	if err := os.WriteFile(filepath.Join(dir, "ansible.cfg"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := settings.Read(settings.Place{Dir: dir, Home: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("ANSIBLE_CACHE_PLUGIN_PREFIX", "mine")
	p := &project{settings: s}
	for name, want := range map[string]string{"ANSIBLE_INVENTORY_CACHE": "true", "ANSIBLE_INVENTORY_CACHE_PLUGIN": "jsonfile",
		"ANSIBLE_INVENTORY_CACHE_CONNECTION": "/kept", "ANSIBLE_INVENTORY_CACHE_TIMEOUT": "60",
		"ANSIBLE_INVENTORY_CACHE_PLUGIN_PREFIX": "", "ANSIBLE_CACHE_PLUGIN_PREFIX": "mine"} {
		if got := p.cacheSetting(name); got != want {
			t.Errorf("%s = %q, not %q", name, got, want)
		}
	}
}
