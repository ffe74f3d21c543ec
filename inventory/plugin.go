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
// value refuses them.
type Plugins struct {
	Clouds    Clouds
	Templates Templates
	Extra     *value.Map          // -e variables, for use_extra_vars
	Getenv    func(string) string // the environment, for options that may stand there; may be nil
	Cloud     string              // asked for by the person, instead of only_clouds
	Fresh     bool                // don't read caches, write them anew
}

// Templates evaluates Jinja2 over variables.
type Templates interface {
	// Compose evaluates without lookups, as sources from outside are.
	Compose(ctx context.Context, text string, vars *value.Map) (any, error)
	// Condition evaluates with lookups.
	Condition(ctx context.Context, text string, vars *value.Map) (any, error)
}

func (p *Plugins) env(names ...string) string {
	for _, n := range names {
		if p.Getenv != nil && p.Getenv(n) != "" {
			return p.Getenv(n)
		}
	}
	return ""
}

// addPlugin reads a file that configures a plugin.
func (p *pathSource) addPlugin(ctx context.Context, inv *Inventory, doc *document.Node) error {
	name := doc.Get("plugin")
	if p.opts.Plugins == nil {
		return name.Errorf("cannot use the inventory plugin %s here: only files and programs are read", name.Text)
	}
	switch name.Text {
	case "openstack", "openstack.cloud.openstack":
		return p.addOpenStack(ctx, inv, doc)
	case "constructed", "ansible.builtin.constructed":
		return p.addConstructed(ctx, inv, doc)
	}
	known := []string{"openstack.cloud.openstack", "openstack", "ansible.builtin.constructed", "constructed"}
	var errs document.Errors
	hint := document.Suggest(name.Text, known)
	if hint == "" {
		hint = "there are openstack.cloud.openstack and ansible.builtin.constructed; of others, a program that prints JSON can do the work"
	}
	errs.AddHint(name.Pos, hint, "there is no inventory plugin %s here", name.Text)
	return errs.Err()
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
