package network

import (
	"net/http"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) networkRoutes() {
	s.Handle("GET /v2.0/networks", s.listNetworks)
	s.Handle("POST /v2.0/networks", s.createNetwork)
	s.Handle("GET /v2.0/networks/{id}", s.showNetwork)
	s.Handle("PUT /v2.0/networks/{id}", s.updateNetwork)
	s.Handle("DELETE /v2.0/networks/{id}", s.deleteNetwork)
}

// networkView shows a network. Subnets of an external network are its owner's business, but clients need them to know
// that it has addresses.
func networkView(state *cloud.State, n *cloud.Network) wire.Object {
	view := common(&n.Common)
	subnets := []string{}
	for _, subnet := range state.SubnetsOf(n.ID) {
		subnets = append(subnets, subnet.ID)
	}
	view["subnets"] = subnets
	view["admin_state_up"] = !n.Down
	view["mtu"] = n.MTU
	view["status"] = "ACTIVE"
	view["shared"] = n.Shared
	view["router:external"] = n.External
	view["port_security_enabled"] = true
	view["availability_zone_hints"] = []string{}
	view["availability_zones"] = []string{}
	view["ipv4_address_scope"] = nil
	view["ipv6_address_scope"] = nil
	view["is_default"] = false
	return view
}

func networks(state *cloud.State) map[string]*cloud.Network { return state.Networks }

func (s *Service) listNetworks(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "networks", networks, networkView, &cloud.Network{})
}

// show answers with one record, made by view under the lock; view returns nil when there is none.
func (s *Service) show(r *http.Request, kind, notFound string, view func(*cloud.State) wire.Object) (wire.Answer, error) {
	var shown wire.Object
	s.store.View(func(state *cloud.State) { shown = view(state) })
	if shown == nil {
		return wire.Answer{}, cloud.NotFound(notFound, r.PathValue("id"))
	}
	return wire.OK(wire.Object{kind: pick([]wire.Object{shown}, r.URL.Query()["fields"])[0]})
}

func (s *Service) showNetwork(r *http.Request) (wire.Answer, error) {
	return s.show(r, "network", "Network", func(state *cloud.State) wire.Object {
		if network := state.Networks[r.PathValue("id")]; network != nil {
			return networkView(state, network)
		}
		return nil
	})
}

var networkAttributes = []string{"admin_state_up", "shared", "mtu", "port_security_enabled", "router:external",
	"availability_zone_hints", "is_default", "dns_domain", "qos_policy_id", "provider:network_type",
	"provider:physical_network", "provider:segmentation_id"}

func (s *Service) createNetwork(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "network", networkAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if err := state.RoomFor("network"); err != nil {
			return err
		}
		network := &cloud.Network{Common: cloud.NewCommon("", state.ProjectID, s.now()), MTU: 1500}
		if err := s.setNetwork(network, asked, "create_network"); err != nil {
			return err
		}
		network.Revision = 1
		state.Networks[network.ID] = network
		view = networkView(state, network)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Created(wire.Object{"network": view})
}

func (s *Service) setNetwork(network *cloud.Network, asked fields, rule string) error {
	up, external, shared := !network.Down, network.External, network.Shared
	mtu, secure := network.MTU, true
	err := first(s.describe(asked, &network.Common), take(asked, "admin_state_up", &up), take(asked, "mtu", &mtu),
		take(asked, "router:external", &external), take(asked, "shared", &shared), take(asked, "port_security_enabled", &secure),
		asked.without("availability_zone_hints", "is_default", "dns_domain", "qos_policy_id"))
	if err != nil {
		return err
	}
	if mtu != network.MTU || !secure {
		return badRequest("Invalid input for network. Reason: the practice cloud's networks have an MTU of %d, and port security.", network.MTU)
	}
	if external != network.External {
		return disallowed(rule + ":router:external")
	}
	if shared != network.Shared {
		return disallowed(rule + ":shared")
	}
	for _, name := range sortedNames(asked) {
		if strings.HasPrefix(name, "provider:") && !asked.null(name) {
			return disallowed(rule + ":" + name)
		}
	}
	network.Down = !up
	return nil
}

func (s *Service) updateNetwork(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "network", networkAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		network, err := ownNetwork(state, r.PathValue("id"), "update_network")
		if err != nil {
			return err
		}
		if err := expected(r, &network.Common); err != nil {
			return err
		}
		if err := s.setNetwork(network, asked, "update_network"); err != nil {
			return err
		}
		view = networkView(state, network)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"network": view})
}

// ownNetwork finds a network that the project may change.
func ownNetwork(state *cloud.State, id, rule string) (*cloud.Network, error) {
	network := state.Networks[id]
	if network == nil {
		return nil, cloud.NotFound("Network", id)
	}
	if network.ProjectID != state.ProjectID {
		return nil, disallowed(rule)
	}
	return network, nil
}

func (s *Service) deleteNetwork(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("id")
	var gone *cloud.Network
	var subnets []*cloud.Subnet
	err := s.store.Update(func(state *cloud.State) error {
		var err error
		if gone, err = ownNetwork(state, id, "delete_network"); err != nil {
			return err
		}
		if err := networkFree(state, id); err != nil {
			return err
		}
		subnets = state.SubnetsOf(id)
		for _, subnet := range subnets {
			delete(state.Subnets, subnet.ID)
		}
		delete(state.Networks, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return s.ended(id, func(state *cloud.State) {
		state.Networks[id] = gone
		for _, subnet := range subnets {
			state.Subnets[subnet.ID] = subnet
		}
	})
}

func networkFree(state *cloud.State, id string) error {
	var used []string
	for _, port := range cloud.Sorted(state.Ports) {
		if port.NetworkID == id {
			used = append(used, port.ID)
		}
	}
	if len(used) == 0 {
		return nil
	}
	return wire.Errorf(http.StatusConflict, "NetworkInUse", "Unable to complete operation on network %s. There are one or more ports still in use on the network, id for these ports is: %s.", id, strings.Join(used, ","))
}

// ended ends a network that the state no longer runs. Where that fails the state gets it back, to be deleted again.
func (s *Service) ended(id string, restore func(*cloud.State)) (wire.Answer, error) {
	if err := s.fabric.EnsureNetwork(id); err != nil {
		undo := s.store.Update(func(state *cloud.State) error { restore(state); return nil })
		return wire.Answer{}, first(undo, err)
	}
	return wire.NoContent()
}
