// Package vars answers what a variable is for one host and one task: Ansible's
// 22 levels of precedence as explicit layers, each variable templated when it
// is asked for. Data goes layers → Scope → template and module arguments.
package vars

import (
	"crypto/rand"
	"encoding/hex"
	"slices"

	"rollout/internal/template"
	"rollout/internal/value"
)

// Level is one of Ansible's levels of precedence, from weakest to strongest
// ("Understanding variable precedence" in its documentation).
type Level int

// The levels in order. Magic and Local are above the 22: what the engine itself
// says (inventory_hostname), and what holds for one item of a loop.
const (
	CommandLine Level = iota + 1
	RoleDefaults
	InventoryGroupVars
	InventoryGroupVarsAll
	PlaybookGroupVarsAll
	InventoryGroupVarsFiles
	PlaybookGroupVarsFiles
	InventoryHostVars
	InventoryHostVarsFiles
	PlaybookHostVarsFiles
	Facts
	PlayVars
	PlayPrompts
	PlayVarsFiles
	RoleVars
	BlockVars
	TaskVars
	IncludeVars
	SetFacts
	RoleParams
	IncludeParams
	ExtraVars
	Magic
	Local
)

var levelNames = [...]string{
	"", "command line values", "role defaults", "inventory file or script group vars",
	"inventory group_vars/all", "playbook group_vars/all", "inventory group_vars/*",
	"playbook group_vars/*", "inventory file or script host vars", "inventory host_vars/*",
	"playbook host_vars/*", "host facts", "play vars", "play vars_prompt", "play vars_files",
	"role vars", "block vars", "task vars", "include_vars", "set_facts and registered vars",
	"role parameters", "include parameters", "extra vars", "magic variables", "loop variables",
}

func (l Level) String() string {
	if l < 1 || int(l) >= len(levelNames) {
		return "unknown level"
	}
	return levelNames[l]
}

// Layer is the variables of one level, or of one source within a level. Its
// Values must not change while a Scope uses it: replace the map instead.
type Layer struct {
	Level  Level
	Values *value.Map
	// Data is set for what came from hosts: results, facts. Such text is never
	// a template, so that a host can't have expressions evaluated here.
	Data bool
	// Lazy gives values that are made only when asked for; nil for none. What
	// it returns is data.
	Lazy map[string]func() (any, error)
}

// get returns the layer's value as written.
func (l *Layer) get(name string) (any, bool) {
	if l.Values == nil {
		return nil, false
	}
	return l.Values.Get(name)
}

// Raw is text that must not be templated: a scalar tagged !unsafe.
type Raw string

// Plain returns v with every Raw in it as the text it is, for what does not
// template.
func Plain(v any) any {
	return deep(v, func(leaf any) any {
		if text, ok := leaf.(Raw); ok {
			return string(text)
		}
		return leaf
	})
}

// Untemplated returns v with every text that would be a template marked Raw: it
// came from where nobody is to have expressions evaluated here.
func Untemplated(v any) any {
	return deep(v, func(leaf any) any {
		if text, ok := leaf.(string); ok && template.IsTemplate(text) {
			return Raw(text)
		}
		return leaf
	})
}

// deep returns v with all that is no list and no mapping in it made another.
func deep(v any, leaf func(any) any) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = deep(e, leaf)
		}
		return out
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			out.Set(k, deep(e, leaf))
		}
		return out
	}
	return leaf(v)
}

// OmitText is what the variable omit holds: an argument of this value is left
// out. It is text so that it survives filters such as default(omit), begins as
// Ansible's does, and is another one in every run: nothing a host says means it.
func OmitText() string { return omitted }

var omitted = newOmitText()

func newOmitText() string {
	secret := make([]byte, 20)
	_, _ = rand.Read(secret) // never fails
	return "__omit_place_holder__" + hex.EncodeToString(secret)
}

// Omit removes from v the map entries that are omit, as Ansible does: in maps
// within maps, and in those that are elements of a list. An element of a list
// stays, and so does all that is in a list within a list. The second result is
// false where v itself is omit.
func Omit(v any) (any, bool) {
	switch x := v.(type) {
	case string:
		return x, x != omitted
	case []any:
		out := slices.Clone(x)
		for i, e := range x {
			if m, isMap := e.(*value.Map); isMap {
				out[i], _ = Omit(m)
			}
		}
		return out, true
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			if kept, ok := Omit(e); ok {
				out.Set(k, kept)
			}
		}
		return out, true
	}
	return v, true
}
