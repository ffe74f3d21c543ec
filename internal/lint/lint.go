// Package lint looks for what is certain to go wrong, or likely not to be meant,
// in playbooks that can be read: files that are not there, templates in files,
// handlers nobody defined, arguments of the wrong type, habits that mislead. Data
// goes playbook → tasks in their plays → findings. It touches no host.
package lint

import (
	"errors"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/template"
	"rollout/internal/value"
)

// Finding is one thing found. One that is no warning is a mistake: what it is
// about fails when a run comes to it.
type Finding struct {
	document.Error
	Rule    string // names what was looked for: "missing-file"
	Warning bool
}

// Rules of findings, as they are shown.
const (
	RuleSyntax     = "syntax"           // what no run begins with: Load and Check
	RuleArguments  = "arguments"        // values a module refuses
	RuleFile       = "missing-file"     // a file that is nowhere
	RuleTemplate   = "template"         // a mistake in a template's file
	RuleInventory  = "inventory"        // an inventory that can't be read
	RuleTopology   = "topology"         // a topology that can't be read
	RuleHandler    = "unknown-handler"  // notified, and not defined
	RuleSpec       = "argument-spec"    // a role's argument spec
	RuleTwice      = "key-twice"        // of a mapping; the last counts
	RuleDeprecated = "deprecated"       // an old form
	RuleBraces     = "braces-in-when"   // {{ }} where an expression stands anyway
	RuleMode       = "decimal-mode"     // mode: 644
	RuleShell      = "command-is-shell" // | and > that no shell sees
	RuleLoop       = "no-loop"          // loop_control of nothing
	RuleVariable   = "variable"         // a name that nothing defines, close to one that is
)

// Modules finds what a task calls: its full name and its arguments.
type Modules func(name string, collections []string) (full string, args module.Schema, ok bool)

// Linter holds what is needed to look.
type Linter struct {
	Loader  *playbook.Loader
	Engine  *template.Engine
	Modules Modules
	// Places lists where a file that a task names is looked for, best first;
	// kind is files, templates, vars or tasks.
	Places func(t *playbook.Task, kind, name string) []string
	// Known are variables from elsewhere: inventories, -e.
	Known *value.Map
}

// Playbook returns what there is to say about a playbook, by place.
func (l *Linter) Playbook(pb *playbook.Playbook) []Finding {
	c := &collector{Linter: l, said: map[string]bool{}}
	var plays []*scene
	for _, p := range pb.Plays {
		plays = append(plays, c.gather(p))
	}
	c.made = madeFiles(plays)
	for _, s := range plays {
		c.play(s)
	}
	c.variables(plays)
	return c.found
}

// collector keeps findings, each once.
type collector struct {
	*Linter
	found []Finding
	said  map[string]bool
	made  made
}

func (c *collector) add(f Finding) {
	key := f.Rule + " " + f.Error.Error()
	if !c.said[key] {
		c.said[key] = true
		c.found = append(c.found, f)
	}
}

func (c *collector) mistake(rule string, pos document.Position, hint, message string) {
	c.add(Finding{Error: document.Error{Pos: pos, Message: message, Hint: hint}, Rule: rule})
}

func (c *collector) warn(rule string, pos document.Position, hint, message string) {
	c.add(Finding{Error: document.Error{Pos: pos, Message: message, Hint: hint}, Rule: rule, Warning: true})
}

// mistakes keeps what another look found.
func (c *collector) mistakes(rule string, errs document.Errors) {
	for _, f := range Mistakes(rule, errs.Err()) {
		c.add(f)
	}
}

// Mistakes are an error's as findings.
func Mistakes(rule string, err error) []Finding {
	var all document.Errors
	all.Join(err)
	many, _ := all.Err().(interface{ Unwrap() []error })
	if many == nil {
		return nil
	}
	var out []Finding
	for _, one := range many.Unwrap() {
		f := Finding{Rule: rule, Error: document.Error{Message: one.Error()}}
		var at *document.Error
		if errors.As(one, &at) {
			f.Error = *at
		}
		out = append(out, f)
	}
	return out
}

// Deprecations are notes on old forms as findings.
func Deprecations(notes []playbook.Deprecation) []Finding {
	var out []Finding
	for _, n := range notes {
		out = append(out, Finding{Error: document.Error{Pos: n.Pos, Message: n.Message}, Rule: RuleDeprecated, Warning: true})
	}
	return out
}

// play looks at everything of one play.
func (c *collector) play(s *scene) {
	for _, n := range s.play.VarsFiles {
		c.varsFile(s, n)
	}
	for _, use := range s.uses {
		c.specs(use.Role)
	}
	for _, v := range s.visits {
		c.task(v)
		c.notified(s, v)
	}
}

func (c *collector) task(v visit) {
	t := v.task
	full, schema, ok := c.Modules(t.Action, t.Collections)
	if !ok {
		return
	}
	c.habits(t, full)
	if v.foreseen {
		return
	}
	c.files(t, full)
	if t.Include == nil {
		var errs document.Errors
		open := t.ArgsTemplate != nil || len(t.ModuleDefaults) > 0 || t.FreeForm != nil
		schema.CheckLiterals(t.Action, t.Args, open, t.ActionPos, &errs)
		c.mistakes(RuleArguments, errs)
	}
}
