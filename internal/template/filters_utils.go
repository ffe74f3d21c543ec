package template

import (
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// utilsFilters are those of ansible.utils beside the addresses'.
func utilsFilters() []*builtin {
	list := []*builtin{
		def("cidr_merge", "action", filterCIDRMerge),
		def("hwaddr", "query alias", func(a *args) (any, error) { return a.hardware("hwaddr") }),
		def("reduce_on_network", "network", filterReduceOnNetwork),
		def("slaac", "query", filterSLAAC),
	}
	return append(list, inCollection("ansible.utils.", []*builtin{
		def("get_path", "path wantlist", filterGetPath),
		def("index_of", "test value key wantlist fail_on_missing", filterIndexOf),
		def("keep_keys", "target matching_parameter", filterKeepKeys),
		def("macaddr", "query", func(a *args) (any, error) { return a.hardware("macaddr") }),
		def("param_list_compare", "target", filterParamListCompare),
		def("remove_keys", "target matching_parameter", filterRemoveKeys),
		def("replace_keys", "target matching_parameter", filterReplaceKeys),
		def("to_paths", "prepend wantlist", filterToPaths),
		def("usable_range", "", filterUsableRange),
	})...)
}

// networks reads a list of networks.
func (a *args) networks() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, e := range a.items() {
		x, ok := readNetwork(text(e))
		if !ok {
			return nil, failf("%s: error in netaddr:\ninvalid IPNetwork %s", a.def.name, text(e))
		}
		out = append(out, x.prefix)
	}
	return out, a.err
}

func filterCIDRMerge(a *args) (any, error) {
	nets, err := a.networks()
	if err != nil {
		return nil, err
	}
	switch action := a.str(0, "merge"); action {
	case "merge":
		var out []any
		for _, p := range mergedNetworks(nets) {
			out = append(out, p.String())
		}
		return a.list(out), nil
	case "span":
		return spanning(nets)
	default:
		return nil, failf("cidr_merge: invalid action '%s'", action)
	}
}

// mergedNetworks drops networks within others and joins neighbours.
func mergedNetworks(nets []netip.Prefix) []netip.Prefix {
	sort.Slice(nets, func(i, j int) bool {
		if c := nets[i].Addr().Compare(nets[j].Addr()); c != 0 {
			return c < 0
		}
		return nets[i].Bits() < nets[j].Bits()
	})
	var out []netip.Prefix
	for _, p := range nets {
		if n := len(out); n > 0 && out[n-1].Bits() <= p.Bits() && out[n-1].Contains(p.Addr()) {
			continue
		}
		out = append(out, p)
		for n := len(out); n > 1; n = len(out) {
			x, y := out[n-2], out[n-1]
			if x.Bits() != y.Bits() || x.Bits() == 0 {
				break
			}
			up, _ := x.Addr().Prefix(x.Bits() - 1)
			if up.Addr() != x.Addr() || !up.Contains(y.Addr()) {
				break
			}
			out = append(out[:n-2], up)
		}
	}
	return out
}

// spanning is the smallest network around all.
func spanning(nets []netip.Prefix) (any, error) {
	if len(nets) == 0 {
		return nil, nil
	}
	out := nets[0]
	for _, p := range nets[1:] {
		if p.Addr().BitLen() != out.Addr().BitLen() {
			return nil, failf("cidr_merge: error in netaddr:\nIP sequence cannot contain both IPv4 and IPv6!")
		}
		for out.Bits() > 0 && (!out.Contains(p.Addr()) || out.Bits() > p.Bits()) {
			out, _ = out.Addr().Prefix(out.Bits() - 1)
		}
	}
	return out.String(), nil
}

func filterReduceOnNetwork(a *args) (any, error) {
	first, last := extent(a.need(0), false)
	var out []any
	for _, e := range a.items() {
		low, high := extent(e, false)
		if low.Cmp(first) >= 0 && high.Cmp(last) <= 0 {
			out = append(out, e)
		}
	}
	return a.list(out), nil
}

// hardwareOf reads a MAC address as 12 hexadecimal digits.
func hardwareOf(v any) (string, bool) {
	s, _ := v.(string)
	s = strings.ToLower(s)
	var digits string
	for _, sep := range []string{":", "-", "."} {
		if !strings.Contains(s, sep) {
			continue
		}
		for part := range strings.SplitSeq(s, sep) {
			width := 2
			if strings.Count(s, sep) == 2 {
				width = 4
			} else if strings.Count(s, sep) == 1 {
				width = 6
			}
			if len(part) > width || part == "" {
				return "", false
			}
			digits += strings.Repeat("0", width-len(part)) + part
		}
		break
	}
	if digits == "" {
		digits = s
	}
	_, err := strconv.ParseUint(digits, 16, 64)
	return digits, err == nil && len(digits) == 12
}

func (a *args) hardware(alias string) (any, error) {
	mac, ok := hardwareOf(a.in)
	query := a.text(0, "")
	switch {
	case !ok && (query == "" || query == "bool"):
		return nil, nil
	case !ok:
		return nil, failf("%s: not a hardware address: %s", alias, text(a.in))
	}
	every := func(n int, sep string) string {
		var parts []string
		for i := 0; i < 12; i += n {
			parts = append(parts, mac[i:i+n])
		}
		return strings.Join(parts, sep)
	}
	switch query {
	case "":
		return a.in, nil
	case "bool":
		return true, nil
	case "int":
		n, _ := strconv.ParseInt(mac, 16, 64)
		return int(n), nil
	case "bare":
		return strings.ToUpper(mac), nil
	case "cisco":
		return every(4, "."), nil
	case "eui48", "win":
		return strings.ToUpper(every(2, "-")), nil
	case "linux":
		return every(2, ":"), nil
	case "unix":
		parts := strings.Split(every(2, ":"), ":")
		for i, p := range parts {
			n, _ := strconv.ParseUint(p, 16, 8)
			parts[i] = strconv.FormatUint(n, 16)
		}
		return strings.Join(parts, ":"), nil
	case "pgsql", "postgresql", "psql":
		return every(6, ":"), nil
	}
	return nil, failf("%s: unknown filter type: %s", alias, query)
}

// filterSLAAC is the address that a hardware address gets in a network.
func filterSLAAC(a *args) (any, error) {
	x, ok := parseAddress(a.in)
	mac, ok2 := hardwareOf(a.get(0, nil))
	if !ok || !ok2 || !x.six() {
		return false, nil
	}
	n, _ := strconv.ParseUint(mac, 16, 64)
	b := x.first().As16()
	eui := [8]byte{byte(n>>40) ^ 2, byte(n >> 32), byte(n >> 24), 0xff, 0xfe, byte(n >> 16), byte(n >> 8), byte(n)}
	copy(b[8:], eui[:])
	return netip.AddrFrom16(b).String(), nil
}

const maxUsable = 1 << 16 // addresses that usable_range lists

func filterUsableRange(a *args) (any, error) {
	p, err := strictNetwork(a.in)
	if err != nil {
		return nil, failf("Error while using plugin 'usable_range': %s", err)
	}
	if p.Addr().BitLen()-p.Bits() > 16 {
		return nil, failf("usable_range: %s has more than %d addresses", p, maxUsable)
	}
	var out []any
	for ip := p.Addr(); p.Contains(ip); ip = ip.Next() {
		out = append(out, ip.String())
	}
	return value.NewMap("usable_ips", a.list(out), "number_of_ips", len(out)), a.frame.run.items(len(out))
}

// strictNetwork reads a network as Python's ip_network does: no host bits.
func strictNetwork(v any) (netip.Prefix, error) {
	x, ok := parseAddress(v)
	if s, isText := v.(string); isText {
		host, _, _ := strings.Cut(s, "/")
		_, err := netip.ParseAddr(host)
		ok = ok && err == nil // nothing is left out in Python's ipaddress
	}
	if !ok {
		return netip.Prefix{}, failf("%s does not appear to be an IPv4 or IPv6 network", repr(v))
	}
	if x.ip != x.first() {
		return netip.Prefix{}, failf("%s has host bits set", text(v))
	}
	return x.prefix, nil
}

// pathKeys splits a.b['c'][0] into its keys.
func pathKeys(path string) ([]any, error) {
	e, err := New(Options{}).CompileExpr("x" + map[bool]string{true: path, false: "." + path}[strings.HasPrefix(path, "[")])
	if err != nil {
		return nil, err
	}
	var keys []any
	for at := e.root; ; {
		switch n := at.(type) {
		case *attrExpr:
			keys, at = append([]any{n.name}, keys...), n.x
		case *itemExpr:
			c, ok := n.i.(*constant)
			if !ok {
				return nil, failf("a path's element must be a constant")
			}
			keys, at = append([]any{c.v}, keys...), n.x
		default:
			return keys, nil
		}
	}
}

func filterGetPath(a *args) (any, error) {
	keys, err := pathKeys(a.str(0, ""))
	if err != nil {
		return nil, failf("get_path: cannot read the path %s: %s", quoted(a.str(0, "")), err)
	}
	v := a.in
	for _, k := range keys {
		if v, err = getitem(a.frame, v, k); err != nil {
			return nil, err
		}
		if u, ok := v.(*Undefined); ok {
			return nil, u.Err()
		}
	}
	if a.bool(1, false) {
		if isNumber(v) {
			v = text(v)
		}
		return a.list([]any{v}), nil
	}
	return v, nil
}
