package runner

import (
	"fmt"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// arguments renders the task's arguments over its module_defaults, leaves out
// what is omit, and checks and converts the rest by the schema.
func (c *call) arguments() error {
	t := c.job.task
	args, err := c.defaults()
	if err != nil {
		return err
	}
	if t.ArgsTemplate != nil {
		more, err := c.argsTemplate(t.ArgsTemplate)
		if err != nil {
			return err
		}
		args.Update(more)
	}
	if err := c.renderInto(args, t.Args); err != nil {
		return err
	}
	if t.FreeForm != nil {
		if args, err = c.freeForm(t.FreeForm, args); err != nil {
			return err
		}
	}
	kept, _ := vars.Omit(args)
	c.given, _ = kept.(*value.Map)
	validated, err := c.schema().Validate(kept.(*value.Map))
	if err != nil {
		return fmt.Errorf("wrong arguments for %s: %w", t.Action, err)
	}
	c.args = validated
	c.hideSecrets(c.schema().Args, validated)
	return nil
}

// defaults renders the module_defaults that apply to the called module.
func (c *call) defaults() (*value.Map, error) {
	t, out := c.job.task, value.NewMap()
	for _, n := range c.job.batch.run.callables.defaultsOf(t.ModuleDefaults, t.Action, t.Collections) {
		if err := c.defaultsFrom(out, n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// defaultsFrom renders one entry: a mapping, or a template of one.
func (c *call) defaultsFrom(out *value.Map, n *document.Node) error {
	if n.Kind == document.Mapping {
		return c.renderInto(out, n)
	}
	v, err := evaluate(c.scope, c.job.batch.run, n)
	if err != nil {
		return err
	}
	m, ok := v.(*value.Map)
	if !ok && v != nil {
		return n.Errorf("module_defaults must be mappings of arguments, not %s", text(v))
	}
	out.Update(m)
	return nil
}

func (c *call) argsTemplate(n *document.Node) (*value.Map, error) {
	v, err := evaluate(c.scope, c.job.batch.run, n)
	if err != nil {
		return nil, err
	}
	m, ok := v.(*value.Map)
	if !ok {
		return nil, n.Errorf("invalid or malformed argument: '%s' (the arguments must be a mapping)", text(v))
	}
	return m, nil
}

// renderInto renders every argument of a mapping, except those that the action
// evaluates itself.
func (c *call) renderInto(out *value.Map, n *document.Node) error {
	m, err := c.job.batch.run.decoded(n)
	if err != nil {
		return err
	}
	for k, raw := range m.All() {
		name, _ := k.(string)
		if c.action != nil && c.action.unrendered[name] {
			out.Set(k, raw)
			continue
		}
		v, err := c.argument(raw)
		if err != nil {
			return err
		}
		if u, ok := v.(*template.Undefined); ok {
			return u.Err()
		}
		out.Set(k, v)
	}
	return nil
}

// argument evaluates one argument.
func (c *call) argument(raw any) (any, error) {
	if c.action != nil && c.action.sealed {
		return c.scope.EvaluateSealed(raw)
	}
	return c.scope.Evaluate(raw)
}

// freeForm renders the text beside the arguments; where it stands for a mapping
// of arguments, args win over those.
func (c *call) freeForm(n *document.Node, args *value.Map) (*value.Map, error) {
	v, err := evaluate(c.scope, c.job.batch.run, n)
	if err != nil {
		return nil, err
	}
	if c.action == nil || !c.action.mapping {
		c.free = text(v)
		return args, nil
	}
	m, ok := v.(*value.Map)
	if !ok {
		return nil, n.Errorf("Invalid raw parameters passed, requires a dictonary/mapping got a %s", text(v))
	}
	return merged(m, args), nil
}

// hideSecrets remembers the values of arguments that are secrets.
func (c *call) hideSecrets(spec []module.Arg, args *value.Map) {
	for _, a := range spec {
		v, given := args.Get(a.Name)
		if !given {
			continue
		}
		if a.NoLog {
			c.job.batch.run.secrets.addAll(v)
		}
		if a.Options == nil {
			continue
		}
		if m, ok := v.(*value.Map); ok {
			c.hideSecrets(a.Options, m)
		}
		items, _ := v.([]any)
		for _, item := range items {
			if m, ok := item.(*value.Map); ok {
				c.hideSecrets(a.Options, m)
			}
		}
	}
}

// environment merges what the play, its blocks and the task say.
func (b *batch) environment(s *vars.Scope, t *playbook.Task) (map[string]string, error) {
	if len(t.Environment) == 0 {
		return nil, nil
	}
	env := map[string]string{}
	for _, n := range t.Environment {
		v, err := evaluate(s, b.run, n)
		if err != nil && isUndefined(err) && b.gathers(t) {
			v, err = b.known(s, n)
		}
		if err != nil {
			return nil, fmt.Errorf("the keyword 'environment' cannot be evaluated: %w", err)
		}
		m, ok := v.(*value.Map)
		if !ok && v != nil {
			b.run.tell(report.Warning{Text: fmt.Sprintf("could not parse environment value, skipping: %s (%s)", text(v), n.Pos)})
		}
		for k, e := range m.All() {
			env[text(k)] = text(e)
		}
	}
	return env, nil
}

// gathers tells whether a task is what facts come from.
func (b *batch) gathers(t *playbook.Task) bool {
	name := b.run.callables.full(t.Action, t.Collections)
	return name == builtin+"setup" || name == builtin+"gather_facts"
}

// known are the entries of an environment that can be evaluated: while facts
// are gathered, those that need facts are left out.
func (b *batch) known(s *vars.Scope, n *document.Node) (any, error) {
	raw, err := b.run.decoded(n)
	if err != nil {
		return nil, err
	}
	out := value.NewMap()
	for k, e := range raw.All() {
		v, err := s.Evaluate(e)
		if _, undefined := v.(*template.Undefined); undefined || isUndefined(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out.Set(k, v)
	}
	return out, nil
}

// taskCheckMode tells whether the task changes nothing.
func (b *batch) taskCheckMode(s *vars.Scope, t *playbook.Task) (bool, error) {
	if t == nil || t.CheckMode == nil {
		return b.run.opt.Check, nil
	}
	return truthOr(s, t.CheckMode, "check_mode", b.run.opt.Check)
}

func (b *batch) taskDiff(s *vars.Scope, t *playbook.Task) (bool, error) {
	if t.Diff == nil {
		return b.run.opt.Diff, nil
	}
	return truthOr(s, t.Diff, "diff", b.run.opt.Diff)
}
