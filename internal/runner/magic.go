package runner

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// magic are the variables that the engine itself sets.
func (b *batch) magic(host string, t *playbook.Task) *value.Map {
	m := b.hostMagic(host)
	if b.play != nil {
		m.Set("ansible_play_name", b.name)
	}
	if t == nil {
		return m
	}
	m.Set("ansible_search_path", value.List(newFinder(b.run.opt.Loader.Files, t, b.dir()).bases))
	if t.Role == nil {
		return m
	}
	role := t.Role.Role
	m.Set("role_name", role.Name)
	m.Set("ansible_role_name", role.FullName())
	m.Set("role_path", resolved(role.Path))
	m.Set("role_uuid", roleID(t.Role))
	m.Set("ansible_collection_name", nil)
	if role.Collection != "" {
		m.Set("ansible_collection_name", role.Collection)
	}
	if parents := including(t.Role); len(parents) > 0 {
		var names, paths []string
		for _, p := range parents {
			names, paths = append(names, p.Role.FullName()), append(paths, resolved(p.Role.Path))
		}
		m.Set("ansible_parent_role_names", value.List(names))
		m.Set("ansible_parent_role_paths", value.List(paths))
	}
	return m
}

// roleID is the variable role_uuid: one for each place that a role is used at,
// the same in every run.
func roleID(use *playbook.RoleUse) string {
	sum := sha256.Sum256([]byte(use.Pos.String() + "\x00" + use.Key))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// hostMagic are those that hold outside of plays too, as in hostvars.
func (b *batch) hostMagic(host string) *value.Map {
	r := b.run
	short, _, _ := strings.Cut(host, ".")
	m := value.NewMap(
		"inventory_hostname", host, "inventory_hostname_short", short,
		"group_names", value.List(r.hosts.groupsOf(host)),
		"omit", vars.OmitText(),
		"ansible_check_mode", r.opt.Check, "ansible_diff_mode", r.opt.Diff,
		"ansible_forks", r.opt.Forks, "ansible_verbosity", r.opt.Verbosity,
		"ansible_version", ansibleVersion(),
		"ansible_run_tags", value.List(r.runTags()), "ansible_skip_tags", value.List(r.opt.SkipTags),
		"ansible_config_file", r.configFile(), "rollout_program", r.program,
	)
	if r.python != "" {
		m.Set("ansible_playbook_python", r.python)
	}
	if len(r.opt.InventorySources) > 0 {
		m.Set("ansible_inventory_sources", value.List(inventorySources(r.opt.InventorySources)))
	}
	if limit := r.opt.Limit; limit != "" {
		m.Set("ansible_limit", limit)
	}
	if b.play != nil {
		m.Set("playbook_dir", absolute(b.play.Dir))
	}
	return m
}

// inventorySources are paths made absolute; lists of hosts stay as they are.
func inventorySources(sources []string) []string {
	out := make([]string, len(sources))
	for i, s := range sources {
		if out[i] = s; !strings.Contains(s, ",") {
			out[i] = absolute(s)
		}
	}
	return out
}

// including are the roles whose tasks imported or included this one, innermost
// first.
func including(use *playbook.RoleUse) []*playbook.RoleUse {
	var out []*playbook.RoleUse
	for u := use; u != nil; u = u.Parent {
		if u.Included && u.Parent != nil {
			out = append(out, u.Parent)
		}
	}
	return out
}

func absolute(p string) string {
	if strings.HasPrefix(p, playbook.Embedded) {
		return p
	}
	if abs, err := filepath.Abs(p); err == nil {
		return abs
	}
	return p
}

// resolved is the absolute path without links, as role_path is.
func resolved(p string) string {
	abs := absolute(p)
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}

// ansibleVersion is the version whose semantics the engine follows.
func ansibleVersion() *value.Map {
	return value.NewMap("full", "2.14.18", "major", 2, "minor", 14, "revision", 18, "string", "2.14.18")
}

// magicLazy are the magic variables that cost something.
func (b *batch) magicLazy(t *playbook.Task, f frame, self func() *vars.Scope) map[string]func() (any, error) {
	lazy := map[string]func() (any, error){
		"groups":             func() (any, error) { return b.run.hosts.groups(), nil },
		"hostvars":           func() (any, error) { return b.hostVars(self()), nil },
		"vars":               func() (any, error) { return &allVars{self()}, nil },
		lookup.NamesVariable: func() (any, error) { return value.List(self().Names()), nil },
	}
	if t != nil {
		lazy["environment"] = func() (any, error) { return b.environmentVariable(self(), t) }
	}
	if b.play == nil {
		return lazy
	}
	list := func(of func() []string) func() (any, error) {
		return func() (any, error) { return value.List(of()), nil }
	}
	lazy["ansible_play_hosts_all"] = list(func() []string { return b.playHosts })
	now := f.standing
	if now == nil {
		now = b.standing
	}
	lazy["ansible_play_hosts"] = list(func() []string { return now().alive })
	lazy["ansible_play_batch"] = list(func() []string { return now().batch })
	lazy["play_hosts"] = lazy["ansible_play_batch"]
	lazy["ansible_play_role_names"] = list(func() []string { return roleNames(b.ownRoles()) })
	lazy["role_names"] = lazy["ansible_play_role_names"]
	dependent := func() []string { return dependencyNames(b.ownRoles()) }
	lazy["ansible_dependent_role_names"] = list(dependent)
	lazy["ansible_role_names"] = list(func() []string {
		return unique(append(dependent(), roleNames(b.ownRoles())...))
	})
	return lazy
}

// environmentVariable is the variable environment: what applies to the task.
func (b *batch) environmentVariable(s *vars.Scope, t *playbook.Task) (any, error) {
	out := []any{}
	for _, n := range t.Environment {
		v, err := evaluate(s, b.run, n)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// ownRoles are the play's roles without their dependencies: those of roles:, of
// import_role, and of include_role with public.
func (b *batch) ownRoles() []*playbook.RoleUse {
	out := slices.Concat(b.play.Roles, b.play.Imported)
	for _, use := range b.publicRoles() {
		if use.Included {
			out = append(out, use)
		}
	}
	return out
}

func roleNames(uses []*playbook.RoleUse) []string {
	var out []string
	for _, use := range uses {
		out = append(out, use.Role.FullName())
	}
	return out
}

func dependencyNames(uses []*playbook.RoleUse) []string {
	var out []string
	for _, use := range uses {
		all := use.All()
		out = append(out, roleNames(all[:len(all)-1])...)
	}
	return unique(out)
}

// unique drops repeated names, keeping the order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
