package declared

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
)

// How many things are made at the same time.
const createWidth = 8

// create makes what is missing, in waves: what stands alone, then what refers
// to it. Things of one wave are made side by side.
func create(ctx context.Context, c *openstack.Cloud, d Declaration, have *ground, missing []Creation) ([]Creation, error) {
	m := &making{cloud: c, d: d, have: have, subnets: map[string]openstack.Subnet{}, made: map[string]bool{}}
	for _, wave := range [][]string{{"network", "router", "security group", "key pair"}, {"subnet", "rule"}, {"interface"}} {
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(createWidth)
		for _, x := range missing {
			for _, kind := range wave {
				if x.Kind == kind {
					g.Go(func() error { return m.one(gctx, x) })
				}
			}
		}
		if err := g.Wait(); err != nil {
			return m.inOrder(missing), err
		}
	}
	return m.inOrder(missing), nil
}

// inOrder are the things that were made, in the order in which they are declared.
func (m *making) inOrder(missing []Creation) []Creation {
	return slices.DeleteFunc(slices.Clone(missing), func(c Creation) bool { return !m.made[c.Kind+" "+c.Name] })
}

// making is a declaration on its way; what was made is added to what is there.
type making struct {
	cloud   *openstack.Cloud
	d       Declaration
	mu      sync.Mutex
	have    *ground
	subnets map[string]openstack.Subnet // by network id
	made    map[string]bool             // by kind and name
}

func (m *making) one(ctx context.Context, x Creation) error {
	err := m.act(ctx, x)
	if err != nil {
		return fmt.Errorf("%s %s of the topology: %w", x.Kind, x.Name, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.made[x.Kind+" "+x.Name] = true
	return nil
}

func (m *making) act(ctx context.Context, x Creation) error {
	switch x.Kind {
	case "network":
		n, err := m.cloud.CreateNetwork(ctx, map[string]any{"name": x.Name, "description": m.d.String()})
		return m.keep(err, func() { putIn(&m.have.networks, x.Name, n) })
	case "subnet":
		return m.subnet(ctx, x.network)
	case "router":
		return m.router(ctx, x.Name)
	case "interface":
		return m.join(ctx, x.network)
	case "security group":
		g, err := m.cloud.CreateSecurityGroup(ctx, x.Name, m.d.String())
		return m.keep(err, func() { putIn(&m.have.groups, x.Name, g) })
	case "rule":
		return m.rule(ctx, x)
	}
	public, err := x.key.Public()
	if err != nil {
		return err
	}
	_, err = m.cloud.CreateKeyPair(ctx, x.Name, m.d.Marked(public))
	return err
}

// keep stores what was made for those that refer to it.
func (m *making) keep(err error, store func()) error {
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	store()
	return nil
}

func putIn[T any](m *map[string]T, name string, x T) {
	if *m == nil {
		*m = map[string]T{}
	}
	(*m)[name] = x
}

func (m *making) network(name string) openstack.Network {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.have.networks[name]
}

func (m *making) group(name string) openstack.SecurityGroup {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.have.groups[name]
}

func (m *making) subnet(ctx context.Context, n Network) error {
	network := m.network(n.Name)
	attrs := map[string]any{"name": n.Name, "network_id": network.ID, "cidr": n.CIDR, "ip_version": ipVersion(n.CIDR),
		"description": m.d.String()}
	if len(n.DNS) > 0 {
		attrs["dns_nameservers"] = n.DNS
	}
	s, err := m.cloud.CreateSubnet(ctx, attrs)
	return m.keep(err, func() { m.subnets[network.ID] = s })
}

// router makes a router with the way out, where the cloud has just one.
func (m *making) router(ctx context.Context, name string) error {
	attrs := map[string]any{"name": name, "description": m.d.String()}
	outside, err := m.cloud.ExternalNetwork(ctx, "")
	var none *openstack.NotFoundError
	var several *openstack.AmbiguousError
	switch {
	case err == nil:
		attrs["external_gateway_info"] = map[string]any{"network_id": outside.ID}
	case !errors.As(err, &none) && !errors.As(err, &several):
		return err
	}
	r, err := m.cloud.CreateRouter(ctx, attrs)
	return m.keep(err, func() { putIn(&m.have.routers, name, r) })
}

// join puts a router on a network through a port of its own: a port can carry
// our mark from the start, which an interface that Neutron makes cannot.
func (m *making) join(ctx context.Context, n Network) error {
	network := m.network(n.Name)
	m.mu.Lock()
	router, subnet := m.have.routers[n.Router], m.subnets[network.ID]
	m.mu.Unlock()
	if subnet.ID == "" {
		all, err := m.cloud.Subnets(ctx, url.Values{"network_id": {network.ID}})
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return fmt.Errorf("network %s has no subnet that a router could be on", n.Name)
		}
		subnet = all[0]
	}
	port, err := m.interfacePort(ctx, n, subnet)
	if err != nil {
		return err
	}
	return m.cloud.AddRouterInterface(ctx, router.ID, "", port.ID)
}

// interfacePort makes the port, or finds the one that a run that was killed had
// made.
func (m *making) interfacePort(ctx context.Context, n Network, subnet openstack.Subnet) (openstack.Port, error) {
	place := map[string]any{"subnet_id": subnet.ID}
	if subnet.Gateway != "" {
		place["ip_address"] = subnet.Gateway
	}
	port, err := m.cloud.CreatePort(ctx, map[string]any{"name": n.Router + "-" + n.Name, "network_id": subnet.NetworkID,
		"description": m.d.String(), "security_groups": []string{}, "fixed_ips": []any{place}})
	if !openstack.IsStatus(err, http.StatusConflict) || subnet.Gateway == "" {
		return port, err
	}
	taken, lookErr := m.cloud.Ports(ctx, url.Values{"network_id": {subnet.NetworkID}, "name": {n.Router + "-" + n.Name}})
	for _, p := range taken {
		if p.DeviceID == "" && len(p.FixedIPs) > 0 && p.FixedIPs[0].IP == subnet.Gateway && openstack.MarkOf(p.Raw) != (openstack.Mark{}) {
			return p, nil
		}
	}
	return port, errors.Join(err, lookErr)
}

func (m *making) rule(ctx context.Context, x Creation) error {
	rule := x.rule
	rule.GroupID, rule.Text = m.group(x.group).ID, m.d.String()
	if rule.RemoteID != "" {
		remote := m.group(x.rule.RemoteID)
		if remote.ID == "" {
			return &openstack.NotFoundError{Kind: "security group", Name: x.rule.RemoteID, Hint: "declare it under security_groups"}
		}
		rule.RemoteID = remote.ID
	}
	_, err := m.cloud.CreateRule(ctx, rule)
	return err
}

func ipVersion(cidr string) int {
	for _, r := range cidr {
		if r == ':' {
			return 6
		}
	}
	return 4
}
