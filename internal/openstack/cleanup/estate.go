package cleanup

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
	"rollout/internal/value"
)

// estate is what a clean-up looks at: what the project has, with the servers
// that are to go. What is decided from it needs no further look.
type estate struct {
	what     Scope
	servers  []openstack.Server // those to go
	names    map[string]string  // of those, by id
	ports    []openstack.Port   // all of the project
	floating []openstack.FloatingIP
	volumes  []openstack.Volume

	// What follows is empty where only some servers are meant.
	networks     []openstack.Network
	subnets      []openstack.Subnet
	routers      []openstack.Router
	groups       []openstack.SecurityGroup
	keys         []openstack.KeyPair
	serverGroups []openstack.ServerGroup
	others       []openstack.Server // servers that stay; only where something might be in use by them
}

// look lists all kinds of things at once, one list call for each.
func look(ctx context.Context, c *openstack.Cloud, what Scope) (*estate, error) {
	e := &estate{what: what, names: map[string]string{}}
	own := url.Values{"project_id": {c.ProjectID()}}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { e.servers, err = doomed(gctx, c, what); return err })
	g.Go(func() (err error) { e.ports, err = c.Ports(gctx, own); return err })
	g.Go(func() (err error) { e.floating, err = c.FloatingIPs(gctx, nil); return err })
	g.Go(func() (err error) { e.volumes, err = c.Volumes(gctx); return err })
	if !what.selective() {
		c.Forget()
		g.Go(func() (err error) { e.networks, err = c.Networks(gctx, own); return err })
		g.Go(func() (err error) { e.subnets, err = c.Subnets(gctx, own); return err })
		g.Go(func() (err error) { e.routers, err = c.Routers(gctx, own); return err })
		g.Go(func() (err error) { e.groups, err = c.SecurityGroups(gctx, "", ""); return err })
		g.Go(func() (err error) { e.keys, err = c.KeyPairs(gctx); return err })
		g.Go(func() (err error) { e.serverGroups, err = c.ServerGroups(gctx); return err })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, s := range e.servers {
		e.names[s.ID] = s.Name
	}
	return e, addOthers(ctx, c, e)
}

// keep returns the elements that fit, in a list of its own.
func keep[T any](list []T, fits func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(x T) bool { return !fits(x) })
}

// addOthers lists the servers that stay, where something of the plan could be
// theirs too: to say whose, and because key pairs don't tell who uses them.
func addOthers(ctx context.Context, c *openstack.Cloud, e *estate) error {
	if !slices.ContainsFunc(e.marked(), func(r Row) bool { return r.Kind == "key pair" || r.Action == Keep }) {
		return nil
	}
	all, err := c.ServersOf(ctx, openstack.Filter{})
	for _, s := range all {
		if _, doomed := e.names[s.ID]; !doomed {
			e.others = append(e.others, s)
		}
	}
	return err
}

// doomed lists the servers that are to go.
func doomed(ctx context.Context, c *openstack.Cloud, what Scope) ([]openstack.Server, error) {
	filter := openstack.Filter{NamePrefix: what.names()}
	if what.Owner != "" {
		filter.Metadata = map[string]string{"rollout_owner": what.Owner}
		if what.App != "" {
			filter.Metadata["rollout_app"] = what.App
		}
	}
	all, err := c.ServersOf(ctx, filter)
	if err != nil {
		return nil, err
	}
	var now time.Time
	if what.OlderThan > 0 {
		if now, err = c.Clock(ctx); err != nil {
			return nil, err
		}
	}
	return keep(all, func(s openstack.Server) bool {
		return !(what.NotActive && s.Status == "ACTIVE") &&
			!(what.OlderThan > 0 && (s.Created.IsZero() || now.Sub(s.Created) < what.OlderThan))
	}), nil
}

// owners are those whom the servers, and what carries a mark, belong to.
func (e *estate) owners() []string {
	var out []string
	add := func(o string) {
		if o != "" && !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	if e.what.Owner != "" {
		return []string{e.what.Owner}
	}
	for _, s := range e.servers {
		add(ownerOf(s, e.what.Prefix))
	}
	for _, m := range e.marks() {
		if e.what.takes(m) {
			add(m.Owner)
		}
	}
	sort.Strings(out)
	return out
}

// marks are those of everything that is looked at.
func (e *estate) marks() []openstack.Mark {
	var out []openstack.Mark
	raws := func(m *value.Map) { out = append(out, openstack.MarkOf(m)) }
	for _, n := range e.networks {
		raws(n.Raw)
	}
	for _, s := range e.subnets {
		raws(s.Raw)
	}
	for _, r := range e.routers {
		raws(r.Raw)
	}
	for _, g := range e.groups {
		raws(g.Raw)
	}
	for _, k := range e.keys {
		out = append(out, k.Mark())
	}
	return out
}

// serverPorts are those of the servers that are to go.
func (e *estate) serverPorts() []openstack.Port {
	return keep(e.ports, func(p openstack.Port) bool { return e.names[p.DeviceID] != "" })
}

// lonePorts are those of no server that were made for the owner.
func (e *estate) lonePorts() []Row {
	var out []Row
	for _, p := range e.ports {
		if !e.lone(p) {
			continue
		}
		row := Row{Kind: "port", Name: p.Name, ID: p.ID, Action: Delete, Cause: "name begins with " + e.what.Prefix + ", of no server"}
		if m := openstack.MarkOf(p.Raw); e.what.takes(m) {
			row.Cause = "made for " + m.Name() + ", of no server"
		}
		out = append(out, row)
	}
	sortRows(out)
	return out
}

func (e *estate) lone(p openstack.Port) bool {
	if p.DeviceID != "" || e.what.selective() {
		return false
	}
	return e.what.takes(openstack.MarkOf(p.Raw)) || e.what.Prefix != "" && strings.HasPrefix(p.Name, e.what.Prefix)
}

// marked are the rows of what has no server: it goes by its mark, and stays
// where somebody else uses it.
func (e *estate) marked() []Row {
	return slices.Concat(e.interfaceRows(), e.routerRows(), e.ruleRows(), e.groupRows(), e.subnetRows(), e.networkRows(),
		e.keyRows(), e.serverGroupRows())
}

// row decides about a thing with a mark: users are those who keep it.
func (e *estate) row(kind, name, id string, m openstack.Mark, users []openstack.Port) Row {
	r := Row{Kind: kind, Name: name, ID: id, Action: Delete, Cause: "made for " + m.Name()}
	if len(users) > 0 {
		r.Action, r.Cause = Keep, "in use by "+e.say(users)
	}
	return r
}

// say names those whose ports these are, a few of them.
func (e *estate) say(ports []openstack.Port) string {
	var names []string
	for _, p := range ports {
		if name := e.userName(p); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	const most = 3
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
	}
	return strings.Join(names, ", ")
}

func (e *estate) userName(p openstack.Port) string {
	for _, s := range e.others {
		if s.ID == p.DeviceID {
			return s.Name
		}
	}
	switch {
	case p.IsInterface():
		return "router " + e.routerName(p.DeviceID)
	case p.Name != "":
		return "port " + p.Name
	}
	return "port " + p.ID
}

func (e *estate) routerName(id string) string {
	for _, r := range e.routers {
		if r.ID == id {
			return r.Name
		}
	}
	return id
}

// users are the ports that stay, among those asked for. Ports of Neutron's own,
// such as DHCP's, go with what they serve.
func (e *estate) users(uses func(openstack.Port) bool) []openstack.Port {
	return keep(e.ports, func(p openstack.Port) bool {
		switch {
		case !uses(p), e.names[p.DeviceID] != "", e.lone(p):
			return false
		case p.IsInterface():
			return !e.what.takes(openstack.MarkOf(p.Raw))
		}
		return !strings.HasPrefix(p.Owner, "network:")
	})
}

// through are the ports that stay on the subnets of one of our interfaces: their
// servers go through that router.
func (e *estate) through(i openstack.Port) []openstack.Port {
	return keep(e.ports, func(p openstack.Port) bool {
		return sharesSubnet(i, p) && e.names[p.DeviceID] == "" && !e.lone(p) && !strings.HasPrefix(p.Owner, "network:")
	})
}

func sharesSubnet(a, b openstack.Port) bool {
	return slices.ContainsFunc(a.FixedIPs, func(f openstack.FixedIP) bool { return onSubnet(b, f.SubnetID) })
}

func onSubnet(p openstack.Port, subnetID string) bool {
	return slices.ContainsFunc(p.FixedIPs, func(f openstack.FixedIP) bool { return f.SubnetID == subnetID })
}

func (e *estate) interfaceRows() []Row {
	var out []Row
	if e.what.selective() {
		return nil
	}
	for _, p := range e.ports {
		m := openstack.MarkOf(p.Raw)
		if !p.IsInterface() || !e.what.takes(m) {
			continue
		}
		row := e.row("interface", e.routerName(p.DeviceID)+"/"+e.networkName(p.NetworkID), p.ID, m, e.through(p))
		row.router = p.DeviceID
		out = append(out, row)
	}
	sortRows(out)
	return out
}

// routerRows keep a router while one of its networks stays on it.
func (e *estate) routerRows() []Row {
	return rowsOf(e, e.routers, func(r openstack.Router) Row {
		row := e.row("router", r.Name, r.ID, openstack.MarkOf(r.Raw), nil)
		var on []string
		for _, p := range e.ports {
			ours := e.what.takes(openstack.MarkOf(p.Raw)) && len(e.through(p)) == 0
			if p.DeviceID == r.ID && p.IsInterface() && !ours {
				on = append(on, e.networkName(p.NetworkID))
			}
		}
		if len(on) > 0 {
			sort.Strings(on)
			row.Action, row.Cause = Keep, "in use by network "+strings.Join(on, ", ")
		}
		return row
	}, func(r openstack.Router) openstack.Mark { return openstack.MarkOf(r.Raw) })
}

func (e *estate) networkName(id string) string {
	for _, n := range e.networks {
		if n.ID == id {
			return n.Name
		}
	}
	return id
}

func (e *estate) subnetRows() []Row {
	return rowsOf(e, e.subnets, func(s openstack.Subnet) Row {
		return e.row("subnet", s.Name, s.ID, openstack.MarkOf(s.Raw), e.users(func(p openstack.Port) bool { return onSubnet(p, s.ID) }))
	}, func(s openstack.Subnet) openstack.Mark { return openstack.MarkOf(s.Raw) })
}

func (e *estate) networkRows() []Row {
	return rowsOf(e, e.networks, func(n openstack.Network) Row {
		return e.row("network", n.Name, n.ID, openstack.MarkOf(n.Raw), e.users(func(p openstack.Port) bool { return p.NetworkID == n.ID }))
	}, func(n openstack.Network) openstack.Mark { return openstack.MarkOf(n.Raw) })
}

func (e *estate) groupUsers(g openstack.SecurityGroup) []openstack.Port {
	return e.users(func(p openstack.Port) bool { return slices.Contains(p.SecurityGroups, g.ID) })
}

func (e *estate) groupRows() []Row {
	return rowsOf(e, e.groups, func(g openstack.SecurityGroup) Row {
		return e.row("security group", g.Name, g.ID, openstack.MarkOf(g.Raw), e.groupUsers(g))
	}, func(g openstack.SecurityGroup) openstack.Mark { return openstack.MarkOf(g.Raw) })
}

// ruleRows are the rules that were added to groups of others; those of our
// groups go with them.
func (e *estate) ruleRows() []Row {
	var out []Row
	for _, g := range e.groups {
		if e.what.takes(openstack.MarkOf(g.Raw)) {
			continue
		}
		out = append(out, rowsOf(e, g.Rules, func(r openstack.Rule) Row {
			return e.row("rule", g.Name+" "+r.Words(), r.ID, openstack.MarkOf(r.Raw), e.groupUsers(g))
		}, func(r openstack.Rule) openstack.Mark { return openstack.MarkOf(r.Raw) })...)
	}
	sortRows(out)
	return out
}

func (e *estate) keyRows() []Row {
	return rowsOf(e, e.keys, func(k openstack.KeyPair) Row {
		row := e.row("key pair", k.Name, k.Name, k.Mark(), nil)
		for _, s := range e.others {
			if s.KeyName == k.Name {
				row.Action, row.Cause = Keep, "in use by "+s.Name
			}
		}
		return row
	}, openstack.KeyPair.Mark)
}

// serverGroupRows go by the prefix, for they can carry no mark, and only where
// no server that stays is in them.
func (e *estate) serverGroupRows() []Row {
	var out []Row
	for _, g := range e.serverGroups {
		stay := keep(g.Members, func(id string) bool { return e.names[id] == "" })
		if e.what.Prefix != "" && strings.HasPrefix(g.Name, e.what.Prefix) && len(stay) == 0 {
			out = append(out, Row{Kind: "server group", Name: g.Name, ID: g.ID, Action: Delete, Cause: "name begins with " + e.what.Prefix})
		}
	}
	sortRows(out)
	return out
}

// rowsOf are the rows of what was made for whom the clean-up is.
func rowsOf[T any](e *estate, list []T, row func(T) Row, mark func(T) openstack.Mark) []Row {
	var out []Row
	for _, x := range list {
		if e.what.takes(mark(x)) {
			out = append(out, row(x))
		}
	}
	sortRows(out)
	return out
}
