package runner

import (
	"rollout/internal/value"
	"rollout/internal/vars"
)

// addressNames are the variables that say where a host is reached.
var addressNames = [...]string{"ansible_host", "ansible_ssh_host"}

// implicitAddress is the weakest of a host's layers: where nothing says at which
// address a host is reached, tasks see its name there, as Ansible's do. It is no
// variable of the host: hostvars does not have it.
func implicitAddress(host string, self func() *vars.Scope) vars.Layer {
	lazy := map[string]func() (any, error){}
	for i, name := range addressNames {
		other := addressNames[1-i]
		lazy[name] = func() (any, error) {
			if explicit(self(), other) {
				v, _, err := self().Lookup(other)
				return v, err
			}
			return host, nil
		}
	}
	return vars.Layer{Level: vars.CommandLine, Data: true, Lazy: lazy}
}

// explicit reports whether a variable comes from more than implicitAddress.
func explicit(s *vars.Scope, name string) bool {
	level, there := s.Source(name)
	return there && level > vars.CommandLine
}

// reaching is the scope of a task that is delegated: it sees where the other
// host is reached, unless its own host says so of itself.
func reaching(s *vars.Scope, address string) *vars.Scope {
	if explicit(s, addressNames[0]) || explicit(s, addressNames[1]) {
		return s
	}
	return s.With(vars.Layer{Level: vars.Local, Data: true,
		Values: value.NewMap(addressNames[0], address, addressNames[1], address)})
}

// delegating adds the variable ansible_delegated_vars: those of the host that
// the task is delegated to.
func delegating(s *vars.Scope, name string, of *vars.Scope) *vars.Scope {
	return s.With(vars.Layer{Level: vars.Local, Data: true,
		Values: value.NewMap("ansible_delegated_vars", value.NewMap(name, &oneHost{of}))})
}
