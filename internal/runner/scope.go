package runner

import (
	"context"
	"path/filepath"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/runner/lookup"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// scope returns what names mean for a host and a task; t is nil for what the
// play itself asks (hosts, serial, prompts).
func (b *batch) scope(ctx context.Context, host string, t *playbook.Task, f frame) (*vars.Scope, error) {
	layers, err := b.layers(host, t, f)
	if err != nil {
		return nil, err
	}
	var s *vars.Scope
	self := func() *vars.Scope { return s }
	layers = append([]vars.Layer{implicitAddress(host, self)}, layers...)
	lazy := b.magicLazy(self)
	layers = append(layers, vars.Layer{Level: vars.Magic, Values: b.magic(host, t), Data: true, Lazy: lazy})
	s = vars.NewScope(ctx, b.run.engine, host, layers)
	return s, nil
}

// layers stacks Ansible's levels for a host, weakest first.
func (b *batch) layers(host string, t *playbook.Task, f frame) ([]vars.Layer, error) {
	st := &stack{run: b.run}
	if b.play != nil {
		for _, use := range b.exported(host) {
			st.node(vars.RoleDefaults, use.Role.Defaults)
		}
	}
	if t != nil && t.Role != nil {
		for _, use := range lineage(t.Role) {
			st.node(vars.RoleDefaults, use.Role.Defaults)
		}
	}
	facts, fixed, included := b.run.state.of(host)
	st.inventory(host, b.dir(), facts)
	if b.play != nil {
		st.layers = append(st.layers, b.playLayers...)
		for _, use := range b.exported(host) {
			st.node(vars.RoleVars, use.Role.Vars)
			st.node(vars.RoleVars, use.Vars)
		}
	}
	if t != nil {
		st.task(t)
	}
	st.source(vars.IncludeVars, included)
	st.data(vars.SetFacts, fixed)
	if t != nil && t.Role != nil {
		for _, use := range lineage(t.Role) {
			st.node(vars.RoleParams, use.Params)
		}
	}
	st.layers = append(st.layers, f.params...)
	st.source(vars.ExtraVars, b.run.opt.ExtraVars)
	return st.layers, st.err
}

// stack gathers layers; the first mistake is kept.
type stack struct {
	run    *Run
	layers []vars.Layer
	err    error
}

func (s *stack) node(level vars.Level, n *document.Node) {
	if n == nil {
		return
	}
	m, err := s.run.decoded(n)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.source(level, m)
}

func (s *stack) source(level vars.Level, m *value.Map) {
	if m.Len() > 0 {
		s.layers = append(s.layers, vars.Layer{Level: level, Values: m})
	}
}

func (s *stack) data(level vars.Level, m *value.Map) {
	if m.Len() > 0 {
		s.layers = append(s.layers, vars.Layer{Level: level, Values: m, Data: true})
	}
}

// inventory stacks what the inventory and the host itself say.
func (s *stack) inventory(host, dir string, facts *value.Map) {
	s.layers = append(s.layers, s.run.hosts.layers(host, dir)...)
	s.data(vars.Facts, facts)
	s.data(vars.Facts, value.NewMap("ansible_facts", namespaced(facts)))
}

// hostLayers are a host's variables outside of any play, as hostvars has them.
func (b *batch) hostLayers(host string) []vars.Layer {
	st := &stack{run: b.run}
	facts, fixed, included := b.run.state.of(host)
	st.inventory(host, b.dir(), facts)
	st.source(vars.IncludeVars, included)
	st.data(vars.SetFacts, fixed)
	st.source(vars.ExtraVars, b.run.opt.ExtraVars)
	return st.layers
}

func (b *batch) dir() string {
	if b.play == nil {
		return ""
	}
	return b.play.Dir
}

func (s *stack) task(t *playbook.Task) {
	if t.Role != nil {
		for _, use := range lineage(t.Role) {
			s.node(vars.RoleVars, use.Role.Vars)
			s.node(vars.RoleVars, use.Vars)
		}
	}
	for _, n := range t.Vars {
		level := vars.BlockVars
		if n == t.OwnVars {
			level = vars.TaskVars
		}
		s.node(level, n)
	}
}

// lineage lists what a role's tasks see: the roles that led to it, then what it
// depends on, then itself.
func lineage(use *playbook.RoleUse) []*playbook.RoleUse { return append(use.Chain(), use.All()...) }

// exported lists the roles whose variables all tasks of the play see.
func (b *batch) exported(host string) []*playbook.RoleUse {
	var out []*playbook.RoleUse
	for _, use := range b.play.Roles {
		out = append(out, use.All()...)
	}
	for _, use := range b.play.Imported {
		out = append(out, use.All()...)
	}
	return append(out, b.publicRoles(host)...)
}

// magic are the variables that the engine itself sets.
func (b *batch) magic(host string, t *playbook.Task) *value.Map {
	r := b.run
	short, _, _ := strings.Cut(host, ".")
	m := value.NewMap(
		"inventory_hostname", host, "inventory_hostname_short", short,
		"group_names", value.List(r.hosts.groupsOf(host)),
		"omit", vars.OmitText,
		"ansible_check_mode", r.opt.Check, "ansible_diff_mode", r.opt.Diff,
		"ansible_forks", r.opt.Forks, "ansible_verbosity", r.opt.Verbosity,
		"ansible_version", ansibleVersion(),
		"ansible_run_tags", value.List(r.runTags()), "ansible_skip_tags", value.List(r.opt.SkipTags),
		"ansible_config_file", nil, "ansible_playbook_python", "rollout",
	)
	if limit := r.opt.Limit; limit != "" {
		m.Set("ansible_limit", limit)
	}
	if b.play != nil {
		m.Set("ansible_play_name", b.name)
		m.Set("playbook_dir", absolute(b.play.Dir))
	}
	if t != nil {
		m.Set("ansible_search_path", value.List(newFinder(r.opt.Loader.Files, t, b.dir()).bases))
	}
	if t != nil && t.Role != nil {
		m.Set("role_name", t.Role.Role.Name)
		m.Set("ansible_role_name", t.Role.Role.Name)
		m.Set("role_path", absolute(t.Role.Role.Path))
		m.Set("role_names", value.List(roleNames(b.play)))
		m.Set("ansible_play_role_names", value.List(roleNames(b.play)))
	}
	return m
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

func roleNames(p *playbook.Play) []string {
	var out []string
	for _, use := range p.Roles {
		out = append(out, use.Role.Name)
	}
	return out
}

// ansibleVersion is the version whose semantics the engine follows.
func ansibleVersion() *value.Map {
	return value.NewMap("full", "2.14.18", "major", 2, "minor", 14, "revision", 18, "string", "2.14.18")
}

// magicLazy are the magic variables that cost something.
func (b *batch) magicLazy(self func() *vars.Scope) map[string]func() (any, error) {
	lazy := map[string]func() (any, error){
		"groups":             func() (any, error) { return b.run.hosts.groups(), nil },
		"hostvars":           func() (any, error) { return b.hostVars(self()), nil },
		"vars":               func() (any, error) { return &allVars{self()}, nil },
		lookup.NamesVariable: func() (any, error) { return value.List(self().Names()), nil },
	}
	if b.play == nil {
		return lazy
	}
	all := func() (any, error) { return value.List(b.playHosts), nil }
	alive := func() (any, error) { return value.List(b.aliveHosts()), nil }
	lazy["ansible_play_hosts_all"] = all
	lazy["ansible_play_hosts"] = alive
	lazy["ansible_play_batch"] = func() (any, error) { return value.List(names(b.remaining())), nil }
	lazy["play_hosts"] = lazy["ansible_play_batch"]
	return lazy
}
