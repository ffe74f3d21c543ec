package cloud

import (
	"context"
	"fmt"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// attributes is what a task wants of a thing of Neutron's, in Neutron's words
// and in a fixed order.
type attributes = *value.Map

// take copies the arguments that were given into attributes, under Neutron's
// names: pairs of argument, attribute.
func take(t *task, pairs ...string) attributes {
	out := value.NewMap()
	for i := 0; i+1 < len(pairs); i += 2 {
		if v, ok := t.Args.Get(pairs[i]); ok {
			out.Set(pairs[i+1], v)
		}
	}
	return out
}

// differing returns the attributes that a thing does not have as wanted, and
// why each is to be changed.
func differing(what string, have *value.Map, want attributes) (attributes, []change) {
	todo := value.NewMap()
	var changes []change
	for k, v := range want.All() {
		if got := have.At(k); !value.Equal(got, v) {
			todo.Set(k, v)
			changes = append(changes, change{fmt.Sprintf("set %v of %s", k, what), fmt.Sprintf("it is %v, not %v", got, v)})
		}
	}
	return todo, changes
}

func body(a attributes) map[string]any {
	m, _ := plain(a).(map[string]any)
	return m
}

// thing is how one kind of Neutron's things is brought to what a task wants.
type thing struct {
	what   string     // "network dmz-net", for people
	have   *value.Map // nil where it does not exist
	create attributes // what a new one gets
	update attributes // what is compared and changed on one that is there
	make   func(map[string]any) (*value.Map, error)
	change func(id string, attrs map[string]any) (*value.Map, error)
	remove func(id string) error
}

// settle decides, and acts unless in check mode. The record is nil where there
// is none in the end.
func (t *task) settle(x thing) (module.Result, *value.Map, error) {
	if t.absent() {
		if x.have == nil {
			return module.Result{}, nil, nil
		}
		res := t.changed(x.what, change{"delete " + x.what, "state is absent"})
		if t.Check {
			return res, nil, nil
		}
		return res, nil, x.remove(x.have.String("id"))
	}
	if x.have == nil {
		res := t.changed(x.what, change{"make " + x.what, "not found"})
		if t.Check {
			return res, nil, nil
		}
		made, err := x.make(body(x.create))
		return res, made, err
	}
	todo, changes := differing(x.what, x.have, x.update)
	if len(changes) == 0 {
		return module.Result{}, x.have, nil
	}
	res := t.changed(x.what, changes...)
	if t.Check {
		return res, x.have, nil
	}
	now, err := x.change(x.have.String("id"), body(todo))
	return res, now, err
}

// record puts a thing under key, and its id.
func record(res module.Result, key string, m *value.Map) module.Result {
	if m == nil {
		return res
	}
	return res.Set(key, m).Set("id", m.String("id"))
}

func networkSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "name", Required: true}, stateArg(),
		{Name: "shared", Type: module.Bool, Default: false},
		{Name: "admin_state_up", Type: module.Bool, Default: true},
		{Name: "external", Type: module.Bool, Default: false},
		{Name: "provider_physical_network"}, {Name: "provider_network_type"}, {Name: "provider_segmentation_id", Type: module.Int},
		{Name: "project", Doc: "of no effect: networks are made in the project of the session"},
		{Name: "port_security_enabled", Type: module.Bool},
		{Name: "mtu_size", Aliases: []string{"mtu"}, Type: module.Int}, {Name: "dns_domain"},
	}}
}

func runNetwork(ctx context.Context, t *task) (module.Result, error) {
	name := t.text("name")
	found, err := t.cloud.FindNetwork(ctx, name)
	if _, err := missing(err); err != nil {
		return module.Result{}, err
	}
	create := take(t, "name", "name", "admin_state_up", "admin_state_up", "port_security_enabled", "port_security_enabled",
		"mtu_size", "mtu", "dns_domain", "dns_domain", "provider_physical_network", "provider:physical_network",
		"provider_network_type", "provider:network_type", "provider_segmentation_id", "provider:segmentation_id")
	// Only an admin may say these, even where they are what they are anyway.
	if t.on("shared") {
		create.Set("shared", true)
	}
	if t.on("external") {
		create.Set("router:external", true)
	}
	// A network that is there is left alone but for what was asked for by name,
	// as it is in Ansible's module.
	update := take(t, "port_security_enabled", "port_security_enabled", "mtu_size", "mtu", "dns_domain", "dns_domain")
	res, now, err := t.settle(thing{
		what: "network " + name, have: found.Raw, create: create, update: update,
		make: func(a map[string]any) (*value.Map, error) {
			n, err := t.cloud.CreateNetwork(ctx, a)
			return n.Raw, err
		},
		change: func(id string, a map[string]any) (*value.Map, error) {
			n, err := t.cloud.UpdateNetwork(ctx, id, a)
			return n.Raw, err
		},
		remove: func(id string) error { return t.cloud.DeleteNetwork(ctx, id) },
	})
	return record(res, "network", now), err
}

func subnetSchema() module.Schema {
	modes := []string{"dhcpv6-stateful", "dhcpv6-stateless", "slaac"}
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Required: true}, stateArg(),
			{Name: "network_name", Aliases: []string{"network"}, Doc: "name or id; required where state is present"},
			{Name: "cidr"},
			{Name: "ip_version", Default: "4", Choices: []string{"4", "6"}},
			{Name: "enable_dhcp", Type: module.Bool, Default: true},
			{Name: "gateway_ip"}, {Name: "no_gateway_ip", Aliases: []string{"disable_gateway_ip"}, Type: module.Bool},
			{Name: "dns_nameservers", Type: module.List, Elements: module.Str},
			{Name: "allocation_pool_start"}, {Name: "allocation_pool_end"},
			{Name: "host_routes", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "destination", Required: true}, {Name: "nexthop", Required: true}}},
			{Name: "ipv6_ra_mode", Choices: modes}, {Name: "ipv6_address_mode", Choices: modes},
			{Name: "use_default_subnetpool", Type: module.Bool, Default: false},
			{Name: "project", Doc: "of no effect: subnets are made in the project of the session"},
			{Name: "extra_specs", Type: module.Dict, Doc: "further attributes, as Neutron names them"},
		},
		RequiredTogether:  [][]string{{"allocation_pool_start", "allocation_pool_end"}},
		MutuallyExclusive: [][]string{{"gateway_ip", "no_gateway_ip"}},
		RequiredIf:        []module.RequiredIf{{Arg: "state", Value: "present", Need: []string{"network_name"}}},
	}
}

func runSubnet(ctx context.Context, t *task) (module.Result, error) {
	name, networkID := t.text("name"), ""
	if n := t.text("network_name"); n != "" {
		network, err := t.cloud.FindNetwork(ctx, n)
		if none, other := missing(err); none && (t.Check || t.absent()) {
			// In check mode the network may be one that an earlier task would make.
			return module.Result{Changed: !t.absent()}, nil
		} else if none || other != nil {
			return module.Result{}, err
		}
		networkID = network.ID
	}
	found, err := t.cloud.FindSubnet(ctx, name, networkID)
	if _, err := missing(err); err != nil {
		return module.Result{}, err
	}
	if err := subnetPossible(t, found); err != nil {
		return module.Result{}, err
	}
	res, now, err := t.settle(thing{
		what: "subnet " + name, have: found.Raw, create: newSubnet(t, networkID), update: changedSubnet(t),
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
	return record(res, "subnet", now), err
}

// subnetPossible says what can't be had: a subnet's range is for life.
func subnetPossible(t *task, found openstack.Subnet) error {
	cidr := t.text("cidr")
	switch {
	case t.absent():
	case found.Raw != nil && cidr != "" && found.CIDR != cidr:
		return fmt.Errorf("subnet %s has the range %s, and a subnet's range can't be changed to %s (delete it first, or choose another name)",
			found.Name, found.CIDR, cidr)
	case found.Raw == nil && cidr == "" && !t.on("use_default_subnetpool") && t.Args.Map("extra_specs").String("subnetpool_id") == "":
		return fmt.Errorf("cidr is required to make subnet %s", t.text("name"))
	}
	return nil
}

func newSubnet(t *task, networkID string) attributes {
	a := changedSubnet(t)
	a.Update(take(t, "name", "name", "cidr", "cidr", "ipv6_ra_mode", "ipv6_ra_mode", "ipv6_address_mode", "ipv6_address_mode"))
	a.Set("network_id", networkID)
	a.Set("ip_version", int(t.text("ip_version")[0]-'0'))
	if t.on("use_default_subnetpool") {
		a.Set("use_default_subnetpool", true)
	}
	a.Update(t.Args.Map("extra_specs"))
	return a
}

func changedSubnet(t *task) attributes {
	a := take(t, "enable_dhcp", "enable_dhcp", "gateway_ip", "gateway_ip", "dns_nameservers", "dns_nameservers", "host_routes", "host_routes")
	if t.on("no_gateway_ip") {
		a.Set("gateway_ip", nil)
	}
	if from := t.text("allocation_pool_start"); from != "" {
		a.Set("allocation_pools", []any{value.NewMap("start", from, "end", t.text("allocation_pool_end"))})
	}
	return a
}
