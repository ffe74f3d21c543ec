// Package argspec checks values against argument specs as roles have them in
// meta/argument_specs.yml and validate_argument_spec takes them. Data goes spec
// and values → messages; their words are those of ansible-core, because
// playbooks compare them.
package argspec

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/value"
)

// Checker checks values against a spec.
type Checker struct {
	// Text is a value as Python's str() writes it.
	Text func(v any) string

	errors      []string
	unsupported []unsupported
}

// unsupported is a parameter that no spec knows, with those that it does.
type unsupported struct {
	name    string
	known   []string
	aliases []string
}

// Check returns what is wrong with given, in the order in which it is found;
// nothing where all is well. given is changed: aliases, defaults and converted
// values are put in.
func (c *Checker) Check(spec, given *value.Map) []string {
	c.options(spec, nil, given, nil)
	if len(c.unsupported) > 0 {
		c.reportUnsupported()
	}
	return c.errors
}

// path is where an option stands: the options around it.
type path []string

// options checks one level: given against spec. rules are the option's that the
// level belongs to, nil for the outermost.
func (c *Checker) options(spec, rules, given *value.Map, at path) {
	aliases := c.aliases(spec, given)
	if wrong := c.notMappings(spec, given); wrong != "" {
		c.fail(nil, "%s", wrong)
	}
	for k := range given.All() {
		if _, known := spec.Get(k); !known && !slices.Contains(aliases, c.Text(k)) {
			u := unsupported{name: strings.Join(append(slices.Clone(at), c.Text(k)), "."), aliases: aliases}
			for name := range spec.All() {
				u.known = append(u.known, c.Text(name))
			}
			c.unsupported = append(c.unsupported, u)
		}
	}
	c.exclusive(rules, given, at)
	setDefaults(spec, given, false)
	c.required(spec, given, at)
	for k, s := range spec.All() {
		c.convert(c.Text(k), asMap(s), given, at)
	}
	for k, s := range spec.All() {
		c.choices(c.Text(k), asMap(s), given, at)
	}
	c.together(rules, given, at)
	c.oneOf(rules, given, at)
	c.requiredIf(rules, given, at)
	c.requiredBy(rules, given, at)
	setDefaults(spec, given, true)
	for k, s := range spec.All() {
		c.nested(c.Text(k), asMap(s), given, at)
	}
}

func asMap(v any) *value.Map {
	m, _ := v.(*value.Map)
	return m
}

// fail notes a mistake and where it is.
func (c *Checker) fail(at path, format string, args ...any) {
	msg := fmt.Sprintf(format, args...)
	if len(at) > 0 {
		msg += " found in " + strings.Join(at, " -> ")
	}
	c.errors = append(c.errors, msg)
}

// aliases puts values given under other names under their own, and returns the
// other names.
func (c *Checker) aliases(spec, given *value.Map) []string {
	var out []string
	for k, s := range spec.All() {
		m := asMap(s)
		if m.At("default") != nil && m.Bool("required") {
			c.fail(nil, "internal error: required and default are mutually exclusive for %s", c.Text(k))
		}
		for _, alias := range m.List("aliases") {
			out = append(out, c.Text(alias))
			if v, ok := given.Get(alias); ok {
				given.Set(k, v)
			}
		}
	}
	return out
}

// notMappings says which value cannot hold the options that it should; "" for
// none. It looks at all levels, before anything is converted.
func (c *Checker) notMappings(spec, given *value.Map) string {
	for k, s := range spec.All() {
		m := asMap(s)
		v := given.At(k)
		if v == nil || !hasOptions(m) {
			continue
		}
		elements, isList := v.([]any)
		if !isList {
			elements = []any{v}
		}
		for _, e := range elements {
			sub := asMap(e)
			if _, isText := e.(string); isText {
				d, err := asDict(e)
				if err != nil {
					return err.Error()
				}
				sub = asMap(d)
			}
			if sub == nil {
				kind := strings.TrimSuffix(strings.TrimPrefix(pythonType(e), "<class '"), "'>")
				return fmt.Sprintf("Value '%s' in the sub parameter field '%s' must by a %s, not '%s'", c.Text(e), c.Text(k), m.String("type"), kind)
			}
			if wrong := c.notMappings(m.Map("options"), sub); wrong != "" {
				return wrong
			}
		}
	}
	return ""
}

// hasOptions tells whether an option's value is a dict, or a list of dicts, that
// is checked itself.
func hasOptions(spec *value.Map) bool {
	kind := spec.String("type")
	return spec.Map("options") != nil && (kind == "dict" || kind == "list" && spec.String("elements") == "dict")
}

// setDefaults fills in what isn't given; with empty, also nothing for what has
// no default.
func setDefaults(spec, given *value.Map, empty bool) {
	for k, s := range spec.All() {
		if _, ok := given.Get(k); ok {
			continue
		}
		if def := asMap(s).At("default"); def != nil || empty {
			given.Set(k, value.Copy(def))
		}
	}
}

// nested checks the options of a dict, or of each dict in a list.
func (c *Checker) nested(name string, spec, given *value.Map, at path) {
	sub := spec.Map("options")
	if !hasOptions(spec) {
		return
	}
	v := given.At(name)
	if v == nil {
		if !spec.Bool("apply_defaults") {
			return
		}
		v = value.NewMap()
		given.Set(name, v)
	}
	elements, isList := v.([]any)
	if !isList {
		elements = []any{v}
	}
	for _, element := range elements {
		m, ok := element.(*value.Map)
		if !ok {
			c.errors = append(c.errors, fmt.Sprintf("value of '%s' must be of type dict or list of dicts", name))
			continue
		}
		c.options(sub, spec, m, append(slices.Clip(at), name))
	}
}

func (c *Checker) reportUnsupported() {
	var all []string
	for _, u := range c.unsupported {
		all = append(all, u.name)
	}
	slices.Sort(all)
	last := c.unsupported[len(c.unsupported)-1]
	slices.Sort(last.known)
	known := strings.Join(last.known, ", ")
	if len(last.aliases) > 0 {
		slices.Sort(last.aliases)
		known += " (" + strings.Join(last.aliases, ", ") + ")"
	}
	c.fail(nil, "%s. Supported parameters include: %s.", strings.Join(all, ", "), known)
}
