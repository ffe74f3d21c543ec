package template

import (
	"net/netip"
	"regexp"
)

// utilsTests are the tests of ansible.utils on addresses, which follow Python's
// ipaddress: a network has no host bits.
func utilsTests() []*builtin {
	address := func(name string, is func(netip.Addr) bool) *builtin {
		return def(name, "", func(a *args) (any, error) {
			s, _ := a.in.(string)
			ip, err := netip.ParseAddr(s)
			return err == nil && is(ip), nil
		})
	}
	network := func(name string, is func(netip.Prefix) bool) *builtin {
		return def(name, "", func(a *args) (any, error) {
			p, err := strictNetwork(a.in)
			return err == nil && is(p), nil
		})
	}
	within := func(name string, flip bool) *builtin {
		return def(name, "other", func(a *args) (any, error) { return inNetwork(a.in, a.need(0), flip), a.err })
	}
	return inCollection("ansible.utils.", []*builtin{
		address("ip_address", func(netip.Addr) bool { return true }),
		address("ipv4_address", netip.Addr.Is4), address("ipv6_address", netip.Addr.Is6),
		address("ipv6_ipv4_mapped", netip.Addr.Is4In6),
		address("ipv6_sixtofour", func(ip netip.Addr) bool { return inPrefix(ip, "2002::/16") }),
		address("ipv6_teredo", func(ip netip.Addr) bool { return inPrefix(ip, "2001::/32") }),
		address("loopback", netip.Addr.IsLoopback), address("multicast", netip.Addr.IsMulticast),
		address("unspecified", netip.Addr.IsUnspecified),
		network("ip", func(netip.Prefix) bool { return true }),
		network("ipv4", func(p netip.Prefix) bool { return p.Addr().Is4() }),
		network("ipv6", func(p netip.Prefix) bool { return p.Addr().Is6() }),
		within("in_network", false), within("subnet_of", false), within("supernet_of", true),
		def("in_any_network", "networks", func(a *args) (any, error) { n := a.inNetworks(); return n > 0, a.err }),
		def("in_one_network", "networks", func(a *args) (any, error) { n := a.inNetworks(); return n == 1, a.err }),
		def("ipv4_netmask", "", func(a *args) (any, error) { return isMask(a.in, false), nil }),
		def("ipv4_hostmask", "", func(a *args) (any, error) { return isMask(a.in, true), nil }),
		def("mac", "", func(a *args) (any, error) { return macText.MatchString(a.word()), nil }),
	})
}

var macText = regexp.MustCompile(`(?i)^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$|^([0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4})$|^[0-9a-f]{12}$`)

func inPrefix(ip netip.Addr, text string) bool {
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Contains(ip)
}

// inNetwork reports whether one network is within the other.
func inNetwork(in, around any, flip bool) bool {
	x, err := strictNetwork(in)
	y, err2 := strictNetwork(around)
	if flip {
		x, y = y, x
	}
	return err == nil && err2 == nil && x.Addr().BitLen() == y.Addr().BitLen() && x.Bits() >= y.Bits() && y.Contains(x.Addr())
}

func (a *args) inNetworks() int {
	n := 0
	for _, p := range a.itemsOf(a.need(0)) {
		if inNetwork(a.in, p, false) {
			n++
		}
	}
	return n
}

// isMask reports 255.255.255.0 and the like, or with flip 0.0.0.255.
func isMask(v any, flip bool) bool {
	s, _ := v.(string)
	ip, err := netip.ParseAddr(s)
	if err != nil || !ip.Is4() {
		return false
	}
	b := ip.As4()
	if flip {
		for i := range b {
			b[i] = ^b[i]
		}
	}
	_, ok := maskBits(netip.AddrFrom4(b))
	return ok
}
