package inventory

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/value"
)

// internalVars are set by the engine and no part of a listing.
var internalVars = []string{
	"ansible_check_mode", "ansible_diff_mode", "ansible_config_file", "ansible_facts", "ansible_forks",
	"ansible_inventory_sources", "ansible_limit", "ansible_playbook_python", "ansible_run_tags", "ansible_skip_tags",
	"ansible_verbosity", "ansible_version", "inventory_dir", "inventory_file", "inventory_hostname",
	"inventory_hostname_short", "groups", "group_names", "omit", "playbook_dir",
}

// shown are a host's variables as listings have them, sorted by name.
func (inv *Inventory) shown(h *Host, play *VarFiles) *value.Map {
	return public(inv.VarsOf(h, play))
}

func sorted(m *value.Map) *value.Map {
	keys := m.Keys()
	slices.SortStableFunc(keys, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	out := value.NewMap()
	for _, k := range keys {
		out.Set(k, sortedValue(m.At(k)))
	}
	return out
}

func sortedValue(v any) any {
	switch x := v.(type) {
	case *value.Map:
		return sorted(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = sortedValue(e)
		}
		return out
	}
	return v
}

// Form is how a listing shows variables.
type Form struct {
	Vars   bool // in the tree of groups too
	Export bool // where they are defined: groups' variables on groups
	// Show writes a variable's value in the tree.
	Show func(any) string
}

// varsShown are a host's variables in that form.
func (inv *Inventory) varsShown(h *Host, play *VarFiles, form Form) *value.Map {
	if !form.Export {
		return inv.shown(h, play)
	}
	vars := h.Vars.Clone()
	for _, f := range inv.filesOf(play) {
		vars.Update(f.hosts[h.Name])
	}
	return public(vars)
}

// groupVars are a group's own variables.
func (inv *Inventory) groupVars(g *Group, play *VarFiles) *value.Map {
	vars := g.Vars.Clone()
	for _, f := range inv.filesOf(play) {
		vars.Update(f.groups[g.Name])
	}
	if g.Priority != 1 {
		vars.Set("ansible_group_priority", g.Priority)
	}
	return public(vars)
}

func (inv *Inventory) filesOf(play *VarFiles) []*VarFiles {
	files := slices.Clone(inv.beside)
	if play != nil {
		files = append(files, play)
	}
	return files
}

func public(vars *value.Map) *value.Map {
	for _, name := range internalVars {
		vars.Delete(name)
	}
	return sorted(vars)
}

// List is what `ansible-inventory --list` prints: groups with their hosts and
// children, and every host's variables under _meta. play may be nil.
func (inv *Inventory) List(play *VarFiles, form Form) *value.Map {
	out := value.NewMap()
	inv.listGroup(inv.byGroup[All], out, map[*Group]bool{}, play, form)
	hostvars := value.NewMap()
	for _, h := range inv.Hosts() {
		if vars := inv.varsShown(h, play, form); vars.Len() > 0 {
			hostvars.Set(h.Name, vars)
		}
	}
	out.Set("_meta", value.NewMap("hostvars", hostvars))
	return sorted(out)
}

func (inv *Inventory) listGroup(g *Group, out *value.Map, seen map[*Group]bool, play *VarFiles, form Form) {
	if seen[g] {
		return
	}
	seen[g] = true
	body := value.NewMap()
	if children := inv.Children(g); len(children) > 0 {
		names := []any{}
		for _, c := range children {
			names = append(names, c.Name)
			inv.listGroup(c, out, seen, play, form)
		}
		body.Set("children", names)
	}
	if members := inv.Members(g); len(members) > 0 && g.Name != All {
		body.Set("hosts", hostNames(members))
	}
	if form.Export {
		if vars := inv.groupVars(g, play); vars.Len() > 0 {
			body.Set("vars", vars)
		}
	}
	if body.Len() > 0 {
		out.Set(g.Name, body)
	}
}

func hostNames(hosts []*Host) []any {
	out := make([]any, len(hosts))
	for i, h := range hosts {
		out[i] = h.Name
	}
	return out
}

// HostJSON is what `ansible-inventory --host` prints: the host's variables.
func (inv *Inventory) HostJSON(name string, play *VarFiles, form Form) (*value.Map, error) {
	h := inv.Host(name)
	if h == nil {
		return nil, fmt.Errorf("there is no host %q in the inventory", name)
	}
	return inv.varsShown(h, play, form), nil
}

// Tree is what `ansible-inventory --list --yaml` prints: groups within groups, a
// host's variables at its first mention.
func (inv *Inventory) Tree(form Form) *value.Map {
	all := inv.byGroup[All]
	return sorted(value.NewMap(All, inv.treeOf(all, map[*Host]bool{}, form)))
}

func (inv *Inventory) treeOf(g *Group, seen map[*Host]bool, form Form) *value.Map {
	body := value.NewMap()
	children := value.NewMap()
	for _, c := range inv.Children(g) {
		children.Set(c.Name, inv.treeOf(c, seen, form))
	}
	if children.Len() > 0 {
		body.Set("children", children)
	}
	hosts := value.NewMap()
	for _, h := range inv.Members(g) {
		vars := value.NewMap()
		if !seen[h] {
			seen[h] = true
			vars = inv.varsShown(h, nil, form)
		}
		hosts.Set(h.Name, vars)
	}
	if hosts.Len() > 0 && g.Name != All {
		body.Set("hosts", hosts)
	}
	if form.Export {
		if vars := inv.groupVars(g, nil); vars.Len() > 0 {
			body.Set("vars", vars)
		}
	}
	return body
}

// Graph is what `ansible-inventory --graph` prints: the groups under the given
// one as a tree, with variables if the form has them.
func (inv *Inventory) Graph(group string, form Form) (string, error) {
	g := inv.byGroup[group]
	if g == nil {
		return "", fmt.Errorf("there is no group %q in the inventory", group)
	}
	t := &drawing{inv: inv, form: form}
	t.group(g, 0)
	return t.text.String(), nil
}

// drawing writes groups as a tree.
type drawing struct {
	inv  *Inventory
	form Form
	text strings.Builder
}

func (t *drawing) line(text string, depth int) {
	if depth > 0 {
		text = strings.Repeat("  |", depth) + "--" + text
	}
	t.text.WriteString(text + "\n")
}

func (t *drawing) group(g *Group, depth int) {
	t.line("@"+g.Name+":", depth)
	for _, c := range t.inv.Children(g) {
		t.group(c, depth+1)
	}
	if g.Name != All {
		for _, h := range t.inv.Members(g) {
			t.line(h.Name, depth+1)
			t.vars(func() *value.Map { return t.inv.varsShown(h, nil, t.form) }, depth+2)
		}
	}
	t.vars(func() *value.Map { return t.inv.groupVars(g, nil) }, depth+1)
}

func (t *drawing) vars(of func() *value.Map, depth int) {
	if !t.form.Vars {
		return
	}
	for name, v := range of().All() {
		t.line(fmt.Sprintf("{%v = %s}", name, t.form.Show(v)), depth)
	}
}
