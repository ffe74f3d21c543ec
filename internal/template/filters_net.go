package template

import (
	"encoding/hex"
	"fmt"
	"math/big"
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
	if n, isNumber := wholeNumber(text(v)); isNumber && version == 6 {
		x, ok = numbered(n, true)
	}
	if !ok || version != 0 && (version == 6) != x.six() {
		return false, nil
	}
	query := a.text(0, "")
	if n, err := strconv.Atoi(query); err == nil {
		return x.element(n), nil
	}
	return x.query(query)
}

// element is the n-th address of the network, counted from its end if negative.
func (x address) element(n int) any {
	if x.lone {
		return shown(x.ip)
	}
	if x.hosts() == 1 {
		return x.with(x.ip)
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
	if p, ok := readNetwork(q); ok {
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
		return x.sixToFour(), true, nil
	}
	switch q {
	case "":
		if x.lone {
			return shown(x.ip), true, nil
		}
		return x.with(x.ip), true, nil
	case "network", "network_id":
		return shown(x.first()), true, nil
	case "prefix":
		return x.bits(), true, nil
	case "netmask":
		return shown(x.netmask()), true, nil
	case "hostmask", "wildcard":
		return shown(x.hostmask()), true, nil
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
		return shown(x.first()) + " " + shown(x.netmask()), true, nil
	case "network_wildcard":
		return shown(x.first()) + " " + shown(x.hostmask()), true, nil
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

// sixToFour is the 6to4 network of an IPv4 address that others reach, or what
// was given where it is of one.
func (x address) sixToFour() any {
	one := x.alone()
	switch {
	case x.six() && (x.lone || x.isHost()):
		if one.within("2002::/16") {
			return x.given
		}
	case !x.six() && (x.hosts() == 1 || x.isHost()) && (one.private() || one.public()):
		b := x.ip.As4()
		return fmt.Sprintf("2002:%02x%02x:%02x%02x::1/48", b[0], b[1], b[2], b[3])
	}
	return false
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
		return answer(x.hosts() < 3 || x.isHost() || x.six(), shown(x.ip))
	case "broadcast":
		return answer(x.hosts() == 3, shown(x.last()))
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
		return answer(!one && (x.hosts() == 2 || x.isHost()), shown(x.ip)+" "+shown(x.netmask()))
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
		return "[" + shown(x.ip) + "]"
	}
	return "[" + shown(x.ip) + "]/" + strconv.Itoa(x.bits())
}

// privateNets are what netaddr calls private.
var privateNets = []string{"10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
	"198.18.0.0/15", "239.192.0.0/14", "169.254.0.0/16", "fc00::/7", "fec0::/10", "fe80::/10"}

func (x address) private() bool { return x.within(privateNets...) }

// public reports an address that is none of the special ones, nor a netmask.
func (x address) public() bool {
	_, mask := readMask(x.ip.String(), x.ip.BitLen())
	return !mask && !x.ip.IsMulticast() && !x.alone().private() && !x.ip.IsLoopback()
}

// kindQuery gives the value back if it is of the kind asked for.
func (x address) kindQuery(q string) (any, bool, error) {
	is := false
	switch q {
	case "private":
		is = x.private()
	case "public":
		is = x.public()
	case "loopback", "lo":
		is = x.ip.IsLoopback()
	case "multicast":
		is = x.within("224.0.0.0/4", "ff00::/8")
	case "link-local":
		is = x.ip.IsLinkLocalUnicast()
	case "unicast":
		is = !x.within("224.0.0.0/4", "ff00::/8")
	case "ipv4":
		if x.six() {
			return x.asIPv4(), true, nil
		}
		is = true
	case "ipv6":
		if !x.six() {
			return "::ffff:" + shown(x.ip) + "/" + strconv.Itoa(x.bits()+96), true, nil
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
