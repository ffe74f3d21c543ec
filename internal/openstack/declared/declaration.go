// Package declared makes the networks, security groups and key pairs that a
// topology declares, where they are missing.
package declared

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
	"rollout/internal/openstack/lock"
)

// Declaration is what a topology wants to be there before any server is.
// Security groups and routers are named by their names.
type Declaration struct {
	openstack.Mark
	Networks []Network
	Groups   []Group
	KeyPairs []Key
}

// Network is a network with one subnet, joined with a router if one is
// named.
type Network struct {
	Name, CIDR string
	DNS        []string
	Router     string
}

// Group is a security group; a rule's RemoteID is another's name here.
type Group struct {
	Name  string
	Rules []openstack.Rule
}

// Key is a key pair. Public is asked for its public key only where the
// cloud has no key pair of that name.
type Key struct {
	Name   string
	Public func() (string, error)
}

// Creation is one thing that is declared and missing.
type Creation struct {
	Kind  string // network, subnet, router, interface, security group, rule, key pair
	Name  string
	Cause string // "not found", "network app-net has no subnet"

	network Network
	group   string
	rule    openstack.Rule
	key     Key
}

// String is the line that a person reads.
func (c Creation) String() string { return fmt.Sprintf("make %s %s: %s", c.Kind, c.Name, c.Cause) }

// ground is what the cloud has of a declaration, by name.
type ground struct {
	networks map[string]openstack.Network
	routers  map[string]openstack.Router
	groups   map[string]openstack.SecurityGroup
	keys     map[string]openstack.KeyPair
	joined   map[string]bool // ids of networks that some router is on
}

// Missing lists what is declared and not there, and changes nothing. That is
// one list call per kind of thing, however many are declared.
func Missing(ctx context.Context, cloud *openstack.Cloud, d Declaration) ([]Creation, error) {
	have, err := look(ctx, cloud, d)
	if err != nil {
		return nil, err
	}
	return missingFrom(d, have), nil
}

// Create makes what is declared and missing, each thing with the mark in it
// from the request on. Networks have no unique names, so the first one of a
// project makes them and the others wait: the decision is taken under a lock of
// the whole project. It returns what was made, also beside an error.
func Create(ctx context.Context, cloud *openstack.Cloud, d Declaration, req lock.Request) (made []Creation, err error) {
	missing, err := Missing(ctx, cloud, d)
	if err != nil || len(missing) == 0 {
		return nil, err
	}
	req.Owner, req.What = "/declared", "what the topologies of this project declare is being made"
	req.Life, req.Wait = time.Minute, 5*time.Minute
	err = lock.Hold(ctx, cloud, req, func(ctx context.Context) error {
		cloud.Forget()
		have, err := look(ctx, cloud, d)
		if err != nil {
			return err
		}
		made, err = create(ctx, cloud, d, have, missingFrom(d, have))
		return err
	})
	return made, err
}

// look asks about all kinds at once.
func look(ctx context.Context, c *openstack.Cloud, d Declaration) (*ground, error) {
	have := &ground{}
	g, gctx := errgroup.WithContext(ctx)
	if names := d.networkNames(); len(names) > 0 {
		g.Go(func() (err error) { have.networks, have.joined, err = networksAmong(gctx, c, d, names); return err })
	}
	if names := d.routerNames(); len(names) > 0 {
		g.Go(func() error {
			list, err := c.Routers(gctx, url.Values{"name": names})
			if err != nil {
				return err
			}
			have.routers, err = byName("router", list, func(r openstack.Router) (string, string) { return r.Name, r.ID })
			return err
		})
	}
	if len(d.Groups) > 0 {
		g.Go(func() error {
			list, err := c.SecurityGroups(gctx, "", "")
			if err != nil {
				return err
			}
			have.groups, err = byName("security group", d.groupsAmong(list), func(s openstack.SecurityGroup) (string, string) { return s.Name, s.ID })
			return err
		})
	}
	if len(d.KeyPairs) > 0 {
		g.Go(func() error {
			list, err := c.KeyPairs(gctx)
			if err != nil {
				return err
			}
			have.keys, err = byName("key pair", list, func(k openstack.KeyPair) (string, string) { return k.Name, k.Name })
			return err
		})
	}
	return have, g.Wait()
}

// networksAmong also finds which of the networks that are to be on a router
// are on one.
func networksAmong(ctx context.Context, c *openstack.Cloud, d Declaration, names []string) (map[string]openstack.Network, map[string]bool, error) {
	list, err := c.Networks(ctx, url.Values{"name": names})
	if err != nil {
		return nil, nil, err
	}
	networks, err := byName("network", list, func(n openstack.Network) (string, string) { return n.Name, n.ID })
	if err != nil {
		return nil, nil, err
	}
	var ids []string
	for _, n := range d.Networks {
		if have, ok := networks[n.Name]; ok && n.Router != "" {
			ids = append(ids, have.ID)
		}
	}
	ports, err := openstack.InParts(ids, func(part []string) ([]openstack.Port, error) {
		return c.Ports(ctx, url.Values{"network_id": part})
	})
	joined := map[string]bool{}
	for _, p := range ports {
		if p.IsInterface() {
			joined[p.NetworkID] = true
		}
	}
	return networks, joined, err
}

func byName[T any](kind string, list []T, of func(T) (name, id string)) (map[string]T, error) {
	out, ids := map[string]T{}, map[string][]string{}
	var errs []error
	for _, x := range list {
		name, id := of(x)
		out[name], ids[name] = x, append(ids[name], id)
	}
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		if len(ids[name]) > 1 {
			errs = append(errs, &openstack.AmbiguousError{Kind: kind, Name: name, IDs: ids[name]})
		}
	}
	return out, errors.Join(errs...)
}

func (d Declaration) networkNames() []string {
	var out []string
	for _, n := range d.Networks {
		out = append(out, n.Name)
	}
	return out
}

func (d Declaration) routerNames() []string {
	var out []string
	seen := map[string]bool{}
	for _, n := range d.Networks {
		if n.Router != "" && !seen[n.Router] {
			seen[n.Router] = true
			out = append(out, n.Router)
		}
	}
	return out
}

// groupsAmong keeps the groups that are declared, or that rules name.
func (d Declaration) groupsAmong(list []openstack.SecurityGroup) []openstack.SecurityGroup {
	wanted := map[string]bool{}
	for _, g := range d.Groups {
		wanted[g.Name] = true
		for _, r := range g.Rules {
			wanted[r.RemoteID] = true
		}
	}
	var out []openstack.SecurityGroup
	for _, g := range list {
		if wanted[g.Name] {
			out = append(out, g)
		}
	}
	return out
}

// missingFrom compares a declaration with what is there.
func missingFrom(d Declaration, have *ground) []Creation {
	const none = "not found"
	var out []Creation
	for _, name := range d.routerNames() {
		if _, ok := have.routers[name]; !ok {
			out = append(out, Creation{Kind: "router", Name: name, Cause: none})
		}
	}
	for _, n := range d.Networks {
		network, there := have.networks[n.Name]
		if !there {
			out = append(out, Creation{Kind: "network", Name: n.Name, Cause: none, network: n})
		}
		if len(network.Subnets) == 0 {
			out = append(out, Creation{Kind: "subnet", Name: n.Name, Cause: "network " + n.Name + " has none", network: n})
		}
		if n.Router != "" && !have.joined[network.ID] {
			out = append(out, Creation{Kind: "interface", Name: n.Router + "/" + n.Name, Cause: "network " + n.Name + " is on no router", network: n})
		}
	}
	for _, g := range d.Groups {
		out = append(out, missingGroup(g, have)...)
	}
	for _, k := range d.KeyPairs {
		if _, there := have.keys[k.Name]; !there {
			out = append(out, Creation{Kind: "key pair", Name: k.Name, Cause: none, key: k})
		}
	}
	return out
}

func missingGroup(g Group, have *ground) []Creation {
	var out []Creation
	group, there := have.groups[g.Name]
	if !there {
		out = append(out, Creation{Kind: "security group", Name: g.Name, Cause: "not found", group: g.Name})
	}
	for _, r := range g.Rules {
		want := r
		if r.RemoteID != "" {
			want.RemoteID = have.groups[r.RemoteID].ID
		}
		known := r.RemoteID == "" || want.RemoteID != ""
		if known && hasRule(group.Rules, want) {
			continue
		}
		out = append(out, Creation{Kind: "rule", Name: g.Name + " " + r.Words(), Cause: "not found", group: g.Name, rule: r})
	}
	return out
}

func hasRule(rules []openstack.Rule, want openstack.Rule) bool {
	for _, r := range rules {
		if r.Same(want) {
			return true
		}
	}
	return false
}
