package cloud

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func subnetSchema() module.Schema {
	modes := []string{"dhcpv6-stateful", "dhcpv6-stateless", "slaac"}
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Required: true}, stateArg(),
			{Name: "network_name", Aliases: []string{"network"}, Doc: "name or id; required where state is present"},
			{Name: "cidr"},
			{Name: "ip_version", Default: "4", Choices: []string{"4", "6"}},
			{Name: "enable_dhcp", Aliases: []string{"is_dhcp_enabled"}, Type: module.Bool, Default: true},
			{Name: "gateway_ip"}, {Name: "no_gateway_ip", Aliases: []string{"disable_gateway_ip"}, Type: module.Bool},
			{Name: "dns_nameservers", Type: module.List, Elements: module.Str},
			{Name: "allocation_pool_start"}, {Name: "allocation_pool_end"},
			{Name: "allocation_pools", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "start", Required: true}, {Name: "end", Required: true}}},
			{Name: "description"}, {Name: "network_segment", Doc: "name or id, of a new subnet"},
			{Name: "subnet_pool", Doc: "name or id, of a new subnet"}, {Name: "prefix_length", Doc: "of a new subnet from a pool"},
			{Name: "host_routes", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "destination", Required: true}, {Name: "nexthop", Required: true}}},
			{Name: "ipv6_ra_mode", Choices: modes}, {Name: "ipv6_address_mode", Choices: modes},
			{Name: "use_default_subnetpool", Aliases: []string{"use_default_subnet_pool"}, Type: module.Bool, Default: false},
			projectArg(),
			{Name: "extra_specs", Aliases: []string{"extra_attrs"}, Type: module.Dict, Doc: "further attributes, as Neutron names them"},
		},
		RequiredTogether:  [][]string{{"allocation_pool_start", "allocation_pool_end"}},
		MutuallyExclusive: [][]string{{"allocation_pools", "allocation_pool_start"}, {"subnet_pool", "use_default_subnetpool"}},
		RequiredIf:        []module.RequiredIf{{Arg: "state", Value: "present", Need: []string{"network_name"}}},
	}
}

func runSubnet(ctx context.Context, t *task) (module.Result, error) {
	name, what := t.text("name"), "subnet "+t.text("name")
	if t.on("no_gateway_ip") && t.text("gateway_ip") != "" {
		return module.Result{}, errors.New("gateway_ip and no_gateway_ip contradict each other (give one of them)")
	}
	project, err := t.project(ctx)
	if err != nil {
		return module.Result{}, err
	}
	networkID, err := t.networkID(ctx)
	switch none, other := missing(err); {
	case other != nil:
		return module.Result{}, err
	case none && t.absent():
		return module.Result{}, nil
	case none && t.Check: // the network may be one that an earlier task would make
		return t.changed(what, change{"make " + what, "its network is not there"}), nil
	case none:
		return module.Result{}, err
	}
	found, err := t.cloud.FindSubnet(ctx, name, networkID)
	if _, err := missing(err); err != nil {
		return module.Result{}, err
	}
	if err := subnetPossible(t, found); err != nil {
		return module.Result{}, err
	}
	create, err := newSubnet(ctx, t, networkID, project)
	if err != nil {
		return module.Result{}, err
	}
	res, now, err := t.settle(thing{
		what: what, have: found.Raw, create: create, update: unordered(changedSubnet(t), found.Raw),
		make: func(a map[string]any) (*value.Map, error) {
			s, err := t.cloud.CreateSubnet(ctx, a)
			return s.Raw, err
		},
		change: func(id string, a map[string]any) (*value.Map, error) {
			s, err := t.cloud.UpdateSubnet(ctx, id, a)
			return s.Raw, err
		},
		remove: func(id string) error { return t.cloud.DeleteSubnet(ctx, id) },
	})
	return record(res, "subnet", named(subnetNames(), now)), err
}

func (t *task) networkID(ctx context.Context) (string, error) {
	name := t.text("network_name")
	if name == "" {
		return "", nil
	}
	network, err := t.cloud.FindNetwork(ctx, name)
	return network.ID, err
}

// subnetPossible says what can't be had: a subnet's range and modes are for life.
func subnetPossible(t *task, found openstack.Subnet) error {
	if t.absent() {
		return nil
	}
	if found.Raw == nil {
		pool := t.on("use_default_subnetpool") || t.text("subnet_pool") != "" || t.Args.Map("extra_specs").String("subnetpool_id") != ""
		if t.text("cidr") == "" && !pool {
			return fmt.Errorf("cidr is required to make subnet %s", t.text("name"))
		}
		return nil
	}
	if cidr := t.text("cidr"); cidr != "" && found.CIDR != cidr {
		return fmt.Errorf("subnet %s has the range %s, and a subnet's range can't be changed to %s (delete it first, or choose another name)",
			found.Name, found.CIDR, cidr)
	}
	for _, key := range []string{"ipv6_ra_mode", "ipv6_address_mode"} {
		if want, got := t.text(key), found.Raw.String(key); want != "" && want != got {
			return fmt.Errorf("subnet %s has the %s %q, which can't be changed to %q (delete it first, or choose another name)", found.Name, key, got, want)
		}
	}
	return nil
}

func newSubnet(ctx context.Context, t *task, networkID, project string) (attributes, error) {
	if t.absent() {
		return nil, nil
	}
	a := take(t, "name", "name", "cidr", "cidr", "ipv6_ra_mode", "ipv6_ra_mode", "ipv6_address_mode", "ipv6_address_mode")
	a.Set("network_id", networkID)
	a.Set("ip_version", int(t.text("ip_version")[0]-'0'))
	if t.on("use_default_subnetpool") {
		a.Set("use_default_subnetpool", true)
	}
	if text := t.text("prefix_length"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("argument \"prefix_length\": %q is not a number", text)
		}
		a.Set("prefixlen", n)
	}
	for arg, kind := range map[string]openstack.NetworkPart{"subnet_pool": openstack.SubnetPools, "network_segment": openstack.Segments} {
		if name := t.text(arg); name != "" {
			id, err := t.cloud.FindNetworkPart(ctx, kind, name)
			if err != nil {
				return nil, err
			}
			a.Set(map[string]string{"subnet_pool": "subnetpool_id", "network_segment": "segment_id"}[arg], id)
		}
	}
	setProject(a, project)
	a.Update(changedSubnet(t))
	return a, nil
}

// changedSubnet is what can be changed later too.
func changedSubnet(t *task) attributes {
	a := take(t, "enable_dhcp", "enable_dhcp", "gateway_ip", "gateway_ip", "dns_nameservers", "dns_nameservers",
		"host_routes", "host_routes", "description", "description", "allocation_pools", "allocation_pools")
	if t.on("no_gateway_ip") {
		a.Set("gateway_ip", nil)
	}
	if from := t.text("allocation_pool_start"); from != "" {
		a.Set("allocation_pools", []any{value.NewMap("start", from, "end", t.text("allocation_pool_end"))})
	}
	a.Update(t.Args.Map("extra_specs"))
	return a
}
