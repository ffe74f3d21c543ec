package runner

import (
	"context"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// scope returns what names mean for a host and a task; t is nil for what the
// play itself asks (hosts, serial, prompts).
func (b *batch) scope(ctx context.Context, host string, t *playbook.Task, f frame) (*vars.Scope, error) {
	layers, err := b.layers(ctx, host, t, f)
	if err != nil {
		return nil, err
	}
	var s *vars.Scope
	self := func() *vars.Scope { return s }
	layers = append([]vars.Layer{implicitAddress(host, self)}, layers...)
	lazy := b.magicLazy(t, f, self)
	layers = append(layers, vars.Layer{Level: vars.Magic, Values: b.magic(host, t), Data: true, Lazy: lazy})
	s = b.run.newScope(ctx, host, layers)
	return s, nil
}

// layers stacks Ansible's levels for a host, weakest first.
func (b *batch) layers(ctx context.Context, host string, t *playbook.Task, f frame) ([]vars.Layer, error) {
	st := &stack{run: b.run}
	if b.play != nil {
		for _, use := range b.exported() {
			st.node(vars.RoleDefaults, use.Role.Defaults)
		}
	}
	if t != nil && t.Role != nil {
		for _, use := range byDefaults(t.Role) {
			st.node(vars.RoleDefaults, use.Role.Defaults)
		}
	}
	facts, fixed, included := b.run.state.of(host)
	st.inventory(host, b.dir(), facts)
	if b.play != nil {
		st.layers = append(st.layers, b.playLayers...)
		b.stackVarsFiles(ctx, st, host, t)
		if !b.run.opt.Settings.PrivateRoleVars {
			for _, use := range b.exported() {
				st.role(use)
			}
		}
	}
	if t != nil {
		st.task(t)
	}
	st.source(vars.IncludeVars, included)
	st.data(vars.SetFacts, fixed)
	if t != nil && t.Role != nil {
		for _, use := range append(t.Role.Chain(), t.Role) {
			st.node(vars.RoleParams, use.Params)
		}
	}
	st.layers = append(st.layers, f.params...)
	if t != nil {
		for _, n := range t.Params {
			st.node(vars.IncludeParams, n)
		}
	}
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
	layers, err := s.run.hosts.layers(host, dir)
	if err != nil && s.err == nil {
		s.err = err
	}
	s.layers = append(s.layers, layers...)
	s.data(vars.Facts, s.run.injected(facts))
	s.data(vars.Facts, value.NewMap("ansible_facts", namespaced(facts)))
}

// hostLayers are a host's variables outside of any play, as hostvars has them.
func (b *batch) hostLayers(host string) ([]vars.Layer, error) {
	st := &stack{run: b.run}
	facts, fixed, included := b.run.state.of(host)
	st.inventory(host, b.dir(), facts)
	st.source(vars.IncludeVars, included)
	st.data(vars.SetFacts, fixed)
	st.source(vars.ExtraVars, b.run.opt.ExtraVars)
	return st.layers, st.err
}

func (b *batch) dir() string {
	if b.play == nil {
		return ""
	}
	return b.play.Dir
}

// role stacks what vars: beside a role says, then the role's own vars, which win.
func (s *stack) role(use *playbook.RoleUse) {
	s.node(vars.RoleVars, use.Vars)
	s.node(vars.RoleVars, use.Role.Vars)
}

func (s *stack) task(t *playbook.Task) {
	if t.Role != nil {
		for _, use := range lineage(t.Role) {
			s.role(use)
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

// byDefaults is the order for defaults: what the role depends on, then the roles
// that led to it, then itself.
func byDefaults(use *playbook.RoleUse) []*playbook.RoleUse {
	all := use.All()
	out := append([]*playbook.RoleUse{}, all[:len(all)-1]...)
	return append(append(out, use.Chain()...), use)
}

// exported lists the roles whose variables all tasks of the play see.
func (b *batch) exported() []*playbook.RoleUse {
	var out []*playbook.RoleUse
	for _, use := range b.play.Roles {
		out = append(out, use.All()...)
	}
	for _, use := range b.play.Imported {
		out = append(out, use.All()...)
	}
	return append(out, b.publicRoles()...)
}
