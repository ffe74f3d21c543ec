package cloud

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/wire"
)

// PortSpec is what a new port is asked to be.
type PortSpec struct {
	Name, Description string
	NetworkID         string
	FixedIPs          []FixedIP // either half may be empty; nil: one address of any subnet
	NoAddress         bool      // asked for an empty list of addresses
	SecurityGroups    []string  // nil: the default group
	MAC               string
	DeviceID          string
	DeviceOwner       string
	Insecure          bool
}

// AddPort makes a port with its addresses.
func (s *State) AddPort(spec PortSpec, projectID string, now time.Time) (*Port, error) {
	network := s.Networks[spec.NetworkID]
	if network == nil {
		return nil, NotFound("Network", spec.NetworkID)
	}
	if projectID == s.ProjectID {
		if err := s.RoomFor("port"); err != nil {
			return nil, err
		}
	}
	groups, err := s.groupsOrDefault(spec)
	if err != nil {
		return nil, err
	}
	port := &Port{Common: NewCommon(spec.Name, projectID, now), NetworkID: network.ID, MAC: strings.ToLower(spec.MAC),
		SecurityGroups: groups, DeviceID: spec.DeviceID, DeviceOwner: spec.DeviceOwner, Insecure: spec.Insecure}
	port.Description = spec.Description
	if err := s.giveMAC(port); err != nil {
		return nil, err
	}
	if !spec.NoAddress {
		if port.FixedIPs, err = s.addresses(network, spec.FixedIPs); err != nil {
			return nil, err
		}
	}
	s.Ports[port.ID] = port
	return port, nil
}

func (s *State) groupsOrDefault(spec PortSpec) ([]string, error) {
	if spec.Insecure || strings.HasPrefix(spec.DeviceOwner, "network:") {
		return []string{}, nil
	}
	if spec.SecurityGroups == nil {
		return []string{s.DefaultGroup().ID}, nil
	}
	for _, id := range spec.SecurityGroups {
		if s.SecurityGroups[id] == nil {
			return nil, NotFound("SecurityGroup", id)
		}
	}
	return spec.SecurityGroups, nil
}

func (s *State) giveMAC(port *Port) error {
	used := func(mac string) bool {
		for _, other := range s.Ports {
			if other.MAC == mac {
				return true
			}
		}
		return false
	}
	if port.MAC != "" {
		if used(port.MAC) {
			return wire.Errorf(http.StatusConflict, "MacAddressInUse",
				"Unable to complete operation for network %s. The mac address %s is in use.", port.NetworkID, port.MAC)
		}
		return nil
	}
	for port.MAC = newMAC(); used(port.MAC); {
		port.MAC = newMAC()
	}
	return nil
}

// addresses finds the addresses asked for, or one where none is asked for. A network without a subnet gives none.
func (s *State) addresses(network *Network, wanted []FixedIP) ([]FixedIP, error) {
	subnets := s.SubnetsOf(network.ID)
	if len(wanted) == 0 {
		if len(subnets) == 0 {
			return []FixedIP{}, nil
		}
		wanted = []FixedIP{{SubnetID: subnets[0].ID}}
	}
	var got []FixedIP
	for _, want := range wanted {
		subnet, err := s.subnetFor(network, subnets, want)
		if err != nil {
			return nil, err
		}
		address := want.Address
		if address == "" {
			address, err = s.allocate(subnet, got)
		} else {
			err = s.claim(subnet, address, got)
		}
		if err != nil {
			return nil, err
		}
		got = append(got, FixedIP{SubnetID: subnet.ID, Address: address})
	}
	return got, nil
}

func (s *State) subnetFor(network *Network, subnets []*Subnet, want FixedIP) (*Subnet, error) {
	if want.SubnetID != "" {
		at := slices.IndexFunc(subnets, func(subnet *Subnet) bool { return subnet.ID == want.SubnetID })
		if at < 0 {
			return nil, wire.Errorf(http.StatusBadRequest, "InvalidInput", "Invalid input for operation: Failed to create port on network %s, because fixed_ips included invalid subnet %s.", network.ID, want.SubnetID)
		}
		return subnets[at], nil
	}
	for _, subnet := range subnets {
		if Within(subnet.CIDR, want.Address) {
			return subnet, nil
		}
	}
	return nil, wire.Errorf(http.StatusBadRequest, "InvalidIpForNetwork",
		"IP address %s is not a valid IP for any of the subnets on the specified network.", want.Address)
}

// Within tells whether an address belongs to a CIDR.
func Within(cidr, address string) bool {
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return false
	}
	at, err := netip.ParseAddr(address)
	return err == nil && prefix.Contains(at)
}

// SubnetsOf returns a network's subnets.
func (s *State) SubnetsOf(networkID string) []*Subnet {
	var subnets []*Subnet
	for _, subnet := range Sorted(s.Subnets) {
		if subnet.NetworkID == networkID {
			subnets = append(subnets, subnet)
		}
	}
	return subnets
}

// MoveAddresses gives a port other addresses, or none. Floating IPs of those that it loses are free again.
func (s *State) MoveAddresses(port *Port, wanted []FixedIP, now time.Time) error {
	port.FixedIPs = nil // what it has may be asked for again
	if len(wanted) > 0 {
		var err error
		if port.FixedIPs, err = s.addresses(s.Networks[port.NetworkID], wanted); err != nil {
			return err
		}
	}
	for _, floating := range s.FloatingIPs {
		kept := func(ip FixedIP) bool { return ip.Address == floating.FixedIP }
		if floating.PortID == port.ID && !slices.ContainsFunc(port.FixedIPs, kept) {
			floating.Disassociate(now)
		}
	}
	return nil
}

// RemovePort removes a port; floating IPs that stood for it are free again.
func (s *State) RemovePort(id string, now time.Time) {
	for _, floating := range s.FloatingIPs {
		if floating.PortID == id {
			floating.Disassociate(now)
		}
	}
	delete(s.Ports, id)
}

// Release removes a port that Nova made for a server, and frees one that was brought along.
func (s *State) Release(id string, now time.Time) {
	port := s.Ports[id]
	if port == nil {
		return
	}
	if port.MadeByNova {
		s.RemovePort(id, now)
		return
	}
	port.DeviceID, port.DeviceOwner, port.Live = "", "", false
	port.Touch(now)
}

// NICs are a server's network cards in order.
func (s *State) NICs(server *Server) ([]backend.NIC, error) {
	var nics []backend.NIC
	for _, id := range server.Ports {
		nic, err := s.NIC(s.Ports[id])
		if err != nil {
			return nil, err
		}
		nics = append(nics, nic)
	}
	return nics, nil
}

// NIC is a port as a machine sees it.
func (s *State) NIC(port *Port) (backend.NIC, error) {
	if port == nil || len(port.FixedIPs) == 0 {
		return backend.NIC{}, fmt.Errorf("cannot attach a port without an address")
	}
	subnet := s.Subnets[port.FixedIPs[0].SubnetID]
	network := s.Networks[port.NetworkID]
	if subnet == nil || network == nil {
		return backend.NIC{}, fmt.Errorf("cannot attach port %s: its network is gone", port.ID)
	}
	prefix, err := netip.ParsePrefix(subnet.CIDR)
	if err != nil {
		return backend.NIC{}, fmt.Errorf("cannot read the CIDR of subnet %s: %w", subnet.Name, err)
	}
	return backend.NIC{PortID: port.ID, NetworkID: network.ID, NetworkName: network.Name, MAC: port.MAC, Name: port.Name,
		IP: port.FixedIPs[0].Address, PrefixLen: prefix.Bits(), Gateway: subnet.Gateway, DNS: subnet.DNS}, nil
}
