package openstack

import (
	"context"
	"fmt"
	"net/netip"

	"golang.org/x/sync/errgroup"

	"rollout/internal/value"
)

// further is what an inventory needs besides the list of servers: a list call
// for each kind, all under way at once, whatever the number of servers.
type further struct {
	cloud *Cloud
	query InventoryQuery

	volumes     []*value.Map
	groups      []*value.Map
	networks    []*value.Map
	floating    []*value.Map
	flavorNames map[string]string
	imageNames  map[string]string
}

// fetch starts the list calls that the query takes.
func (f *further) fetch(ctx context.Context, g *errgroup.Group) {
	c := f.cloud
	get := func(into *[]*value.Map, s *service, path, key string) {
		g.Go(func() (err error) {
			if *into, err = s.list(ctx, path, nil, key); err != nil {
				return fmt.Errorf("cannot list what an inventory needs to know of servers (%s): %w", key, err)
			}
			return nil
		})
	}
	if f.query.Expand && c.volume != nil {
		get(&f.volumes, c.volume, "volumes/detail", "volumes")
	}
	if f.query.Shape != Shape1 {
		return
	}
	get(&f.networks, c.network, "networks", "networks")
	get(&f.floating, c.network, "floatingips", "floatingips")
	if f.query.Expand {
		get(&f.groups, c.network, "security-groups", "security_groups")
		g.Go(func() error { return f.names(ctx) })
	}
}

// names looks up what flavors and images are called. What neither Nova nor
// Glance knows any more stays without a name.
func (f *further) names(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	f.flavorNames, f.imageNames = map[string]string{}, map[string]string{}
	g.Go(func() error {
		list, err := f.cloud.Flavors(ctx)
		for _, flavor := range list {
			f.flavorNames[flavor.ID] = flavor.Name
		}
		return err
	})
	g.Go(func() error {
		list, err := f.cloud.Images(ctx)
		for _, image := range list {
			f.imageNames[image.ID] = image.Name
		}
		return err
	})
	return g.Wait()
}

// address adds public_v4, private_v4, public_v6, interface_ip and accessIPv4 as
// 1.x finds them. Where it would knock at several candidates' port 22, the first
// of them is taken: an inventory answers alike wherever it is asked from.
func (f *further) address(m *value.Map) {
	f.addFloating(m)
	nets := m.Map("addresses")
	public, private := f.external(m, nets), f.internal(nets)
	v6 := m.String("accessIPv6")
	if v6 == "" {
		v6 = firstAddress(nets, pick{version: 6})
	}
	reach := public
	if f.query.Private && private != "" {
		reach = private
	}
	m.Update(value.NewMap("public_v4", public, "private_v4", private, "public_v6", v6, "interface_ip", reach,
		"accessIPv4", reach, "accessIPv6", v6))
}

// addFloating adds floating IPs that Neutron knows and Nova does not tell yet.
func (f *further) addFloating(m *value.Map) {
	nets := m.Map("addresses")
	if m.String("status") != "ACTIVE" || firstAddress(nets, pick{version: 4, kind: "floating"}) != "" {
		return
	}
	for _, fip := range f.floating {
		fixed := fip.String("fixed_ip_address")
		if fip.Map("port_details").String("device_id") != m.String("id") || fixed == "" {
			continue
		}
		for name, list := range nets.All() {
			for _, a := range objects(asList(list)) {
				if a.String("addr") == fixed {
					entry := value.NewMap("version", 4, "addr", fip.At("floating_ip_address"), "OS-EXT-IPS:type", "floating",
						"OS-EXT-IPS-MAC:mac_addr", fip.Map("port_details").At("mac_address"))
					nets.Set(name, append(asList(list), entry))
				}
			}
		}
	}
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}

// pick says which addresses are meant; empty fields mean any.
type pick struct {
	network, kind, mac string
	version            int
}

// firstAddress is the first address that is meant; floating ones go first.
func firstAddress(nets *value.Map, p pick) string {
	fixed := ""
	for name, list := range nets.All() {
		if p.network != "" && name != p.network {
			continue
		}
		for _, a := range objects(asList(list)) {
			kind := a.String("OS-EXT-IPS:type")
			switch {
			case a.Int("version") != p.version, p.kind != "" && kind != p.kind, p.mac != "" && a.String("OS-EXT-IPS-MAC:mac_addr") != p.mac:
			case kind == "floating":
				return a.String("addr")
			case fixed == "":
				fixed = a.String("addr")
			}
		}
	}
	return fixed
}

// external is the address by which a server is reached from outside.
func (f *further) external(m, nets *value.Map) string {
	if ip := m.String("accessIPv4"); ip != "" {
		return ip
	}
	for _, n := range f.networks {
		if isExternal(n) {
			if ip := firstAddress(nets, pick{network: n.String("name"), version: 4}); ip != "" {
				return ip
			}
		}
	}
	for _, p := range []pick{{kind: "floating", version: 4}, {network: "public", version: 4}} {
		if ip := firstAddress(nets, p); ip != "" {
			return ip
		}
	}
	for _, list := range nets.All() {
		for _, a := range objects(asList(list)) {
			if ip, err := netip.ParseAddr(a.String("addr")); err == nil && ip.Is4() && isGlobal(ip) {
				return ip.String()
			}
		}
	}
	return ""
}

func isExternal(network *value.Map) bool {
	return network.Bool("router:external") || network.String("provider:physical_network") != ""
}

// isGlobal reports whether an address may be reached from anywhere: none of
// the special-purpose ones (RFC 6890) that Python calls private.
func isGlobal(ip netip.Addr) bool {
	for _, special := range []string{"0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/29",
		"192.0.0.170/31", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"} {
		if netip.MustParsePrefix(special).Contains(ip) {
			return false
		}
	}
	return true
}

// internal is the address on a network of the project's own; of a server with a
// floating IP that which the floating IP leads to.
func (f *further) internal(nets *value.Map) string {
	mac := ""
	for _, list := range nets.All() {
		for _, a := range objects(asList(list)) {
			if mac == "" && a.String("OS-EXT-IPS:type") == "floating" && a.Int("version") == 4 {
				mac = a.String("OS-EXT-IPS-MAC:mac_addr")
			}
		}
	}
	for _, kind := range []string{"fixed", ""} {
		for _, n := range f.networks {
			if !isExternal(n) {
				if ip := firstAddress(nets, pick{network: n.String("name"), kind: kind, mac: mac, version: 4}); ip != "" {
					return ip
				}
			}
		}
	}
	if ip := firstAddress(nets, pick{network: "private", kind: "fixed", mac: mac, version: 4}); ip != "" {
		return ip
	}
	return firstAddress(nets, pick{network: "private", version: 4})
}
