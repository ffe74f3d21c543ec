package topology

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Options is what a file may refer to.
type Options struct {
	// Render evaluates a template over the environment and -e variables.
	// Names, counts and addresses are rendered while reading; what belongs
	// to a container is rendered later, with the host's variables.
	Render func(text string, vars *value.Map) (any, error)
	// Extra are the -e variables: one called <tier>_count is the tier's count.
	Extra *value.Map
	// Owner is used where the file names none.
	Owner string
	// KeyFile finds the private key of a key pair of the cloud on this machine,
	// "" where there is none; may be nil.
	KeyFile func(cloud, keyName string) string
}

// Load reads and checks a file. All mistakes are reported at once, each with
// file, line and column.
func Load(path string, opts Options) (*Topology, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the topology: %w", err)
	}
	return Parse(path, data, opts)
}

// Parse is Load for a file already read.
func Parse(path string, data []byte, opts Options) (*Topology, error) {
	if bytes.HasPrefix(data, []byte("$ANSIBLE_VAULT;")) {
		return nil, &document.Error{Pos: document.Position{File: path, Line: 1, Column: 1}, Message: "a topology is not read from a vault", Hint: vaultHint}
	}
	root, err := document.ParseStrict(path, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{opts: opts, top: &Topology{Path: path, Owner: opts.Owner, Vars: value.NewMap()}}
	d.topology(root)
	d.refuseTags(root)
	d.check()
	d.errs.Sort()
	return d.top, d.errs.Err()
}

const vaultHint = "put the secret into group_vars and name its variable here: \"{{ name }}\""

// refuseTags finds values with a tag of Ansible's: they would be taken for text.
func (d *decoder) refuseTags(n *document.Node) {
	if n == nil {
		return
	}
	if n.Tag != "" {
		hint := "leave the tag out"
		if strings.HasPrefix(n.Tag, "!vault") {
			hint = vaultHint
		}
		d.errs.AddHint(n.Pos, hint, "%s has no place in a topology", n.Tag)
	}
	for _, item := range n.Items {
		d.refuseTags(item)
	}
	for _, e := range n.Entries {
		d.refuseTags(e.Key)
		d.refuseTags(e.Value)
	}
}

// decoder turns nodes into a Topology and collects mistakes.
type decoder struct {
	opts     Options
	top      *Topology
	defaults Machine
	errs     document.Errors
}

// field is one key that a mapping may have.
type field struct {
	name   string
	decode func(*document.Node)
}

// mapping hands every key of n to its field, in the order of the fields, and
// reports the keys that are none.
func (d *decoder) mapping(n *document.Node, what string, fields ...field) {
	if n.Kind == document.Scalar && n.Value == nil {
		return
	}
	if n.Kind != document.Mapping {
		d.errs.Add(n.Pos, "%s must be a mapping, not %s", what, n.Kind)
		return
	}
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
		if v := n.Get(f.name); v != nil {
			f.decode(v)
		}
	}
	for _, e := range n.Entries {
		if !slices.Contains(names, e.Name()) {
			hint := document.Suggest(e.Name(), names)
			if hint == "" {
				hint = "known: " + strings.Join(names, ", ")
			}
			d.errs.AddHint(e.Key.Pos, hint, "%s has no key %q", what, e.Name())
		}
	}
}

// scalar returns the value of a node, rendered if it is a template.
func (d *decoder) scalar(n *document.Node, what string) any {
	if n.Kind != document.Scalar {
		d.errs.Add(n.Pos, "%s must be a single value, not %s", what, n.Kind)
		return nil
	}
	text, isText := n.Value.(string)
	if !isText || !strings.Contains(text, "{{") && !strings.Contains(text, "{%") {
		return n.Value
	}
	v, err := d.opts.Render(text, d.top.Vars)
	if err != nil {
		d.errs.AddHint(n.Pos, "give it with -e, or under vars:", "cannot evaluate %s: %v", what, err)
		return nil
	}
	return v
}

func (d *decoder) text(n *document.Node, what string) string {
	switch v := d.scalar(n, what).(type) {
	case nil:
		return ""
	case string:
		return v
	case []any, *value.Map:
		d.errs.Add(n.Pos, "%s must be text", what)
		return ""
	default:
		if !n.Quoted && n.Text != "" && !strings.Contains(n.Text, "{{") {
			return n.Text // 1.10 stays 1.10
		}
		return fmt.Sprint(v)
	}
}

func (d *decoder) textField(name, what string, to *string) field {
	return field{name, func(n *document.Node) { *to = d.text(n, what) }}
}

func (d *decoder) texts(n *document.Node, what string) []string {
	if n.Kind == document.Scalar {
		if n.Value == nil {
			return nil
		}
		return []string{d.text(n, what)}
	}
	if n.Kind != document.Sequence {
		d.errs.Add(n.Pos, "%s must be a list", what)
		return nil
	}
	var out []string
	for _, item := range n.Items {
		out = append(out, d.text(item, what))
	}
	return out
}

func (d *decoder) textsField(name, what string, to *[]string) field {
	return field{name, func(n *document.Node) { *to = d.texts(n, what) }}
}

func (d *decoder) number(n *document.Node, what string, least int) int {
	v := d.scalar(n, what)
	if s, ok := v.(string); ok {
		v = document.ResolveScalar(s) // -e gives text
	}
	i, ok := v.(int)
	if !ok || i < least {
		d.errs.Add(n.Pos, "%s must be a whole number, at least %d", what, least)
		return least
	}
	return i
}

// seconds reads 90, "90s" or "2m".
func (d *decoder) seconds(n *document.Node, what string) int {
	switch v := d.scalar(n, what).(type) {
	case int:
		if v > 0 {
			return v
		}
	case string:
		if dur, err := time.ParseDuration(v); err == nil && dur >= time.Second {
			return int(dur / time.Second)
		}
	}
	d.errs.AddHint(n.Pos, "such as 60s or 2m", "%s must be a duration of at least a second", what)
	return 0
}

func (d *decoder) vars(n *document.Node, what string) *value.Map {
	m, ok := n.Decode().(*value.Map)
	if !ok {
		if n.Value != nil || n.Kind != document.Scalar {
			d.errs.Add(n.Pos, "%s must be a mapping, not %s", what, n.Kind)
		}
		return value.NewMap()
	}
	return m
}

func (d *decoder) topology(n *document.Node) {
	t := d.top
	if n.Kind != document.Mapping {
		d.errs.AddHint(n.Pos, "it starts with app: and tiers:", "a topology must be a mapping, not %s", n.Kind)
		return
	}
	d.mapping(n, "the topology",
		field{"vars", func(n *document.Node) { t.Vars = d.vars(n, "vars") }},
		d.textField("app", "app", &t.App),
		d.textField("owner", "owner", &t.Owner),
		d.textField("cloud", "cloud", &t.Cloud),
		field{"key_pairs", d.keyPairs}, // before the machines, whose key_file they can give
		field{"defaults", d.defaultsOf},
		field{"networks", d.networks},
		field{"security_groups", d.securityGroups},
		field{"tiers", d.tiers},
		field{"all_in_one", d.allInOne},
	)
	if n.Get("tiers") == nil {
		d.errs.Add(n.Pos, "the topology has no tiers")
	}
	if n.Get("app") == nil {
		d.errs.Add(n.Pos, "the topology has no app: its name is missing")
	}
	d.name(n.Get("app"), "app", t.App)
	d.name(n.Get("owner"), "owner", t.Owner)
}

// name refuses what Nova would not take as part of a host name.
func (d *decoder) name(n *document.Node, what, name string) {
	if name == "" || n == nil {
		return
	}
	for _, r := range name {
		if r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' {
			d.errs.Add(n.Pos, "%s %q holds %q: only letters, digits, -, _ and . can be in a name", what, name, string(r))
			return
		}
	}
}
