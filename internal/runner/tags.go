package runner

import (
	"context"
	"path"
	"slices"
	"strings"

	"rollout/internal/playbook"
	"rollout/internal/template"
)

// tagged tells whether --tags and --skip-tags let the task run.
func (b *batch) tagged(ctx context.Context, t *playbook.Task, m *member, f frame) (bool, error) {
	tags, err := b.tags(ctx, t, m, f)
	if err != nil {
		return false, err
	}
	return wantedTags(tags, b.run.runTags(), b.run.opt.SkipTags), nil
}

func (b *batch) tags(ctx context.Context, t *playbook.Task, m *member, f frame) ([]string, error) {
	if !slices.ContainsFunc(t.Tags, func(tag string) bool { return strings.Contains(tag, "{{") }) {
		return t.Tags, nil
	}
	s, err := b.scope(ctx, m.name, t, f)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, tag := range t.Tags {
		v, err := s.Evaluate(tag)
		if err != nil {
			return nil, err
		}
		items, isList := listOf(v)
		if !isList {
			items = []any{v}
		}
		for _, item := range items {
			for name := range strings.SplitSeq(text(item), ",") {
				out = append(out, strings.TrimSpace(name))
			}
		}
	}
	return out, nil
}

// leftOut tells whether --tags and --skip-tags surely leave the task out. A
// handler runs whatever its tags are.
func (r *Run) leftOut(t *playbook.Task) bool {
	if r.opt.CheckAll || t.Handler || slices.ContainsFunc(t.Tags, template.IsTemplate) {
		return false
	}
	return !wantedTags(t.Tags, r.runTags(), r.opt.SkipTags)
}

// wantedTags is Ansible's rule: always runs unless skipped, never only where
// asked for; all, tagged and untagged stand for sets.
func wantedTags(tags, only, skip []string) bool {
	if len(tags) == 0 {
		tags = []string{"untagged"}
	}
	untagged := slices.Contains(tags, "untagged") && len(tags) == 1
	return asked(tags, only, untagged) && !skipped(tags, skip, untagged)
}

func asked(tags, only []string, untagged bool) bool {
	never := slices.Contains(tags, "never")
	switch {
	case slices.Contains(tags, "always"):
		return true
	case slices.Contains(only, "all") && !never:
		return true
	case overlap(tags, only):
		return true
	}
	return slices.Contains(only, "tagged") && !untagged && !never
}

func skipped(tags, skip []string, untagged bool) bool {
	switch {
	case slices.Contains(skip, "all"):
		return !slices.Contains(tags, "always") || slices.Contains(skip, "always")
	case overlap(tags, skip):
		return true
	}
	return slices.Contains(skip, "tagged") && !untagged
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// runTags are the tags asked for; all where none are.
func (r *Run) runTags() []string {
	if len(r.opt.Tags) == 0 {
		return []string{"all"}
	}
	return r.opt.Tags
}

// started tells whether the run has come to --start-at-task.
func (r *Run) started(t *playbook.Task) bool {
	r.startMu.Lock()
	defer r.startMu.Unlock()
	if r.startAt == "" || t.Name == "Gathering Facts" {
		return true
	}
	for _, name := range []string{t.Name, t.Title()} {
		if ok, err := path.Match(r.startAt, name); name == r.startAt || err == nil && ok {
			r.startAt = ""
			return true
		}
	}
	return false
}
