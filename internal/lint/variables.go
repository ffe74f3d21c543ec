package lint

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
)

// magic are the variables that every task has; facts, which begin with
// ansible_, are not looked at.
var magic = []string{"inventory_hostname", "inventory_hostname_short", "inventory_dir", "inventory_file", "groups", "group_names", "hostvars",
	"vars", "omit", "play_hosts", "playbook_dir", "role_name", "role_names", "role_path", "environment", "item", "discovered_interpreter_python",
	"true", "false", "none", "True", "False", "None", "lookup", "query", "q", "range", "dict", "namespace", "now", "undef", "self", "loop", "caller",
	"varargs", "kwargs", "cycler", "joiner", "lipsum", "finalize", "template_host", "template_path", "template_fullpath", "template_destpath",
	"template_uid", "template_run_date"}

// variables warns of names that nothing defines and that are all but one that
// something does. A name alone may come from anywhere: an inventory, -e.
func (c *collector) variables(plays []*scene) {
	known := map[string]bool{}
	for _, name := range magic {
		known[name] = true
	}
	for name := range c.Known.All() {
		known[fmt.Sprint(name)] = true
	}
	for _, s := range plays {
		c.defined(s, known)
	}
	names := slices.Sorted(maps.Keys(known))
	for _, s := range plays {
		for _, v := range s.visits {
			c.uses(v.task, known, names)
		}
	}
}

// defined adds what a play defines.
func (c *collector) defined(s *scene, known map[string]bool) {
	keys := func(nodes ...*document.Node) {
		for _, n := range nodes {
			if n == nil {
				continue
			}
			for _, e := range n.Entries {
				known[e.Name()] = true
			}
		}
	}
	file := func(t *playbook.Task, n *document.Node) {
		if name, ok := literal(n); ok {
			for _, path := range c.Places(t, "vars", name) {
				if doc, err := c.Loader.ReadYAML(path); err == nil {
					keys(doc)
				}
			}
		}
	}
	keys(s.play.Vars)
	for _, n := range s.play.VarsFiles {
		for _, one := range list(n) {
			file(&playbook.Task{Path: s.play.Path, Play: s.play}, one)
		}
	}
	for _, p := range s.play.Prompts {
		known[p.Name] = true
	}
	for _, use := range s.uses {
		keys(use.Role.Defaults, use.Role.Vars, use.Params, use.Vars)
		for _, spec := range entries(use.Role.ArgumentSpecs) {
			keys(spec.Value.Get("options"))
		}
	}
	for _, v := range s.visits {
		t := v.task
		keys(t.Vars...)
		if t.Include != nil {
			keys(t.Include.Vars)
		}
		if t.Loop != nil {
			known[t.Loop.Var], known[t.Loop.IndexVar] = true, true
		}
		known[t.Register] = true
		switch full, _, _ := c.Modules(t.Action, t.Collections); full {
		case "ansible.builtin.set_fact", "ansible.builtin.add_host":
			keys(t.Args)
		case "ansible.builtin.include_vars":
			file(t, t.FreeForm)
			file(t, t.Args.Get("file"))
			if name, ok := literal(t.Args.Get("name")); ok {
				known[name] = true
			}
		}
	}
}

func entries(n *document.Node) []*document.Entry {
	if n == nil {
		return nil
	}
	return n.Entries
}

// expressions are the keywords and arguments that hold expressions without braces.
var expressions = []string{"when", "changed_when", "failed_when", "until", "that", "var"}

// uses looks at every text of a task.
func (c *collector) uses(t *playbook.Task, known map[string]bool, names []string) {
	var look func(n *document.Node, bare bool)
	look = func(n *document.Node, bare bool) {
		for _, item := range n.Items {
			look(item, bare)
		}
		for _, e := range n.Entries {
			look(e.Value, slices.Contains(expressions, e.Name()))
		}
		if text, ok := n.Value.(string); ok && n.Tag == "" {
			for _, name := range c.namesIn(text, bare) {
				c.doubt(n, name, known, names)
			}
		}
	}
	look(t.Node, false)
}

func (c *collector) namesIn(text string, bare bool) []string {
	if !bare || isTemplate(text) {
		return c.Engine.ValueNames(text)
	}
	if x, err := c.Engine.CompileCondition(text); err == nil {
		return x.Names()
	}
	return nil
}

// doubt warns of a name, unless the text minds that it may be undefined.
func (c *collector) doubt(n *document.Node, name string, known map[string]bool, names []string) {
	if known[name] || strings.HasPrefix(name, "ansible_") || strings.HasPrefix(name, "rollout_") {
		return
	}
	word := regexp.QuoteMeta(name)
	if regexp.MustCompile(`\b`+word+`\s*(\|\s*(default|d)\b|is\s+(not\s+)?(un)?defined)`).MatchString(n.Text) ||
		regexp.MustCompile(`set\s+[\w, ]*\b`+word+`\b`).MatchString(n.Text) {
		return
	}
	near := nearest(name, names)
	at := regexp.MustCompile(`(^|[^\w.'"])` + word + `\b`).FindStringIndex(n.Text)
	if near == "" || at == nil {
		return
	}
	start := at[1] - len(name)
	before := n.Text[:start]
	pos := n.Inside(1+strings.Count(before, "\n"), 1+len([]rune(before[strings.LastIndexByte(before, '\n')+1:])), c.Loader.Lines(n.Pos.File))
	c.warn(RuleVariable, pos, fmt.Sprintf("did you mean %q?", near), fmt.Sprintf("nothing here defines the variable %q", name))
}

// nearest is the name that was probably meant: one or two letters away, and not
// by a number or a plural.
func nearest(name string, names []string) string {
	most := 1
	switch {
	case len(name) < 4:
		return ""
	case len(name) > 8:
		most = 2
	}
	best := document.Nearest(name, names, most)
	digits := regexp.MustCompile(`\d`)
	if digits.ReplaceAllString(best, "") == digits.ReplaceAllString(name, "") || best+"s" == name || name+"s" == best {
		return ""
	}
	return best
}
