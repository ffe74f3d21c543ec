package runner

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
)

// Check looks for everything that can be known to be wrong before a host is
// touched: unknown modules and arguments, templates that don't compile (unknown
// filters, tests and lookups), what the engine can't do. The error holds all of
// it, each with its position.
func (r *Run) Check() error {
	c := newChecker(r)
	for _, p := range r.opt.Playbook.Plays {
		c.play(p)
	}
	r.oldNames, r.missing = c.notes, c.missing
	return c.errs.Err()
}

// checkItems checks what was included at run time before any of it runs.
func (r *Run) checkItems(items []playbook.Item) error {
	c := newChecker(r)
	playbook.EachTask(items, c.task)
	r.deprecate(c.notes)
	return c.errs.Err()
}

func (r *Run) checkRole(use *playbook.RoleUse) error {
	c := newChecker(r)
	for _, u := range use.All() {
		c.role(u)
	}
	r.deprecate(c.notes)
	return c.errs.Err()
}

// deprecate tells of old forms, each with its place.
func (r *Run) deprecate(notes []playbook.Deprecation) {
	for _, n := range notes {
		r.tell(report.Warning{Text: n.Pos.String() + ": " + n.Message, Deprecation: true})
	}
}

// checker collects mistakes.
type checker struct {
	run  *Run
	errs document.Errors
	// notes are the old names of modules that are called
	notes []playbook.Deprecation
	seen  map[document.Position]bool // tasks looked at: roles may be used twice
	said  map[string]bool            // mistakes reported: several tasks inherit one keyword
	// missing says which modules of Ansible's a list shows although they are none of ours
	missing []string
}

func newChecker(r *Run) *checker {
	return &checker{run: r, seen: map[document.Position]bool{}, said: map[string]bool{}}
}

func (c *checker) play(p *playbook.Play) {
	c.templates(p.Hosts, p.Vars, p.GatherFacts, p.Serial, p.Strategy, p.Order, p.MaxFailPercentage, p.ForceHandlers)
	c.templates(p.VarsFiles...)
	c.keywords(&p.Keywords)
	checkPrompts(p, &c.errs)
	if gathers(p.GatherFacts) {
		if _, m := c.run.callables.find(builtin+"setup", nil); m == nil {
			c.errs.AddHint(p.Pos, "say gather_facts: false", "the play gathers facts, and there is no module %ssetup", builtin)
		}
	}
	for _, use := range slices.Concat(p.Roles, p.Imported) {
		for _, u := range use.All() {
			c.role(u)
		}
	}
	p.Walk(c.task)
}

func gathers(n *document.Node) bool {
	if n == nil {
		return true
	}
	yes, ok := asBool(n.Value)
	return yes && ok
}

func (c *checker) role(use *playbook.RoleUse) {
	c.templates(use.Role.Defaults, use.Role.Vars, use.Params, use.Vars)
	playbook.EachTask(use.Tasks, c.task)
	playbook.EachTask(use.Handlers, c.task)
}

func (c *checker) task(t *playbook.Task) {
	if c.seen[t.Pos] {
		return
	}
	c.seen[t.Pos] = true
	if c.run.leftOut(t) {
		return
	}
	if t.Foreseen() && t.Include == nil && !c.run.opt.Thorough {
		c.name(t)
		return
	}
	c.call(t)
	c.keywords(&t.Keywords)
	c.templates(t.ArgsTemplate, t.FreeForm, t.Retries, t.Delay, t.Async, t.Poll)
	c.conditions(t.ChangedWhen, t.FailedWhen, t.Until)
	c.loop(t.Loop)
	c.templates(t.Node.Get("name"))
	if t.Include != nil {
		c.include(t)
	}
}

// name checks no more than that there is such a module.
func (c *checker) name(t *playbook.Task) {
	if act, mod := c.run.callables.find(t.Action, t.Collections); act == nil && mod == nil && !template.IsTemplate(t.Action) {
		c.noModule(t.Action, t.ActionPos)
	}
}

// call checks the module's name and its arguments.
func (c *checker) call(t *playbook.Task) {
	if template.IsTemplate(t.Action) {
		c.templates(&document.Node{Pos: t.ActionPos, Value: t.Action, Text: t.Action})
		c.templates(t.Args)
		return
	}
	act, mod := c.run.callables.find(t.Action, t.Collections)
	if act == nil && mod == nil {
		c.noModule(t.Action, t.ActionPos)
		return
	}
	if err := c.run.callables.problem(mod); err != nil {
		c.errs.Add(t.ActionPos, "%v", err)
	}
	c.oldName(t, mod)
	c.managersDefaults(t, mod)
	schema, _ := c.run.callables.schema(t.Action, t.Collections)
	if t.Include == nil { // the loader has looked at an include's
		schema.CheckNames(t.Action, t.Args, &c.errs)
	}
	if t.FreeForm != nil && !schema.FreeForm {
		c.errs.Add(t.FreeForm.Pos, "%s takes arguments, not a text", t.Action)
	}
	if act != nil && act.meta {
		if word := metaWord(t); !slices.Contains(metaWords, word) {
			c.errs.AddHint(t.ActionPos, document.Suggest(word, metaWords), "meta cannot do %q", word)
		}
	}
	if act == nil {
		c.templates(t.Args)
		return
	}
	for _, e := range t.Args.Entries {
		switch {
		case act.module.Name == builtin+"debug" && e.Name() == "var":
			c.expression(e.Value)
		case act.module.Name == builtin+"assert" && e.Name() == "that":
			c.conditionList(e.Value)
		default:
			c.templates(e.Value)
		}
	}
}

// oldName notes a name that a module should not be called by any more.
func (c *checker) oldName(t *playbook.Task, mod *module.Module) {
	if mod == nil {
		return
	}
	if now := mod.Old[t.Action]; now != "" {
		c.notes = append(c.notes, playbook.Deprecation{Pos: t.ActionPos, Message: fmt.Sprintf("'%s' is deprecated: use '%s'", t.Action, now)})
	}
}

func (c *checker) keywords(k *playbook.Keywords) {
	c.templates(k.Vars...)
	c.templates(k.Environment...)
	c.templates(k.Notify...)
	c.templates(k.Connection, k.Port, k.RemoteUser, k.Become, k.BecomeUser, k.BecomeMethod, k.BecomeFlags, k.NoLog,
		k.RunOnce, k.IgnoreErrors, k.IgnoreUnreachable, k.CheckMode, k.Diff, k.AnyErrorsFatal, k.Throttle, k.Timeout,
		k.DelegateTo, k.DelegateFacts)
	c.conditions(k.When)
	c.templates(k.BecomeExe)
	for _, n := range k.ModuleDefaults {
		for _, e := range n.Entries {
			c.moduleDefault(e, k.Collections)
		}
	}
}

// moduleDefault checks the defaults of one module; those of others may stand
// there too.
func (c *checker) moduleDefault(e *document.Entry, collections []string) {
	c.templates(e.Value)
	if name, isGroup := moduleGroup(e.Name()); isGroup {
		if moduleGroups[name] == "" {
			c.errs.AddHint(e.Key.Pos, document.Suggest("group/"+name, groupNames()), "could not resolve the module_defaults group %s", name)
		}
		return
	}
	schema, ok := c.run.callables.schema(e.Name(), collections)
	if !ok {
		c.errs.AddHint(e.Key.Pos, c.run.callables.suggest(e.Name()), "unknown module %q in module_defaults", e.Name())
		return
	}
	schema.CheckNames(e.Name(), e.Value, &c.errs)
}

func (c *checker) loop(l *playbook.Loop) {
	if l == nil {
		return
	}
	c.templates(l.Value, l.Label, l.Pause, l.Extended, l.ExtendedAllItems)
	known := c.run.engine.LookupNames()
	if l.With != "" && !slices.Contains(known, strings.TrimPrefix(l.With, builtin)) {
		c.errs.AddHint(l.Pos, document.Suggest(l.With, known), "unknown lookup %q in with_%s", l.With, l.With)
	}
}

// include looks into files whose names are known already. A file that is not
// there is an error only when the play comes to it, as are mistakes in one that
// may never be loaded: it is checked when it is.
func (c *checker) include(t *playbook.Task) {
	in := t.Include
	c.templates(in.File, in.Role, in.Vars)
	if conditional := len(t.When) > 0 || in.Old || t.Handler || t.Foreseen(); conditional && !c.run.opt.Thorough {
		return
	}
	switch {
	case in.File != nil && !template.IsTemplate(in.File.Text):
		if items, err := c.run.opt.Loader.IncludeTasks(t, strings.TrimSpace(in.File.Text)); err == nil {
			playbook.EachTask(items, c.task)
		} else {
			c.found(err)
		}
	case in.Role != nil && !template.IsTemplate(in.Role.Text+in.From.Tasks+in.From.Vars+in.From.Defaults+in.From.Handlers):
		if use, err := c.run.opt.Loader.IncludeRole(t, in.Role.Text, in.From); err == nil {
			for _, u := range use.All() {
				c.role(u)
			}
		} else {
			c.found(err)
		}
	}
}

// found keeps mistakes within an included file; that the file is missing may
// never matter.
func (c *checker) found(err error) {
	var all document.Errors
	all.Join(err)
	var many interface{ Unwrap() []error }
	if !errors.As(all.Err(), &many) {
		return
	}
	for _, one := range many.Unwrap() {
		var absent *playbook.MissingError
		if !errors.As(one, &absent) {
			c.errs.Join(one)
		}
	}
}

// conditions checks lists of bare expressions.
func (c *checker) conditions(lists ...[]*document.Node) {
	for _, list := range lists {
		for _, n := range list {
			c.expression(n)
		}
	}
}

func (c *checker) conditionList(n *document.Node) {
	if n != nil && n.Kind == document.Sequence {
		c.conditions(n.Items)
		return
	}
	c.expression(n)
}

func (c *checker) expression(n *document.Node) {
	if n == nil || n.Kind != document.Scalar {
		return
	}
	src, ok := n.Value.(string)
	if !ok || n.Tag == "!unsafe" || strings.TrimSpace(src) == "" {
		return
	}
	if template.IsTemplate(src) {
		c.text(src, n)
		return
	}
	if _, err := c.run.engine.CompileCondition(src); err != nil {
		c.syntax(n, err)
	}
}

// templates compiles every text within the nodes.
func (c *checker) templates(nodes ...*document.Node) {
	for _, n := range nodes {
		if n == nil || n.Tag == "!unsafe" || n.Tag == "!vault" || n.Tag == "!vault-encrypted" {
			continue
		}
		c.templates(n.Items...)
		for _, e := range n.Entries {
			c.templates(e.Key, e.Value)
		}
		if src, ok := n.Value.(string); ok && n.Kind == document.Scalar {
			c.text(src, n)
		}
	}
}

func (c *checker) text(src string, n *document.Node) {
	if err := c.run.engine.CheckSyntax(src); err != nil {
		c.syntax(n, err)
	}
}

// syntax reports a template's mistake, at its place within the node's text where
// that can be told. A mistake that several inherit is reported once.
func (c *checker) syntax(n *document.Node, err error) {
	at := &document.Error{Pos: n.Pos, Message: err.Error()}
	var wrong *template.SyntaxError
	if errors.As(err, &wrong) {
		at.Message, at.Hint = fmt.Sprintf("template error: %s", wrong.Message), wrong.Hint
		at.Pos = n.Inside(wrong.Line, wrong.Column, c.run.opt.Loader.Lines(n.Pos.File))
	}
	if !c.said[at.Error()] {
		c.said[at.Error()] = true
		c.errs.Join(at)
	}
}
