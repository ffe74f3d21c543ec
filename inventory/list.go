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
	vars := inv.VarsOf(h, play)
	for _, name := range internalVars {
		vars.Delete(name)
	}
	return sorted(vars)
}

func sorted(m *value.Map) *value.Map {
	keys := m.Keys()
	slices.SortStableFunc(keys, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	out := value.NewMap()
	for _, k := range keys {
		v := m.At(k)
		if inner, ok := v.(*value.Map); ok {
			v = sorted(inner)
		}
		out.Set(k, v)
	}
	return out
}

// List is what `ansible-inventory --list` prints: groups with their hosts and
// children, and every host's variables under _meta. play may be nil.
func (inv *Inventory) List(play *VarFiles) *value.Map {
	out := value.NewMap()
	inv.listGroup(inv.byGroup[All], out, map[*Group]bool{})
	hostvars := value.NewMap()
	for _, h := range inv.Hosts() {
		if vars := inv.shown(h, play); vars.Len() > 0 {
			hostvars.Set(h.Name, vars)
		}
	}
	out.Set("_meta", value.NewMap("hostvars", hostvars))
	return sorted(out)
}

func (inv *Inventory) listGroup(g *Group, out *value.Map, seen map[*Group]bool) {
	if seen[g] {
		return
	}
	seen[g] = true
	body := value.NewMap()
	if children := inv.Children(g); len(children) > 0 {
		names := []any{}
		for _, c := range children {
			names = append(names, c.Name)
			inv.listGroup(c, out, seen)
		}
		body.Set("children", names)
	}
	if members := inv.Members(g); len(members) > 0 && g.Name != All {
		body.Set("hosts", hostNames(members))
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
func (inv *Inventory) HostJSON(name string, play *VarFiles) (*value.Map, error) {
	h := inv.Host(name)
	if h == nil {
		return nil, fmt.Errorf("there is no host %q in the inventory", name)
	}
	return inv.shown(h, play), nil
}

// Graph is what `ansible-inventory --graph` prints: the groups under the given
// one as a tree.
func (inv *Inventory) Graph(group string) (string, error) {
	g := inv.byGroup[group]
	if g == nil {
		return "", fmt.Errorf("there is no group %q in the inventory", group)
	}
	var b strings.Builder
	inv.graph(&b, g, 0)
	return b.String(), nil
}

func (inv *Inventory) graph(b *strings.Builder, g *Group, depth int) {
	line := func(text string, depth int) {
		if depth > 0 {
			text = strings.Repeat("  |", depth) + "--" + text
		}
		b.WriteString(text + "\n")
	}
	line("@"+g.Name+":", depth)
	for _, c := range inv.Children(g) {
		inv.graph(b, c, depth+1)
	}
	if g.Name != All {
		for _, h := range inv.Members(g) {
			line(h.Name, depth+1)
		}
	}
}
