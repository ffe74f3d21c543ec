package declared

import (
	"context"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"rollout/internal/openstack"
)

// Departure is one thing that is there otherwise than declared, and that Create
// leaves alone.
type Departure struct {
	Thing  string // "subnet of app-net", "rule web tcp 22 from 0.0.0.0/0"
	Cause  string
	Beyond bool // it is there and not declared at all
}

// Compare lists what is missing, and also what is there otherwise than declared:
// networks of another address range, and rules of declared security groups that
// nobody declared. It changes nothing.
func Compare(ctx context.Context, cloud *openstack.Cloud, d Declaration) ([]Creation, []Departure, error) {
	have, err := look(ctx, cloud, d)
	if err != nil {
		return nil, nil, err
	}
	departures, err := otherRanges(ctx, cloud, d, have)
	if err != nil {
		return nil, nil, err
	}
	names, err := groupNames(ctx, cloud, d)
	if err != nil {
		return nil, nil, err
	}
	for _, g := range d.Groups {
		departures = append(departures, rulesBeyond(g, have, names)...)
	}
	return missingFrom(d, have), departures, nil
}

// otherRanges is one list call, however many networks are declared.
func otherRanges(ctx context.Context, c *openstack.Cloud, d Declaration, have *ground) ([]Departure, error) {
	var ids []string
	for _, n := range d.Networks {
		if network := have.networks[n.Name]; len(network.Subnets) > 0 {
			ids = append(ids, network.ID)
		}
	}
	subnets, err := openstack.InParts(ids, func(part []string) ([]openstack.Subnet, error) {
		return c.Subnets(ctx, url.Values{"network_id": part})
	})
	if err != nil {
		return nil, err
	}
	ranges := map[string][]string{}
	for _, s := range subnets {
		ranges[s.NetworkID] = append(ranges[s.NetworkID], s.CIDR)
	}
	var out []Departure
	for _, n := range d.Networks {
		is := ranges[have.networks[n.Name].ID]
		if len(is) == 0 || holdsRange(is, n.CIDR) {
			continue
		}
		out = append(out, Departure{Thing: "subnet of " + n.Name,
			Cause: fmt.Sprintf("it is %s, should be %s; left alone", strings.Join(is, ", "), n.CIDR)})
	}
	return out, nil
}

func holdsRange(list []string, cidr string) bool {
	want, err := netip.ParsePrefix(cidr)
	for _, text := range list {
		is, isErr := netip.ParsePrefix(text)
		if text == cidr || err == nil && isErr == nil && is.Masked() == want.Masked() {
			return true
		}
	}
	return false
}

// groupNames are the names of all security groups, by id, for rules that name
// one.
func groupNames(ctx context.Context, c *openstack.Cloud, d Declaration) (map[string]string, error) {
	names := map[string]string{}
	if len(d.Groups) == 0 {
		return names, nil
	}
	list, err := c.SecurityGroups(ctx, "", "")
	for _, g := range list {
		names[g.ID] = g.Name
	}
	return names, err
}

// rulesBeyond are the rules of a group that are not declared. That everything
// may go out is what Neutron gives every new group.
func rulesBeyond(g Group, have *ground, names map[string]string) []Departure {
	var declared []openstack.Rule
	for _, r := range g.Rules {
		if r.RemoteID != "" {
			r.RemoteID = have.groups[r.RemoteID].ID
		}
		declared = append(declared, r)
	}
	var out []Departure
	for _, r := range have.groups[g.Name].Rules {
		anyOut := r.Same(openstack.Rule{Direction: "egress", Ethertype: r.Ethertype})
		if anyOut || hasRule(declared, r) {
			continue
		}
		if name := names[r.RemoteID]; name != "" {
			r.RemoteID = name
		}
		words := r.Words()
		if r.Direction == "egress" {
			words = "egress " + words
		}
		out = append(out, Departure{Thing: "rule " + g.Name + " " + words, Cause: "not in the topology; left alone", Beyond: true})
	}
	return out
}
