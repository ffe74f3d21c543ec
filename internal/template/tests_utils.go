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
		address("private", isPrivate), address("reserved", isReserved),
		address("public", func(ip netip.Addr) bool { return !isPrivate(ip) && !inPrefix(ip.Unmap(), "100.64.0.0/10") }),
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

// The networks that IANA's registries of special addresses have as not global,
// those within them that are, and what is reserved, as Python's ipaddress has
// them.
var (
	notGlobal = []string{"0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4", "::1/128", "::/128", "64:ff9b:1::/48",
		"100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10"}
	globalAfterAll = []string{"192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:3::/32", "2001:4:112::/48",
		"2001:20::/28", "2001:30::/28"}
	reservedNets = []string{"240.0.0.0/4", "::/8", "100::/8", "200::/7", "400::/6", "800::/5", "1000::/4", "4000::/3", "6000::/3",
		"8000::/3", "a000::/3", "c000::/3", "e000::/4", "f000::/5", "f800::/6", "fe00::/9"}
)

func inAny(ip netip.Addr, nets []string) bool {
	for _, n := range nets {
		if inPrefix(ip, n) {
			return true
		}
	}
	return false
}

func isPrivate(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return inAny(ip, notGlobal) && !inAny(ip, globalAfterAll)
}

// isReserved takes an IPv4 address in an IPv6 one for what it is written as.
func isReserved(ip netip.Addr) bool {
	if ip = ip.WithZone(""); ip.Is4In6() {
		return true // in ::/8
	}
	return inAny(ip, reservedNets)
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
