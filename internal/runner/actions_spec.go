package runner

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/runner/argspec"
	"rollout/internal/value"
)

func validateSpecAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "validate_argument_spec", Summary: "Check values against an argument spec, as a role's are.",
			Args: module.Schema{Args: []module.Arg{
				{Name: "argument_spec", Type: module.Dict, Required: true, Doc: "The spec: name → type, required, default, choices, elements, options."},
				{Name: "provided_arguments", Type: module.Dict, Doc: "Values that go before variables of the same name."},
				{Name: "validate_args_context", Type: module.Dict, Doc: "Where the spec comes from, for messages."},
			}}},
		run: validateSpec,
	}
}

func validateSpec(_ context.Context, c *call) (*outcome, error) {
	spec := c.args.Map("argument_spec")
	for k, v := range spec.All() {
		if _, ok := v.(*value.Map); !ok {
			return failure(fmt.Sprintf("the spec of %s must be a mapping, not %s", text(k), text(v))), nil
		}
	}
	given := value.NewMap()
	for k := range spec.All() {
		name := text(k)
		if !c.scope.Has(name) {
			continue
		}
		v, _, err := c.scope.Get(name)
		if err != nil {
			return nil, err
		}
		given.Set(name, value.Copy(v))
	}
	if more := c.args.Map("provided_arguments"); more != nil {
		given.Update(value.Copy(more).(*value.Map))
	}
	around := c.args.Map("validate_args_context")
	if around == nil {
		around = value.NewMap()
	}
	check := argspec.Checker{Text: text}
	if wrong := check.Check(spec, given); len(wrong) > 0 {
		o := failure("Validation of arguments failed:\n" + strings.Join(wrong, "\n"))
		o.data.Set("argument_errors", value.List(wrong))
		o.data.Set("argument_spec_data", spec)
		o.data.Set("validate_args_context", around)
		return o, nil
	}
	return newOutcome(module.Result{Msg: "The arg spec validation passed"}.Set("validate_args_context", around)), nil
}

// specTask is the task that checks a role's arguments before its own tasks, or
// nil where the role says nothing of them.
func (b *batch) specTask(use *playbook.RoleUse) *playbook.Task {
	specs := use.Role.ArgumentSpecs
	if specs == nil || !use.ValidateArgSpecs {
		return nil
	}
	entry := specs.Get(use.EntryPoint)
	if entry == nil || len(entry.Entries) == 0 {
		return nil
	}
	name := "Validating arguments against arg spec '" + use.EntryPoint + "'"
	if short := entry.Get("short_description"); short != nil {
		name += " - " + short.Text
	}
	args := specArguments(use, entry)
	t := &playbook.Task{Pos: use.Pos, Node: args, Path: use.Role.Path, Play: b.play, Role: use, Name: name,
		Action: builtin + "validate_argument_spec", ActionPos: use.Pos, Args: args, Keywords: use.Keywords}
	t.Tags = append([]string{"always"}, use.Tags...)
	return t
}

// specArguments are what the task is called with.
func specArguments(use *playbook.RoleUse, entry *document.Node) *document.Node {
	at := entry.Pos
	mapping := func(entries ...*document.Entry) *document.Node {
		return &document.Node{Kind: document.Mapping, Pos: at, Entries: entries}
	}
	with := func(name string, v *document.Node) *document.Entry {
		return &document.Entry{Key: named(name, at), Value: v}
	}
	options := entry.Get("options")
	if options == nil {
		options = mapping()
	}
	args := mapping(with("argument_spec", options), with("validate_args_context", mapping(
		with("type", named("role", at)), with("name", named(use.Role.Name, at)),
		with("argument_spec_name", named(use.EntryPoint, at)), with("path", named(resolved(use.Role.Path), at)))))
	if use.Params != nil {
		args.Entries = append(args.Entries, with("provided_arguments", use.Params))
	}
	return args
}

func named(name string, pos document.Position) *document.Node {
	return &document.Node{Pos: pos, Value: name, Text: name, Quoted: true}
}
