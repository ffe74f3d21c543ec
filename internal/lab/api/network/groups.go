package network

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) groupRoutes() {
	s.Handle("GET /v2.0/security-groups", s.listGroups)
	s.Handle("POST /v2.0/security-groups", s.createGroup)
	s.Handle("GET /v2.0/security-groups/{id}", s.showGroup)
	s.Handle("PUT /v2.0/security-groups/{id}", s.updateGroup)
	s.Handle("DELETE /v2.0/security-groups/{id}", s.deleteGroup)
	s.Handle("GET /v2.0/security-group-rules", s.listRules)
	s.Handle("POST /v2.0/security-group-rules", s.createRule)
	s.Handle("GET /v2.0/security-group-rules/{id}", s.showRule)
	s.Handle("DELETE /v2.0/security-group-rules/{id}", s.deleteRule)
}

func groupView(state *cloud.State, g *cloud.SecurityGroup) wire.Object {
	view := common(&g.Common)
	rules := []wire.Object{}
	for _, rule := range state.RulesOf(g.ID) {
		rules = append(rules, ruleView(state, rule))
	}
	view["security_group_rules"] = rules
	view["stateful"] = true
	view["shared"] = false
	return view
}

func ruleView(_ *cloud.State, rule *cloud.Rule) wire.Object {
	view := common(&rule.Common)
	delete(view, "name")
	view["security_group_id"] = rule.GroupID
	view["direction"] = rule.Direction
	view["ethertype"] = rule.Ethertype
	view["protocol"] = orNull(rule.Protocol)
	view["port_range_min"] = orNullNumber(rule.PortMin)
	view["port_range_max"] = orNullNumber(rule.PortMax)
	view["remote_ip_prefix"] = orNull(rule.RemotePrefix)
	view["normalized_cidr"] = orNull(rule.RemotePrefix)
	view["remote_group_id"] = orNull(rule.RemoteGroupID)
	view["remote_address_group_id"] = nil
	return view
}

func orNullNumber(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

func groups(state *cloud.State) map[string]*cloud.SecurityGroup { return state.SecurityGroups }
func rules(state *cloud.State) map[string]*cloud.Rule           { return state.Rules }

func (s *Service) listGroups(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "security_groups", groups, groupView, &cloud.SecurityGroup{})
}

func (s *Service) listRules(r *http.Request) (wire.Answer, error) {
	return collection(s, r, "security_group_rules", rules, ruleView, &cloud.Rule{})
}

func (s *Service) showGroup(r *http.Request) (wire.Answer, error) {
	return s.show(r, "security_group", "SecurityGroup", func(state *cloud.State) wire.Object {
		if group := state.SecurityGroups[r.PathValue("id")]; group != nil {
			return groupView(state, group)
		}
		return nil
	})
}

func (s *Service) showRule(r *http.Request) (wire.Answer, error) {
	return s.show(r, "security_group_rule", "SecurityGroupRule", func(state *cloud.State) wire.Object {
		if rule := state.Rules[r.PathValue("id")]; rule != nil {
			return ruleView(state, rule)
		}
		return nil
	})
}

func (s *Service) createGroup(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "security_group", "stateful")
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if err := state.RoomFor("security_group"); err != nil {
			return err
		}
		group := state.AddGroup("", s.now())
		if err := s.setGroup(state, group, asked); err != nil {
			return err
		}
		group.Revision = 1
		view = groupView(state, group)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Created(wire.Object{"security_group": view})
}

func (s *Service) setGroup(state *cloud.State, group *cloud.SecurityGroup, asked fields) error {
	stateful, fixed := true, group == state.DefaultGroup()
	before := group.Name
	if err := first(s.describe(asked, &group.Common), take(asked, "stateful", &stateful)); err != nil {
		return err
	}
	switch {
	case fixed && group.Name != before:
		return wire.Errorf(http.StatusConflict, "SecurityGroupCannotUpdateDefault", "Updating default security group not allowed.")
	case group.Name != before && group.Name == "default":
		return wire.Errorf(http.StatusConflict, "SecurityGroupDefaultAlreadyExists", "Default security group already exists.")
	case !stateful:
		return badRequest("Invalid input for stateful. Reason: the practice cloud's security groups are stateful.")
	}
	return nil
}

func (s *Service) updateGroup(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "security_group", "stateful")
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		group := state.SecurityGroups[r.PathValue("id")]
		if group == nil {
			return cloud.NotFound("SecurityGroup", r.PathValue("id"))
		}
		if err := expected(r, &group.Common); err != nil {
			return err
		}
		if err := s.setGroup(state, group, asked); err != nil {
			return err
		}
		view = groupView(state, group)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"security_group": view})
}

func (s *Service) deleteGroup(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("id")
	err := s.store.Update(func(state *cloud.State) error {
		group := state.SecurityGroups[id]
		if group == nil {
			return cloud.NotFound("SecurityGroup", id)
		}
		if group == state.DefaultGroup() {
			return wire.Errorf(http.StatusConflict, "SecurityGroupCannotRemoveDefault", "Insufficient rights for removing default security group.")
		}
		for _, port := range state.Ports {
			if slices.Contains(port.SecurityGroups, id) {
				return wire.Errorf(http.StatusConflict, "SecurityGroupInUse", "Security Group %s in use.", id)
			}
		}
		for ruleID, rule := range state.Rules {
			if rule.GroupID == id || rule.RemoteGroupID == id {
				delete(state.Rules, ruleID)
			}
		}
		delete(state.SecurityGroups, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

func (s *Service) createRule(r *http.Request) (wire.Answer, error) {
	asked, err := read(r, "security_group_rule", "security_group_id", "direction", "ethertype", "protocol", "port_range_min",
		"port_range_max", "remote_ip_prefix", "remote_group_id", "remote_address_group_id")
	if err != nil {
		return wire.Answer{}, err
	}
	if err := asked.require("security_group_id", "direction"); err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if err := state.RoomFor("security_group_rule"); err != nil {
			return err
		}
		rule := &cloud.Rule{Common: cloud.NewCommon("", state.ProjectID, s.now())}
		if err := s.setRule(rule, asked); err != nil {
			return err
		}
		rule.Revision = 0
		if err := state.AddRule(rule); err != nil {
			return err
		}
		view = ruleView(state, rule)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.fabric.Apply()
	return wire.Created(wire.Object{"security_group_rule": view})
}

func (s *Service) setRule(rule *cloud.Rule, asked fields) error {
	rule.Ethertype = "IPv4"
	var protocol any
	err := first(s.describe(asked, &rule.Common), take(asked, "security_group_id", &rule.GroupID),
		take(asked, "direction", &rule.Direction), take(asked, "ethertype", &rule.Ethertype),
		take(asked, "protocol", &protocol), take(asked, "port_range_min", &rule.PortMin),
		take(asked, "port_range_max", &rule.PortMax), take(asked, "remote_ip_prefix", &rule.RemotePrefix),
		take(asked, "remote_group_id", &rule.RemoteGroupID), asked.without("remote_address_group_id"))
	if err != nil {
		return err
	}
	if !slices.Contains([]string{"ingress", "egress"}, rule.Direction) {
		return badRequest("Invalid input for direction. Reason: %s is not in valid_values.", rule.Direction)
	}
	if !slices.Contains([]string{"IPv4", "IPv6"}, rule.Ethertype) {
		return badRequest("Invalid input for ethertype. Reason: %s is not in valid_values.", rule.Ethertype)
	}
	if protocol != nil {
		rule.Protocol = strings.ToLower(fmt.Sprint(protocol))
	}
	return first(checkProtocol(rule), checkPorts(rule), checkRemote(rule))
}

var protocols = []string{"ah", "dccp", "egp", "esp", "gre", "hopopt", "icmp", "igmp", "ip", "ipip", "ipv6-encap",
	"ipv6-frag", "ipv6-icmp", "icmpv6", "ipv6-nonxt", "ipv6-opts", "ipv6-route", "ospf", "pgm", "rsvp", "sctp", "tcp",
	"udp", "udplite", "vrrp"}

func checkProtocol(rule *cloud.Rule) error {
	switch rule.Protocol {
	case "any", "ip", "0":
		rule.Protocol = ""
	}
	if rule.Protocol == "" || slices.Contains(protocols, rule.Protocol) {
		return nil
	}
	if n, err := strconv.Atoi(rule.Protocol); err == nil && n >= 0 && n <= 255 {
		return nil
	}
	return wire.Errorf(http.StatusBadRequest, "SecurityGroupRuleInvalidProtocol",
		"Security group rule protocol %s not supported. Only protocol values [None, '%s'] and integer representations [0 to 255] are supported.",
		rule.Protocol, strings.Join(protocols, "', '"))
}

func checkPorts(rule *cloud.Rule) error {
	low, high := rule.PortMin, rule.PortMax
	if low == nil && high == nil {
		return nil
	}
	if rule.Protocol == "" {
		return wire.Errorf(http.StatusBadRequest, "SecurityGroupProtocolRequiredWithPorts", "Must also specify protocol if port range is given.")
	}
	if strings.Contains(rule.Protocol, "icmp") || rule.Protocol == "1" {
		if low == nil {
			return wire.Errorf(http.StatusBadRequest, "SecurityGroupMissingIcmpType", "ICMP code (port-range-max) %d is provided but ICMP type (port-range-min) is missing.", *high)
		}
		return nil
	}
	if low == nil || high == nil || *low > *high || *low < 0 || *high > 65535 {
		return wire.Errorf(http.StatusBadRequest, "SecurityGroupInvalidPortRange", "For TCP/UDP protocols, port_range_min must be <= port_range_max")
	}
	return nil
}

// checkRemote takes a CIDR or a bare address, and keeps it as the network it names.
func checkRemote(rule *cloud.Rule) error {
	if rule.RemotePrefix != "" && rule.RemoteGroupID != "" {
		return wire.Errorf(http.StatusBadRequest, "SecurityGroupMultipleRemoteEntities", "Only one remote entity can be specified.")
	}
	if rule.RemotePrefix == "" {
		return nil
	}
	prefix, err := netip.ParsePrefix(rule.RemotePrefix)
	if address, bare := netip.ParseAddr(rule.RemotePrefix); bare == nil {
		prefix, err = netip.PrefixFrom(address, address.BitLen()), nil
	}
	if err != nil {
		return wire.Errorf(http.StatusBadRequest, "InvalidCIDR", "Invalid CIDR %s given as IP prefix.", rule.RemotePrefix)
	}
	if prefix.Addr().Is4() != (rule.Ethertype == "IPv4") {
		return wire.Errorf(http.StatusBadRequest, "SecurityGroupRuleParameterConflict", "Conflicting value ethertype %s for CIDR %s", rule.Ethertype, rule.RemotePrefix)
	}
	rule.RemotePrefix = prefix.Masked().String()
	return nil
}

func (s *Service) deleteRule(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("id")
	err := s.store.Update(func(state *cloud.State) error {
		if state.Rules[id] == nil {
			return cloud.NotFound("SecurityGroupRule", id)
		}
		delete(state.Rules, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	s.fabric.Apply()
	return wire.NoContent()
}
