package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"rollout/internal/document"
	"rollout/internal/value"
)

// constructed are the options by which variables and groups are made of the
// variables that hosts have.
type constructed struct {
	compose []expression
	groups  []expression
	keyed   []keyedGroup
	strict  bool
	stern   bool // compose fails whatever strict says
	extra   bool // use_extra_vars
	leading bool // leading_separator
	plugins *Plugins
	data    func(v any) any // marks what came from outside; nil where nothing did
}

// expression is a Jinja2 expression and the variable or group it makes.
type expression struct {
	name, text string
	pos        document.Position
}

// keyedGroup makes groups of what an expression gives.
type keyedGroup struct {
	key, prefix, separator, parent string
	hasDefault                     bool
	defaultValue                   string
	trailing                       bool // false leaves the separator out after an empty value
	pos                            document.Position
}

func (s *settings) constructed(plugins *Plugins) constructed {
	c := constructed{plugins: plugins}
	c.compose, c.groups = s.expressions("compose"), s.expressions("groups")
	c.strict, c.extra = s.flag("strict", false), s.flag("use_extra_vars", false)
	c.leading = s.flag("leading_separator", true)
	if n := s.node("keyed_groups"); n != nil {
		if n.Kind != document.Sequence {
			s.wrong(n, "keyed_groups", "a list")
		}
		for _, item := range n.Items {
			c.keyed = append(c.keyed, s.keyed(item))
		}
	}
	if plugins.Templates == nil && len(c.compose)+len(c.groups)+len(c.keyed) > 0 {
		s.errs.Add(s.doc.Pos, "cannot evaluate compose, groups and keyed_groups here")
	}
	return c
}

func (s *settings) expressions(name string) []expression {
	var out []expression
	for _, e := range s.entries(name) {
		if e.Value.Kind != document.Scalar {
			s.wrong(e.Value, name+"."+e.Name(), "an expression")
			continue
		}
		out = append(out, expression{e.Name(), e.Value.Text, e.Value.Pos})
	}
	return out
}

func (s *settings) keyed(n *document.Node) keyedGroup {
	if n.Kind != document.Mapping {
		s.wrong(n, "an entry of keyed_groups", "a mapping")
		return keyedGroup{}
	}
	inner := &settings{doc: n}
	k := keyedGroup{key: inner.text("key", ""), prefix: inner.text("prefix", ""), separator: inner.text("separator", "_"),
		parent: inner.text("parent_group", ""), trailing: inner.flag("trailing_separator", true), pos: n.Pos}
	k.hasDefault = n.Get("default_value") != nil
	k.defaultValue = inner.text("default_value", "")
	if k.key == "" {
		inner.errs.Add(n.Pos, "an entry of keyed_groups needs a key")
	}
	if k.hasDefault && n.Get("trailing_separator") != nil {
		inner.errs.Add(n.Pos, "default_value and trailing_separator exclude each other in an entry of keyed_groups")
	}
	for _, e := range n.Entries {
		if !slices.Contains(inner.taken, e.Name()) {
			inner.errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), inner.taken), "an entry of keyed_groups has no option %s", e.Name())
		}
	}
	s.errs.Join(inner.errs.Err())
	return k
}

// plain are the host's variables as its own sources gave them, with those that
// say who it is.
func (inv *Inventory) plain(h *Host) *value.Map {
	vars := h.Vars.Clone()
	short, _, _ := strings.Cut(h.Name, ".")
	vars.Set("inventory_hostname", h.Name)
	vars.Set("inventory_hostname_short", short)
	names := []any{}
	for _, n := range inv.GroupNames(h) {
		if n != Ungrouped || slices.Contains(groupNames(h), Ungrouped) {
			names = append(names, n)
		}
	}
	vars.Set("group_names", names)
	return vars
}

func groupNames(h *Host) []string {
	var out []string
	for _, g := range h.groups {
		out = append(out, g.Name)
	}
	return out
}

// setVars sets the host's composed variables, each evaluated over vars.
func (c *constructed) setVars(ctx context.Context, h *Host, vars *value.Map) error {
	for _, e := range c.compose {
		v, err := c.evaluate(ctx, e.text, vars)
		if fatal(ctx, err) || err != nil && (c.strict || c.stern) {
			return mistake(e.pos, "cannot set %s for the host %s: %w", e.name, h.Name, err)
		}
		if c.data != nil && !strings.Contains(e.text, "{{") { // then a template in v is not the file's
			v = c.data(v)
		}
		if err == nil {
			h.Vars.Set(e.name, v)
		}
	}
	return nil
}

// fatal reports that the run was cancelled, which no setting makes a trifle.
func fatal(ctx context.Context, err error) bool { return err != nil && ctx.Err() != nil }

func mistake(pos document.Position, format string, args ...any) error {
	return positioned(pos, fmt.Errorf(format, args...))
}

// evaluate gives an expression's value. With use_extra_vars, -e variables count
// ahead of the host's.
func (c *constructed) evaluate(ctx context.Context, text string, vars *value.Map) (any, error) {
	if c.extra && c.plugins.Extra.Len() > 0 {
		vars = vars.Clone()
		vars.Update(c.plugins.Extra)
	}
	return c.plugins.Templates.Compose(ctx, "{{"+text+"}}", vars)
}

// setGroups puts the host into the groups whose condition holds.
func (c *constructed) setGroups(ctx context.Context, inv *Inventory, h *Host, vars *value.Map) error {
	for _, e := range c.groups {
		v, err := c.plugins.Templates.Condition(ctx, "{% if "+e.text+" %} True {% else %} False {% endif %}", vars)
		if fatal(ctx, err) || err != nil && c.strict {
			return mistake(e.pos, "cannot tell whether the host %s belongs to the group %s: %w", h.Name, e.name, err)
		}
		if err == nil && truths[strings.ToLower(strings.TrimSpace(fmt.Sprint(v)))] {
			inv.AddHost(h.Name, safeGroupName(e.name))
		}
	}
	return nil
}

// setKeyed puts the host into the groups that keyed_groups make of its variables.
func (c *constructed) setKeyed(ctx context.Context, inv *Inventory, h *Host, vars *value.Map) error {
	for _, k := range c.keyed {
		if err := c.setOneKeyed(ctx, inv, h, k, vars); err != nil {
			return err
		}
	}
	return nil
}

func (c *constructed) setOneKeyed(ctx context.Context, inv *Inventory, h *Host, k keyedGroup, vars *value.Map) error {
	v, err := c.evaluate(ctx, k.key, vars)
	switch {
	case fatal(ctx, err) || err != nil && c.strict:
		return mistake(k.pos, "cannot group the host %s by %s: %w", h.Name, k.key, err)
	case err != nil:
		return nil
	case !value.Truthy(v) && (v != "" || !k.hasDefault):
		if c.strict && !isEmptyCollection(v) {
			return mistake(k.pos, "cannot group the host %s by %s: it is empty", h.Name, k.key)
		}
		return nil
	}
	parent := ""
	if k.parent != "" {
		p, err := c.plugins.Templates.Condition(ctx, k.parent, vars)
		if fatal(ctx, err) || err != nil && c.strict {
			return mistake(k.pos, "cannot tell the parent group %s of the host %s: %w", k.parent, h.Name, err)
		}
		if err != nil {
			return nil
		}
		parent = safeGroupName(fmt.Sprint(p))
	}
	names, err := k.names(v)
	if err != nil {
		return mistake(k.pos, "cannot group the host %s by %s: %w", h.Name, k.key, err)
	}
	for _, name := range names {
		if err := c.join(inv, h, k, name, parent); err != nil {
			return mistake(k.pos, "%w", err)
		}
	}
	return nil
}

func (c *constructed) join(inv *Inventory, h *Host, k keyedGroup, name, parent string) error {
	separator := k.separator
	if k.prefix == "" && !c.leading {
		separator = ""
	}
	group := safeGroupName(k.prefix + separator + name)
	inv.AddHost(h.Name, group)
	if parent == "" {
		return nil
	}
	return inv.AddChild(parent, group)
}

func isEmptyCollection(v any) bool {
	switch v.(type) {
	case []any, *value.Map:
		return true
	}
	return false
}

var errGroupName = errors.New("the key must give text, a list of texts or a mapping")

// names are the groups that a key's value stands for, without the prefix.
func (k keyedGroup) names(v any) ([]string, error) {
	orDefault := func(s string) string {
		if s == "" && k.hasDefault {
			return k.defaultValue
		}
		return s
	}
	switch x := v.(type) {
	case string:
		return []string{orDefault(x)}, nil
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, orDefault(pythonText(e)))
		}
		return out, nil
	case *value.Map:
		var out []string
		for name, e := range x.All() {
			text := pythonText(e)
			if text == "" && !k.hasDefault && !k.trailing {
				out = append(out, pythonText(name))
				continue
			}
			out = append(out, pythonText(name)+k.separator+orDefault(text))
		}
		return out, nil
	}
	return nil, errGroupName
}

// pythonText is a value as Python's % formats it.
func pythonText(v any) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case bool:
		if x {
			return "True"
		}
		return "False"
	case float64:
		return value.FloatRepr(x, "inf", "nan")
	}
	return fmt.Sprint(v)
}

// safeGroupName makes a group's name one that a variable could have too.
func safeGroupName(name string) string {
	var b strings.Builder
	for i, r := range name {
		word := r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r)
		if !word || i == 0 && unicode.IsDigit(r) {
			r = '_'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// addConstructed is the plugin of that name: it makes variables and groups of
// hosts that earlier sources gave.
func (p *pathSource) addConstructed(ctx context.Context, inv *Inventory, doc *document.Node) error {
	s := &settings{doc: doc}
	s.node("plugin")
	c := s.constructed(p.opts.Plugins)
	withFiles := s.flag("use_vars_plugins", false)
	if err := s.errs.Err(); err != nil {
		return err
	}
	s.warnOfOthers(inv)
	var files []*VarFiles
	if withFiles {
		var err error
		if files, err = inv.besideSources(p.opts); err != nil {
			return err
		}
	}
	for _, h := range inv.hosts {
		if err := c.setVars(ctx, h, inv.soFar(h, files)); err != nil {
			return err
		}
		vars := inv.soFar(h, files)
		if err := c.setGroups(ctx, inv, h, vars); err != nil {
			return err
		}
		if err := c.setKeyed(ctx, inv, h, vars); err != nil {
			return err
		}
	}
	return nil
}

// besideSources are the group_vars and host_vars beside the sources that were
// read already.
func (inv *Inventory) besideSources(opts Options) ([]*VarFiles, error) {
	var out []*VarFiles
	seen := map[string]bool{"": true}
	for _, s := range inv.sources {
		dir, _ := s.varDir()
		if seen[dir] {
			continue
		}
		seen[dir] = true
		files, err := LoadVarFiles(inv, dir, opts)
		if err != nil {
			return nil, err
		}
		out = append(out, files)
	}
	return out, nil
}

// soFar are the variables of a host while sources are still being read: groups
// don't belong to all yet, unless a source says so.
func (inv *Inventory) soFar(h *Host, files []*VarFiles) *value.Map {
	out := value.NewMap()
	groups := inv.GroupsOf(h)
	if inv.underAll(h) {
		groups = append([]*Group{inv.byGroup[All]}, groups...)
	}
	for _, g := range groups {
		out.Update(g.Vars)
	}
	for _, f := range files {
		for _, g := range groups {
			out.Update(f.groups[g.Name])
		}
	}
	out.Update(inv.plain(h))
	for _, f := range files {
		out.Update(f.hosts[h.Name])
	}
	return out
}

// underAll tells whether a source put the host under all, or under ungrouped.
func (inv *Inventory) underAll(h *Host) bool {
	all := inv.byGroup[All]
	return slices.ContainsFunc(h.groups, func(g *Group) bool {
		return g == all || g.Name == Ungrouped || slices.Contains(ancestors(g), all)
	})
}
