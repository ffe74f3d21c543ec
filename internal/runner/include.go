package runner

import (
	"context"
	"fmt"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// inclusion is one file or role that one host includes, for one item of a loop.
type inclusion struct {
	file   string // of include_tasks
	role   string // of include_role
	from   playbook.From
	flags  roleFlags
	params *value.Map // the loop's variables; nil without a loop
	label  string
}

// roleFlags are the truth values of include_role, evaluated.
type roleFlags struct{ public, duplicates, validate bool }

// roleFlags evaluates those that are templates.
func (c *call) roleFlags() (roleFlags, error) {
	in := c.job.task.Include
	flags := roleFlags{public: in.Public, duplicates: in.AllowDuplicates, validate: in.ValidateArgSpecs}
	for name, at := range map[string]*bool{"public": &flags.public, "allow_duplicates": &flags.duplicates, "rolespec_validate": &flags.validate} {
		n := c.job.task.Args.Get(name)
		if n == nil || !template.IsTemplate(n.Text) {
			continue
		}
		var err error
		if *at, err = truth(c.scope, n, name); err != nil {
			return flags, err
		}
	}
	return flags, nil
}

// flagged is the task of an include_role with what its flags are for some hosts.
func flagged(t *playbook.Task, flags roleFlags) *playbook.Task {
	out, in := *t, *t.Include
	in.Public, in.AllowDuplicates, in.ValidateArgSpecs = flags.public, flags.duplicates, flags.validate
	out.Include = &in
	return &out
}

// same tells whether two hosts include the same thing, so that they go through
// it together.
func (i *inclusion) same(o *inclusion) bool {
	return i.file == o.file && i.role == o.role && i.from == o.from && i.flags == o.flags && i.label == o.label &&
		value.Equal(asAny(i.params), asAny(o.params))
}

func asAny(m *value.Map) any {
	if m == nil {
		return nil
	}
	return m
}

// joint is an inclusion with all hosts that share it.
type joint struct {
	*inclusion
	hosts    []*member
	outcomes []*outcome // that asked for it
	items    []playbook.Item
}

// maxIncludes bounds how deeply includes may nest: an include of itself ends.
const maxIncludes = 100

// joined gathers what the hosts' results ask to include and loads it. What
// cannot be loaded is the failure of the hosts that asked.
func (b *batch) joined(t *playbook.Task, info report.Task, ran []*member, outcomes []*outcome, f frame) ([]*joint, error) {
	var joints []*joint
	for i, o := range outcomes {
		if o.failed || o.unreachable {
			continue
		}
		for _, inc := range o.includes {
			joints = join(joints, inc, []*member{ran[i]}, o)
		}
	}
	if len(joints) > 0 && f.depth >= maxIncludes {
		return nil, &document.Error{Pos: t.Pos, Message: fmt.Sprintf("includes are nested more than %d deep: does it include itself?", maxIncludes)}
	}
	var loaded []*joint
	for _, j := range joints {
		var err error
		if j.items, err = b.load(t, j); err != nil {
			b.failAll(t, info, j, err, f)
			continue
		}
		loaded = append(loaded, j)
	}
	return loaded, nil
}

// include runs what was included, one inclusion after the other, each on those
// hosts that asked for it.
func (b *batch) include(ctx context.Context, t *playbook.Task, joints []*joint, f frame) error {
	for _, j := range joints {
		if err := b.items(ctx, j.items, live(j.hosts), b.inside(t, j, f)); err != nil || b.broken {
			return err
		}
	}
	return nil
}

func join(joints []*joint, inc *inclusion, hosts []*member, o *outcome) []*joint {
	for _, j := range joints {
		if j.same(inc) {
			j.hosts = append(j.hosts, hosts...)
			j.outcomes = append(j.outcomes, o)
			return joints
		}
	}
	return append(joints, &joint{inclusion: inc, hosts: append([]*member{}, hosts...), outcomes: []*outcome{o}})
}

// load reads the tasks of an inclusion and tells the observer.
func (b *batch) load(t *playbook.Task, j *joint) ([]playbook.Item, error) {
	if j.role != "" {
		t = flagged(t, j.flags)
		use, err := b.run.opt.Loader.IncludeRole(t, j.role, j.from)
		if err != nil {
			return nil, err
		}
		if err := b.run.checkRole(use); err != nil {
			return nil, err
		}
		b.addHandlers(use)
		b.bring(use, t.Include.Public)
		for _, u := range use.All() {
			b.bringImported(u.Tasks)
		}
		return []playbook.Item{use.AsBlock()}, nil
	}
	items, err := b.run.opt.Loader.IncludeTasks(t, j.file)
	if err != nil {
		return nil, err
	}
	b.bringImported(items)
	for _, m := range j.hosts {
		b.run.stats.update(m.name, func(s *report.HostStats) { s.OK++ })
	}
	b.run.tell(report.Included{File: pathOf(items, j.file), Hosts: names(j.hosts), Label: j.label})
	return items, b.run.checkItems(items)
}

// inside is the frame of what an include brings.
func (b *batch) inside(t *playbook.Task, j *joint, f frame) frame {
	f = f.included()
	params := append([]vars.Layer{}, f.params...)
	if t.OwnVars != nil {
		if m, err := b.run.decoded(t.OwnVars); err == nil {
			params = append(params, vars.Layer{Level: vars.IncludeParams, Values: m})
		}
	}
	if j.params != nil {
		params = append(params, vars.Layer{Level: vars.IncludeParams, Values: j.params, Data: true})
	}
	f.params = params
	return f
}

// failAll makes an include that can't be loaded the failure of its hosts.
func (b *batch) failAll(t *playbook.Task, info report.Task, j *joint, err error, f frame) {
	for _, o := range j.outcomes {
		o.failed = true
	}
	for i, m := range j.hosts {
		o := failure(err.Error())
		o.aborted, o.noLog = true, j.outcomes[i].noLog // the file's name may hold what is not to be seen
		o.sealed()
		b.count(t, m, o, f)
		b.run.tell(o.event(info, m.name))
		if f.rescuable() {
			b.keepFailure(m, t, o)
		}
	}
	b.fail(j.hosts, f)
}

// pathOf is the file that items come from, name where there are none.
func pathOf(items []playbook.Item, name string) string {
	for _, item := range items {
		return absolute(item.Position().File)
	}
	return name
}
