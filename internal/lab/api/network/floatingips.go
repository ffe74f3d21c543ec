package network

import (
	"net/http"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) floatingRoutes() {
	s.Handle("GET /v2.0/floatingips", s.listFloatingIPs)
	s.Handle("POST /v2.0/floatingips", s.createFloatingIP)
	s.Handle("GET /v2.0/floatingips/{id}", s.showFloatingIP)
	s.Handle("PUT /v2.0/floatingips/{id}", s.updateFloatingIP)
	s.Handle("DELETE /v2.0/floatingips/{id}", s.deleteFloatingIP)
}

// floatingView shows a floating IP; it has no name, as Neutron's have none.
func floatingView(state *cloud.State, f *cloud.FloatingIP) wire.Object {
	view := common(&f.Common)
	delete(view, "name")
	view["floating_ip_address"] = f.Address
	view["floating_network_id"] = f.NetworkID
	view["fixed_ip_address"] = orNull(f.FixedIP)
	view["port_id"] = orNull(f.PortID)
	view["router_id"] = orNull(f.RouterID)
	view["status"] = f.Status
	view["port_details"] = nil
	if port := state.Ports[f.PortID]; port != nil {
		view["port_details"] = wire.Object{"name": port.Name, "network_id": port.NetworkID, "mac_address": port.MAC,
			"admin_state_up": !port.Down, "status": portStatus(port), "device_id": port.DeviceID, "device_owner": port.DeviceOwner}
	}
	return view
}

func floatingIPs(state *cloud.State) map[string]*cloud.FloatingIP { return state.FloatingIPs }

func (s *Service) listFloatingIPs(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "floatingips", floatingIPs, floatingView, &cloud.FloatingIP{})
}

func (s *Service) showFloatingIP(r *http.Request) (wire.Answer, error) {
	return s.show(r, "floatingip", "FloatingIP", func(state *cloud.State) wire.Object {
		if floating := state.FloatingIPs[r.PathValue("id")]; floating != nil {
			return floatingView(state, floating)
		}
		return nil
	})
}

var floatingAttributes = []string{"floating_network_id", "floating_ip_address", "port_id", "fixed_ip_address",
	"subnet_id", "qos_policy_id", "dns_name", "dns_domain"}

func (s *Service) createFloatingIP(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "floatingip", floatingAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	if err := asked.require("floating_network_id"); err != nil {
		return wire.Answer{}, err
	}
	var networkID, address, subnetID, id string
	err = first(take(asked, "floating_network_id", &networkID), take(asked, "floating_ip_address", &address), take(asked, "subnet_id", &subnetID))
	if err != nil {
		return wire.Answer{}, err
	}
	err = s.store.Update(func(state *cloud.State) error {
		if err := state.RoomFor("floatingip"); err != nil {
			return err
		}
		floating, err := state.AddFloatingIP(networkID, address, s.now())
		if err != nil {
			return err
		}
		if subnetID != "" && subnetID != floating.SubnetID {
			return cloud.NotFound("Subnet", subnetID)
		}
		id = floating.ID
		return s.setFloatingIP(state, floating, asked)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return s.applied(r, id, wire.Created)
}

// applied puts the floating IPs in force and answers with one of them.
func (s *Service) applied(r *http.Request, id string, answer func(any) (wire.Answer, error)) (wire.Answer, error) {
	s.fabric.Apply()
	var view wire.Object
	s.store.View(func(state *cloud.State) {
		if floating := state.FloatingIPs[id]; floating != nil {
			view = floatingView(state, floating)
		}
	})
	if view == nil {
		return wire.Answer{}, cloud.NotFound("FloatingIP", id)
	}
	return answer(wire.Object{"floatingip": view})
}

func (s *Service) setFloatingIP(state *cloud.State, floating *cloud.FloatingIP, asked fields) error {
	portID, fixed := "", ""
	err := first(s.describe(asked, &floating.Common), take(asked, "port_id", &portID), take(asked, "fixed_ip_address", &fixed),
		asked.without("qos_policy_id", "dns_name", "dns_domain"))
	switch {
	case err != nil:
		return err
	case portID != "":
		return state.Associate(floating, portID, fixed, s.now())
	case fixed != "":
		return wire.Errorf(http.StatusBadRequest, "BadRequest", "Bad floatingip request: fixed_ip_address cannot be specified without a port_id.")
	case asked.has("port_id"):
		floating.Disassociate(s.now())
	}
	return nil
}

func (s *Service) updateFloatingIP(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "floatingip", "port_id", "fixed_ip_address", "qos_policy_id", "dns_name", "dns_domain")
	if err != nil {
		return wire.Answer{}, err
	}
	id := r.PathValue("id")
	err = s.store.Update(func(state *cloud.State) error {
		floating := state.FloatingIPs[id]
		if floating == nil {
			return cloud.NotFound("FloatingIP", id)
		}
		if err := expected(r, &floating.Common); err != nil {
			return err
		}
		return s.setFloatingIP(state, floating, asked)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return s.applied(r, id, wire.OK)
}

func (s *Service) deleteFloatingIP(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("id")
	err := s.store.Update(func(state *cloud.State) error {
		if state.FloatingIPs[id] == nil {
			return cloud.NotFound("FloatingIP", id)
		}
		delete(state.FloatingIPs, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.fabric.Apply()
	return wire.NoContent()
}
