package lint

import (
	"slices"

	"rollout/internal/document"
	"rollout/internal/playbook"
)

// The words of a role's argument specs, as ansible-core's validate_argument_spec
// knows them.
var (
	specWords = []string{"options", "short_description", "description", "author", "version_added", "mutually_exclusive",
		"required_together", "required_one_of", "required_if", "required_by", "seealso", "notes", "todo", "deprecated", "examples", "attributes"}
	optionWords = []string{"type", "required", "default", "choices", "elements", "description", "options", "aliases", "no_log",
		"version_added", "apply_defaults", "deprecated_aliases", "fallback", "mutually_exclusive", "required_together", "required_one_of",
		"required_if", "required_by", "removed_in_version", "removed_at_date", "removed_from_collection"}
	optionTypes = []string{"str", "list", "dict", "bool", "int", "float", "path", "raw", "jsonarg", "json", "bytes", "bits"}
)

// specs looks at a role's argument specs.
func (c *collector) specs(role *playbook.Role) {
	if role == nil || role.ArgumentSpecs == nil {
		return
	}
	for _, entry := range role.ArgumentSpecs.Entries {
		if entry.Value.Kind != document.Mapping {
			continue
		}
		c.words(entry.Value, specWords, "an entry point of argument specs")
		c.options(entry.Value.Get("options"))
	}
}

func (c *collector) words(n *document.Node, known []string, what string) {
	for _, e := range n.Entries {
		if hint := document.Suggest(e.Name(), known); !slices.Contains(known, e.Name()) {
			c.mistake(RuleSpec, e.Key.Pos, hint, what+" knows no \""+e.Name()+"\"")
		}
	}
}

func (c *collector) options(n *document.Node) {
	if n == nil {
		return
	}
	for _, e := range n.Entries {
		if e.Value.Kind != document.Mapping {
			if e.Value.Value != nil || e.Value.Kind == document.Sequence {
				c.mistake(RuleSpec, e.Value.Pos, "", "an option of argument specs is a mapping, not "+e.Value.Kind.String())
			}
			continue
		}
		c.words(e.Value, optionWords, "an option of argument specs")
		for _, word := range []string{"type", "elements"} {
			if name, ok := literal(e.Value.Get(word)); ok && !slices.Contains(optionTypes, name) {
				c.mistake(RuleSpec, e.Value.Get(word).Pos, document.Suggest(name, optionTypes), "there is no type \""+name+"\"")
			}
		}
		c.options(e.Value.Get("options"))
	}
}
