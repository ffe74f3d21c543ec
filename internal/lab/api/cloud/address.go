package cloud

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"

	"rollout/internal/lab/api/wire"
)

// HostAddress is the address of a subnet that is left to the Backend, for the host's own side of the network.
func HostAddress(prefix netip.Prefix, gateway string) netip.Addr {
	if last := LastUsable(prefix); last.String() != gateway {
		return last
	}
	return LastUsable(prefix).Prev()
}

// LastUsable is the last address of a prefix ahead of its broadcast address.
func LastUsable(prefix netip.Prefix) netip.Addr {
	return number(asNumber(prefix.Masked().Addr()) + (1 << (32 - prefix.Bits())) - 2)
}

// Usable tells whether an address can be a port's: within the prefix, and neither its first nor its broadcast address.
func Usable(prefix netip.Prefix, address netip.Addr) bool {
	return prefix.Contains(address) && address != prefix.Masked().Addr() && !LastUsable(prefix).Less(address)
}

func asNumber(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}

func number(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

// DefaultPools are the addresses that ports of a subnet get when its maker names none: all but the gateway and the
// host's.
func DefaultPools(prefix netip.Prefix, gateway string) []Pool {
	first, last := prefix.Masked().Addr().Next(), HostAddress(prefix, gateway).Prev()
	at, err := netip.ParseAddr(gateway)
	if err != nil || !prefix.Contains(at) || at.Less(first) || last.Less(at) {
		return []Pool{{Start: first.String(), End: last.String()}}
	}
	var pools []Pool
	if first.Less(at) {
		pools = append(pools, Pool{Start: first.String(), End: at.Prev().String()})
	}
	if at.Less(last) {
		pools = append(pools, Pool{Start: at.Next().String(), End: last.String()})
	}
	return pools
}

// taken are the addresses of a subnet that no new port can have; held are those that it has already.
func (s *State) taken(subnet *Subnet, held []FixedIP) map[string]bool {
	taken := map[string]bool{}
	for _, fixed := range held {
		taken[fixed.Address] = true
	}
	for _, port := range s.Ports {
		for _, fixed := range port.FixedIPs {
			if fixed.SubnetID == subnet.ID {
				taken[fixed.Address] = true
			}
		}
	}
	for _, floating := range s.FloatingIPs {
		if floating.SubnetID == subnet.ID {
			taken[floating.Address] = true
		}
	}
	if prefix, err := netip.ParsePrefix(subnet.CIDR); err == nil {
		taken[HostAddress(prefix, subnet.Gateway).String()] = true
	}
	return taken
}

// allocate finds a free address in the subnet's pools, the lowest first: what people see stays small and predictable.
func (s *State) allocate(subnet *Subnet, held []FixedIP) (string, error) {
	taken := s.taken(subnet, held)
	for _, pool := range subnet.Pools {
		at, err := netip.ParseAddr(pool.Start)
		if err != nil {
			return "", fmt.Errorf("cannot read the pool of subnet %s: %w", subnet.Name, err)
		}
		last, err := netip.ParseAddr(pool.End)
		if err != nil {
			return "", fmt.Errorf("cannot read the pool of subnet %s: %w", subnet.Name, err)
		}
		for ; at.Compare(last) <= 0; at = at.Next() {
			if address := at.String(); !taken[address] && address != subnet.Gateway {
				return address, nil
			}
		}
	}
	return "", wire.Errorf(http.StatusConflict, "IpAddressGenerationFailure",
		"No more IP addresses available on network %s.", subnet.NetworkID)
}

// claim checks that a wanted address is free in the subnet.
func (s *State) claim(subnet *Subnet, want string, held []FixedIP) error {
	prefix, err := netip.ParsePrefix(subnet.CIDR)
	if err != nil {
		return fmt.Errorf("cannot read the CIDR of subnet %s: %w", subnet.Name, err)
	}
	address, err := netip.ParseAddr(want)
	if err != nil {
		return wire.Errorf(http.StatusBadRequest, "HTTPBadRequest", "Invalid input for fixed_ips. Reason: '%s' is not a valid IP address.", want)
	}
	if !Usable(prefix, address) {
		return wire.Errorf(http.StatusBadRequest, "InvalidIpForSubnet", "IP address %s is not a valid IP for the specified subnet.", want)
	}
	if s.taken(subnet, held)[want] {
		return wire.Errorf(http.StatusConflict, "IpAddressAlreadyAllocated",
			"IP address %s already allocated in subnet %s", want, subnet.ID)
	}
	return nil
}

// newMAC makes a MAC address in Neutron's range.
func newMAC() string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return fmt.Sprintf("fa:16:3e:%02x:%02x:%02x", b[0], b[1], b[2])
}
