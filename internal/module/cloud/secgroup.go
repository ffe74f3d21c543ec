package cloud

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
)

func groupSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "name", Required: true}, {Name: "description"}, stateArg(),
		{Name: "project", Doc: "of no effect: groups are made in the project of the session"},
	}}
}

func runGroup(ctx context.Context, t *task) (module.Result, error) {
	name := t.text("name")
	have, err := t.cloud.FindSecurityGroup(ctx, name)
	none, err := missing(err)
	if err != nil {
		return module.Result{}, err
	}
	what := "security group " + name
	description, described := t.Args.Get("description")
	var why change
	var act func() (openstack.SecurityGroup, error)
	switch {
	case t.absent() && none:
		return module.Result{}, nil
	case t.absent():
		res := t.changed(what, change{"delete " + what, "state is absent"})
		if t.Check {
			return res, nil
		}
		return res, t.cloud.DeleteSecurityGroup(ctx, have.ID)
	case none:
		why = change{"make " + what, "not found"}
		act = func() (openstack.SecurityGroup, error) {
			return t.cloud.CreateSecurityGroup(ctx, name, t.text("description"))
		}
	case described && description != have.Description:
		why = change{"describe " + what, "its description differs"}
		act = func() (openstack.SecurityGroup, error) {
			return t.cloud.DescribeSecurityGroup(ctx, have.ID, t.text("description"))
		}
	default:
		return withGroup(module.Result{}, have), nil
	}
	res := t.changed(what, why)
	if t.Check {
		return res, nil
	}
	g, err := act()
	if err != nil {
		return res, err
	}
	return withGroup(res, g), nil
}

func withGroup(res module.Result, g openstack.SecurityGroup) module.Result {
	return res.Set("secgroup", g.Raw).Set("security_group", g.Raw).Set("id", g.ID)
}

func ruleSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "security_group", Required: true, Doc: "name or id"},
			{Name: "protocol", Doc: "tcp, udp, icmp …, or any"},
			{Name: "port_range_min", Type: module.Int, Doc: "-1 is any"},
			{Name: "port_range_max", Type: module.Int, Doc: "-1 is any"},
			{Name: "remote_ip_prefix", Doc: "CIDR"},
			{Name: "remote_group", Doc: "name or id of a group whose servers may connect"},
			{Name: "ethertype", Default: "IPv4", Choices: []string{"IPv4", "IPv6"}},
			{Name: "direction", Default: "ingress", Choices: []string{"egress", "ingress"}},
			stateArg(), {Name: "description"},
			{Name: "project", Doc: "of no effect: rules are made in the project of the session"},
		},
		MutuallyExclusive: [][]string{{"remote_ip_prefix", "remote_group"}},
	}
}

func runRule(ctx context.Context, t *task) (module.Result, error) {
	group, err := t.cloud.FindSecurityGroup(ctx, t.text("security_group"))
	none, other := missing(err)
	switch what := t.ruleText(t.text("security_group")); {
	case none && t.absent():
		return module.Result{}, nil
	case none && t.Check: // the group may be one that an earlier task would make
		return t.changed(what, change{"add " + what, "the group is not there"}), nil
	case none || other != nil:
		return module.Result{}, err
	}
	want, err := ruleOf(ctx, t, group.ID)
	if err != nil {
		return module.Result{}, err
	}
	i := slices.IndexFunc(group.Rules, want.Same)
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

func ruleOf(ctx context.Context, t *task, groupID string) (openstack.Rule, error) {
	r := openstack.Rule{GroupID: groupID, Direction: t.text("direction"), Ethertype: t.text("ethertype"),
		Protocol: t.text("protocol"), RemoteIP: t.text("remote_ip_prefix"), Text: t.text("description")}
	if r.Protocol == "any" || r.Protocol == "-1" {
		r.Protocol = ""
	}
	r.PortMin, r.PortMax = portRange(t, r.Protocol)
	if g := t.text("remote_group"); g != "" {
		remote, err := t.cloud.FindSecurityGroup(ctx, g)
		if err != nil {
			return r, err
		}
		r.RemoteID = remote.ID
	}
	return r, nil
}

// portRange reads the ports: none is any, and so is -1, but tcp and udp from 1
// to 65535 are stored as such, as Ansible's module has it.
func portRange(t *task, protocol string) (low, high *int) {
	read := func(key string) *int {
		n, ok := t.Args.At(key).(int)
		if !ok || n == -1 {
			return nil
		}
		return &n
	}
	low, high = read("port_range_min"), read("port_range_max")
	_, givenLow := t.Args.Get("port_range_min")
	_, givenHigh := t.Args.Get("port_range_max")
	if (protocol == "tcp" || protocol == "udp") && givenLow && givenHigh && low == nil && high == nil {
		from, to := 1, 65535
		return &from, &to
	}
	return low, high
}

func withRule(res module.Result, r openstack.Rule) module.Result {
	return res.Set("rule", r.Raw).Set("id", r.ID)
}
