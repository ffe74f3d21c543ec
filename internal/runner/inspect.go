package runner

import (
	"slices"

	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/template"
)

// Schemas returns what finds the full name and the arguments of what a task
// calls, the engine's own actions included.
func Schemas(table map[string]*module.Module, own module.Finder) func(name string, collections []string) (full string, args module.Schema, ok bool) {
	c := newCallables(table, own)
	return func(name string, collections []string) (string, module.Schema, bool) {
		args, ok := c.schema(name, collections)
		return c.full(name, collections), args, ok
	}
}

// Templates is the engine that the run evaluates templates with.
func (r *Run) Templates() *template.Engine { return r.engine }

// Deprecations are the old forms in the playbook, those that Check found called
// included.
func (r *Run) Deprecations() []playbook.Deprecation {
	return append(slices.Clone(r.opt.Playbook.Deprecations), r.oldNames...)
}

// Places lists where a file of this machine that a task names is looked for,
// best first; kind is files, templates or vars.
func (r *Run) Places(t *playbook.Task, kind, name string) []string {
	dir := ""
	if t.Play != nil {
		dir = t.Play.Dir
	}
	return newFinder(r.opt.Loader.Files, t, dir).places(kind, name)
}
