package template

import (
	"encoding/hex"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

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
		out = bare(first)
	case q == "last_usable":
		out = bare(last)
	case q == "range_usable":
		out = bare(first) + "-" + bare(last)
	case q == "next_usable":
		v, err := x.moved(1)
		return v, true, err
	default:
		v, err := x.moved(-1)
		return v, true, err
	}
	return out, true, nil
}

// moved is the usable address so many places on; None where it is not usable.
func (x address) moved(by int64) (any, error) {
	n := new(big.Int).Add(bigAddr(x.ip), big.NewInt(by))
	first, last, ok := x.usable()
	if !ok {
		return nil, nil
	}
	if _, ok := addrOf(n, true); !ok {
		return nil, failf("%s is the last address on that side", shown(x.ip))
	}
	if n.Cmp(bigAddr(first)) < 0 || n.Cmp(bigAddr(last)) > 0 {
		return nil, nil
	}
	ip, _ := addrOf(n, false)
	return shown(ip), nil
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
	ip, _ := addrOf(new(big.Int).Xor(bigAddr(x.ip), big.NewInt(flip)), false)
	return shown(ip), true, nil
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
	v, err := a.address(a.in, 0)
	x, ok := parseAddress(v)
	if err != nil || !ok {
		return a.in, nil
	}
	return x.wrapped(), nil
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
	return shown(ip), nil
}

func (a *args) nthUsable(direction int) (any, error) {
	x, ok := parseAddress(a.in)
	n := a.int(0, 0)
	a.need(0)
	if a.err != nil || !ok {
		return false, nil
	}
	return x.moved(int64(n * direction))
}

// netContains reports whether a network, or its usable part, holds another.
func (a *args) netContains(usable bool) (any, error) {
	around, in := a.in, a.need(0)
	if a.err != nil {
		return false, nil
	}
	first, last := extent(around, usable)
	low, high := extent(in, false)
	return low.Cmp(first) >= 0 && low.Cmp(last) <= 0 && high.Cmp(first) >= 0 && high.Cmp(last) <= 0, nil
}

// extent returns the numbers of a network's first and last address, or of its
// usable ones, as ansible.utils has them: what is no address is 0, and a network
// of two addresses ends with its first.
func extent(v any, usable bool) (first, last *big.Int) {
	x, ok := parseAddress(v)
	if !ok {
		return new(big.Int), new(big.Int)
	}
	first, last = bigAddr(x.first()), bigAddr(x.first())
	if low, high, ok := x.usable(); ok && usable {
		return bigAddr(low), bigAddr(high)
	}
	if x.hosts() == 3 {
		last = bigAddr(x.last())
	}
	return first, last
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
	ip, err := netip.ParseAddr(text(a.in))
	if err != nil || !ip.Is4() {
		return nil, failf("ip4_hex: %s is no IPv4 address", text(a.in))
	}
	h := hex.EncodeToString(ip.AsSlice())
	return strings.Join([]string{h[:2], h[2:4], h[4:6], h[6:]}, a.str(0, "")), nil
}

// filterIPSubnet gives the network; how many networks of a longer prefix it has,
// or the one of an index; for a lone address, the network it is in; which of a
// network's parts it is.
func filterIPSubnet(a *args) (any, error) {
	x, ok := parseAddress(a.in)
	if !ok {
		return false, nil
	}
	x.ip = x.first()
	query := a.text(0, "")
	if !a.has(0) || query == "" {
		return x.with(x.ip), nil
	}
	n, isNumber := wholeNumber(query)
	if !isNumber {
		return x.rank(query)
	}
	if n.Cmp(big.NewInt(int64(x.ip.BitLen()))) > 0 {
		return false, nil
	}
	if bits := int(n.Int64()); x.hosts() == 1 {
		return x.supernet(bits, a.int(1, 0), a.given(1))
	} else if a.given(1) {
		return x.subnet(bits, a.int(1, 0))
	} else if bits < x.bits() {
		return nil, failf("Requested subnet size of %d is invalid", bits)
	} else {
		return new(big.Int).Lsh(big.NewInt(1), uint(bits-x.bits())).String(), nil
	}
}

// supernet is the network of so many bits that an address is in, and with an
// index of so many bits more.
func (x address) supernet(bits, index int, indexed bool) (any, error) {
	size := x.ip.BitLen()
	if indexed && (index > size+1-index || index < bits-size) {
		return false, nil
	}
	if index < 0 {
		index += size - bits
	}
	if bits+index >= size || index < 0 {
		return nil, failf("ipsubnet: %s has no network %d of %d bits", text(x.given), index, bits)
	}
	p, _ := x.ip.Prefix(bits + index)
	return shown(p.Addr()) + "/" + strconv.Itoa(p.Bits()), nil
}

// subnet is one of the networks of so many bits within the network.
func (x address) subnet(bits, index int) (any, error) {
	count, i := big.NewInt(0), big.NewInt(int64(index))
	if bits >= x.bits() {
		count.Lsh(big.NewInt(1), uint(bits-x.bits()))
	}
	if i.Sign() < 0 {
		i.Add(i, count)
	}
	if i.Sign() < 0 || i.Sign() > 0 && i.Cmp(count) >= 0 {
		return false, nil
	}
	ip, _ := addrOf(i.Add(i.Lsh(i, uint(x.ip.BitLen()-bits)), bigAddr(x.first())), false)
	if bits > ip.BitLen() {
		return nil, failf("ipsubnet: invalid IPNetwork %s/%d", shown(ip), bits)
	}
	return shown(ip) + "/" + strconv.Itoa(bits), nil
}

// rank counts which part of the other network this one is, from 1.
func (x address) rank(query string) (any, error) {
	y, ok := parseAddress(query)
	if !ok {
		return nil, failf("You must pass a valid subnet or IP address; %s is invalid", query)
	}
	size := x.ip.BitLen()
	if y.ip.BitLen() != size || y.bits() > x.bits() || !y.prefix.Contains(x.ip) {
		return nil, failf("%s is not in the subnet %s", x.with(x.ip), y.with(y.first()))
	}
	n := new(big.Int).Sub(bigAddr(x.ip), bigAddr(y.first()))
	return n.Rsh(n, uint(size-x.bits())).Add(n, big.NewInt(1)).String(), nil
}
