package cloud

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"

	"rollout/internal/lab/api/wire"
)

// LastUsable is the last address of a prefix ahead of its broadcast address.
func LastUsable(prefix netip.Prefix) netip.Addr {
	return number(asNumber(prefix.Masked().Addr()) + (1 << (32 - prefix.Bits())) - 2)
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

// DefaultPools are the addresses that ports of a subnet get when its maker names none: all but the gateway, and but the
// last one, which is the host's.
func DefaultPools(prefix netip.Prefix, gateway string) []Pool {
	first, last := number(asNumber(prefix.Masked().Addr())+1), LastUsable(prefix).Prev()
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

// taken are the addresses of a subnet that no new port can have.
func (s *State) taken(subnet *Subnet) map[string]bool {
	taken := map[string]bool{}
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
		taken[LastUsable(prefix).String()] = true
	}
	return taken
}

// allocate finds a free address in the subnet's pools, the lowest first: what people see stays small and predictable.
func (s *State) allocate(subnet *Subnet) (string, error) {
	taken := s.taken(subnet)
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
func (s *State) claim(subnet *Subnet, want string) error {
	prefix, err := netip.ParsePrefix(subnet.CIDR)
	if err != nil {
		return fmt.Errorf("cannot read the CIDR of subnet %s: %w", subnet.Name, err)
	}
	address, err := netip.ParseAddr(want)
	if err != nil {
		return wire.Errorf(http.StatusBadRequest, "HTTPBadRequest", "Invalid input for fixed_ips. Reason: '%s' is not a valid IP address.", want)
	}
	if !prefix.Contains(address) || address == prefix.Masked().Addr() || LastUsable(prefix).Less(address) {
		return wire.Errorf(http.StatusBadRequest, "InvalidIpForSubnet", "IP address %s is not a valid IP for the specified subnet.", want)
	}
	if s.taken(subnet)[want] {
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
