package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollout/internal/value"
)

// Network is a network of the project, or one shared with it.
type Network struct {
	ID, Name string
	External bool // floating IPs come from it
	Subnets  []string
	Raw      *value.Map
}

// Subnet is a range of addresses on a network.
type Subnet struct {
	ID, Name, NetworkID string
	CIDR, Gateway       string
	Raw                 *value.Map
}

// Port is a network card, or a router's place on a network.
type Port struct {
	ID, Name, NetworkID string
	DeviceID, Owner     string
	FixedIPs            []FixedIP
	SecurityGroups      []string // ids
	Raw                 *value.Map
}

// FixedIP is an address of a port.
type FixedIP struct{ SubnetID, IP string }

func networkFrom(m *value.Map) Network {
	return Network{ID: m.String("id"), Name: m.String("name"), External: m.Bool("router:external"),
		Subnets: value.Strings(m.List("subnets")), Raw: m}
}

func subnetFrom(m *value.Map) Subnet {
	return Subnet{ID: m.String("id"), Name: m.String("name"), NetworkID: m.String("network_id"),
		CIDR: m.String("cidr"), Gateway: m.String("gateway_ip"), Raw: m}
}

func portFrom(m *value.Map) Port {
	p := Port{ID: m.String("id"), Name: m.String("name"), NetworkID: m.String("network_id"),
		DeviceID: m.String("device_id"), Owner: m.String("device_owner"),
		SecurityGroups: value.Strings(m.List("security_groups")), Raw: m}
	for _, e := range m.List("fixed_ips") {
		f, _ := e.(*value.Map)
		p.FixedIPs = append(p.FixedIPs, FixedIP{SubnetID: f.String("subnet_id"), IP: f.String("ip_address")})
	}
	return p
}

// listAs is one list call of Neutron, each element turned into a T.
func listAs[T any](ctx context.Context, c *Cloud, path, key string, q url.Values, from func(*value.Map) T) ([]T, error) {
	list, err := c.network.list(ctx, path, q, key)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", path, err)
	}
	out := make([]T, 0, len(list))
	for _, m := range list {
		out = append(out, from(m))
	}
	return out, nil
}

// findOne finds a thing of Neutron's by its name, else by its id.
func findOne[T any](ctx context.Context, nameOrID string, list func(key string) ([]T, error), kind string, id func(T) string, hint func() string) (T, error) {
	found, err := list("name")
	if err == nil && len(found) == 0 && isID(nameOrID) {
		found, err = list("id")
	}
	if err != nil {
		var zero T
		return zero, err
	}
	return only(kind, nameOrID, found, id, hint)
}

// FindNetwork returns the network of that name or id.
func (c *Cloud) FindNetwork(ctx context.Context, nameOrID string) (Network, error) {
	return cached(ctx, &c.cache, "network/"+nameOrID, func(ctx context.Context) (Network, error) {
		return findOne(ctx, nameOrID, func(key string) ([]Network, error) {
			if key == "name" {
				return c.networksNamed(ctx, nameOrID)
			}
			return c.Networks(ctx, query(key, nameOrID))
		}, "network", func(n Network) string { return n.ID }, func() string {
			all, err := c.Networks(ctx, nil)
			return hintFrom(nameOrID, all, err, func(n Network) string { return n.Name })
		})
	})
}

// Networks lists networks, filtered by the server.
func (c *Cloud) Networks(ctx context.Context, filter url.Values) ([]Network, error) {
	return listAs(ctx, c, "networks", "networks", filter, networkFrom)
}

// ExternalNetwork returns the network that floating IPs come from: the named
// one, else the only external one there is.
func (c *Cloud) ExternalNetwork(ctx context.Context, name string) (Network, error) {
	if name != "" {
		return c.FindNetwork(ctx, name)
	}
	return cached(ctx, &c.cache, "network//external", func(ctx context.Context) (Network, error) {
		list, err := c.Networks(ctx, query("router:external", "true"))
		if err != nil {
			return Network{}, err
		}
		return only("external network", "any", list, func(n Network) string { return n.Name }, nil)
	})
}

// CreateNetwork makes a network; attrs are Neutron's, name among them.
func (c *Cloud) CreateNetwork(ctx context.Context, attrs map[string]any) (Network, error) {
	defer c.cache.forget("network")
	return makeNamed(ctx, c, "networks", "network", "networks", attrs, networkFrom)
}

// UpdateNetwork changes attributes of a network.
func (c *Cloud) UpdateNetwork(ctx context.Context, id string, attrs map[string]any) (Network, error) {
	defer c.cache.forget("network")
	return updateAs(ctx, c, "networks/"+id, "network", attrs, networkFrom)
}

// DeleteNetwork deletes a network; its ports must be gone.
func (c *Cloud) DeleteNetwork(ctx context.Context, id string) error {
	defer c.cache.forget("network")
	return c.deleteNeutron(ctx, "networks/"+id)
}

// makeNamed creates a thing of Neutron's; a lost answer is followed by a look
// for its name in the project, and on its network where it has one. What has no
// name can't be looked for: its loss is said, and it is not asked for again.
func makeNamed[T any](ctx context.Context, c *Cloud, path, key, listKey string, attrs map[string]any, from func(*value.Map) T) (T, error) {
	name, _ := attrs["name"].(string)
	network, _ := attrs["network_id"].(string)
	project, other := attrs["project_id"].(string)
	if !other {
		project = c.project
	}
	same := query("name", name, "network_id", network, "project_id", project)
	look := func(ctx context.Context) (*value.Map, bool, error) {
		found, err := c.network.list(ctx, path, same, listKey)
		if err != nil || len(found) == 0 {
			return nil, false, err
		}
		return found[0], true, nil
	}
	sent := 0
	send := func(ctx context.Context) (*value.Map, error) {
		sent++
		m, err := c.network.create(ctx, path, key, attrs)
		if err == nil && sent > 1 {
			return c.withoutTwin(ctx, path, listKey, same, m)
		}
		return m, err
	}
	var made *value.Map
	var err error
	if name == "" {
		made, err = send(ctx)
	} else {
		made, err = makeOnce(ctx, c.grace(), look, send)
	}
	if err != nil {
		var zero T
		return zero, fmt.Errorf("cannot create %s %s: %w", key, name, err)
	}
	return from(made), nil
}

// withoutTwin looks whether a request that was given up was carried out after
// all, when another one has been made in its place: what was just made, and is
// not in use yet, is deleted then.
func (c *Cloud) withoutTwin(ctx context.Context, path, listKey string, same url.Values, made *value.Map) (*value.Map, error) {
	found, err := c.network.list(ctx, path, same, listKey)
	if err != nil {
		return made, err
	}
	for _, other := range found {
		if other.String("id") != made.String("id") {
			return other, c.deleteNeutron(ctx, path+"/"+made.String("id"))
		}
	}
	return made, nil
}

func updateAs[T any](ctx context.Context, c *Cloud, path, key string, attrs map[string]any, from func(*value.Map) T) (T, error) {
	m, err := c.network.update(ctx, path, key, attrs)
	if err != nil {
		var zero T
		return zero, fmt.Errorf("cannot change %s: %w", path, err)
	}
	return from(m), nil
}

func (c *Cloud) deleteNeutron(ctx context.Context, path string) error {
	if err := c.network.delete(ctx, path); err != nil {
		return fmt.Errorf("cannot delete %s: %w", path, err)
	}
	return nil
}

// FindSubnet returns the subnet of that name or id, on that network where
// networkID is not empty.
func (c *Cloud) FindSubnet(ctx context.Context, nameOrID, networkID string) (Subnet, error) {
	return findOne(ctx, nameOrID, func(key string) ([]Subnet, error) {
		return c.Subnets(ctx, query(key, nameOrID, "network_id", networkID))
	}, "subnet", func(s Subnet) string { return s.ID }, nil)
}

// Subnets lists subnets, filtered by the server.
func (c *Cloud) Subnets(ctx context.Context, filter url.Values) ([]Subnet, error) {
	return listAs(ctx, c, "subnets", "subnets", filter, subnetFrom)
}

// CreateSubnet makes a subnet.
func (c *Cloud) CreateSubnet(ctx context.Context, attrs map[string]any) (Subnet, error) {
	defer c.cache.forget("network")
	return makeNamed(ctx, c, "subnets", "subnet", "subnets", attrs, subnetFrom)
}

// UpdateSubnet changes attributes of a subnet.
func (c *Cloud) UpdateSubnet(ctx context.Context, id string, attrs map[string]any) (Subnet, error) {
	return updateAs(ctx, c, "subnets/"+id, "subnet", attrs, subnetFrom)
}

// DeleteSubnet deletes a subnet.
func (c *Cloud) DeleteSubnet(ctx context.Context, id string) error {
	defer c.cache.forget("network")
	return c.deleteNeutron(ctx, "subnets/"+id)
}

// FindPort returns the port of that name or id.
func (c *Cloud) FindPort(ctx context.Context, nameOrID string) (Port, error) {
	return findOne(ctx, nameOrID, func(key string) ([]Port, error) {
		return c.Ports(ctx, query(key, nameOrID))
	}, "port", func(p Port) string { return p.ID }, nil)
}

// Ports lists ports, filtered by the server.
func (c *Cloud) Ports(ctx context.Context, filter url.Values) ([]Port, error) {
	return listAs(ctx, c, "ports", "ports", filter, portFrom)
}

// ServerPorts returns the ports of servers.
func (c *Cloud) ServerPorts(ctx context.Context, serverIDs ...string) ([]Port, error) {
	return InParts(serverIDs, func(part []string) ([]Port, error) {
		return c.Ports(ctx, url.Values{"device_id": part})
	})
}

// MaxIDs is how many ids a list call names at most, since URLs have a limit.
const MaxIDs = 40

// InParts lists what many ids name, at most MaxIDs in one call.
func InParts[T any](ids []string, list func(part []string) ([]T, error)) ([]T, error) {
	var out []T
	for len(ids) > 0 {
		n := min(len(ids), MaxIDs)
		part, err := list(ids[:n])
		if err != nil {
			return nil, err
		}
		out, ids = append(out, part...), ids[n:]
	}
	return out, nil
}

// CreatePort makes a port.
func (c *Cloud) CreatePort(ctx context.Context, attrs map[string]any) (Port, error) {
	if err := c.creating.take(ctx); err != nil {
		return Port{}, err
	}
	defer c.creating.release()
	return makeNamed(ctx, c, "ports", "port", "ports", attrs, portFrom)
}

// UpdatePort changes attributes of a port.
func (c *Cloud) UpdatePort(ctx context.Context, id string, attrs map[string]any) (Port, error) {
	return updateAs(ctx, c, "ports/"+id, "port", attrs, portFrom)
}

// DeletePort deletes a port.
func (c *Cloud) DeletePort(ctx context.Context, id string) error {
	return c.deleteNeutron(ctx, "ports/"+id)
}

// Router joins networks.
type Router struct {
	ID, Name        string
	ExternalNetwork string // id; empty where it has no gateway
	Raw             *value.Map
}

func routerFrom(m *value.Map) Router {
	return Router{ID: m.String("id"), Name: m.String("name"),
		ExternalNetwork: m.Map("external_gateway_info").String("network_id"), Raw: m}
}

// FindRouter returns the router of that name or id.
func (c *Cloud) FindRouter(ctx context.Context, nameOrID string) (Router, error) {
	return findOne(ctx, nameOrID, func(key string) ([]Router, error) {
		return c.Routers(ctx, query(key, nameOrID))
	}, "router", func(r Router) string { return r.ID }, nil)
}

// Routers lists routers, filtered by the server.
func (c *Cloud) Routers(ctx context.Context, filter url.Values) ([]Router, error) {
	return listAs(ctx, c, "routers", "routers", filter, routerFrom)
}

// CreateRouter makes a router.
func (c *Cloud) CreateRouter(ctx context.Context, attrs map[string]any) (Router, error) {
	return makeNamed(ctx, c, "routers", "router", "routers", attrs, routerFrom)
}

// UpdateRouter changes attributes of a router.
func (c *Cloud) UpdateRouter(ctx context.Context, id string, attrs map[string]any) (Router, error) {
	return updateAs(ctx, c, "routers/"+id, "router", attrs, routerFrom)
}

// DeleteRouter deletes a router, which must have no interfaces left.
func (c *Cloud) DeleteRouter(ctx context.Context, id string) error {
	return c.deleteNeutron(ctx, "routers/"+id)
}

// RouterPorts returns a router's interfaces, its gateway left out.
func (c *Cloud) RouterPorts(ctx context.Context, id string) ([]Port, error) {
	all, err := c.Ports(ctx, query("device_id", id))
	if err != nil {
		return nil, err
	}
	var out []Port
	for _, p := range all {
		if p.Owner != "network:router_gateway" {
			out = append(out, p)
		}
	}
	return out, nil
}

// AddRouterInterface joins a router with a subnet, at the subnet's gateway, or
// through the port where portID is given.
func (c *Cloud) AddRouterInterface(ctx context.Context, routerID, subnetID, portID string) error {
	return c.routerInterface(ctx, routerID, "add_router_interface", subnetID, portID)
}

// RemoveRouterInterface takes a router off a subnet.
func (c *Cloud) RemoveRouterInterface(ctx context.Context, routerID, subnetID, portID string) error {
	err := c.routerInterface(ctx, routerID, "remove_router_interface", subnetID, portID)
	if IsStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
}

func (c *Cloud) routerInterface(ctx context.Context, routerID, action, subnetID, portID string) error {
	body := map[string]any{}
	setText(body, "subnet_id", subnetID)
	setText(body, "port_id", portID)
	_, err := c.network.call(ctx, http.MethodPut, "routers/"+routerID+"/"+action, body, nil)
	if action == "add_router_interface" && IsStatus(err, http.StatusBadRequest) && c.hasInterface(ctx, routerID, subnetID, portID) {
		return nil // a repeated request whose first answer was lost
	}
	if err != nil {
		return fmt.Errorf("cannot %s of router %s: %w", action, routerID, err)
	}
	return nil
}

func (c *Cloud) hasInterface(ctx context.Context, routerID, subnetID, portID string) bool {
	ports, err := c.RouterPorts(ctx, routerID)
	if err != nil {
		return false
	}
	for _, p := range ports {
		if p.ID == portID {
			return true
		}
		for _, f := range p.FixedIPs {
			if subnetID != "" && f.SubnetID == subnetID {
				return true
			}
		}
	}
	return false
}

// AwaitPortFree waits until a port belongs to no server any more.
func (c *Cloud) AwaitPortFree(ctx context.Context, id string, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		ports, err := c.Ports(ctx, query("id", id))
		if err != nil {
			return err
		}
		if len(ports) == 0 || ports[0].DeviceID == "" {
			return nil
		}
		if err := Sleep(ctx, time.Second); err != nil {
			return &DeadlineError{What: "port " + id + " to be free", Limit: limit, Last: "it belongs to " + ports[0].DeviceID}
		}
	}
}

// NetworkPart is a kind of Neutron's things that subnets are made of.
type NetworkPart string

// The kinds.
const (
	SubnetPools NetworkPart = "subnetpools"
	Segments    NetworkPart = "segments"
)

// FindNetworkPart returns the id of the subnet pool or segment of that name or id.
func (c *Cloud) FindNetworkPart(ctx context.Context, part NetworkPart, nameOrID string) (string, error) {
	whole := func(m *value.Map) *value.Map { return m }
	found, err := findOne(ctx, nameOrID, func(key string) ([]*value.Map, error) {
		return listAs(ctx, c, string(part), string(part), query(key, nameOrID), whole)
	}, map[NetworkPart]string{SubnetPools: "subnet pool", Segments: "network segment"}[part],
		func(m *value.Map) string { return m.String("id") }, nil)
	return found.String("id"), err
}

// IsInterface tells a router's port: Neutron has several names for the owner of
// such, depending on how routers are spread over machines.
func (p Port) IsInterface() bool {
	return strings.HasPrefix(p.Owner, "network:") && strings.Contains(p.Owner, "router") && strings.Contains(p.Owner, "interface")
}
