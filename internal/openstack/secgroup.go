package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"rollout/internal/value"
)

// SecurityGroup is a set of rules on what may reach a server.
type SecurityGroup struct {
	ID, Name, Description string
	Rules                 []Rule
	Raw                   *value.Map
}

// Rule lets some traffic through. Empty fields and zero ports mean any.
type Rule struct {
	ID        string
	GroupID   string
	Direction string // ingress or egress
	Ethertype string // IPv4 or IPv6
	Protocol  string // tcp, udp, icmp …
	PortMin   *int
	PortMax   *int
	RemoteIP  string // CIDR
	RemoteID  string // another group
	Text      string // description; not compared
	ProjectID string // of a new rule; empty is the session's; not compared
	Raw       *value.Map
}

// Same reports whether two rules let the same traffic through.
func (r Rule) Same(o Rule) bool {
	return r.Direction == o.Direction && r.Ethertype == o.Ethertype && r.Protocol == o.Protocol &&
		samePort(r.PortMin, o.PortMin) && samePort(r.PortMax, o.PortMax) &&
		anywhere(r.RemoteIP) == anywhere(o.RemoteIP) && r.RemoteID == o.RemoteID
}

func samePort(a, b *int) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// anywhere takes the two ways of saying "from everywhere" for one.
func anywhere(cidr string) string {
	if cidr == "0.0.0.0/0" || cidr == "::/0" {
		return ""
	}
	return cidr
}

func groupFrom(m *value.Map) SecurityGroup {
	g := SecurityGroup{ID: m.String("id"), Name: m.String("name"), Description: m.String("description"), Raw: m}
	for _, e := range m.List("security_group_rules") {
		if r, ok := e.(*value.Map); ok {
			g.Rules = append(g.Rules, ruleFrom(r))
		}
	}
	return g
}

func ruleFrom(m *value.Map) Rule {
	r := Rule{ID: m.String("id"), GroupID: m.String("security_group_id"), Direction: m.String("direction"),
		Ethertype: m.String("ethertype"), Protocol: m.String("protocol"), RemoteIP: m.String("remote_ip_prefix"),
		RemoteID: m.String("remote_group_id"), Text: m.String("description"), Raw: m}
	if n, ok := m.At("port_range_min").(int); ok {
		r.PortMin = &n
	}
	if n, ok := m.At("port_range_max").(int); ok {
		r.PortMax = &n
	}
	return r
}

// FindSecurityGroup returns the project's group of that name or id.
func (c *Cloud) FindSecurityGroup(ctx context.Context, nameOrID string) (SecurityGroup, error) {
	return cached(ctx, &c.cache, "group/"+nameOrID, func(ctx context.Context) (SecurityGroup, error) {
		return findOne(ctx, nameOrID, func(key string) ([]SecurityGroup, error) {
			if key == "name" {
				return c.groupsNamed(ctx, nameOrID)
			}
			return c.SecurityGroups(ctx, key, nameOrID)
		}, "security group", func(g SecurityGroup) string { return g.ID }, func() string {
			all, err := c.SecurityGroups(ctx, "", "")
			return hintFrom(nameOrID, all, err, func(g SecurityGroup) string { return g.Name })
		})
	})
}

// SecurityGroups lists the project's groups, those whose attribute key has the
// value where key is not empty.
func (c *Cloud) SecurityGroups(ctx context.Context, key, val string) ([]SecurityGroup, error) {
	return c.FilterSecurityGroups(ctx, query(key, val))
}

// FilterSecurityGroups lists groups, filtered by the server: the project's, unless
// filter names another's.
func (c *Cloud) FilterSecurityGroups(ctx context.Context, filter url.Values) ([]SecurityGroup, error) {
	q := query("project_id", c.project)
	for k, v := range filter {
		q[k] = v
	}
	return listAs(ctx, c, "security-groups", "security_groups", q, groupFrom)
}

// CreateSecurityGroup makes a group; Neutron gives it rules that let all out.
func (c *Cloud) CreateSecurityGroup(ctx context.Context, name, description string) (SecurityGroup, error) {
	attrs := map[string]any{"name": name}
	setText(attrs, "description", description)
	return c.MakeSecurityGroup(ctx, attrs)
}

// MakeSecurityGroup makes a group; attrs are Neutron's, name among them.
func (c *Cloud) MakeSecurityGroup(ctx context.Context, attrs map[string]any) (SecurityGroup, error) {
	defer c.cache.forget("group")
	return makeNamed(ctx, c, "security-groups", "security_group", "security_groups", attrs, groupFrom)
}

// DescribeSecurityGroup changes a group's description.
func (c *Cloud) DescribeSecurityGroup(ctx context.Context, id, description string) (SecurityGroup, error) {
	defer c.cache.forget("group")
	return updateAs(ctx, c, "security-groups/"+id, "security_group", map[string]any{"description": description}, groupFrom)
}

// UpdateSecurityGroup changes attributes of a group.
func (c *Cloud) UpdateSecurityGroup(ctx context.Context, id string, attrs map[string]any) (SecurityGroup, error) {
	defer c.cache.forget("group")
	return updateAs(ctx, c, "security-groups/"+id, "security_group", attrs, groupFrom)
}

// DeleteSecurityGroup deletes a group that nothing uses.
func (c *Cloud) DeleteSecurityGroup(ctx context.Context, id string) error {
	defer c.cache.forget("group")
	return c.deleteNeutron(ctx, "security-groups/"+id)
}

// CreateRule adds a rule. Neutron refuses a second equal one, so that a lost
// answer needs no look: the refusal says that the rule is there.
func (c *Cloud) CreateRule(ctx context.Context, r Rule) (Rule, error) {
	defer c.cache.forget("group")
	attrs := map[string]any{"security_group_id": r.GroupID, "direction": r.Direction, "ethertype": r.Ethertype}
	setText(attrs, "protocol", r.Protocol)
	setText(attrs, "remote_ip_prefix", r.RemoteIP)
	setText(attrs, "remote_group_id", r.RemoteID)
	setText(attrs, "description", r.Text)
	setText(attrs, "project_id", r.ProjectID)
	if r.PortMin != nil {
		attrs["port_range_min"] = *r.PortMin
	}
	if r.PortMax != nil {
		attrs["port_range_max"] = *r.PortMax
	}
	m, err := c.network.create(repeatable(ctx), "security-group-rules", "security_group_rule", attrs)
	if IsStatus(err, http.StatusConflict) {
		return c.ruleLike(ctx, r, err)
	}
	if err != nil {
		return Rule{}, fmt.Errorf("cannot create a rule of security group %s: %w", r.GroupID, err)
	}
	return ruleFrom(m), nil
}

func (c *Cloud) ruleLike(ctx context.Context, r Rule, conflict error) (Rule, error) {
	rules, err := c.Rules(ctx, r.GroupID)
	if err != nil {
		return Rule{}, err
	}
	for _, have := range rules {
		if have.Same(r) {
			return have, nil
		}
	}
	return Rule{}, fmt.Errorf("cannot create a rule of security group %s: %w", r.GroupID, conflict)
}

// Rules lists a group's rules.
func (c *Cloud) Rules(ctx context.Context, groupID string) ([]Rule, error) {
	return listAs(ctx, c, "security-group-rules", "security_group_rules", query("security_group_id", groupID), ruleFrom)
}

// DeleteRule deletes a rule.
func (c *Cloud) DeleteRule(ctx context.Context, id string) error {
	defer c.cache.forget("group")
	return c.deleteNeutron(ctx, "security-group-rules/"+id)
}

// Words say what a rule lets through: "tcp 80 from 0.0.0.0/0".
func (r Rule) Words() string {
	out := r.Protocol
	if out == "" {
		out = "all"
	}
	if r.PortMin != nil {
		out += fmt.Sprintf(" %d", *r.PortMin)
		if r.PortMax != nil && *r.PortMax != *r.PortMin {
			out += fmt.Sprintf("-%d", *r.PortMax)
		}
	}
	switch {
	case r.RemoteID != "":
		return out + " from " + r.RemoteID
	case r.RemoteIP != "":
		return out + " from " + r.RemoteIP
	}
	return out
}
