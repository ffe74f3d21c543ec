package runner

import (
	"strings"
	"testing"

	"rollout/internal/module"
)

// A module of Ansible's that is missing is refused by name, with what is there
// instead; a misspelt one with the name that was meant.
func TestMissingModulesNameTheNearest(t *testing.T) {
	c := newCallables(map[string]*module.Module{"ansible.builtin.command": {Name: "ansible.builtin.command"}, "ansible.builtin.apt": {Name: "ansible.builtin.apt"}}, nil)
	for name, want := range map[string]string{"apt_repository": "command", "ansible.posix.seboolean": "command", "community.general.timezone": "command", "zypper": "command"} {
		instead, known := c.absent(name)
		if got := strings.Join(instead, ", "); !known || got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if _, known := c.absent("comand"); known {
		t.Error("a misspelt name is taken for a module of Ansible's")
	}
}

// Nothing is nearest to itself, and every way ends at something that is there.
func TestTheTableOfNearestModules(t *testing.T) {
	for name, instead := range nearest {
		for _, other := range instead {
			if other == name {
				t.Errorf("%s is nearest to itself", name)
			}
		}
	}
}
