package network

import (
	"net/http"
	"net/netip"
	"slices"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) subnetRoutes() {
	s.Handle("GET /v2.0/subnets", s.listSubnets)
	s.Handle("POST /v2.0/subnets", s.createSubnet)
	s.Handle("GET /v2.0/subnets/{id}", s.showSubnet)
	s.Handle("PUT /v2.0/subnets/{id}", s.updateSubnet)
	s.Handle("DELETE /v2.0/subnets/{id}", s.deleteSubnet)
}

func subnetView(_ *cloud.State, n *cloud.Subnet) wire.Object {
	view := common(&n.Common)
	view["network_id"] = n.NetworkID
	view["ip_version"] = 4
	view["cidr"] = n.CIDR
	view["gateway_ip"] = orNull(n.Gateway)
	view["enable_dhcp"] = !n.NoDHCP
	view["allocation_pools"] = orEmpty(n.Pools)
	view["dns_nameservers"] = orEmpty(n.DNS)
	view["host_routes"] = []any{}
	view["service_types"] = []string{}
	view["subnetpool_id"] = nil
	view["ipv6_ra_mode"] = nil
	view["ipv6_address_mode"] = nil
	view["segment_id"] = nil
	return view
}

// visibleSubnets leaves out those of other projects' networks, as Neutron does for a member.
func visibleSubnets(state *cloud.State) map[string]*cloud.Subnet {
	visible := map[string]*cloud.Subnet{}
	for id, subnet := range state.Subnets {
		if subnet.ProjectID == state.ProjectID {
			visible[id] = subnet
		}
	}
	return visible
}

func (s *Service) listSubnets(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "subnets", visibleSubnets, subnetView, &cloud.Subnet{})
}

func (s *Service) showSubnet(r *http.Request) (wire.Answer, error) {
	return s.show(r, "subnet", "Subnet", func(state *cloud.State) wire.Object {
		if subnet := visibleSubnets(state)[r.PathValue("id")]; subnet != nil {
			return subnetView(state, subnet)
		}
		return nil
	})
}

var subnetAttributes = []string{"network_id", "ip_version", "cidr", "gateway_ip", "enable_dhcp", "allocation_pools",
	"dns_nameservers", "host_routes", "subnetpool_id", "use_default_subnetpool", "prefixlen", "ipv6_ra_mode",
	"ipv6_address_mode", "service_types", "segment_id", "dns_publish_fixed_ip"}

func (s *Service) createSubnet(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "subnet", subnetAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	if err := asked.require("network_id", "ip_version", "cidr"); err != nil {
		return wire.Answer{}, err
	}
	subnet := &cloud.Subnet{}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if err := state.RoomFor("subnet"); err != nil {
			return err
		}
		subnet.Common = cloud.NewCommon("", state.ProjectID, s.now())
		if err := s.fillSubnet(state, subnet, asked); err != nil {
			return err
		}
		subnet.Revision = 0
		state.Subnets[subnet.ID] = subnet
		view = subnetView(state, subnet)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.fabric.EnsureNetwork(view["network_id"].(string)); err != nil {
		return wire.Answer{}, s.undoSubnet(view["id"].(string), err)
	}
	return wire.Created(wire.Object{"subnet": view})
}

// undoSubnet takes a subnet back that the machine cannot have, mostly because its range is in use there.
func (s *Service) undoSubnet(id string, why error) error {
	err := s.store.Update(func(state *cloud.State) error {
		delete(state.Subnets, id)
		return nil
	})
	return first(err, wire.Errorf(http.StatusConflict, "InvalidInput", "Invalid input for operation: %s.", why))
}

func (s *Service) fillSubnet(state *cloud.State, subnet *cloud.Subnet, asked fields) error {
	version := 4
	err := first(take(asked, "network_id", &subnet.NetworkID), take(asked, "ip_version", &version),
		take(asked, "cidr", &subnet.CIDR))
	if err != nil {
		return err
	}
	if _, err := ownNetwork(state, subnet.NetworkID, "create_subnet"); err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(subnet.CIDR)
	if err != nil {
		return badRequest("Invalid input for cidr. Reason: '%s' is not a valid IP subnet.", subnet.CIDR)
	}
	if version != 4 || !prefix.Addr().Is4() || prefix.Bits() < 8 || prefix.Bits() > 29 {
		return badRequest("Invalid input for cidr. Reason: the practice cloud has IPv4 subnets of /8 to /29 only, not '%s'.", subnet.CIDR)
	}
	if prefix != prefix.Masked() {
		return badRequest("Invalid input for cidr. Reason: '%s' isn't a recognized IP subnet cidr, '%s' is recommended.", subnet.CIDR, prefix.Masked())
	}
	if len(state.SubnetsOf(subnet.NetworkID)) > 0 {
		return subnetRefused(state, subnet, prefix)
	}
	subnet.Gateway = prefix.Addr().Next().String()
	if err := s.setSubnet(state, subnet, prefix, asked); err != nil {
		return err
	}
	if !asked.has("allocation_pools") || asked.null("allocation_pools") {
		subnet.Pools = cloud.DefaultPools(prefix, subnet.Gateway)
	}
	return nil
}

// subnetRefused says why a network gets no second subnet.
func subnetRefused(state *cloud.State, subnet *cloud.Subnet, prefix netip.Prefix) error {
	for _, other := range state.SubnetsOf(subnet.NetworkID) {
		if there, err := netip.ParsePrefix(other.CIDR); err == nil && there.Overlaps(prefix) {
			return wire.Errorf(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: Requested subnet with cidr: %s for network: %s overlaps with another subnet.", subnet.CIDR, subnet.NetworkID)
		}
	}
	return wire.Errorf(http.StatusBadRequest, "InvalidInput",
		"Invalid input for operation: the practice cloud gives a network one subnet, and %s has one.", subnet.NetworkID)
}

// setSubnet takes the attributes that can also be changed later.
func (s *Service) setSubnet(state *cloud.State, subnet *cloud.Subnet, prefix netip.Prefix, asked fields) error {
	dhcp := !subnet.NoDHCP
	gateway := subnet.Gateway
	err := first(s.describe(asked, &subnet.Common), take(asked, "enable_dhcp", &dhcp), take(asked, "gateway_ip", &gateway),
		take(asked, "dns_nameservers", &subnet.DNS), take(asked, "allocation_pools", &subnet.Pools),
		asked.without("host_routes", "service_types", "subnetpool_id", "use_default_subnetpool", "prefixlen", "ipv6_ra_mode",
			"ipv6_address_mode", "segment_id", "dns_publish_fixed_ip"))
	if err != nil {
		return err
	}
	if asked.null("gateway_ip") {
		gateway = ""
	}
	if at, err := netip.ParseAddr(gateway); gateway != "" && (err != nil || !cloud.Usable(prefix, at)) {
		return wire.Errorf(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: Gateway is not valid on subnet.")
	}
	if err := checkPools(subnet.Pools, prefix, gateway); err != nil {
		return err
	}
	if gateway != subnet.Gateway && state.Routed(subnet.ID) {
		return wire.Errorf(http.StatusConflict, "GatewayIpInUse", "Current gateway ip %s already in use by a router. Unable to update.", subnet.Gateway)
	}
	subnet.NoDHCP, subnet.Gateway = !dhcp, gateway
	return nil
}

// checkPools refuses pools outside of the subnet, pools with its gateway, and pools that overlap.
func checkPools(pools []cloud.Pool, prefix netip.Prefix, gateway string) error {
	type span struct{ from, to netip.Addr }
	var spans []span
	for _, pool := range pools {
		from, err := netip.ParseAddr(pool.Start)
		to, err2 := netip.ParseAddr(pool.End)
		switch at, err3 := netip.ParseAddr(gateway); {
		case err != nil || err2 != nil || to.Less(from):
			return wire.Errorf(http.StatusBadRequest, "InvalidAllocationPool", "The allocation pool %s-%s is not valid.", pool.Start, pool.End)
		case !cloud.Usable(prefix, from) || !cloud.Usable(prefix, to):
			return wire.Errorf(http.StatusBadRequest, "OutOfBoundsAllocationPool",
				"The allocation pool %s-%s spans beyond the subnet cidr %s.", pool.Start, pool.End, prefix)
		case err3 == nil && !at.Less(from) && !to.Less(at):
			return wire.Errorf(http.StatusConflict, "GatewayConflictWithAllocationPools",
				"Gateway ip %s conflicts with allocation pool %s-%s.", gateway, pool.Start, pool.End)
		}
		overlaps := func(other span) bool { return !other.to.Less(from) && !to.Less(other.from) }
		if slices.ContainsFunc(spans, overlaps) {
			return wire.Errorf(http.StatusConflict, "OverlappingAllocationPools",
				"Found overlapping allocation pools: %s-%s for subnet %s.", pool.Start, pool.End, prefix)
		}
		spans = append(spans, span{from, to})
	}
	return nil
}

func (s *Service) updateSubnet(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "subnet", "gateway_ip", "enable_dhcp", "allocation_pools", "dns_nameservers", "host_routes", "service_types")
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		subnet := visibleSubnets(state)[r.PathValue("id")]
		if subnet == nil {
			return cloud.NotFound("Subnet", r.PathValue("id"))
		}
		if err := expected(r, &subnet.Common); err != nil {
			return err
		}
		prefix, err := netip.ParsePrefix(subnet.CIDR)
		if err != nil {
			return err
		}
		if err := s.setSubnet(state, subnet, prefix, asked); err != nil {
			return err
		}
		view = subnetView(state, subnet)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	if err := s.fabric.EnsureNetwork(view["network_id"].(string)); err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"subnet": view})
}

func (s *Service) deleteSubnet(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("id")
	var subnet *cloud.Subnet
	err := s.store.Update(func(state *cloud.State) error {
		subnet = visibleSubnets(state)[id]
		if subnet == nil {
			return cloud.NotFound("Subnet", id)
		}
		for _, port := range state.Ports {
			for _, fixed := range port.FixedIPs {
				if fixed.SubnetID == id {
					return wire.Errorf(http.StatusConflict, "SubnetInUse", "Unable to complete operation on subnet %s: One or more ports have an IP allocation from this subnet.", id)
				}
			}
		}
		delete(state.Subnets, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return s.ended(subnet.NetworkID, func(state *cloud.State) { state.Subnets[id] = subnet })
}
