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

func routerSchema() module.Schema {
	fixed := module.Arg{Name: "external_fixed_ips", Type: module.List, Elements: module.Dict, Doc: "addresses of its gateway; on many clouds they take an administrator",
		Options: []module.Arg{{Name: "ip", Aliases: []string{"ip_address"}}, {Name: "subnet", Aliases: []string{"subnet_id"}, Doc: "name or id"}}}
	return module.Schema{Args: []module.Arg{
		{Name: "name", Required: true}, stateArg(),
		{Name: "admin_state_up", Aliases: []string{"is_admin_state_up"}, Type: module.Bool, Default: true},
		{Name: "enable_snat", Type: module.Bool, Doc: "on many clouds it takes an administrator"},
		{Name: "network", Doc: "external network of its gateway: name or id"},
		projectArg(),
		fixed,
		{Name: "external_gateway_info", Type: module.Dict, Doc: "the same three in one: network, enable_snat and external_fixed_ips",
			Options: []module.Arg{{Name: "network"}, {Name: "enable_snat", Type: module.Bool}, fixed}},
		{Name: "interfaces", Type: module.List, Elements: module.Raw,
			Doc: "subnets it joins: names, ids, or dicts of net, subnet and portip; others are taken off it. Without this argument its interfaces are left alone"},
	}}
}

func runRouter(ctx context.Context, t *task) (module.Result, error) {
	name, what := t.text("name"), "router "+t.text("name")
	project, err := t.project(ctx)
	if err != nil {
		return module.Result{}, err
	}
	found, err := theirs(ctx, t, "router", name, project, t.cloud.FindRouter, t.cloud.Routers, func(r openstack.Router) string { return r.ID })
	if _, err := missing(err); err != nil {
		return module.Result{}, err
	}
	if t.absent() && found.Raw != nil {
		return t.dropRouter(ctx, what, found)
	}
	want, update, err := t.routerAttributes(ctx, found)
	if err != nil {
		return module.Result{}, err
	}
	setProject(want, project)
	res, now, err := t.settle(thing{
		what: what, have: found.Raw, create: want, update: update,
		make: func(a map[string]any) (*value.Map, error) {
			r, err := t.cloud.CreateRouter(ctx, a)
			return r.Raw, err
		},
		change: func(id string, a map[string]any) (*value.Map, error) {
			r, err := t.cloud.UpdateRouter(ctx, id, a)
			return r.Raw, err
		},
	})
	if err != nil {
		return res, err
	}
	if _, given := t.Args.Get("interfaces"); given && !t.absent() {
		if res, err = t.joinSubnets(ctx, res, now.String("id")); err != nil {
			return res, err
		}
	}
	return record(res, "router", named(routerNames(), now)), nil
}

// dropRouter takes a router off its subnets, without which Neutron does not
// delete it.
func (t *task) dropRouter(ctx context.Context, what string, found openstack.Router) (module.Result, error) {
	ports, err := t.cloud.RouterPorts(ctx, found.ID)
	if err != nil {
		return module.Result{}, err
	}
	var changes []change
	for _, p := range ports {
		changes = append(changes, change{"take " + what + " off port " + p.ID, "state is absent"})
	}
	res, _, err := t.settle(thing{what: what, have: found.Raw, first: changes, remove: func(id string) error {
		if err := t.rewire(ctx, id, nil, ports); err != nil {
			return err
		}
		return t.cloud.DeleteRouter(ctx, id)
	}})
	return record(res, "router", named(routerNames(), found.Raw)), err
}

// routerAttributes are those of a new router, and those to compare on one that
// is there.
func (t *task) routerAttributes(ctx context.Context, found openstack.Router) (create, update attributes, err error) {
	create = take(t, "name", "name", "admin_state_up", "admin_state_up")
	update = take(t, "admin_state_up", "admin_state_up")
	if t.absent() {
		return create, update, nil
	}
	gateway, err := t.gateway(ctx)
	if err != nil || gateway == nil {
		return create, update, err
	}
	create.Set("external_gateway_info", gateway)
	if have := found.Raw.Map("external_gateway_info"); !has(have, unordered(gateway, have)) {
		update.Set("external_gateway_info", gateway)
	}
	return create, update, nil
}

// gateway is Neutron's external_gateway_info, or nil where none was asked for.
func (t *task) gateway(ctx context.Context) (*value.Map, error) {
	args := t.Args
	if info := t.Args.Map("external_gateway_info"); info.String("network") != "" {
		args = info
	}
	if args.String("network") == "" {
		if len(args.List("external_fixed_ips")) > 0 {
			return nil, errors.New("network is required with external_fixed_ips")
		}
		return nil, nil
	}
	network, err := t.cloud.FindNetwork(ctx, args.String("network"))
	if t.rehearse(err) != nil {
		return nil, err
	}
	out := value.NewMap("network_id", network.ID)
	if v, ok := args.Get("enable_snat"); ok {
		out.Set("enable_snat", v)
	}
	ips, err := t.gatewayAddresses(ctx, args.List("external_fixed_ips"), network.ID)
	if len(ips) > 0 {
		out.Set("external_fixed_ips", ips)
	}
	return out, err
}

func (t *task) gatewayAddresses(ctx context.Context, wanted []any, networkID string) ([]any, error) {
	var ips []any
	for _, e := range wanted {
		m, _ := e.(*value.Map)
		ip := value.NewMap()
		if s := m.String("subnet"); s != "" {
			subnet, err := t.cloud.FindSubnet(ctx, s, networkID)
			if err != nil {
				return nil, err
			}
			ip.Set("subnet_id", subnet.ID)
		}
		if s := m.String("ip"); s != "" {
			ip.Set("ip_address", s)
		}
		ips = append(ips, ip)
	}
	return ips, nil
}

// joint is a wanted interface: on the subnet, at the address if one is given.
type joint struct {
	subnet openstack.Subnet
	ip     string
}

// joinSubnets makes the router's interfaces those that the task lists. routerID
// is empty where check mode has not made the router.
func (t *task) joinSubnets(ctx context.Context, res module.Result, routerID string) (module.Result, error) {
	joints, err := t.joints(ctx)
	if err != nil {
		return res, err
	}
	var ports []openstack.Port
	if routerID != "" {
		if ports, err = t.cloud.RouterPorts(ctx, routerID); err != nil {
			return res, err
		}
	}
	var add []joint
	for _, j := range joints {
		if !slices.ContainsFunc(ports, j.met) {
			add = append(add, j)
		}
	}
	var drop []openstack.Port
	for _, p := range ports {
		if !slices.ContainsFunc(joints, func(j joint) bool { return j.met(p) }) {
			drop = append(drop, p)
		}
	}
	if len(add)+len(drop) == 0 {
		return res, nil
	}
	var changes []change
	for _, j := range add {
		changes = append(changes, change{"join router " + t.text("name") + " with subnet " + j.subnet.Name, "no interface there"})
	}
	for _, p := range drop {
		changes = append(changes, change{"take router " + t.text("name") + " off port " + p.ID, "not asked for"})
	}
	diff := t.changed("router "+t.text("name"), changes...)
	res = and(res, diff)
	if t.Check {
		return res, nil
	}
	return res, t.rewire(ctx, routerID, add, drop)
}

func (t *task) rewire(ctx context.Context, routerID string, add []joint, drop []openstack.Port) error {
	for _, p := range drop {
		if err := t.cloud.RemoveRouterInterface(ctx, routerID, "", p.ID); err != nil {
			return err
		}
	}
	for _, j := range add {
		if err := t.join(ctx, routerID, j); err != nil {
			return err
		}
	}
	return nil
}

func (t *task) join(ctx context.Context, routerID string, j joint) error {
	if j.ip == "" {
		return t.cloud.AddRouterInterface(ctx, routerID, j.subnet.ID, "")
	}
	port, err := t.cloud.CreatePort(ctx, map[string]any{
		"network_id": j.subnet.NetworkID, "name": t.text("name") + "-" + j.subnet.Name,
		"fixed_ips": []map[string]any{{"subnet_id": j.subnet.ID, "ip_address": j.ip}},
	})
	if err != nil {
		return err
	}
	if err := t.cloud.AddRouterInterface(ctx, routerID, "", port.ID); err != nil {
		return errors.Join(err, t.cloud.DeletePort(ctx, port.ID)) // made for nothing else
	}
	return nil
}

func (j joint) met(p openstack.Port) bool {
	return slices.ContainsFunc(p.FixedIPs, func(f openstack.FixedIP) bool {
		return f.SubnetID == j.subnet.ID && (j.ip == "" || f.IP == j.ip)
	})
}

func (t *task) joints(ctx context.Context) ([]joint, error) {
	var out []joint
	for i, e := range t.Args.List("interfaces") {
		subnet, net, ip := "", "", ""
		switch x := e.(type) {
		case string:
			subnet = x
		case *value.Map:
			subnet, net, ip = x.String("subnet"), x.String("net"), x.String("portip")
		}
		if subnet == "" {
			return nil, fmt.Errorf("argument \"interfaces\", element %d: must be a subnet, or a dict of net, subnet and portip", i+1)
		}
		networkID := ""
		if net != "" {
			n, err := t.cloud.FindNetwork(ctx, net)
			if t.rehearse(err) != nil {
				return nil, err
			}
			networkID = n.ID
		}
		s, err := t.cloud.FindSubnet(ctx, subnet, networkID)
		if t.rehearse(err) != nil {
			return nil, err
		}
		if err != nil {
			s.Name = subnet // check mode has not made it
		}
		out = append(out, joint{s, ip})
	}
	return out, nil
}
