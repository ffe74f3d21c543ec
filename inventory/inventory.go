// Package inventory knows which hosts there are, in which groups, with which
// variables, and which of them a pattern means. Data goes source (INI, YAML,
// script, list of names, Go) → *Inventory → hosts; nothing comes back.
package inventory

import (
	"cmp"
	"fmt"
	"os/exec"
	"slices"

	"rollout/internal/value"
)

// The groups that always exist.
const (
	All       = "all"
	Ungrouped = "ungrouped"
)

// Host is a machine, known by its name.
type Host struct {
	Name     string
	Vars     *value.Map // as the sources gave them; never nil
	Implicit bool       // localhost that no source names: not part of any group

	groups []*Group // those it stands in itself
}

// Group is a set of hosts and groups with variables in common.
type Group struct {
	Name     string
	Vars     *value.Map // as the sources gave them; never nil
	Priority int        // ansible_group_priority: among groups of one depth the higher wins; 1 by default

	hosts    []*Host
	children []*Group
	parents  []*Group
	underAll bool // group_by put it under all, whatever holds it besides
}

// Inventory is what one or several sources say. Readers may run at the same
// time; whoever changes it keeps readers out meanwhile.
type Inventory struct {
	// Warnings are what a person should know: odd group names, keys that were
	// skipped. Sources fill it while loading.
	Warnings []string

	groups   []*Group // in definition order
	hosts    []*Host
	byGroup  map[string]*Group
	byHost   map[string]*Host
	implicit map[string]*Host
	beside   []*VarFiles // group_vars and host_vars beside the sources, in their order
	dynamic  []func(*Inventory)
	changes  int
	config   Config
	sources  []*pathSource // those that were read
	loose    bool          // no source could be read: groups don't belong to all
}

// localNames are the names that mean the machine rollout runs on.
var localNames = []string{"127.0.0.1", "localhost", "::1"}

// IsLocal reports a name that means this machine where no inventory has it.
func IsLocal(name string) bool { return slices.Contains(localNames, name) }

// Python is this machine's Python 3: the system's own, else the first on PATH;
// "" where there is none.
func Python() string {
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if found, err := exec.LookPath(name); err == nil {
			return found
		}
	}
	return ""
}

// New returns an inventory with no hosts.
func New() *Inventory {
	inv := &Inventory{byGroup: map[string]*Group{}, byHost: map[string]*Host{}, implicit: map[string]*Host{}, config: DefaultConfig()}
	inv.AddGroup(All)
	inv.AddGroup(Ungrouped)
	python := Python()
	for _, name := range localNames {
		host := &Host{Name: name, Implicit: true, Vars: value.NewMap("ansible_connection", "local")}
		if python != "" { // modules in Python run with it, as with Ansible's own there
			host.Vars.Set("ansible_python_interpreter", python)
		}
		inv.implicit[name] = host
	}
	return inv
}

// Generation changes whenever the inventory does, for callers that cache.
func (inv *Inventory) Generation() int { return inv.changes }

// AddGroup returns the group of that name, which it adds if need be. The group
// may be named otherwise: Config.GroupChars says.
func (inv *Inventory) AddGroup(name string) *Group {
	if g := inv.byGroup[name]; g != nil {
		return g
	}
	return inv.addGroup(inv.groupName(name))
}

// addGroup adds a group without a word about its name.
func (inv *Inventory) addGroup(name string) *Group {
	if g := inv.byGroup[name]; g != nil {
		return g
	}
	g := &Group{Name: name, Vars: value.NewMap(), Priority: 1}
	inv.byGroup[name] = g
	inv.groups = append(inv.groups, g)
	inv.changes++
	return g
}

// groupName is the name that a group gets.
func (inv *Inventory) groupName(name string) string {
	safe := safeGroupName(name)
	if safe == name {
		return name
	}
	switch inv.config.GroupChars {
	case "always":
		inv.warn("Invalid characters were found in group names and automatically replaced, use -vvvv to see details")
		return safe
	case "silently":
		return safe
	case "never":
		inv.warn("Invalid characters were found in group names but not replaced, use -vvvv to see details")
	}
	return name
}

// AddHost returns the host of that name, which it adds if need be, and puts it
// in the groups, which it adds too.
func (inv *Inventory) AddHost(name string, groups ...string) *Host {
	h := inv.byHost[name]
	if h == nil {
		h = &Host{Name: name, Vars: value.NewMap()}
		if slices.Contains(localNames, name) {
			if first := inv.Host(name); !first.Implicit {
				inv.warn("A duplicate localhost-like entry was found (%s). First found localhost was %s", name, first.Name)
			}
		}
		inv.byHost[name] = h
		inv.hosts = append(inv.hosts, h)
		inv.changes++
	}
	for _, group := range groups {
		inv.AddGroup(group).add(h, inv)
	}
	return h
}

// add puts a host in the group; it tells whether that is new.
func (g *Group) add(h *Host, inv *Inventory) bool {
	if slices.Contains(h.groups, g) {
		return false
	}
	g.hosts = append(g.hosts, h)
	h.groups = append(h.groups, g)
	inv.changes++
	return true
}

// AddChild puts the group child under parent; both are added if need be. A
// group that would hold itself is an error.
func (inv *Inventory) AddChild(parent, child string) error {
	p, c := inv.AddGroup(parent), inv.AddGroup(child)
	switch {
	case p == c:
		return fmt.Errorf("can't add group %s to itself", parent)
	case slices.Contains(p.children, c):
		return nil
	case c.Name == All || slices.Contains(ancestors(p), c): // every group is under all in the end
		return fmt.Errorf("adding group '%s' as child to '%s' creates a recursive dependency loop", child, parent)
	}
	p.children = append(p.children, c)
	c.parents = append(c.parents, p)
	inv.changes++
	return nil
}

// ancestors are the groups above g that were named so, nearest first.
func ancestors(g *Group) []*Group {
	var out []*Group
	for queue := slices.Clone(g.parents); len(queue) > 0; queue = queue[1:] {
		if p := queue[0]; !slices.Contains(out, p) {
			out = append(out, p)
			queue = append(queue, p.parents...)
		}
	}
	return out
}

// Group returns the group of that name, or nil.
func (inv *Inventory) Group(name string) *Group { return inv.byGroup[name] }

// Host returns the host of that name, or nil. Where no source names localhost,
// it is there all the same, reached without a connection.
func (inv *Inventory) Host(name string) *Host {
	if h := inv.byHost[name]; h != nil {
		return h
	}
	if !slices.Contains(localNames, name) {
		return nil
	}
	for _, h := range inv.hosts {
		if slices.Contains(localNames, h.Name) {
			return h
		}
	}
	return inv.implicit[name]
}

// Groups returns all groups in definition order.
func (inv *Inventory) Groups() []*Group { return slices.Clone(inv.groups) }

// Hosts returns all hosts in the order in which a play on all takes them:
// ungrouped ones first, then group by group.
func (inv *Inventory) Hosts() []*Host { return inv.HostsOf(inv.byGroup[All]) }

// Children returns the groups right under g. Groups that are nobody's child are
// those of all; ungrouped is the first of them.
func (inv *Inventory) Children(g *Group) []*Group {
	if g.Name != All {
		return slices.Clone(g.children)
	}
	out := []*Group{inv.byGroup[Ungrouped]}
	for _, c := range g.children {
		if c.Name != Ungrouped {
			out = append(out, c)
		}
	}
	if inv.loose {
		return out
	}
	for _, c := range inv.groups {
		if len(c.parents) == 0 && c.Name != All && c.Name != Ungrouped {
			out = append(out, c)
		}
	}
	return out
}

// Members returns the hosts that stand in g itself.
func (inv *Inventory) Members(g *Group) []*Host {
	if g.Name != Ungrouped || inv.loose {
		return slices.Clone(g.hosts)
	}
	var named, rest []*Host
	for _, h := range inv.hosts {
		switch {
		case slices.ContainsFunc(h.groups, func(o *Group) bool { return o.Name != All && o.Name != Ungrouped }):
		case slices.Contains(h.groups, g):
			named = append(named, h)
		default:
			rest = append(rest, h)
		}
	}
	return append(named, rest...)
}

// HostsOf returns the hosts of g and of the groups under it, level by level.
func (inv *Inventory) HostsOf(g *Group) []*Host {
	var out []*Host
	seenHost, seenGroup := map[*Host]bool{}, map[*Group]bool{g: true}
	for queue := []*Group{g}; len(queue) > 0; queue = queue[1:] {
		for _, h := range inv.Members(queue[0]) {
			if !seenHost[h] && (!h.Implicit || g.Name != All) {
				seenHost[h] = true
				out = append(out, h)
			}
		}
		for _, c := range inv.Children(queue[0]) {
			if !seenGroup[c] {
				seenGroup[c] = true
				queue = append(queue, c)
			}
		}
	}
	return out
}

// GroupsOf returns the groups a host is in, directly or through others, but
// all, in the order in which their variables apply: the later ones win.
func (inv *Inventory) GroupsOf(h *Host) []*Group {
	var out []*Group
	for _, g := range h.groups {
		for _, one := range append([]*Group{g}, ancestors(g)...) {
			if one.Name != All && one.Name != Ungrouped && !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	if len(out) == 0 && !h.Implicit {
		return []*Group{inv.byGroup[Ungrouped]}
	}
	depth := map[*Group]int{}
	for _, g := range out {
		depthOf(g, depth)
	}
	slices.SortFunc(out, func(a, b *Group) int {
		return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// depthOf is the longest way from all to g; known keeps what was found.
func depthOf(g *Group, known map[*Group]int) int {
	if depth, ok := known[g]; ok || g.Name == All {
		return depth
	}
	depth := 1
	for _, p := range g.parents {
		depth = max(depth, depthOf(p, known)+1)
	}
	known[g] = depth
	return depth
}

// GroupNames is the variable group_names: sorted, without all.
func (inv *Inventory) GroupNames(h *Host) []string {
	var out []string
	for _, g := range inv.GroupsOf(h) {
		out = append(out, g.Name)
	}
	slices.Sort(out)
	return out
}

// GroupMap is the variable groups: every group with the names of its hosts.
func (inv *Inventory) GroupMap() *value.Map {
	out := value.NewMap()
	for _, g := range inv.groups {
		names := []any{}
		for _, h := range inv.HostsOf(g) {
			names = append(names, h.Name)
		}
		out.Set(g.Name, names)
	}
	return out
}

// setVariable puts a variable on the group of that name, or else on the host,
// as Ansible does where a group and a host share a name.
func (inv *Inventory) setVariable(name string, key, val any) error {
	if g := inv.byGroup[name]; g != nil {
		return g.set(inv.config, key, val)
	}
	inv.config.put(inv.byHost[name].Vars, key, val)
	return nil
}

// set puts a variable on the group; the priority is one by name only.
func (g *Group) set(c Config, name, val any) error {
	if name != "ansible_group_priority" {
		c.put(g.Vars, name, val)
		return nil
	}
	n, ok := toInt(val)
	if !ok {
		return fmt.Errorf("ansible_group_priority of the group %q must be a whole number", g.Name)
	}
	g.Priority = n
	return nil
}

// clone is a copy that may be changed while the inventory stays as it is.
func (inv *Inventory) clone() *Inventory {
	out := *inv
	out.groups, out.hosts = make([]*Group, len(inv.groups)), make([]*Host, len(inv.hosts))
	out.byGroup, out.byHost = make(map[string]*Group, len(inv.groups)), make(map[string]*Host, len(inv.hosts))
	groups, hosts := map[*Group]*Group{}, map[*Host]*Host{}
	for i, g := range inv.groups {
		c := &Group{Name: g.Name, Vars: g.Vars.Clone(), Priority: g.Priority}
		groups[g], out.groups[i], out.byGroup[g.Name] = c, c, c
	}
	for i, h := range inv.hosts {
		c := &Host{Name: h.Name, Vars: h.Vars.Clone(), Implicit: h.Implicit}
		for _, g := range h.groups {
			c.groups = append(c.groups, groups[g])
		}
		hosts[h], out.hosts[i], out.byHost[h.Name] = c, c, c
	}
	for _, g := range inv.groups {
		c := groups[g]
		for _, h := range g.hosts {
			c.hosts = append(c.hosts, cmp.Or(hosts[h], h)) // localhost may be implicit
		}
		for _, child := range g.children {
			c.children = append(c.children, groups[child])
		}
		for _, parent := range g.parents {
			c.parents = append(c.parents, groups[parent])
		}
	}
	out.Warnings = slices.Clone(inv.Warnings)
	return &out
}

func (inv *Inventory) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(inv.Warnings, text) {
		inv.Warnings = append(inv.Warnings, text)
	}
}

// put sets a variable, or joins it with the mapping that is there.
func (c Config) put(to *value.Map, name, val any) {
	more, isMap := val.(*value.Map)
	have, there := to.At(name).(*value.Map)
	if !c.MergeHashes || !isMap || !there {
		to.Set(name, val)
		return
	}
	joined := have.Clone()
	for k, v := range more.All() {
		c.put(joined, k, v)
	}
	to.Set(name, joined)
}

// Merge adds what other says: its groups, hosts and variables, which win.
func (inv *Inventory) Merge(other *Inventory) error {
	for _, g := range other.groups {
		mine := inv.AddGroup(g.Name)
		for name, val := range g.Vars.All() {
			inv.config.put(mine.Vars, name, val)
		}
		if g.Priority != 1 {
			mine.Priority = g.Priority
		}
	}
	for _, g := range other.groups {
		for _, c := range g.children {
			if err := inv.AddChild(g.Name, c.Name); err != nil {
				return err
			}
		}
	}
	for _, h := range other.hosts {
		_, known := inv.byHost[h.Name]
		mine := inv.AddHost(h.Name)
		for name, val := range h.Vars.All() {
			if known && (name == "inventory_file" || name == "inventory_dir") {
				continue
			}
			inv.config.put(mine.Vars, name, val)
		}
	}
	for _, g := range other.groups {
		for _, h := range g.hosts {
			inv.AddHost(h.Name, g.Name)
		}
	}
	for _, w := range other.Warnings {
		inv.warn("%s", w)
	}
	inv.beside = append(inv.beside, other.beside...)
	inv.dynamic = append(inv.dynamic, other.dynamic...)
	return nil
}
