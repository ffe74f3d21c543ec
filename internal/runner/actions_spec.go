package runner

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
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
		unrendered: anyOf("argument_spec", "validate_args_context"),
		run:        validateSpec,
	}
}

func validateSpec(_ context.Context, c *call) (*outcome, error) {
	spec := c.args.Map("argument_spec")
	args, err := specArgs(spec)
	if err != nil {
		return failure(err.Error()), nil
	}
	given := value.NewMap()
	provided := c.args.Map("provided_arguments")
	for _, a := range args {
		v, ok := provided.Get(a.Name)
		if !ok && c.scope.Has(a.Name) {
			if v, ok, err = c.scope.Get(a.Name); err != nil {
				return nil, err
			}
		}
		if ok {
			given.Set(a.Name, value.Copy(v))
		}
	}
	if _, err := (module.Schema{Args: args}).Validate(given); err != nil {
		o := failure("Validation of arguments failed:\n" + err.Error())
		o.data.Set("argument_errors", value.List(strings.Split(err.Error(), "\n")))
		o.data.Set("argument_spec_data", spec)
		o.data.Set("validate_args_context", c.args.Map("validate_args_context"))
		return o, nil
	}
	return newOutcome(module.Result{Msg: "The arg spec validation passed"}), nil
}

// specArgs reads an argument spec as roles have it in meta/argument_specs.
func specArgs(spec *value.Map) ([]module.Arg, error) {
	var out []module.Arg
	for k, v := range spec.All() {
		m, ok := v.(*value.Map)
		if !ok {
			return nil, fmt.Errorf("the spec of %s must be a mapping", text(k))
		}
		a := module.Arg{Name: text(k), Type: module.Type(m.String("type")), Elements: module.Type(m.String("elements")),
			Required: m.Bool("required"), Default: m.At("default"), NoLog: m.Bool("no_log")}
		for _, c := range m.List("choices") {
			a.Choices = append(a.Choices, text(c))
		}
		if options := m.Map("options"); options != nil {
			sub, err := specArgs(options)
			if err != nil {
				return nil, err
			}
			a.Options = sub
		}
		out = append(out, a)
	}
	return out, nil
}

// specTask is the task that checks a role's arguments before its own tasks, or
// nil where the role says nothing of them.
func (b *batch) specTask(use *playbook.RoleUse) *playbook.Task {
	specs := use.Role.ArgumentSpecs
	if specs == nil || !use.ValidateArgSpecs {
		return nil
	}
	entry := specs.Get(use.EntryPoint)
	if entry == nil || entry.Get("options") == nil {
		return nil
	}
	name := "Validating arguments against arg spec '" + use.EntryPoint + "'"
	if short := entry.Get("short_description"); short != nil {
		name += " - " + short.Text
	}
	args := &document.Node{Kind: document.Mapping, Pos: entry.Pos}
	args.Entries = append(args.Entries, &document.Entry{Key: named("argument_spec", entry.Pos), Value: entry.Get("options")})
	if use.Params != nil {
		args.Entries = append(args.Entries, &document.Entry{Key: named("provided_arguments", entry.Pos), Value: use.Params})
	}
	t := &playbook.Task{Pos: use.Pos, Node: args, Path: use.Role.Path, Play: b.play, Role: use, Name: name,
		Action: builtin + "validate_argument_spec", ActionPos: use.Pos, Args: args, Keywords: use.Keywords}
	t.Tags = append([]string{"always"}, use.Tags...)
	return t
}

func named(name string, pos document.Position) *document.Node {
	return &document.Node{Pos: pos, Value: name, Text: name, Quoted: true}
}
