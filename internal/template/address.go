package template

import (
	"math/big"
	"net/netip"
	"strconv"
	"strings"
)

// address is an IP address with or without a prefix.
type address struct {
	given  any // as it was written
	ip     netip.Addr
	prefix netip.Prefix // the network; a lone address is one of itself
	lone   bool         // written without a prefix
}

// parseAddress reads what ansible.utils' ipaddr takes for an address: digits
// alone are a number, else what netaddr's IPNetwork reads, else NUMBER/BITS.
func parseAddress(v any) (address, bool) {
	s, isText := v.(string)
	_, isBool := v.(bool)
	if _, _, _, k := number(v); !isBool && (k == 'i' || k == 'b') {
		s, isText = toBig(v).String(), true
	}
	if n, ok := wholeNumber(s); isText && ok {
		return numbered(n, false)
	}
	if x, ok := readNetwork(s); isText && ok {
		x.given = v
		return x, true
	}
	host, mask, _ := strings.Cut(s, "/")
	n, ok := wholeNumber(host)
	if bits, err := strconv.Atoi(mask); isText && ok && err == nil {
		return cidr(n, bits)
	}
	return address{given: v}, false
}

// wholeNumber reads digits alone.
func wholeNumber(s string) (*big.Int, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" || len(s) > maxAddressDigits {
		return nil, false
	}
	return new(big.Int).SetString(s, 10)
}

// maxAddressDigits is more than any address has.
const maxAddressDigits = 60

// numbered is the address of that number: IPv4 where it fits, unless six.
func numbered(n *big.Int, six bool) (address, bool) {
	ip, ok := addrOf(n, six)
	if !ok {
		return address{}, false
	}
	out := address{ip: ip, prefix: netip.PrefixFrom(ip, ip.BitLen()), lone: true}
	out.given = out.with(ip)
	return out, true
}

// cidr is the address of that number in a network of so many bits.
func cidr(n *big.Int, bits int) (address, bool) {
	ip, ok := addrOf(n, bits > 32)
	if !ok {
		return address{}, false
	}
	prefix, err := ip.Prefix(bits)
	out := address{ip: ip, prefix: prefix}
	out.given = out.with(ip)
	return out, err == nil
}

// readNetwork reads an address as netaddr's IPNetwork does: "10.0.0.1",
// "10.0.0.1/24", "10.0.0.1/255.255.255.0" or "10.0.0.1/0.0.0.255". Of an IPv4
// address the last numbers may be left out, they are 0.
func readNetwork(s string) (address, bool) {
	host, mask, hasMask := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(host)
	if err != nil {
		ip, err = netip.ParseAddr(expanded(host))
	}
	if err != nil || ip.Zone() != "" {
		return address{}, false
	}
	bits := ip.BitLen()
	if hasMask {
		if bits, err = strconv.Atoi(strings.TrimSpace(mask)); err != nil {
			ok := false
			if bits, ok = readMask(mask, ip.BitLen()); !ok {
				return address{}, false
			}
		}
	}
	out := address{ip: ip, lone: !hasMask}
	out.prefix, err = ip.Prefix(bits)
	return out, err == nil
}

// expanded writes an abbreviated IPv4 address with all of its numbers.
func expanded(host string) string {
	parts := strings.Split(host, ".")
	for i, p := range parts {
		n, err := strconv.Atoi(strings.TrimSpace(p))
		if err != nil {
			return ""
		}
		parts[i] = strconv.Itoa(n)
	}
	for len(parts) < 4 {
		parts = append(parts, "0")
	}
	return strings.Join(parts, ".")
}

// readMask reads a netmask, or a host mask, of addresses of that size.
func readMask(text string, size int) (bits int, ok bool) {
	mask, err := netip.ParseAddr(text)
	if err != nil || mask.BitLen() != size || mask.Zone() != "" {
		return 0, false
	}
	if bits, ok = maskBits(mask); ok {
		return bits, true
	}
	inverse, _ := addrOf(new(big.Int).Xor(bigAddr(mask), bigAddr(maskOf(size, size))), size == 128)
	return maskBits(inverse)
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
func (x address) with(ip netip.Addr) string { return shown(ip) + "/" + strconv.Itoa(x.bits()) }

// shown writes an address as the C library does: what looks like an IPv4
// address in an IPv6 one is written as such.
func shown(ip netip.Addr) string {
	if n := bigAddr(ip); ip.Is6() && n.BitLen() > 16 && n.BitLen() <= 32 {
		low, _ := addrOf(n, false)
		return "::" + low.String()
	}
	return ip.String()
}

// bare is the address of the same number as netaddr has it where a version is
// not said: IPv4 if it fits.
func bare(ip netip.Addr) string {
	a, _ := addrOf(bigAddr(ip), false)
	return shown(a)
}

// within reports whether the network lies in one of those.
func (x address) within(nets ...string) bool {
	for _, n := range nets {
		if p := netip.MustParsePrefix(n); p.Bits() <= x.bits() && p.Contains(x.ip) {
			return true
		}
	}
	return false
}

// alone is the address without its network.
func (x address) alone() address {
	return address{given: x.given, ip: x.ip, prefix: netip.PrefixFrom(x.ip, x.ip.BitLen()), lone: true}
}

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
