package runner

import (
	"context"
	"errors"

	"rollout/internal/playbook"
	"rollout/internal/report"
)

// List tells what Execute would do, without connecting anywhere and without
// asking anybody: the questions of vars_prompt get their defaults. Tasks that
// --tags and --skip-tags leave out are not listed. A run that was listed is not
// to be executed: nobody would be asked.
func (r *Run) List(ctx context.Context) ([]report.Listing, error) {
	r.opt.Person = silent{}
	for _, text := range r.missing {
		r.tell(report.Warning{Text: text})
	}
	if err := r.hosts.load(ctx, r.opt.Playbook.Plays); err != nil {
		return nil, err
	}
	var out []report.Listing
	for _, p := range r.opt.Playbook.Plays {
		l, err := r.listPlay(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

// silent answers every question with nothing, so that its default holds.
type silent struct{}

// Ask implements Person.
func (silent) Ask(context.Context, string, bool) (string, error) { return "", nil }

func (r *Run) listPlay(ctx context.Context, p *playbook.Play) (report.Listing, error) {
	b := &batch{run: r, play: p, maxFail: -1}
	if err := b.begin(ctx); err != nil {
		return report.Listing{}, err
	}
	patterns, err := b.patterns(ctx)
	if err != nil {
		return report.Listing{}, err
	}
	hosts, err := b.selectHosts(ctx)
	if err != nil {
		return report.Listing{}, err
	}
	l := report.Listing{Name: b.name, Patterns: patterns, Hosts: hosts, Tags: p.Tags}
	for _, items := range [][]playbook.Item{p.PreTasks, roleItems(p), p.Tasks, p.PostTasks} {
		if err := b.list(ctx, &l, items); err != nil {
			return l, err
		}
	}
	return l, nil
}

func roleItems(p *playbook.Play) []playbook.Item {
	var out []playbook.Item
	for _, use := range p.Roles {
		out = append(out, use.AsBlock())
	}
	return out
}

// list adds the tasks that would run where nothing fails: what stands in rescue
// and always is left out, as ansible-playbook does.
func (b *batch) list(ctx context.Context, l *report.Listing, items []playbook.Item) error {
	var errs []error
	for _, item := range items {
		switch item := item.(type) {
		case *playbook.Block:
			errs = append(errs, b.list(ctx, l, item.Block))
		case *playbook.Task:
			tags, err := b.tags(ctx, item, &member{}, frame{})
			errs = append(errs, err)
			if wantedTags(tags, b.run.runTags(), b.run.opt.SkipTags) {
				l.Tasks = append(l.Tasks, report.TaskListing{Name: listTitle(item), Tags: tags})
			}
		}
	}
	return errors.Join(errs...)
}

// listTitle is the task's name with its role's; one without a name is its
// module's alone.
func listTitle(t *playbook.Task) string {
	if t.Name == "" {
		return t.Action
	}
	return t.Title()
}
