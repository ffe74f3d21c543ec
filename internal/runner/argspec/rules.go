package argspec

import (
	"slices"
	"strings"

	"rollout/internal/value"
)

// required reports what must be given and isn't.
func (c *Checker) required(spec, given *value.Map, at path) {
	var missing []string
	for k, s := range spec.All() {
		if _, ok := given.Get(k); !ok && truthy(asMap(s).At("required")) {
			missing = append(missing, c.Text(k))
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		c.fail(at, "missing required arguments: %s", strings.Join(missing, ", "))
	}
}

func truthy(v any) bool { return value.Truthy(v) }

// sets are the lists of names under a rule.
func (c *Checker) sets(rules *value.Map, rule string) [][]string {
	var out [][]string
	for _, item := range rules.List(rule) {
		out = append(out, c.names(item))
	}
	return out
}

// names is a list of names, or one.
func (c *Checker) names(v any) []string {
	items, ok := v.([]any)
	if !ok {
		return []string{c.Text(v)}
	}
	var out []string
	for _, item := range items {
		out = append(out, c.Text(item))
	}
	return out
}

// absent are the names that aren't given.
func absent(names []string, given *value.Map) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		_, ok := given.Get(name)
		return ok
	})
}

func (c *Checker) exclusive(rules, given *value.Map, at path) {
	var bad []string
	for _, set := range c.sets(rules, "mutually_exclusive") {
		if len(set)-len(absent(set, given)) > 1 {
			bad = append(bad, strings.Join(set, "|"))
		}
	}
	if len(bad) > 0 {
		c.fail(at, "parameters are mutually exclusive: %s", strings.Join(bad, ", "))
	}
}

func (c *Checker) together(rules, given *value.Map, at path) {
	for _, set := range c.sets(rules, "required_together") {
		if n := len(absent(set, given)); n > 0 && n < len(set) {
			c.fail(at, "parameters are required together: %s", strings.Join(set, ", "))
			return
		}
	}
}

func (c *Checker) oneOf(rules, given *value.Map, at path) {
	for _, set := range c.sets(rules, "required_one_of") {
		if len(absent(set, given)) == len(set) {
			c.fail(at, "one of the following is required: %s", strings.Join(set, ", "))
			return
		}
	}
}

// requiredIf reads [name, value, needed, any of them].
func (c *Checker) requiredIf(rules, given *value.Map, at path) {
	for _, item := range rules.List("required_if") {
		rule, _ := item.([]any)
		if len(rule) < 3 {
			continue
		}
		name, needed := c.Text(rule[0]), c.names(rule[2])
		if v, ok := given.Get(name); !ok || !value.Equal(v, rule[1]) {
			continue
		}
		missing, enough, which := absent(needed, given), 1, "all"
		if len(rule) > 3 && truthy(rule[3]) {
			enough, which = len(needed), "any"
		}
		if len(missing) >= enough {
			c.fail(at, "%s is %s but %s of the following are missing: %s", name, c.Text(rule[1]), which, strings.Join(missing, ", "))
			return
		}
	}
}

func (c *Checker) requiredBy(rules, given *value.Map, at path) {
	for k, v := range rules.Map("required_by").All() {
		if given.At(k) == nil {
			continue
		}
		missing := slices.DeleteFunc(c.names(v), func(name string) bool { return given.At(name) != nil })
		if len(missing) > 0 {
			c.fail(at, "missing parameter(s) required by '%s': %s", c.Text(k), strings.Join(missing, ", "))
			return
		}
	}
}

// choices reports values that aren't among those allowed.
func (c *Checker) choices(name string, spec, given *value.Map, at path) {
	v, ok := given.Get(name)
	allowed, isList := spec.At("choices").([]any)
	if !ok || spec.At("choices") == nil {
		return
	}
	if !isList {
		c.fail(at, "internal error: choices for argument %s are not iterable: %s", name, c.Text(spec.At("choices")))
		return
	}
	in := func(v any) bool {
		return slices.ContainsFunc(allowed, func(choice any) bool { return value.Equal(choice, v) })
	}
	all := strings.Join(c.names(allowed), ", ")
	if items, isList := v.([]any); isList {
		others := slices.DeleteFunc(slices.Clone(items), in)
		if len(others) > 0 {
			c.fail(at, "value of %s must be one or more of: %s. Got no match for: %s", name, all, strings.Join(c.names(others), ", "))
		}
		return
	}
	if !in(v) && !c.boolWord(name, v, allowed, given) {
		c.fail(at, "value of %s must be one of: %s, got: %s", name, all, c.Text(v))
	}
}

// boolWord undoes what YAML did to a word such as yes, where just one of the
// choices can have been meant.
func (c *Checker) boolWord(name string, v any, allowed []any, given *value.Map) bool {
	words := map[string][]string{
		"True":  {"y", "yes", "on", "1", "true", "t"},
		"False": {"n", "no", "off", "0", "false", "f"},
	}[c.Text(v)]
	var meant []any
	for _, choice := range allowed {
		if s, ok := choice.(string); ok && slices.Contains(words, s) {
			meant = append(meant, s)
		}
	}
	if len(meant) != 1 {
		return false
	}
	given.Set(name, meant[0])
	return true
}
