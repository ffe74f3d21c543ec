package cloud_test

import (
	"net/http"
	"strings"

	"rollout/internal/lab/api"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// open is a session of the bench's own, for what no module returns.
func (b *bench) open() *openstack.Cloud {
	b.t.Helper()
	c, err := b.clouds.Open(b.t.Context(), clouds.Config{})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

// failUploads has the practice cloud refuse what images are to hold.
func (b *bench) failUploads() {
	b.t.Helper()
	b.lab.Order(b.t, api.Faults{Answers: []api.AnswerFault{{Method: http.MethodPut, Path: "/image/v2/images/*/file", Status: 500}}})
}

// rules makes a group's rules a list, and then another.
func (b *bench) rules(group string) {
	b.t.Helper()
	rule := func(pairs ...any) *value.Map { return value.NewMap(pairs...) }
	const module = "openstack.cloud.security_group"
	out4, out6 := rule("direction", "egress"), rule("direction", "egress", "ether_type", "IPv6")
	b.ok(module, "name", group, "security_group_rules", []any{out4, out6,
		rule("protocol", "tcp", "port_range_min", 22, "port_range_max", 22, "remote_ip_prefix", "10.0.0.1"),
		rule("protocol", "udp", "port_range_min", -1, "port_range_max", -1), rule("remote_group", group)})
	res := b.ok(module, "name", group, "security_group_rules", []any{out4,
		rule("protocol", "udp", "port_range_min", 1, "port_range_max", 65535), rule("protocol", "icmp", "remote_ip_prefix", "10.1.2.3/8")})
	if now := res.Data.Map("security_group").List("security_group_rules"); len(now) != 3 {
		b.t.Errorf("rules: %v", now)
	}
	if says := res.Diff[0].After; !strings.Contains(says, "delete rule ingress IPv4 tcp 22 from 10.0.0.1/32: not asked for\n") {
		b.t.Errorf("the diff says\n%s", says)
	}
	b.ok("openstack.cloud.security_group_rule", "security_group", group, "protocol", "tcp", "port_range_min", 443, "port_range_max", 443,
		"remote_ip_prefix", "192.0.2.7", "ethertype", "IPv4")
	found := b.ok("openstack.cloud.security_group_info", "name", group, "not_any_tags", []any{"x"}).Data.List("security_groups")
	if len(found) != 1 {
		b.t.Errorf("security_group_info: %v", found)
	}
	b.ok(module, "name", b.prefix+"ruled", "security_group_rules", []any{rule("protocol", "tcp", "port_range_min", 80, "port_range_max", 80)})
	b.ok(module, "name", b.prefix+"ruled", "state", "absent")
}
