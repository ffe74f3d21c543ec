package inventory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/value"
)

// internalVars are set by the engine and no part of a listing.
var internalVars = []string{
	"ansible_diff_mode", "ansible_config_file", "ansible_facts", "ansible_forks", "ansible_inventory_sources",
	"ansible_limit", "ansible_playbook_python", "ansible_run_tags", "ansible_skip_tags", "ansible_verbosity",
	"ansible_version", "inventory_dir", "inventory_file", "inventory_hostname", "inventory_hostname_short",
	"groups", "group_names", "omit", "playbook_dir",
}

// Form is how a listing shows the inventory.
type Form struct {
	Vars   bool // variables in the tree of groups too
	Export bool // variables where they are defined: groups' variables on groups
	// Play is the group_vars and host_vars beside playbooks; nil is none.
	Play *VarFiles
	// Extra are -e variables, which win on every host but where Export is.
	Extra *value.Map
	// Limit are the hosts that are shown; nil is all.
	Limit []*Host
	// Show writes a variable's value in the tree.
	Show func(any) string
}

// shows tells whether a host is within the limit.
func (f Form) shows(h *Host) bool { return f.Limit == nil || slices.Contains(f.Limit, h) }

// members are the group's own hosts within the limit.
func (f Form) members(inv *Inventory, g *Group) []*Host {
	return slices.DeleteFunc(inv.Members(g), func(h *Host) bool { return !f.shows(h) })
}

// hostVars are a host's variables in that form.
func (f Form) hostVars(inv *Inventory, h *Host) *value.Map {
	if !f.Export {
		vars := inv.VarsOf(h, f.Play)
		if f.Extra != nil {
			vars.Update(f.Extra)
		}
		return public(vars)
	}
	vars := h.Vars.Clone()
	for _, files := range inv.filesOf(f.Play) {
		vars.Update(files.hosts[h.Name])
	}
	return public(vars)
}

// groupVars are a group's own variables.
func (f Form) groupVars(inv *Inventory, g *Group) *value.Map {
	vars := g.Vars.Clone()
	play := f.Play
	if play != nil && !play.named {
		play = nil
	}
	for _, files := range inv.filesOf(play) {
		vars.Update(files.groups[g.Name])
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
	return vars
}

// List is what `ansible-inventory --list` prints: groups with their hosts and
// children, and every host's variables under _meta.
func (inv *Inventory) List(form Form) *value.Map {
	out := value.NewMap()
	inv.listGroup(inv.byGroup[All], out, map[*Group]bool{}, form)
	hostvars := value.NewMap()
	for _, h := range inv.Hosts() {
		if vars := form.hostVars(inv, h); vars.Len() > 0 && form.shows(h) {
			hostvars.Set(h.Name, vars)
		}
	}
	out.Set("_meta", value.NewMap("hostvars", hostvars))
	return out
}

func (inv *Inventory) listGroup(g *Group, out *value.Map, seen map[*Group]bool, form Form) {
	if seen[g] {
		return
	}
	seen[g] = true
	body := value.NewMap()
	if members := form.members(inv, g); len(members) > 0 && g.Name != All {
		body.Set("hosts", hostNames(members))
	}
	if children := inv.Children(g); len(children) > 0 {
		names := []any{}
		for _, c := range children {
			names = append(names, c.Name)
			inv.listGroup(c, out, seen, form)
		}
		body.Set("children", names)
	}
	if form.Export {
		if vars := form.groupVars(inv, g); vars.Len() > 0 {
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

// ErrOneHost says that a pattern means no host, or more than one.
var ErrOneHost = errors.New("you must pass a single valid host to --host parameter")

// What ansible-inventory says, for those who look for it.
const (
	unmatchedText = "Could not match supplied host pattern"
	groupText     = "Pattern must be valid group name when using --graph"
)

// HostVars is what `ansible-inventory --host` prints: the variables of the one
// host that the pattern means. The error is ErrOneHost, or says what is wrong
// with the pattern.
func (inv *Inventory) HostVars(pattern string, form Form) (*value.Map, error) {
	sel, err := inv.Match(pattern)
	if err != nil {
		return nil, err
	}
	hosts := slices.DeleteFunc(sel.Hosts, func(h *Host) bool { return !form.shows(h) })
	if len(hosts) == 0 && len(sel.Unmatched) > 0 {
		return nil, fmt.Errorf("%s, ignoring: %s: %w", unmatchedText, strings.Join(sel.Unmatched, ", "), ErrOneHost)
	}
	if len(hosts) != 1 {
		return nil, fmt.Errorf("%w: %q means %d", ErrOneHost, pattern, len(hosts))
	}
	return form.hostVars(inv, hosts[0]), nil
}

// Tree is what `ansible-inventory --list --yaml` prints: groups within groups, a
// host's variables at its first mention. Groups that a limit empties are left out.
func (inv *Inventory) Tree(form Form) *value.Map {
	all := inv.byGroup[All]
	return value.NewMap(All, inv.treeOf(all, map[*Host]bool{}, form))
}

func (inv *Inventory) treeOf(g *Group, seen map[*Host]bool, form Form) *value.Map {
	body := value.NewMap()
	children := value.NewMap()
	for _, c := range inv.Children(g) {
		if tree := inv.treeOf(c, seen, form); tree.Len() > 0 || form.Limit == nil {
			children.Set(c.Name, tree)
		}
	}
	if children.Len() > 0 {
		body.Set("children", children)
	}
	hosts := value.NewMap()
	for _, h := range form.members(inv, g) {
		if g.Name != All {
			hosts.Set(h.Name, inv.once(h, seen, form))
		}
	}
	if hosts.Len() > 0 {
		body.Set("hosts", hosts)
	}
	if form.Export {
		if vars := form.groupVars(inv, g); vars.Len() > 0 {
			body.Set("vars", vars)
		}
	}
	return body
}

// once are a host's variables when it is met first, and none later.
func (inv *Inventory) once(h *Host, seen map[*Host]bool, form Form) *value.Map {
	if seen[h] {
		return value.NewMap()
	}
	seen[h] = true
	return form.hostVars(inv, h)
}

// Sections is what `ansible-inventory --list --toml` prints: groups with their
// hosts and children; a host's variables at its first mention.
func (inv *Inventory) Sections(form Form) *value.Map {
	return inv.sectionsOf(inv.byGroup[All], map[*Host]bool{}, form)
}

func (inv *Inventory) sectionsOf(g *Group, seen map[*Host]bool, form Form) *value.Map {
	out, body := value.NewMap(), value.NewMap()
	out.Set(g.Name, body)
	names := []any{}
	for _, c := range inv.Children(g) {
		if c.Name == Ungrouped && len(form.members(inv, c)) == 0 {
			continue
		}
		if g.Name != All {
			names = append(names, c.Name)
		}
		out.Update(inv.sectionsOf(c, seen, form))
	}
	if len(names) > 0 {
		body.Set("children", names)
	}
	hosts := value.NewMap()
	for _, h := range form.members(inv, g) {
		if g.Name != All {
			hosts.Set(h.Name, inv.once(h, seen, form))
		}
	}
	if hosts.Len() > 0 {
		body.Set("hosts", hosts)
	}
	if form.Export {
		if vars := form.groupVars(inv, g); vars.Len() > 0 {
			body.Set("vars", vars)
		}
	}
	if body.Len() == 0 {
		out.Delete(g.Name)
	}
	return out
}

// Graph is what `ansible-inventory --graph` prints: the groups under the given
// one as a tree, with variables if the form has them.
func (inv *Inventory) Graph(group string, form Form) (string, error) {
	g := inv.byGroup[group]
	if g == nil {
		return "", fmt.Errorf("%s: there is no group %q in the inventory", groupText, group)
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
		for _, h := range t.form.members(t.inv, g) {
			t.line(h.Name, depth+1)
			t.vars(func() *value.Map { return t.form.hostVars(t.inv, h) }, depth+2)
		}
	}
	t.vars(func() *value.Map { return t.form.groupVars(t.inv, g) }, depth+1)
}

func (t *drawing) vars(of func() *value.Map, depth int) {
	if !t.form.Vars {
		return
	}
	vars := of()
	keys := vars.Keys()
	slices.SortStableFunc(keys, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, name := range keys {
		t.line(fmt.Sprintf("{%v = %s}", name, t.form.Show(vars.At(name))), depth)
	}
}
