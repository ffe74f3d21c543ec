package runner

import (
	"slices"
	"sort"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
)

// The prefixes under which Ansible's own modules may be called.
const (
	builtin = "ansible.builtin."
	legacy  = "ansible.legacy."
)

// callables is everything a task can call: the modules handed in and the
// engine's own actions.
type callables struct {
	modules map[string]*module.Module // by name and alias
	actions map[string]*action
	own     module.Finder // people's own modules; nil for none
}

// newCallables indexes modules under their names and aliases.
func newCallables(table map[string]*module.Module, own module.Finder) callables {
	c := callables{modules: map[string]*module.Module{}, actions: map[string]*action{}, own: own}
	for name, m := range table {
		c.modules[name] = m
		c.modules[m.Name] = m
		for _, a := range m.Aliases {
			c.modules[a] = m
		}
	}
	for _, a := range actions() {
		c.actions[a.module.Name] = a
		for _, alias := range a.module.Aliases {
			c.actions[alias] = a
		}
	}
	return c
}

// Known tells which names a task can call, for playbook.Loader: those of the
// modules, people's own among them, and of the engine's own actions.
func Known(table map[string]*module.Module, own module.Finder) func(name string) bool {
	c := newCallables(table, own)
	return func(name string) bool {
		act, mod := c.find(name, nil)
		return act != nil || mod != nil
	}
}

// find returns what name calls: an action goes before a module, and a module of
// a person's own before one that is shipped, unless that is meant by its full
// name.
func (c callables) find(name string, collections []string) (*action, *module.Module) {
	for _, n := range spellings(name, collections) {
		if a, ok := c.actions[n]; ok {
			return a, nil
		}
		if m := c.inPlaceOf(n, name); m != nil {
			return nil, m
		}
		if m, ok := c.modules[n]; ok {
			return nil, m
		}
		if m := c.ownModule(n); m != nil && strings.Contains(n, ".") {
			return nil, m
		}
	}
	return nil, nil
}

// inPlaceOf returns the module of a library that stands in for a built-in one.
func (c callables) inPlaceOf(full, said string) *module.Module {
	if strings.HasPrefix(said, builtin) {
		return nil
	}
	for _, prefix := range []string{builtin, legacy} {
		if short, ok := strings.CutPrefix(full, prefix); ok {
			return c.ownModule(short)
		}
	}
	return nil
}

func (c callables) ownModule(name string) *module.Module {
	if c.own == nil {
		return nil
	}
	return c.own.Find(name)
}

// problem says why what name calls can't be run.
func (c callables) problem(m *module.Module) error {
	if c.own == nil || m == nil {
		return nil
	}
	return c.own.Problem(m.Name)
}

// spellings are the full names that a name may stand for.
func spellings(name string, collections []string) []string {
	if rest, ok := strings.CutPrefix(name, legacy); ok {
		return []string{name, builtin + rest, rest}
	}
	if strings.Contains(name, ".") {
		return []string{name, strings.TrimPrefix(name, builtin)}
	}
	var out []string
	for _, c := range collections {
		out = append(out, c+"."+name)
	}
	return append(out, builtin+name, name)
}

// full is the name in its full spelling, for comparing.
func (c callables) full(name string, collections []string) string {
	a, m := c.find(name, collections)
	switch {
	case a != nil:
		return a.module.Name
	case m != nil:
		return m.Name
	}
	return name
}

// schema returns the argument schema of what name calls.
func (c callables) schema(name string, collections []string) (module.Schema, bool) {
	a, m := c.find(name, collections)
	switch {
	case a != nil:
		return a.module.Args, true
	case m != nil:
		return m.Args, true
	}
	return module.Schema{}, false
}

// suggest says what an unknown name probably meant.
func (c callables) suggest(name string) string {
	var known []string
	for n := range c.modules {
		known = append(known, n, strings.TrimPrefix(n, builtin))
	}
	for n := range c.actions {
		known = append(known, n, strings.TrimPrefix(n, builtin))
	}
	sort.Strings(known)
	return document.Suggest(name, slices.Compact(known))
}

// Actions lists what the engine itself can do, for the reference. Their Run is
// nil: they exist only within a play.
func Actions() []*module.Module {
	var out []*module.Module
	for _, a := range actions() {
		out = append(out, a.module)
	}
	return out
}
