package cloud

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/wire"
)

// AddFloatingIP takes an address of an external network; want may name one.
func (s *State) AddFloatingIP(networkID, want string, now time.Time) (*FloatingIP, error) {
	network := s.Networks[networkID]
	if network == nil {
		return nil, NotFound("Network", networkID)
	}
	subnets := s.SubnetsOf(networkID)
	if !network.External || len(subnets) == 0 {
		return nil, wire.Errorf(http.StatusBadRequest, "BadRequest",
			"Bad floatingip request: Network %s is not a valid external network.", networkID)
	}
	address, err := want, error(nil)
	if want == "" {
		address, err = s.allocate(subnets[0], nil)
	} else {
		err = s.claim(subnets[0], want, nil)
	}
	if err != nil {
		return nil, err
	}
	floating := &FloatingIP{Common: NewCommon("", s.ProjectID, now), NetworkID: networkID, SubnetID: subnets[0].ID,
		Address: address, Status: "DOWN"}
	s.FloatingIPs[floating.ID] = floating
	return floating, nil
}

// Associate lets a floating IP stand for a port; fixed may name one of the port's addresses.
func (s *State) Associate(floating *FloatingIP, portID, fixed string, now time.Time) error {
	port := s.Ports[portID]
	if port == nil {
		return NotFound("Port", portID)
	}
	at := slices.IndexFunc(port.FixedIPs, func(ip FixedIP) bool { return fixed == "" || ip.Address == fixed })
	if at < 0 {
		return wire.Errorf(http.StatusBadRequest, "BadRequest",
			"Bad floatingip request: Port %s does not have fixed ip %s.", portID, fixed)
	}
	ip := port.FixedIPs[at]
	router := s.routerBetween(ip.SubnetID, floating.NetworkID)
	if router == nil {
		return wire.Errorf(http.StatusNotFound, "ExternalGatewayForFloatingIPNotFound",
			"External network %s is not reachable from subnet %s.  Therefore, cannot associate Port %s with a Floating IP.",
			floating.NetworkID, ip.SubnetID, portID)
	}
	if err := s.freeOfFloating(floating, port, ip); err != nil {
		return err
	}
	floating.PortID, floating.FixedIP, floating.RouterID, floating.Status = portID, ip.Address, router.ID, "DOWN"
	floating.Touch(now)
	return nil
}

func (s *State) freeOfFloating(floating *FloatingIP, port *Port, ip FixedIP) error {
	for _, other := range s.FloatingIPs {
		if other != floating && other.PortID == port.ID && other.FixedIP == ip.Address {
			return wire.Errorf(http.StatusConflict, "FloatingIPPortAlreadyAssociated", "Cannot associate floating IP %s (%s) with port %s using fixed IP %s, as that fixed IP already has a floating IP on external network %s.",
				floating.Address, floating.ID, port.ID, ip.Address, floating.NetworkID)
		}
	}
	return nil
}

// Disassociate frees a floating IP of its port.
func (f *FloatingIP) Disassociate(now time.Time) {
	f.PortID, f.FixedIP, f.RouterID, f.Status = "", "", "", "DOWN"
	f.Touch(now)
}

// routerBetween finds the router that joins a subnet with an external network.
func (s *State) routerBetween(subnetID, externalID string) *Router {
	for _, port := range Sorted(s.Ports) {
		if port.DeviceOwner != RouterInterface || port.FixedIPs[0].SubnetID != subnetID {
			continue
		}
		if router := s.Routers[port.DeviceID]; router != nil && router.GatewayNetwork == externalID {
			return router
		}
	}
	return nil
}

// Routed tells whether a router that is up and has a way out has an interface in the subnet.
func (s *State) Routed(subnetID string) bool {
	for _, port := range s.Ports {
		if port.DeviceOwner != RouterInterface || port.FixedIPs[0].SubnetID != subnetID {
			continue
		}
		if router := s.Routers[port.DeviceID]; router != nil && router.GatewayNetwork != "" && !router.Down {
			return true
		}
	}
	return false
}

// Associated are the floating IPs that are to be in force: of ports whose machine is there, or that belong to none.
func (s *State) Associated() []backend.FloatingIP {
	set := []backend.FloatingIP{}
	for _, floating := range Sorted(s.FloatingIPs) {
		port := s.Ports[floating.PortID]
		if port == nil {
			continue
		}
		machine := ""
		if strings.HasPrefix(port.DeviceOwner, "compute:") {
			machine = port.DeviceID
		}
		set = append(set, backend.FloatingIP{Address: floating.Address, FixedIP: floating.FixedIP,
			MachineID: machine, NetworkID: port.NetworkID})
	}
	return set
}

// Segment is a network with its subnet as the Backend runs it; false when it has no subnet yet.
func (s *State) Segment(networkID string) (backend.Network, bool) {
	network, subnets := s.Networks[networkID], s.SubnetsOf(networkID)
	if network == nil || len(subnets) == 0 {
		return backend.Network{}, false
	}
	return backend.Network{ID: network.ID, Name: network.Name, CIDR: subnets[0].CIDR, Gateway: subnets[0].Gateway,
		Routed: s.Routed(subnets[0].ID), External: network.External, ProjectID: network.ProjectID}, true
}

// SetGateway joins a router with an external network, or with none when networkID is empty.
func (s *State) SetGateway(router *Router, networkID string, now time.Time) error {
	if networkID == router.GatewayNetwork {
		return nil
	}
	if err := s.gatewayFree(router); err != nil {
		return err
	}
	if networkID != "" {
		network := s.Networks[networkID]
		if network == nil {
			return NotFound("Network", networkID)
		}
		if !network.External {
			return wire.Errorf(http.StatusBadRequest, "BadRequest", "Bad router request: Network %s is not an external network.", networkID)
		}
	}
	delete(s.Ports, router.GatewayPort)
	router.GatewayNetwork, router.GatewayPort = networkID, ""
	router.Touch(now)
	if networkID == "" {
		return nil
	}
	port, err := s.AddPort(PortSpec{NetworkID: networkID, DeviceID: router.ID, DeviceOwner: RouterGateway}, "", now)
	if err != nil {
		return err
	}
	port.Live = true
	router.GatewayPort = port.ID
	return nil
}

// gatewayFree tells whether floating IPs need a router's gateway.
func (s *State) gatewayFree(router *Router) error {
	for _, floating := range s.FloatingIPs {
		if floating.RouterID == router.ID {
			return wire.Errorf(http.StatusConflict, "RouterExternalGatewayInUseByFloatingIp",
				"Gateway cannot be updated for router %s, since a gateway to external network %s is required by one or more floating IPs.",
				router.ID, router.GatewayNetwork)
		}
	}
	return nil
}

// AddInterface joins a router with a subnet, by a port of its own at the subnet's gateway address or by a given port.
func (s *State) AddInterface(router *Router, subnetID, portID string, now time.Time) (*Port, error) {
	port := s.Ports[portID]
	if portID != "" {
		if port == nil {
			return nil, NotFound("Port", portID)
		}
		if port.DeviceID != "" || len(port.FixedIPs) == 0 {
			return nil, wire.Errorf(http.StatusConflict, "PortInUse", "Unable to complete operation on port %s for network %s. Port already has an attached device %s.",
				port.ID, port.NetworkID, port.DeviceID)
		}
		subnetID = port.FixedIPs[0].SubnetID
	}
	subnet := s.Subnets[subnetID]
	if subnet == nil {
		return nil, NotFound("Subnet", subnetID)
	}
	if s.interfaceOn(router, subnetID) != nil {
		return nil, wire.Errorf(http.StatusBadRequest, "BadRequest", "Bad router request: Router already has a port on subnet %s.", subnetID)
	}
	if port != nil && port.FixedIPs[0].Address != subnet.Gateway {
		return nil, wire.Errorf(http.StatusBadRequest, "BadRequest",
			"Bad router request: the practice cloud's routers have the gateway address of a subnet, and port %s has another.", port.ID)
	}
	if port == nil {
		var err error
		if port, err = s.gatewayPort(router, subnet, now); err != nil {
			return nil, err
		}
	}
	port.DeviceID, port.DeviceOwner, port.SecurityGroups, port.Live = router.ID, RouterInterface, []string{}, true
	port.Insecure = true
	router.Touch(now)
	return port, nil
}

func (s *State) gatewayPort(router *Router, subnet *Subnet, now time.Time) (*Port, error) {
	if subnet.Gateway == "" {
		return nil, wire.Errorf(http.StatusBadRequest, "BadRequest", "Bad router request: Subnet for router interface must have a gateway IP.")
	}
	return s.AddPort(PortSpec{NetworkID: subnet.NetworkID, DeviceID: router.ID, DeviceOwner: RouterInterface,
		FixedIPs: []FixedIP{{SubnetID: subnet.ID, Address: subnet.Gateway}}}, s.ProjectID, now)
}

func (s *State) interfaceOn(router *Router, subnetID string) *Port {
	for _, port := range s.Ports {
		if port.DeviceID == router.ID && port.DeviceOwner == RouterInterface && port.FixedIPs[0].SubnetID == subnetID {
			return port
		}
	}
	return nil
}

// RemoveInterface parts a router from a subnet, named by itself or by its port.
func (s *State) RemoveInterface(router *Router, subnetID, portID string, now time.Time) (*Port, error) {
	if port := s.Ports[portID]; port != nil && len(port.FixedIPs) > 0 {
		subnetID = port.FixedIPs[0].SubnetID
	}
	port := s.interfaceOn(router, subnetID)
	if port == nil {
		return nil, wire.Errorf(http.StatusNotFound, "RouterInterfaceNotFoundForSubnet",
			"Router %s has no interface on subnet %s", router.ID, subnetID)
	}
	for _, floating := range s.FloatingIPs {
		if floating.RouterID == router.ID && s.Ports[floating.PortID] != nil && s.Ports[floating.PortID].NetworkID == port.NetworkID {
			return nil, wire.Errorf(http.StatusConflict, "RouterInterfaceInUseByFloatingIP",
				"Router interface for subnet %s on router %s cannot be deleted, as it is required by one or more floating IPs.",
				subnetID, router.ID)
		}
	}
	delete(s.Ports, port.ID)
	router.Touch(now)
	return port, nil
}
