package runner

import (
	"context"
	"slices"

	"rollout/internal/playbook"
)

// Listing is what a play would do: for --list-hosts, --list-tasks, --list-tags.
type Listing struct {
	Name  string
	Hosts []string // that the play's pattern names, within --limit
	Tags  []string // of the play itself
	Tasks []TaskListing
}

// TaskListing is one task of a play. What is included at run time is not known.
type TaskListing struct {
	Name string // with its role's
	Tags []string
}

// AllTags returns the tags of the play and of its tasks, sorted, each once.
func (l Listing) AllTags() []string {
	all := slices.Clone(l.Tags)
	for _, t := range l.Tasks {
		all = append(all, t.Tags...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// List tells what Execute would do, without connecting anywhere. Tasks that
// --tags and --skip-tags leave out are not listed.
func (r *Run) List(ctx context.Context) ([]Listing, error) {
	if err := r.hosts.load(ctx, r.opt.Playbook.Plays); err != nil {
		return nil, err
	}
	var out []Listing
	for _, p := range r.opt.Playbook.Plays {
		b := &batch{run: r, play: p, maxFail: -1}
		if err := b.begin(ctx); err != nil {
			return nil, err
		}
		hosts, err := b.selectHosts(ctx)
		if err != nil {
			return nil, err
		}
		l := Listing{Name: b.name, Hosts: hosts, Tags: p.Tags}
		for _, items := range [][]playbook.Item{p.PreTasks, roleItems(p), p.Tasks, p.PostTasks} {
			playbook.EachTask(items, func(t *playbook.Task) { r.listTask(&l, t) })
		}
		out = append(out, l)
	}
	return out, nil
}

func roleItems(p *playbook.Play) []playbook.Item {
	var out []playbook.Item
	for _, use := range p.Roles {
		out = append(out, use.AsBlock())
	}
	return out
}

func (r *Run) listTask(l *Listing, t *playbook.Task) {
	if act, _ := r.callables.find(t.Action, t.Collections); act != nil && act.meta {
		return
	}
	if wantedTags(t.Tags, r.runTags(), r.opt.SkipTags) {
		l.Tasks = append(l.Tasks, TaskListing{Name: t.Title(), Tags: t.Tags})
	}
}
