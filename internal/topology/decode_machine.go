package topology

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// machineFields are the keys that defaults, tiers and all_in_one share.
func (d *decoder) machineFields(m *Machine, what string) []field {
	return []field{
		d.textField("image", what+"'s image", &m.Image),
		d.textField("flavor", what+"'s flavor", &m.Flavor),
		d.textField("key_name", what+"'s key_name", &m.KeyName),
		d.textField("key_file", what+"'s key_file", &m.KeyFile),
		{"availability_zone", func(n *document.Node) { m.AvailabilityZones = d.zone(n, what) }},
		{"availability_zones", func(n *document.Node) { m.AvailabilityZones = d.zones(n, what) }},
		d.textField("user", what+"'s user", &m.User),
		d.textField("management_network", what+"'s management_network", &m.ManagementNetwork),
		d.textField("user_data", what+"'s user_data", &m.UserData),
		d.textsField("networks", what+"'s networks", &m.Networks),
		d.textsField("security_groups", what+"'s security_groups", &m.SecurityGroups),
		{"floating_ip", func(n *document.Node) { m.FloatingIP = d.floatingIP(n, what) }},
		{"reach_by", func(n *document.Node) { m.ReachByFloatingIP = d.reachBy(n, what) }},
		{"metadata", func(n *document.Node) { m.Metadata = d.vars(n, what+"'s metadata") }},
		{"boot_timeout", func(n *document.Node) { m.BootTimeout = d.seconds(n, what+"'s boot_timeout") }},
	}
}

// defaultBootTimeout is how long Nova may take, in seconds; a VM that is still
// in BUILD then is replaced.
const defaultBootTimeout = 300

func (d *decoder) defaultsOf(n *document.Node) {
	d.defaults = Machine{BootTimeout: defaultBootTimeout}
	d.mapping(n, "defaults", d.machineFields(&d.defaults, "defaults")...)
	d.oneKindOfZone(n, "defaults")
}

func (d *decoder) floatingIP(n *document.Node, what string) *FloatingIP {
	if n.Kind == document.Scalar {
		switch d.scalar(n, what+"'s floating_ip") {
		case true:
			return &FloatingIP{}
		case false, nil:
			return nil
		}
		d.errs.AddHint(n.Pos, "true, {pool: NAME} or {address: IP}", "%s's floating_ip is none of its forms", what)
		return nil
	}
	f := &FloatingIP{}
	d.mapping(n, what+"'s floating_ip",
		d.textField("pool", "the pool", &f.Pool), d.textField("address", "the address", &f.Address))
	if f.Address != "" {
		if _, err := netip.ParseAddr(f.Address); err != nil {
			d.errs.Add(n.Get("address").Pos, "%q is not an IP address", f.Address)
		}
	}
	return f
}

// reachBy says on which address rollout reaches a VM: from outside of the cloud
// it is often the floating IP alone.
func (d *decoder) reachBy(n *document.Node, what string) bool {
	switch d.text(n, what+"'s reach_by") {
	case "floating_ip":
		return true
	case "management_network":
		return false
	}
	d.errs.AddHint(n.Pos, "management_network or floating_ip", "%s's reach_by is none of its values", what)
	return false
}

// zone is the one zone that a machine is to be in; the empty text leaves it to
// Nova.
func (d *decoder) zone(n *document.Node, what string) []string {
	if zone := d.text(n, what+"'s availability_zone"); zone != "" {
		return []string{zone}
	}
	return nil
}

// zones are those that VMs are spread over, and tried in turn where a boot fails.
func (d *decoder) zones(n *document.Node, what string) []string {
	zones := d.texts(n, what+"'s availability_zones")
	for i, z := range zones {
		switch {
		case z == "":
			d.errs.Add(n.Pos, "%s's availability_zones hold an empty name", what)
		case slices.Contains(zones[:i], z):
			d.errs.Add(n.Pos, "%s's availability_zones name %s twice", what, z)
		}
	}
	return zones
}

// oneKindOfZone refuses a machine that says both where it is to be and where it may be.
func (d *decoder) oneKindOfZone(n *document.Node, what string) {
	if one := n.Get("availability_zone"); one != nil && n.Get("availability_zones") != nil {
		d.errs.AddHint(one.Pos, "availability_zone for exactly one, availability_zones for several", "%s has two keys for zones", what)
	}
}

func (d *decoder) networks(n *document.Node) {
	if n.Kind != document.Mapping {
		d.errs.Add(n.Pos, "networks must be a mapping of names, not %s", n.Kind)
		return
	}
	for _, e := range n.Entries {
		net := Network{Pos: e.Key.Pos, Name: e.Name()}
		d.mapping(e.Value, "network "+e.Name(),
			field{"cidr", func(n *document.Node) { net.CIDR = d.cidr(n) }},
			d.textField("router", "router", &net.Router),
			d.textsField("dns_nameservers", "dns_nameservers", &net.DNS))
		if e.Value.Get("cidr") == nil {
			d.errs.AddHint(e.Key.Pos, "such as cidr: 192.168.0.0/24", "network %s has no cidr", e.Name())
		}
		d.top.Networks = append(d.top.Networks, net)
	}
}

func (d *decoder) cidr(n *document.Node) netip.Prefix {
	text := d.text(n, "cidr")
	p, err := netip.ParsePrefix(text)
	if err != nil {
		d.errs.AddHint(n.Pos, "such as 192.168.0.0/24", "%q is not a network in CIDR form", text)
		return netip.Prefix{}
	}
	if p.Masked() != p {
		d.errs.AddHint(n.Pos, "did you mean "+p.Masked().String()+"?", "%s has bits set behind its mask", text)
	}
	return p
}

func (d *decoder) securityGroups(n *document.Node) {
	if n.Kind != document.Mapping {
		d.errs.Add(n.Pos, "security_groups must be a mapping of names, not %s", n.Kind)
		return
	}
	for _, e := range n.Entries {
		g := SecurityGroup{Pos: e.Key.Pos, Name: e.Name()}
		if e.Value.Kind != document.Sequence {
			d.errs.AddHint(e.Value.Pos, "such as [{tcp: 80, from: 0.0.0.0/0}]", "security group %s must be a list of rules", e.Name())
			continue
		}
		for _, item := range e.Value.Items {
			g.Rules = append(g.Rules, d.rule(item, e.Name()))
		}
		d.top.SecurityGroups = append(d.top.SecurityGroups, g)
	}
}

func (d *decoder) rule(n *document.Node, group string) Rule {
	r := Rule{RemoteIPPrefix: "0.0.0.0/0"}
	kinds := 0
	ports := func(proto string) field {
		return field{proto, func(n *document.Node) {
			kinds++
			r.Protocol = proto
			r.PortMin, r.PortMax = d.portRange(n)
		}}
	}
	flag := func(name, proto string) field {
		return field{name, func(n *document.Node) {
			kinds++
			r.Protocol = proto
			if d.scalar(n, name) != true {
				d.errs.Add(n.Pos, "%s takes only true", name)
			}
		}}
	}
	d.mapping(n, "a rule of security group "+group, ports("tcp"), ports("udp"), flag("icmp", "icmp"), flag("all", ""),
		field{"from", func(n *document.Node) { r.RemoteIPPrefix = d.cidr(n).String() }},
		field{"from_group", func(n *document.Node) {
			r.RemoteGroup, r.RemoteIPPrefix = d.text(n, "from_group"), ""
		}})
	if kinds != 1 {
		d.errs.AddHint(n.Pos, "such as {tcp: 80, from: 0.0.0.0/0}", "a rule of security group %s needs exactly one of tcp, udp, icmp, all", group)
	}
	return r
}

func (d *decoder) portRange(n *document.Node) (low, high int) {
	text := d.text(n, "port")
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	low, errLow := strconv.Atoi(strings.TrimSpace(first))
	high, errHigh := strconv.Atoi(strings.TrimSpace(last))
	if errLow != nil || errHigh != nil || low < 1 || high > 65535 || low > high {
		d.errs.AddHint(n.Pos, "such as 80 or 8000-8080", "%q is not a port or a range of ports", text)
		return 0, 0
	}
	return low, high
}

// machineOf is the defaults, overlaid with what n says.
func (d *decoder) machineOf(n *document.Node, what string, more ...field) Machine {
	m := d.defaults
	if m.BootTimeout == 0 {
		m.BootTimeout = defaultBootTimeout
	}
	d.mapping(n, what, append(d.machineFields(&m, what), more...)...)
	d.oneKindOfZone(n, what)
	if m.User == "" {
		m.User = "root"
	}
	if m.KeyFile == "" && m.KeyName != "" {
		m.KeyFile = d.keyFile(m.KeyName)
	}
	if m.Metadata == nil {
		m.Metadata = value.NewMap()
	}
	if m.ManagementNetwork == "" && len(m.Networks) > 0 {
		m.ManagementNetwork = m.Networks[0]
	}
	return m
}

func (d *decoder) allInOne(n *document.Node) {
	m := d.machineOf(n, "all_in_one")
	d.top.AllInOne = &m
}
