package cloud

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func portSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "name", Doc: "a port without a name is made anew each time"}, stateArg(),
			{Name: "network", Doc: "name or id; required to make a port"},
			{Name: "fixed_ips", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "ip_address", Required: true}, {Name: "subnet_id"}}},
			{Name: "admin_state_up", Aliases: []string{"is_admin_state_up"}, Type: module.Bool}, {Name: "mac_address", Doc: "of a new port"},
			{Name: "security_groups", Type: module.List, Elements: module.Str, Doc: "names or ids"},
			{Name: "no_security_groups", Type: module.Bool, Default: false},
			{Name: "allowed_address_pairs", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "ip_address"}, {Name: "mac_address"}}},
			{Name: "extra_dhcp_opts", Type: module.List, Elements: module.Dict, Options: []module.Arg{
				{Name: "opt_name", Required: true}, {Name: "opt_value", Required: true}, {Name: "ip_version", Type: module.Int, Required: true}}},
			{Name: "device_owner"}, {Name: "device_id"},
			{Name: "vnic_type", Aliases: []string{"binding_vnic_type"}, Choices: []string{"normal", "direct", "direct-physical", "macvtap", "baremetal", "virtio-forwarder"}},
			{Name: "port_security_enabled", Aliases: []string{"is_port_security_enabled"}, Type: module.Bool}, {Name: "binding_profile", Type: module.Dict},
			{Name: "dns_name"}, {Name: "dns_domain"}, {Name: "description"},
		},
	}
}

func runPort(ctx context.Context, t *task) (module.Result, error) {
	name := t.text("name")
	var found openstack.Port
	if name != "" {
		var err error
		found, err = t.cloud.FindPort(ctx, name)
		if _, err := missing(err); err != nil {
			return module.Result{}, err
		}
	}
	if t.on("no_security_groups") && len(t.Args.List("security_groups")) > 0 {
		return module.Result{}, errors.New("security_groups and no_security_groups contradict each other (give one of them)")
	}
	update, err := t.portAttributes(ctx, found)
	if err != nil {
		return module.Result{}, err
	}
	create := update.Clone()
	create.Update(take(t, "name", "name", "mac_address", "mac_address"))
	if !t.absent() && found.Raw == nil {
		if t.text("network") == "" {
			return module.Result{}, fmt.Errorf("network is required to make port %s", name)
		}
		network, err := t.cloud.FindNetwork(ctx, t.text("network"))
		if t.rehearse(err) != nil {
			return module.Result{}, err
		}
		create.Set("network_id", network.ID)
	}
	res, now, err := t.settle(thing{
		what: "port " + name, have: found.Raw, create: create, update: unordered(update, found.Raw),
		make: func(a map[string]any) (*value.Map, error) {
			p, err := t.cloud.CreatePort(ctx, a)
			return p.Raw, err
		},
		change: func(id string, a map[string]any) (*value.Map, error) {
			p, err := t.cloud.UpdatePort(ctx, id, a)
			return p.Raw, err
		},
		remove: func(id string) error { return t.cloud.DeletePort(ctx, id) },
	})
	return record(res, "port", named(portNames(), now)), err
}

// portAttributes are those that can be changed later too.
func (t *task) portAttributes(ctx context.Context, found openstack.Port) (attributes, error) {
	a := take(t, "admin_state_up", "admin_state_up", "allowed_address_pairs", "allowed_address_pairs",
		"extra_dhcp_opts", "extra_dhcp_opts", "device_owner", "device_owner", "device_id", "device_id",
		"vnic_type", "binding:vnic_type", "binding_profile", "binding:profile", "dns_name", "dns_name",
		"dns_domain", "dns_domain", "description", "description", "port_security_enabled", "port_security_enabled")
	if list, ok := t.Args.Get("fixed_ips"); ok && !samePlaces(list, found) {
		a.Set("fixed_ips", list)
	}
	if t.on("no_security_groups") {
		a.Set("security_groups", []any{})
		return a, nil
	}
	if _, ok := t.Args.Get("security_groups"); !ok || t.absent() {
		return a, nil
	}
	var ids []string
	for _, g := range value.Strings(t.Args.List("security_groups")) {
		group, err := t.cloud.FindSecurityGroup(ctx, g)
		if t.rehearse(err) != nil {
			return nil, err
		}
		ids = append(ids, group.ID)
	}
	a.Set("security_groups", value.List(ids))
	return a, nil
}

// samePlaces reports whether the port has the wanted addresses already.
func samePlaces(list any, found openstack.Port) bool {
	want, _ := list.([]any)
	if len(want) != len(found.FixedIPs) {
		return false
	}
	for _, e := range want {
		m, _ := e.(*value.Map)
		if !slices.ContainsFunc(found.FixedIPs, func(f openstack.FixedIP) bool {
			return f.IP == m.String("ip_address") && (m.String("subnet_id") == "" || f.SubnetID == m.String("subnet_id"))
		}) {
			return false
		}
	}
	return true
}
