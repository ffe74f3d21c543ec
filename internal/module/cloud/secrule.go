package cloud

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// ruleArgs describe a rule; ethertype is spelled in one way in one version of
// the collection and in another in the other.
func ruleArgs(ethertype string, older ...string) []module.Arg {
	return []module.Arg{
		{Name: "protocol", Doc: "tcp, udp, icmp …, or any"},
		{Name: "port_range_min", Type: module.Int, Doc: "-1 is any"},
		{Name: "port_range_max", Type: module.Int, Doc: "-1 is any"},
		{Name: "remote_ip_prefix", Doc: "CIDR"},
		{Name: "remote_group", Doc: "name or id of a group whose servers may connect"},
		{Name: ethertype, Aliases: older, Default: "IPv4", Choices: []string{"IPv4", "IPv6"}},
		{Name: "direction", Default: "ingress", Choices: []string{"egress", "ingress"}},
		{Name: "description"},
	}
}

func ruleSchema() module.Schema {
	return module.Schema{
		Args: append([]module.Arg{{Name: "security_group", Required: true, Doc: "name or id"}, stateArg(), projectArg()},
			ruleArgs("ether_type", "ethertype")...),
		MutuallyExclusive: [][]string{{"remote_ip_prefix", "remote_group"}},
	}
}

func runRule(ctx context.Context, t *task) (module.Result, error) {
	project, err := t.project(ctx)
	if err != nil {
		return module.Result{}, err
	}
	group, err := theirs(ctx, t, "security group", t.text("security_group"), project, t.cloud.FindSecurityGroup,
		t.cloud.FilterSecurityGroups, func(g openstack.SecurityGroup) string { return g.ID })
	none, other := missing(err)
	switch what := t.ruleText(t.text("security_group")); {
	case none && t.absent():
		return module.Result{}, nil
	case none && t.Check: // the group may be one that an earlier task would make
		return t.changed(what, change{"add " + what, "the group is not there"}), nil
	case none || other != nil:
		return module.Result{}, err
	}
	want, err := ruleOf(ctx, t, t.Args, group)
	if err != nil {
		return module.Result{}, err
	}
	i := slices.IndexFunc(group.Rules, sameRule(want))
	what := t.ruleText(group.Name)
	switch {
	case t.absent() && i < 0:
		return module.Result{}, nil
	case t.absent():
		res := t.changed(what, change{"delete " + what, "state is absent"})
		if t.Check {
			return res, nil
		}
		return res, t.cloud.DeleteRule(ctx, group.Rules[i].ID)
	case i >= 0:
		return withRule(module.Result{}, group.Rules[i]), nil
	}
	res := t.changed(what, change{"add " + what, "not found"})
	if t.Check {
		return res, nil
	}
	r, err := t.cloud.CreateRule(ctx, want)
	if err != nil {
		return res, err
	}
	return withRule(res, r), nil
}

// ruleText names a rule for people: "rule of security group web: tcp 80 from
// 0.0.0.0/0".
func (t *task) ruleText(group string) string {
	protocol := t.text("protocol")
	if protocol == "" {
		protocol = "any"
	}
	text := "rule of security group " + group + ": " + protocol
	if low, high := t.Args.At("port_range_min"), t.Args.At("port_range_max"); low != nil {
		text += fmt.Sprintf(" %v", low)
		if high != nil && high != low {
			text += fmt.Sprintf("-%v", high)
		}
	}
	word := map[string]string{"ingress": " from ", "egress": " to "}[t.text("direction")]
	switch {
	case t.text("remote_ip_prefix") != "":
		return text + word + t.text("remote_ip_prefix")
	case t.text("remote_group") != "":
		return text + word + "group " + t.text("remote_group")
	}
	return text + word + "anywhere"
}

// ruleWords names a rule of a group for people: "ingress tcp 80 from 0.0.0.0/0".
func ruleWords(r openstack.Rule) string {
	text := r.Direction + " " + r.Ethertype
	if r.Protocol != "" {
		text += " " + r.Protocol
	}
	if r.PortMin != nil {
		text += fmt.Sprintf(" %d", *r.PortMin)
		if r.PortMax != nil && *r.PortMax != *r.PortMin {
			text += fmt.Sprintf("-%d", *r.PortMax)
		}
	}
	word := map[string]string{"ingress": " from ", "egress": " to "}[r.Direction]
	switch {
	case r.RemoteIP != "":
		return text + word + r.RemoteIP
	case r.RemoteID != "":
		return text + word + "group " + r.RemoteID
	}
	return text + word + "anywhere"
}

// ruleOf reads a rule of group out of arguments.
func ruleOf(ctx context.Context, t *task, args *value.Map, group openstack.SecurityGroup) (openstack.Rule, error) {
	r := openstack.Rule{GroupID: group.ID, Direction: args.String("direction"), Ethertype: args.String("ether_type"),
		Protocol: args.String("protocol"), RemoteIP: network(args.String("remote_ip_prefix")), Text: args.String("description")}
	if owner := group.Raw.String("project_id"); owner != t.cloud.ProjectID() {
		r.ProjectID = owner
	}
	if slices.Contains([]string{"any", "-1", "0"}, r.Protocol) {
		r.Protocol = ""
	}
	r.PortMin, r.PortMax = portRange(args, r.Protocol)
	switch name := args.String("remote_group"); name {
	case "":
	case group.Name:
		r.RemoteID = group.ID
	default:
		remote, err := t.cloud.FindSecurityGroup(ctx, name)
		if t.rehearse(err) != nil {
			return r, err
		}
		r.RemoteID = remote.ID
	}
	return r, nil
}

// network writes an address, or a network with host bits, as Neutron keeps it.
func network(cidr string) string {
	if a, err := netip.ParseAddr(cidr); err == nil {
		return netip.PrefixFrom(a, a.BitLen()).String()
	}
	if p, err := netip.ParsePrefix(cidr); err == nil {
		return p.Masked().String()
	}
	return cidr
}

// portRange reads the ports: none is any, and so is -1, but tcp and udp from 1
// to 65535 are stored as such, as Ansible's module has it.
func portRange(args *value.Map, protocol string) (low, high *int) {
	read := func(key string) (*int, bool) {
		n, given := args.At(key).(int)
		if !given || n == -1 {
			return nil, given
		}
		return &n, true
	}
	low, givenLow := read("port_range_min")
	high, givenHigh := read("port_range_max")
	if (protocol == "tcp" || protocol == "udp") && givenLow && givenHigh && low == nil && high == nil {
		from, to := 1, 65535
		return &from, &to
	}
	return low, high
}

// sameRule takes all ports of tcp and udp, however they are said, for the same.
func sameRule(want openstack.Rule) func(openstack.Rule) bool {
	return func(have openstack.Rule) bool { return allPorts(want).Same(allPorts(have)) }
}

func allPorts(r openstack.Rule) openstack.Rule {
	if (r.Protocol == "tcp" || r.Protocol == "udp") && r.PortMin != nil && r.PortMax != nil && *r.PortMin <= 1 && *r.PortMax == 65535 {
		r.PortMin, r.PortMax = nil, nil
	}
	return r
}

func withRule(res module.Result, r openstack.Rule) module.Result {
	return res.Set("rule", named(ruleNames(), r.Raw)).Set("id", r.ID)
}
