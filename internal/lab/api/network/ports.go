package network

import (
	"net/http"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) portRoutes() {
	s.Handle("GET /v2.0/ports", s.listPorts)
	s.Handle("POST /v2.0/ports", s.createPort)
	s.Handle("GET /v2.0/ports/{id}", s.showPort)
	s.Handle("PUT /v2.0/ports/{id}", s.updatePort)
	s.Handle("DELETE /v2.0/ports/{id}", s.deletePort)
}

func portView(_ *cloud.State, p *cloud.Port) wire.Object {
	view := common(&p.Common)
	view["network_id"] = p.NetworkID
	view["mac_address"] = p.MAC
	view["admin_state_up"] = !p.Down
	view["status"] = portStatus(p)
	view["device_id"] = p.DeviceID
	view["device_owner"] = p.DeviceOwner
	view["fixed_ips"] = orEmpty(p.FixedIPs)
	view["security_groups"] = orEmpty(p.SecurityGroups)
	view["port_security_enabled"] = !p.Insecure
	view["allowed_address_pairs"] = []any{}
	view["extra_dhcp_opts"] = []any{}
	view["binding:vnic_type"] = "normal"
	return view
}

func portStatus(p *cloud.Port) string {
	if p.Live && !p.Down {
		return "ACTIVE"
	}
	return "DOWN"
}

// visiblePorts leaves out routers' gateways, which belong to no project.
func visiblePorts(state *cloud.State) map[string]*cloud.Port {
	visible := map[string]*cloud.Port{}
	for id, port := range state.Ports {
		if port.ProjectID == state.ProjectID {
			visible[id] = port
		}
	}
	return visible
}

func (s *Service) listPorts(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "ports", visiblePorts, portView, &cloud.Port{})
}

func (s *Service) showPort(r *http.Request) (wire.Answer, error) {
	return s.show(r, "port", "Port", func(state *cloud.State) wire.Object {
		if port := visiblePorts(state)[r.PathValue("id")]; port != nil {
			return portView(state, port)
		}
		return nil
	})
}

// unusedByPorts are attributes that mean nothing here.
var unusedByPorts = []string{"allowed_address_pairs", "extra_dhcp_opts", "binding:vnic_type", "binding:profile", "qos_policy_id",
	"dns_name", "dns_domain"}

var portAttributes = []string{"network_id", "admin_state_up", "mac_address", "fixed_ips", "security_groups", "device_id",
	"device_owner", "port_security_enabled", "allowed_address_pairs", "extra_dhcp_opts", "binding:vnic_type",
	"binding:profile", "qos_policy_id", "dns_name", "dns_domain"}

func (s *Service) createPort(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "port", portAttributes...)
	if err != nil {
		return wire.Answer{}, err
	}
	if err := asked.require("network_id"); err != nil {
		return wire.Answer{}, err
	}
	spec, err := portSpec(asked)
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if network := state.Networks[spec.NetworkID]; network != nil && network.External {
			return disallowed("create_port") // machines reach the outside by floating IPs only
		}
		port, err := state.AddPort(spec, state.ProjectID, s.now())
		if err != nil {
			return err
		}
		up := true
		if err := take(asked, "admin_state_up", &up); err != nil {
			return err
		}
		port.Down = !up
		view = portView(state, port)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Created(wire.Object{"port": view})
}

func portSpec(asked fields) (cloud.PortSpec, error) {
	var spec cloud.PortSpec
	secure := true
	err := first(take(asked, "name", &spec.Name), take(asked, "description", &spec.Description),
		take(asked, "network_id", &spec.NetworkID), take(asked, "mac_address", &spec.MAC),
		take(asked, "fixed_ips", &spec.FixedIPs), take(asked, "security_groups", &spec.SecurityGroups),
		take(asked, "device_id", &spec.DeviceID), take(asked, "device_owner", &spec.DeviceOwner),
		take(asked, "port_security_enabled", &secure), asked.without(unusedByPorts...))
	spec.Insecure = !secure
	spec.NoAddress = spec.FixedIPs != nil && len(spec.FixedIPs) == 0
	if err == nil && strings.HasPrefix(spec.DeviceOwner, "network:") {
		err = disallowed("create_port:device_owner")
	}
	return spec, err
}

func (s *Service) updatePort(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "port", portAttributes[1:]...) // a port stays on its network
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		port := visiblePorts(state)[r.PathValue("id")]
		if port == nil {
			return cloud.NotFound("Port", r.PathValue("id"))
		}
		if err := expected(r, &port.Common); err != nil {
			return err
		}
		if err := s.setPort(state, port, asked); err != nil {
			return err
		}
		view = portView(state, port)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.fabric.Apply()
	return wire.OK(wire.Object{"port": view})
}

func (s *Service) setPort(state *cloud.State, port *cloud.Port, asked fields) error {
	up, secure := !port.Down, !port.Insecure
	groups, wanted := port.SecurityGroups, port.FixedIPs
	device, owner, mac := port.DeviceID, port.DeviceOwner, port.MAC
	err := first(s.describe(asked, &port.Common), take(asked, "admin_state_up", &up),
		take(asked, "port_security_enabled", &secure), take(asked, "security_groups", &groups),
		take(asked, "fixed_ips", &wanted), take(asked, "device_id", &device), take(asked, "device_owner", &owner),
		take(asked, "mac_address", &mac), asked.without(unusedByPorts...))
	if err != nil {
		return err
	}
	for _, id := range groups {
		if state.SecurityGroups[id] == nil {
			return cloud.NotFound("SecurityGroup", id)
		}
	}
	port.Down, port.Insecure, port.SecurityGroups = !up, !secure, groups
	moved := !sameAddresses(wanted, port.FixedIPs)
	if !moved && device == port.DeviceID && owner == port.DeviceOwner && strings.EqualFold(mac, port.MAC) {
		return nil
	}
	return s.replug(state, port, cloud.PortSpec{DeviceID: device, DeviceOwner: owner, MAC: mac, FixedIPs: wanted}, moved)
}

// replug changes where a port is attached and its addresses. Servers and routers do that for their own.
func (s *Service) replug(state *cloud.State, port *cloud.Port, spec cloud.PortSpec, moved bool) error {
	switch {
	case strings.HasPrefix(port.DeviceOwner, "compute:") || strings.HasPrefix(port.DeviceOwner, "network:"):
		return wire.Errorf(http.StatusConflict, "PortInUse", "Unable to complete operation on port %s: the practice cloud does not change addresses or the device of a port in use. Detach it from %s first.", port.ID, port.DeviceID)
	case strings.HasPrefix(spec.DeviceOwner, "network:"):
		return disallowed("update_port:device_owner")
	case !strings.EqualFold(spec.MAC, port.MAC):
		return disallowed("update_port:mac_address")
	}
	port.DeviceID, port.DeviceOwner = spec.DeviceID, spec.DeviceOwner
	if !moved {
		return nil
	}
	return state.MoveAddresses(port, spec.FixedIPs, s.now())
}

func sameAddresses(wanted, have []cloud.FixedIP) bool {
	if len(wanted) != len(have) {
		return false
	}
	for i, want := range wanted {
		if want.Address != have[i].Address {
			return false
		}
	}
	return true
}

func (s *Service) deletePort(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("id")
	err := s.store.Update(func(state *cloud.State) error {
		port := visiblePorts(state)[id]
		if port == nil {
			return cloud.NotFound("Port", id)
		}
		if strings.HasPrefix(port.DeviceOwner, "network:") {
			return wire.Errorf(http.StatusConflict, "ServicePortInUse", "Port %s cannot be deleted directly via the port API: has device owner %s.", id, port.DeviceOwner)
		}
		if server := state.Servers[port.DeviceID]; server != nil {
			return wire.Errorf(http.StatusConflict, "PortInUse", "Unable to complete operation on port %s for network %s. Port already has an attached device %s. Detach it from the server first.", id, port.NetworkID, port.DeviceID)
		}
		state.RemovePort(id, s.now())
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.fabric.Apply()
	return wire.NoContent()
}
