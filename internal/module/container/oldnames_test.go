package container

import (
	"testing"
)

// Names of older books are told of; the short names of today are not.
func TestOldNames(t *testing.T) {
	now := map[string]string{}
	for _, m := range Modules(nil) {
		for _, name := range append([]string{m.Name}, m.Aliases...) {
			now[name] = m.Old[name]
		}
		for name := range m.Old {
			if _, known := now[name]; !known {
				t.Errorf("%s is old, but no name of %s", name, m.Name)
			}
		}
	}
	for name, want := range map[string]string{
		"docker":                            "community.docker.docker_container",
		"docker_image_facts":                "community.docker.docker_image_info",
		"docker_container":                  "",
		"docker_container_info":             "",
		"community.docker.docker_container": "",
	} {
		if got, known := now[name]; !known || got != want {
			t.Errorf("%s (known: %v): use %q, not %q", name, known, got, want)
		}
	}
}
