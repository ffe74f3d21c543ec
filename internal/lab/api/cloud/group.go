package cloud

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/wire"
)

const defaultGroup = "default"

// AddDefaultGroup makes the project's default group as Neutron does: everything out, and in from its own members.
func (s *State) AddDefaultGroup(now time.Time) {
	group := s.AddGroup(defaultGroup, now)
	group.Description = "Default security group"
	for _, ethertype := range []string{"IPv4", "IPv6"} {
		rule := &Rule{Common: NewCommon("", s.ProjectID, now), GroupID: group.ID,
			Direction: "ingress", Ethertype: ethertype, RemoteGroupID: group.ID}
		s.Rules[rule.ID] = rule
	}
}

// AddGroup makes a security group with the two rules that let everything out.
func (s *State) AddGroup(name string, now time.Time) *SecurityGroup {
	group := &SecurityGroup{Common: NewCommon(name, s.ProjectID, now)}
	s.SecurityGroups[group.ID] = group
	for _, ethertype := range []string{"IPv4", "IPv6"} {
		rule := &Rule{Common: NewCommon("", s.ProjectID, now), GroupID: group.ID, Direction: "egress", Ethertype: ethertype}
		s.Rules[rule.ID] = rule
	}
	return group
}

// DefaultGroup is the project's default group, which cannot be deleted.
func (s *State) DefaultGroup() *SecurityGroup {
	for _, group := range ByAge(s.SecurityGroups) {
		if group.Name == defaultGroup {
			return group
		}
	}
	return nil
}

// GroupNamed finds a security group by id or name; two of that name are a conflict.
func (s *State) GroupNamed(nameOrID string) (*SecurityGroup, error) {
	if group := s.SecurityGroups[nameOrID]; group != nil {
		return group, nil
	}
	var found *SecurityGroup
	for _, group := range s.SecurityGroups {
		if group.Name != nameOrID {
			continue
		}
		if found != nil {
			return nil, wire.Errorf(http.StatusConflict, "NoUniqueMatch",
				"Multiple security groups found matching '%s'. Use an ID to be more specific.", nameOrID)
		}
		found = group
	}
	if found == nil {
		return nil, NotFound("SecurityGroup", nameOrID)
	}
	return found, nil
}

// AddRule makes a rule; one that says the same as another of its group is a conflict.
func (s *State) AddRule(rule *Rule) error {
	if s.SecurityGroups[rule.GroupID] == nil {
		return NotFound("SecurityGroup", rule.GroupID)
	}
	if rule.RemoteGroupID != "" && s.SecurityGroups[rule.RemoteGroupID] == nil {
		return NotFound("SecurityGroup", rule.RemoteGroupID)
	}
	for _, other := range s.Rules {
		if other.says(rule) {
			return wire.Errorf(http.StatusConflict, "SecurityGroupRuleExists",
				"Security group rule already exists. Rule id is %s.", other.ID)
		}
	}
	s.Rules[rule.ID] = rule
	return nil
}

func (r *Rule) says(other *Rule) bool {
	return r.GroupID == other.GroupID && r.Direction == other.Direction && r.Ethertype == other.Ethertype &&
		r.Protocol == other.Protocol && same(r.PortMin, other.PortMin) && same(r.PortMax, other.PortMax) &&
		anywhere(r.RemotePrefix) == anywhere(other.RemotePrefix) && r.RemoteGroupID == other.RemoteGroupID
}

func same(a, b *int) bool { return a == b || a != nil && b != nil && *a == *b }

// anywhere gives the prefix of all addresses the same look as no prefix at all, as Neutron compares them.
func anywhere(prefix string) string {
	if prefix == "0.0.0.0/0" || prefix == "::/0" {
		return ""
	}
	return prefix
}

// RulesOf returns a group's rules.
func (s *State) RulesOf(groupID string) []*Rule {
	var rules []*Rule
	for _, rule := range ByAge(s.Rules) {
		if rule.GroupID == groupID {
			rules = append(rules, rule)
		}
	}
	return rules
}

// GroupsOf returns the security groups of a server's ports, each once, by name.
func (s *State) GroupsOf(server *Server) []*SecurityGroup {
	var groups []*SecurityGroup
	for _, portID := range server.Ports {
		port := s.Ports[portID]
		if port == nil {
			continue
		}
		for _, id := range port.SecurityGroups {
			if group := s.SecurityGroups[id]; group != nil && !slices.Contains(groups, group) {
				groups = append(groups, group)
			}
		}
	}
	slices.SortFunc(groups, func(a, b *SecurityGroup) int { return strings.Compare(a.Name+a.ID, b.Name+b.ID) })
	return groups
}

// RulesFor are the rules in force on a server: those of all its groups, with remote groups as their members' addresses.
func (s *State) RulesFor(server *Server) []backend.Rule {
	if s.insecure(server) {
		return []backend.Rule{{Direction: "ingress", Ethertype: "IPv4"}, {Direction: "egress", Ethertype: "IPv4"}}
	}
	rules := []backend.Rule{}
	for _, group := range s.GroupsOf(server) {
		for _, rule := range s.RulesOf(group.ID) {
			if resolved, ok := s.resolve(rule); ok {
				rules = append(rules, resolved)
			}
		}
	}
	return rules
}

// insecure tells whether port security is off on all of a server's ports.
func (s *State) insecure(server *Server) bool {
	for _, id := range server.Ports {
		if port := s.Ports[id]; port != nil && !port.Insecure {
			return false
		}
	}
	return len(server.Ports) > 0
}

// resolve turns a rule into addresses. One whose remote group has no members lets nothing through: it is left out,
// because no addresses would mean any.
func (s *State) resolve(rule *Rule) (backend.Rule, bool) {
	resolved := backend.Rule{Direction: rule.Direction, Ethertype: rule.Ethertype, Protocol: rule.Protocol,
		PortMin: orNone(rule.PortMin, rule.Protocol), PortMax: orNone(rule.PortMax, rule.Protocol)}
	if anywhere(rule.RemotePrefix) != "" {
		resolved.RemoteCIDRs = []string{rule.RemotePrefix}
	}
	if rule.RemoteGroupID == "" {
		return resolved, true
	}
	for _, port := range Sorted(s.Ports) {
		if !slices.Contains(port.SecurityGroups, rule.RemoteGroupID) {
			continue
		}
		for _, fixed := range port.FixedIPs {
			resolved.RemoteCIDRs = append(resolved.RemoteCIDRs, fixed.Address+"/32")
		}
	}
	return resolved, len(resolved.RemoteCIDRs) > 0
}

// orNone is a port number, or what Rule documents for none.
func orNone(port *int, protocol string) int {
	switch {
	case port != nil:
		return *port
	case strings.HasPrefix(protocol, "icmp"), protocol == "1":
		return -1
	}
	return 0
}
