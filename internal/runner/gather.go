package runner

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// gatherFacts runs the setup module on the hosts whose facts the play and the
// setting gathering ask for.
func (b *batch) gatherFacts(ctx context.Context, hosts []*member) error {
	implied, asked := b.play.GatherFacts == nil, false
	if !implied {
		s, err := b.playScope(ctx)
		if err != nil {
			return err
		}
		if asked, err = truth(s, b.play.GatherFacts, "gather_facts"); err != nil {
			return err
		}
	}
	wanted := implied || asked
	switch b.run.opt.Settings.Gathering {
	case "explicit":
		wanted = asked
	case "smart":
		hosts = b.strangers(hosts)
	}
	if !wanted || len(hosts) == 0 {
		return nil
	}
	if err := b.items(ctx, []playbook.Item{b.setupTask()}, hosts, frame{}); err != nil {
		return err
	}
	for _, m := range live(hosts) {
		b.run.state.gathered(m.name)
	}
	return nil
}

// strangers are the hosts whose facts were not gathered yet.
func (b *batch) strangers(hosts []*member) []*member {
	var out []*member
	for _, m := range hosts {
		if !b.run.state.hasGathered(m.name) {
			out = append(out, m)
		}
	}
	return out
}

// gatheredMark says so in the file of a host's facts, by Ansible's name.
const gatheredMark = "_ansible_facts_gathered"

// setupTask is the task that gathers facts, with the play's keywords and, where
// it has none, the settings.
func (b *batch) setupTask() *playbook.Task {
	p, set := b.play, b.run.opt.Settings
	args := &document.Node{Kind: document.Mapping, Pos: p.Pos}
	add := func(name string, said *document.Node, setting any, given bool) {
		if said == nil && given {
			said = &document.Node{Pos: p.Pos, Value: setting, Text: fmt.Sprint(setting)}
		}
		if said != nil {
			key := &document.Node{Pos: said.Pos, Value: name, Text: name}
			args.Entries = append(args.Entries, &document.Entry{Key: key, Value: said})
		}
	}
	add("gather_subset", p.GatherSubset, strings.Join(set.GatherSubset, ","), len(set.GatherSubset) > 0)
	add("gather_timeout", p.GatherTimeout, set.GatherTimeout, set.GatherTimeout > 0)
	add("fact_path", p.FactPath, set.FactPath, set.FactPath != "")
	t := &playbook.Task{Pos: p.Pos, Node: args, Path: p.Path, Play: p, Name: "Gathering Facts",
		Action: builtin + "setup", ActionPos: p.Pos, Args: args, Keywords: p.Keywords}
	t.Tags = append([]string{"always"}, p.Tags...)
	t.When = nil
	return t
}

// configFile is the file of the settings, nil for none.
func (r *Run) configFile() any {
	if r.opt.Settings.File == "" {
		return nil
	}
	return r.opt.Settings.File
}

// playError is a mistake at a keyword of the play, or in the setting that holds
// where the play has none.
func (b *batch) playError(at *document.Node, format string, args ...any) error {
	if at == nil {
		return fmt.Errorf(format+": see ansible.cfg and the environment", args...)
	}
	return at.Errorf(format, args...)
}

// injected are the facts that are variables of their own.
func (r *Run) injected(facts *value.Map) *value.Map {
	if !r.opt.Settings.InjectFacts {
		return value.NewMap("ansible_local", orEmpty(asMap(facts.At("ansible_local"))))
	}
	return facts
}

func asMap(v any) *value.Map {
	m, _ := v.(*value.Map)
	return m
}

// setting is a setting's value by Ansible's name.
func (r *Run) setting(name string) (any, bool) {
	v, ok := r.opt.Settings.Value(name)
	return v.Content, ok
}

// newScope is a scope with the run's ways.
func (r *Run) newScope(ctx context.Context, host string, layers []vars.Layer) *vars.Scope {
	s := vars.NewScope(ctx, r.engine, host, layers)
	if r.opt.Settings.HashBehaviour == "merge" {
		return s.Merging()
	}
	return s
}
