package inventory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Plugins is what inventory files with a `plugin:` need from outside. The zero
// value has no clouds and no templates.
type Plugins struct {
	Clouds    Clouds
	Templates Templates
	Extra     *value.Map          // -e variables, for use_extra_vars
	Getenv    func(string) string // the environment, for options that may stand there; may be nil
	Cloud     string              // asked for by the person, instead of only_clouds
	Fresh     bool                // don't read caches, write them anew
	// Data marks what a cloud says, which is never to be a template: whoever may
	// name a server is not to evaluate. nil leaves it as it is.
	Data func(v any) any
}

// Templates evaluates Jinja2 over variables.
type Templates interface {
	// Compose evaluates without lookups, as sources from outside are.
	Compose(ctx context.Context, text string, vars *value.Map) (any, error)
	// Condition evaluates with lookups.
	Condition(ctx context.Context, text string, vars *value.Map) (any, error)
	// Text renders a text, with lookups.
	Text(ctx context.Context, text string, vars *value.Map) (string, error)
}

func (p *Plugins) env(names ...string) string {
	for _, n := range names {
		if p.Getenv != nil && p.Getenv(n) != "" {
			return p.Getenv(n)
		}
	}
	return ""
}

// readAuto is the plugin auto: it reads files that say which plugin they are for.
func readAuto(ctx context.Context, p *pathSource, inv *Inventory) error {
	doc, err := p.opts.onDisk().read(p.path)
	if err != nil {
		return err
	}
	name := doc.Get("plugin")
	if name == nil || isEmpty(name) {
		return fmt.Errorf("no root 'plugin' key found, '%s' is not a valid YAML inventory plugin config file", p.place().file)
	}
	return p.configured(name.Text)(ctx, inv, doc)
}

// configured is what reads a file for the plugin of that name.
func (p *pathSource) configured(name string) func(context.Context, *Inventory, *document.Node) error {
	switch shortName(name) {
	case "openstack.cloud.openstack":
		return p.addOpenStack
	case "constructed":
		return p.addConstructed
	case "generator":
		return p.addGenerator
	}
	return func(_ context.Context, _ *Inventory, doc *document.Node) error {
		known := []string{"openstack.cloud.openstack", "openstack", "ansible.builtin.constructed", "constructed", "ansible.builtin.generator", "generator"}
		hint := document.Suggest(name, known)
		if hint == "" {
			hint = "there are openstack.cloud.openstack, ansible.builtin.constructed and ansible.builtin.generator; of others, a program that prints JSON can do the work"
		}
		var errs document.Errors
		errs.AddHint(doc.Get("plugin").Pos, hint, "there is no inventory plugin %s here", name)
		return mustRead(errs.Err())
	}
}

// readConfigured reads a file for one plugin, which the file must name.
func readConfigured(name string, add func(*pathSource, context.Context, *Inventory, *document.Node) error) func(context.Context, *pathSource, *Inventory) error {
	return func(ctx context.Context, p *pathSource, inv *Inventory) error {
		doc, err := p.opts.onDisk().read(p.path)
		if err != nil {
			return err
		}
		if isEmpty(doc) {
			return fmt.Errorf("%s is empty", p.place().file)
		}
		if said := doc.Get("plugin"); said == nil || shortName(said.Text) != name {
			text := "none found"
			if said != nil {
				text = said.Text
			}
			return fmt.Errorf("incorrect plugin name in file: %s", text)
		}
		return add(p, ctx, inv, doc)
	}
}

// settings reads a plugin's options: each is taken by its name, and what is
// left over is a mistake.
type settings struct {
	doc   *document.Node
	taken []string
	errs  document.Errors
}

func (s *settings) node(name string) *document.Node {
	s.taken = append(s.taken, name)
	n := s.doc.Get(name)
	if n == nil || isNull(n) {
		return nil
	}
	return n
}

// at is the node of an option, or the whole where it is not set.
func (s *settings) at(name string) *document.Node {
	if n := s.doc.Get(name); n != nil {
		return n
	}
	return s.doc
}

// left reports options that nobody took.
func (s *settings) left() error {
	for _, e := range s.doc.Entries {
		if !slices.Contains(s.taken, e.Name()) {
			s.errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), s.taken), "the plugin %s has no option %s", s.doc.Get("plugin").Text, e.Name())
		}
	}
	return s.errs.Err()
}

// warnOfOthers names options that nobody took: Ansible ignores them.
func (s *settings) warnOfOthers(inv *Inventory) {
	for _, e := range s.doc.Entries {
		if slices.Contains(s.taken, e.Name()) {
			continue
		}
		text := fmt.Sprintf("%s: the plugin %s has no option %s: it is ignored", e.Key.Pos, s.doc.Get("plugin").Text, e.Name())
		if hint := document.Suggest(e.Name(), s.taken); hint != "" {
			text += " (" + hint + ")"
		}
		inv.warn("%s", text)
	}
}

func (s *settings) wrong(n *document.Node, name, want string) {
	got := n.Kind.String()
	if n.Kind == document.Scalar {
		got = strconv.Quote(n.Text)
	}
	s.errs.Add(n.Pos, "%s must be %s, not %s", name, want, got)
}

// Words of Ansible's for true and false, in options.
var truths = map[string]bool{"yes": true, "on": true, "1": true, "true": true, "t": true, "y": true, "1.0": true,
	"no": false, "off": false, "0": false, "false": false, "f": false, "n": false, "0.0": false}

func (s *settings) flag(name string, otherwise bool) bool {
	n := s.node(name)
	if n == nil {
		return otherwise
	}
	b, ok := truths[strings.ToLower(n.Text)]
	if n.Kind != document.Scalar || !ok {
		s.wrong(n, name, "yes or no")
	}
	return b
}

func (s *settings) text(name, otherwise string) string {
	n := s.node(name)
	if n == nil {
		return otherwise
	}
	if n.Kind != document.Scalar {
		s.wrong(n, name, "text")
	}
	return n.Text
}

func (s *settings) choice(name string, choices ...string) string {
	text := s.text(name, choices[0])
	if !slices.Contains(choices, text) {
		s.wrong(s.at(name), name, strings.Join(choices, " or "))
	}
	return text
}

func (s *settings) number(name string, otherwise int) int {
	n := s.node(name)
	if n == nil {
		return otherwise
	}
	i, err := strconv.Atoi(n.Text)
	if n.Kind != document.Scalar || err != nil || i < 0 {
		s.wrong(n, name, "a whole number")
	}
	return i
}

// list is a list of texts; one text stands for a list of what it has between commas.
func (s *settings) list(name string) []string {
	n := s.node(name)
	if n == nil {
		return nil
	}
	var out []string
	switch n.Kind {
	case document.Scalar:
		for part := range strings.SplitSeq(n.Text, ",") {
			out = append(out, strings.TrimSpace(part))
		}
	case document.Sequence:
		for _, item := range n.Items {
			if item.Kind != document.Scalar {
				s.wrong(item, "an item of "+name, "text")
			}
			out = append(out, item.Text)
		}
	default:
		s.wrong(n, name, "a list")
	}
	return out
}

// entries are those of a mapping.
func (s *settings) entries(name string) []*document.Entry {
	n := s.node(name)
	if n == nil {
		return nil
	}
	if n.Kind != document.Mapping {
		s.wrong(n, name, "a mapping")
	}
	return n.Entries
}

func (s *settings) texts(name string) map[string]string {
	out := map[string]string{}
	for _, e := range s.entries(name) {
		if e.Value.Kind != document.Scalar {
			s.wrong(e.Value, name+"."+e.Name(), "text")
		}
		out[e.Name()] = e.Value.Text
	}
	return out
}

// sortedTexts writes a map of texts in one way only.
func sortedTexts(m map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "%q=%q ", k, m[k])
	}
	return b.String()
}
