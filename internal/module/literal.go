package module

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/document"
)

// CheckLiterals reports what Validate would refuse, as far as the arguments say
// it in so many words: values that are no templates and of another type or none
// of the choices, and arguments that are missing. open tells that further
// arguments may come from elsewhere, so that none is known to be missing; at is
// where the call stands. CheckNames is for names.
func (s Schema) CheckLiterals(module string, args *document.Node, open bool, at document.Position, errs *document.Errors) {
	given := map[string]*document.Node{}
	for _, e := range args.Entries {
		a, ok := s.Find(e.Name())
		open = open || !ok // a misspelt name may be the missing one
		if ok && (e.Value.Value != nil || e.Value.Kind != document.Scalar) {
			given[a.Name] = e.Value
			checkLiteral(module+"'s "+a.Name, a, e.Value, errs)
		}
	}
	if !open && !s.OpenEnded {
		s.checkMissing(module, given, at, errs)
	}
	for _, set := range s.MutuallyExclusive {
		if both := slices.DeleteFunc(slices.Clone(set), func(name string) bool { return given[name] == nil }); len(both) > 1 {
			errs.Add(given[both[1]].Pos, "%s takes only one of %s", module, strings.Join(both, ", "))
		}
	}
}

func (s Schema) checkMissing(module string, given map[string]*document.Node, at document.Position, errs *document.Errors) {
	missing := func(names []string) []string {
		return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return given[name] != nil })
	}
	for _, a := range s.Args {
		if a.Required && given[a.Name] == nil {
			errs.Add(at, "%s needs the argument %q", module, a.Name)
		}
	}
	for _, set := range s.RequiredOneOf {
		if len(missing(set)) == len(set) {
			errs.Add(at, "%s needs one of %s", module, strings.Join(set, ", "))
		}
	}
	for _, set := range s.RequiredTogether {
		if lacks := missing(set); len(lacks) > 0 && len(lacks) < len(set) {
			errs.Add(at, "%s needs %s beside what is there: they go together", module, strings.Join(lacks, ", "))
		}
	}
	for _, rule := range s.RequiredIf {
		if lacks := missing(rule.Need); s.says(given, rule.Arg, rule.Value) && len(lacks) > 0 && !s.defaults(lacks) {
			errs.Add(at, "%s needs %s where %s is %s", module, strings.Join(lacks, ", "), rule.Arg, rule.Value)
		}
	}
}

// says tells whether an argument certainly has a value, as given or by default.
func (s Schema) says(given map[string]*document.Node, name, want string) bool {
	a, _ := s.Find(name)
	n := given[name]
	if n == nil {
		return a.Default != nil && fmt.Sprint(a.Default) == want
	}
	v, err := a.cast(n.Value)
	return n.Kind == document.Scalar && !isTemplate(n) && err == nil && fmt.Sprint(v) == want
}

// defaults tells whether one of the arguments has a default.
func (s Schema) defaults(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		a, _ := s.Find(name)
		return a.Default != nil
	})
}

func isTemplate(n *document.Node) bool {
	return n.Tag != "" || strings.Contains(n.Text, "{{") || strings.Contains(n.Text, "{%") || strings.Contains(n.Text, "{#")
}

// templated tells whether a template stands in the node or below it.
func templated(n *document.Node) bool {
	if n.Kind == document.Scalar {
		return isTemplate(n)
	}
	return slices.ContainsFunc(n.Items, templated) ||
		slices.ContainsFunc(n.Entries, func(e *document.Entry) bool { return templated(e.Key) || templated(e.Value) })
}

func checkLiteral(what string, a Arg, n *document.Node, errs *document.Errors) {
	if templated(n) {
		return
	}
	v, err := a.cast(n.Decode())
	if err != nil {
		errs.Add(n.Pos, "%s: %v", what, err)
		return
	}
	items, isList := v.([]any)
	if !isList {
		items = []any{v}
	}
	for i, item := range items {
		if s := fmt.Sprint(item); len(a.Choices) > 0 && !slices.Contains(a.Choices, s) {
			at := n.Pos
			if n.Kind == document.Sequence && i < len(n.Items) {
				at = n.Items[i].Pos
			}
			errs.AddHint(at, document.Suggest(s, a.Choices), "%s must be one of %s, not %q", what, strings.Join(a.Choices, ", "), s)
		}
	}
	checkLiteralOptions(what, a, n, errs)
}

// checkLiteralOptions looks into a dict, or a list of them.
func checkLiteralOptions(what string, a Arg, n *document.Node, errs *document.Errors) {
	if a.Options == nil {
		return
	}
	for _, item := range n.Items {
		checkLiteralOptions(what, a, item, errs)
	}
	if n.Kind != document.Mapping {
		return
	}
	inner := Schema{Args: a.Options}
	for _, e := range n.Entries {
		if sub, ok := find(a.Options, e.Name()); ok && (e.Value.Value != nil || e.Value.Kind != document.Scalar) {
			checkLiteral(what+"."+sub.Name, sub, e.Value, errs)
		}
	}
	for _, sub := range inner.Args {
		if sub.Required && n.Get(sub.Name) == nil && !slices.ContainsFunc(sub.Aliases, func(alias string) bool { return n.Get(alias) != nil }) {
			errs.Add(n.Pos, "%s needs the option %q", what, sub.Name)
		}
	}
}
