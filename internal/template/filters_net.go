package template

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

// netFilters are the address filters of ansible.utils.
func netFilters() []*builtin {
	return []*builtin{
		def("ip4_hex", "delimiter", filterIP4Hex),
		def("ipaddr", "query", func(a *args) (any, error) { return a.addresses(0) }),
		def("ipmath", "amount", filterIPMath),
		def("ipsubnet", "query index", filterIPSubnet),
		def("ipv4", "query", func(a *args) (any, error) { return a.addresses(4) }),
		def("ipv6", "query", func(a *args) (any, error) { return a.addresses(6) }),
		def("ipwrap", "query", filterIPWrap),
		def("network_in_network", "test", func(a *args) (any, error) { return a.netContains(false) }),
		def("network_in_usable", "test", func(a *args) (any, error) { return a.netContains(true) }),
		def("next_nth_usable", "offset", func(a *args) (any, error) { return a.nthUsable(1) }),
		def("nthhost", "query", filterNthHost),
		def("previous_nth_usable", "offset", func(a *args) (any, error) { return a.nthUsable(-1) }),
	}
}

// address is an IP address with or without a prefix.
type address struct {
	given  any // as it was written
	ip     netip.Addr
	prefix netip.Prefix // the network; a lone address is one of itself
	lone   bool         // written without a prefix
}

// parseAddress reads "10.0.0.1", "10.0.0.1/24", "10.0.0.1/255.255.255.0" or a
// number.
func parseAddress(v any) (address, bool) {
	out := address{given: v}
	s, isText := v.(string)
	if _, _, _, k := number(v); !isText && (k == 'i' || k == 'b') {
		if _, isBool := v.(bool); isBool {
			return out, false
		}
		ip, ok := addrOf(toBig(v), false)
		s, isText = ip.String(), ok
	}
	host, mask, hasMask := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(host)
	if !isText || err != nil || ip.Zone() != "" {
		return out, false
	}
	bits := ip.BitLen()
	if hasMask {
		if bits, err = strconv.Atoi(mask); err != nil {
			m, maskErr := netip.ParseAddr(mask)
			ok := false
			if bits, ok = maskBits(m); maskErr != nil || !ok || m.BitLen() != ip.BitLen() {
				return out, false
			}
		}
	}
	out.ip, out.lone = ip, !hasMask
	out.prefix, err = ip.Prefix(bits)
	return out, err == nil
}

// maskBits returns the prefix length of a netmask.
func maskBits(m netip.Addr) (int, bool) {
	if !m.IsValid() {
		return 0, false
	}
	n := bigAddr(m)
	ones := 0
	for ones < m.BitLen() && n.Bit(m.BitLen()-1-ones) == 1 {
		ones++
	}
	return ones, n.Cmp(bigAddr(maskOf(ones, m.BitLen()))) == 0
}

func bigAddr(a netip.Addr) *big.Int { return new(big.Int).SetBytes(a.AsSlice()) }

// addrOf is the address of that number: IPv4 where it fits, unless six.
func addrOf(n *big.Int, six bool) (netip.Addr, bool) {
	size := 4
	if six || n.BitLen() > 32 {
		size = 16
	}
	if n.Sign() < 0 || n.BitLen() > size*8 {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(n.FillBytes(make([]byte, size)))
}

func maskOf(bits, size int) netip.Addr {
	n := new(big.Int).Lsh(big.NewInt(1), uint(size))
	n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(size-bits)))
	a, _ := addrOf(n, size == 128)
	return a
}

func (x address) six() bool         { return x.ip.Is6() }
func (x address) bits() int         { return x.prefix.Bits() }
func (x address) first() netip.Addr { return x.prefix.Addr() }
func (x address) size() *big.Int {
	return new(big.Int).Lsh(big.NewInt(1), uint(x.ip.BitLen()-x.bits()))
}

// at is the address n places after the network's first.
func (x address) at(n *big.Int) (netip.Addr, bool) {
	if n.Sign() < 0 || n.Cmp(x.size()) >= 0 {
		return netip.Addr{}, false
	}
	return addrOf(n.Add(n, bigAddr(x.first())), x.six())
}

func (x address) last() netip.Addr {
	a, _ := x.at(new(big.Int).Sub(x.size(), big.NewInt(1)))
	return a
}

func (x address) netmask() netip.Addr { return maskOf(x.bits(), x.ip.BitLen()) }

func (x address) hostmask() netip.Addr {
	a, _ := addrOf(new(big.Int).Sub(x.size(), big.NewInt(1)), x.six())
	return a
}

// with writes the address and its network's prefix length.
func (x address) with(ip netip.Addr) string { return ip.String() + "/" + strconv.Itoa(x.bits()) }

// hosts tells how many addresses there are: 1, 2, or 3 for more.
func (x address) hosts() int { return min(1<<min(x.ip.BitLen()-x.bits(), 2), 3) }

// isHost reports an address that is not its network's own.
func (x address) isHost() bool { return x.ip != x.first() }

// usable returns the first and last address for hosts.
func (x address) usable() (first, last netip.Addr, ok bool) {
	switch x.hosts() {
	case 1:
		return first, last, false
	case 2:
		return x.first(), x.last(), true
	}
	return x.first().Next(), x.last().Prev(), true
}

// addresses is ipaddr, ipv4 and ipv6, on one value or a list of them.
func (a *args) addresses(version int) (any, error) {
	items, isList := sequenceOf(a.in)
	if !isList {
		return a.address(a.in, version)
	}
	var out []any
	for _, item := range items {
		v, err := a.address(item, version)
		if err != nil {
			return nil, err
		}
		if t, err := truth(v); err != nil {
			return nil, err
		} else if t {
			out = append(out, v)
		}
	}
	return a.list(out), nil
}

func (a *args) address(v any, version int) (any, error) {
	x, ok := parseAddress(v)
	if !ok {
		return false, nil
	}
	if query, isText := a.get(0, "").(string); isText && version == 0 {
		if n, err := strconv.Atoi(query); err == nil {
			return x.element(n), nil
		}
		return x.query(query)
	}
	if version != 0 && (version == 6) != x.six() {
		return false, nil
	}
	if n, ok := a.get(0, "").(int); ok {
		return x.element(n), nil
	}
	return x.query(a.str(0, ""))
}

// element is the n-th address of the network, counted from its end if negative.
func (x address) element(n int) any {
	if x.lone {
		return x.given
	}
	at := big.NewInt(int64(n))
	if n < 0 {
		at.Add(at, x.size())
	}
	ip, ok := x.at(at)
	if !ok {
		return false
	}
	return x.with(ip)
}

// query answers one of ipaddr's questions; None where there is no answer.
func (x address) query(q string) (any, error) {
	if p, ok := parseAddress(q); ok && q != "" {
		if p.prefix.Bits() <= x.bits() && p.prefix.Contains(x.ip) {
			return x.given, nil
		}
		return nil, nil
	}
	for _, answer := range []func(string) (any, bool, error){x.plainQuery, x.hostQuery, x.kindQuery, x.usableQuery} {
		if v, known, err := answer(q); known || err != nil {
			return v, err
		}
	}
	return nil, failf("ipaddr: unknown filter type: %s", q)
}

func (x address) plainQuery(q string) (any, bool, error) {
	if q == "6to4" {
		b := x.ip.As16()
		if x.six() || (!x.lone && x.ip == x.first()) {
			return false, true, nil
		}
		return fmt.Sprintf("2002:%02x%02x:%02x%02x::1/48", b[12], b[13], b[14], b[15]), true, nil
	}
	switch q {
	case "":
		if x.lone {
			return x.ip.String(), true, nil
		}
		return x.with(x.ip), true, nil
	case "network", "network_id":
		return x.first().String(), true, nil
	case "prefix":
		return x.bits(), true, nil
	case "netmask":
		return x.netmask().String(), true, nil
	case "hostmask", "wildcard":
		return x.hostmask().String(), true, nil
	case "size":
		return small(x.size()), true, nil
	case "subnet", "network/prefix":
		return x.with(x.first()), true, nil
	case "cidr":
		return x.with(x.ip), true, nil
	case "version":
		return map[bool]int{false: 4, true: 6}[x.six()], true, nil
	case "bool":
		return true, true, nil
	case "network_netmask":
		return x.first().String() + " " + x.netmask().String(), true, nil
	case "network_wildcard":
		return x.first().String() + " " + x.hostmask().String(), true, nil
	case "int":
		if x.lone {
			return small(bigAddr(x.ip)), true, nil
		}
		return bigAddr(x.ip).String() + "/" + strconv.Itoa(x.bits()), true, nil
	case "revdns":
		return x.reverse(), true, nil
	}
	return nil, false, nil
}

func (x address) reverse() string {
	b := x.ip.AsSlice()
	if !x.six() {
		return strconv.Itoa(int(b[3])) + "." + strconv.Itoa(int(b[2])) + "." + strconv.Itoa(int(b[1])) + "." +
			strconv.Itoa(int(b[0])) + ".in-addr.arpa."
	}
	digits := hex.EncodeToString(b)
	var out strings.Builder
	for i := len(digits) - 1; i >= 0; i-- {
		out.WriteString(digits[i:i+1] + ".")
	}
	return out.String() + "ip6.arpa."
}

// hostQuery answers what depends on whether this is a host or a network.
func (x address) hostQuery(q string) (any, bool, error) {
	one := x.hosts() == 1
	answer := func(ok bool, v any) (any, bool, error) {
		if !ok {
			v = nil
		}
		return v, true, nil
	}
	switch q {
	case "address", "ip":
		return answer(x.hosts() < 3 || x.isHost() || x.six(), x.ip.String())
	case "broadcast":
		return answer(x.hosts() == 3, x.last().String())
	case "net":
		return answer(!one && !x.isHost(), x.with(x.first()))
	case "host":
		return answer(x.hosts() < 3 || x.isHost(), x.with(x.ip))
	case "host/prefix", "address/prefix", "gateway", "gw", "hostnet", "router":
		if x.hosts() == 3 && (!x.isHost() || x.ip == x.last()) {
			return false, true, nil
		}
		return x.with(x.ip), true, nil
	case "ip/prefix":
		return answer(!one && (x.hosts() == 2 || x.isHost()), x.with(x.ip))
	case "ip_netmask":
		return answer(!one && (x.hosts() == 2 || x.isHost()), x.ip.String()+" "+x.netmask().String())
	case "type":
		if one || x.isHost() {
			return "address", true, nil
		}
		return "network", true, nil
	case "wrap":
		return x.wrapped(), true, nil
	}
	return nil, false, nil
}

func (x address) wrapped() any {
	switch {
	case !x.six():
		return x.given
	case x.lone:
		return "[" + x.ip.String() + "]"
	}
	return "[" + x.ip.String() + "]/" + strconv.Itoa(x.bits())
}

// privateNets are what netaddr calls private.
var privateNets = []string{"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "239.192.0.0/14", "169.254.0.0/16", "fc00::/7", "fec0::/10", "fe80::/10"}

func (x address) private() bool {
	for _, n := range privateNets {
		if netip.MustParsePrefix(n).Contains(x.ip) {
			return true
		}
	}
	return false
}

// kindQuery gives the value back if it is of the kind asked for.
func (x address) kindQuery(q string) (any, bool, error) {
	is := false
	switch q {
	case "private":
		is = x.private()
	case "public":
		_, mask := maskBits(x.ip)
		inverse, _ := addrOf(new(big.Int).Xor(bigAddr(x.ip), bigAddr(maskOf(x.ip.BitLen(), x.ip.BitLen()))), x.six())
		_, wild := maskBits(inverse)
		is = !x.ip.IsMulticast() && !x.private() && !x.ip.IsLoopback() && !mask && !wild
	case "loopback":
		is = x.ip.IsLoopback()
	case "multicast":
		is = x.ip.IsMulticast()
	case "link-local":
		is = x.ip.IsLinkLocalUnicast()
	case "unicast":
		is = !x.ip.IsMulticast()
	case "ipv4", "v4", "4":
		if x.six() {
			return x.asIPv4(), true, nil
		}
		is = true
	case "ipv6", "v6", "6":
		if !x.six() {
			return "::ffff:" + x.ip.String() + "/" + strconv.Itoa(x.bits()+96), true, nil
		}
		is = true
	default:
		return nil, false, nil
	}
	if !is {
		return nil, true, nil
	}
	return x.given, true, nil
}

// asIPv4 is the IPv4 address that an IPv6 one carries, or False.
func (x address) asIPv4() any {
	low := new(big.Int).And(bigAddr(x.ip), big.NewInt(0xffffffff))
	high := new(big.Int).Rsh(bigAddr(x.ip), 32)
	if x.bits() < 96 || (high.Sign() != 0 && high.Int64() != 0xffff) {
		return false
	}
	ip, _ := addrOf(low, false)
	return ip.String() + "/" + strconv.Itoa(x.bits()-96)
}

func (x address) usableQuery(q string) (any, bool, error) {
	first, last, ok := x.usable()
	switch q {
	case "size_usable":
		n := x.size()
		if x.hosts() != 2 {
			n.Sub(n, big.NewInt(2))
		}
		if n.Sign() < 0 {
			n.SetInt64(0)
		}
		return small(n), true, nil
	case "first_usable", "last_usable", "range_usable", "next_usable", "previous_usable", "peer", "point-to-point":
		if x.lone {
			return nil, false, failf("Not a network address")
		}
	default:
		return nil, false, nil
	}
	var out any
	switch {
	case q == "peer" || q == "point-to-point":
		return x.peer()
	case !ok:
	case q == "first_usable":
		out = first.String()
	case q == "last_usable":
		out = last.String()
	case q == "range_usable":
		out = first.String() + "-" + last.String()
	case q == "next_usable":
		out = within(x.ip.Next(), first, last)
	default:
		out = within(x.ip.Prev(), first, last)
	}
	return out, true, nil
}

func within(ip, first, last netip.Addr) any {
	if !ip.IsValid() || ip.Less(first) || last.Less(ip) {
		return nil
	}
	return ip.String()
}

func (x address) peer() (any, bool, error) {
	flip := int64(1)
	switch {
	case x.hosts() == 2:
	case x.ip.BitLen()-x.bits() == 2:
		if !x.isHost() || x.ip == x.last() {
			return nil, false, failf("Network address of /30 has no peer")
		}
		flip = 3
	default:
		return nil, false, failf("Not a point-to-point network")
	}
	ip, _ := addrOf(new(big.Int).Xor(bigAddr(x.ip), big.NewInt(flip)), x.six())
	return ip.String(), true, nil
}

func filterIPWrap(a *args) (any, error) {
	if items, ok := sequenceOf(a.in); ok {
		out := make([]any, len(items))
		for i, v := range items {
			out[i] = v
			if x, ok := parseAddress(v); ok {
				out[i] = x.wrapped()
			}
		}
		return a.list(out), nil
	}
	if x, ok := parseAddress(a.in); ok {
		return x.wrapped(), nil
	}
	return a.in, nil
}

func filterNthHost(a *args) (any, error) {
	x, ok := parseAddress(a.in)
	n, err := strconv.Atoi(a.text(0, ""))
	if !ok || err != nil {
		return false, nil
	}
	at := big.NewInt(int64(n))
	if n < 0 {
		at.Add(at, x.size())
	}
	ip, ok := x.at(at)
	if !ok {
		return false, nil
	}
	return ip.String(), nil
}

func (a *args) nthUsable(direction int) (any, error) {
	x, ok := parseAddress(a.in)
	n := a.int(0, 0)
	a.need(0)
	if a.err != nil || !ok {
		return false, nil
	}
	first, last, ok := x.usable()
	ip, fits := addrOf(new(big.Int).Add(bigAddr(x.ip), big.NewInt(int64(n*direction))), x.six())
	if !ok || !fits || ip.BitLen() != x.ip.BitLen() {
		return nil, nil
	}
	return within(ip, first, last), nil
}

// netContains reports whether a network, or its usable part, holds another.
func (a *args) netContains(usable bool) (any, error) {
	x, ok := parseAddress(a.in)
	y, ok2 := parseAddress(a.need(0))
	if a.err != nil || !ok || !ok2 {
		return false, nil
	}
	first, last := x.first(), x.last()
	if usable {
		var any bool
		if first, last, any = x.usable(); !any {
			first, last = x.first(), x.last()
		}
	}
	low, high := y.first(), y.last()
	return low.BitLen() == first.BitLen() && !low.Less(first) && !last.Less(high), nil
}

func filterIPMath(a *args) (any, error) {
	x, ok := parseAddress(a.in)
	if !ok {
		return nil, failf("You must pass a valid IP address; %s is invalid", text(a.in))
	}
	ip, ok := addrOf(new(big.Int).Add(bigAddr(x.ip), big.NewInt(int64(a.int(0, 0)))), x.six())
	if !ok || ip.BitLen() != x.ip.BitLen() {
		return nil, failf("ipmath: the result is no address")
	}
	return ip.String(), nil
}

func filterIP4Hex(a *args) (any, error) {
	x, ok := parseAddress(a.in)
	if !ok || x.six() {
		return nil, failf("ip4_hex: %s is no IPv4 address", text(a.in))
	}
	h := hex.EncodeToString(x.ip.AsSlice())
	return strings.Join([]string{h[:2], h[2:4], h[4:6], h[6:]}, a.str(0, "")), nil
}

// filterIPSubnet gives the network, how many networks of a longer prefix it
// has, or the one of an index; for a lone address, the network it is in.
func filterIPSubnet(a *args) (any, error) {
	x, ok := parseAddress(a.in)
	if !ok {
		return false, nil
	}
	if !a.has(0) || a.p[0] == any("") {
		return x.with(x.first()), nil
	}
	bits, err := strconv.Atoi(a.text(0, ""))
	if err != nil {
		return nil, failf("ipsubnet takes a prefix length, not %s", repr(a.p[0]))
	}
	if bits < 0 || bits > x.ip.BitLen() {
		return false, nil
	}
	if x.lone {
		p, err := x.ip.Prefix(bits)
		if err != nil || a.given(1) {
			return nil, failf("ipsubnet: an index needs a network, and %s is an address", text(a.in))
		}
		return p.String(), nil
	}
	if bits < x.bits() {
		return false, nil
	}
	count := new(big.Int).Lsh(big.NewInt(1), uint(bits-x.bits()))
	if !a.given(1) {
		return count.String(), nil
	}
	i := big.NewInt(int64(a.int(1, 0)))
	if i.Sign() < 0 {
		i.Add(i, count)
	}
	if i.Sign() < 0 || i.Cmp(count) >= 0 {
		return false, nil
	}
	ip, _ := x.at(i.Lsh(i, uint(x.ip.BitLen()-bits)))
	return ip.String() + "/" + strconv.Itoa(bits), nil
}
