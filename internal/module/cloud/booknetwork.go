package cloud

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func runQuantumNetwork(ctx context.Context, t *task) (module.Result, error) {
	more := value.NewMap()
	for arg, key := range map[string]string{"router_external": "external", "shared": "shared"} {
		if t.on(arg) { // false was the default, and takes an administrator to say
			more.Set(key, true)
		}
	}
	return t.become(ctx, networkSchema(), runNetwork, more, "name", "name", "tenant_name", "project", "admin_state_up", "admin_state_up",
		"provider_network_type", "provider_network_type", "provider_physical_network", "provider_physical_network",
		"provider_segmentation_id", "provider_segmentation_id")
}

func runQuantumSubnet(ctx context.Context, t *task) (module.Result, error) {
	return t.become(ctx, subnetSchema(), runSubnet, nil, "name", "name", "network_name", "network_name", "tenant_name", "project",
		"cidr", "cidr", "ip_version", "ip_version", "enable_dhcp", "enable_dhcp", "gateway_ip", "gateway_ip",
		"dns_nameservers", "dns_nameservers", "allocation_pool_start", "allocation_pool_start", "allocation_pool_end", "allocation_pool_end")
}

func runQuantumRouter(ctx context.Context, t *task) (module.Result, error) {
	return t.become(ctx, routerSchema(), runRouter, nil, "name", "name", "tenant_name", "project", "admin_state_up", "admin_state_up")
}

func runQuantumGateway(ctx context.Context, t *task) (module.Result, error) {
	name, what := t.text("router_name"), "router "+t.text("router_name")
	router, err := t.cloud.FindRouter(ctx, name)
	if err != nil {
		return module.Result{}, err
	}
	if !t.absent() {
		if t.text("network_name") == "" {
			return module.Result{}, fmt.Errorf("network_name is required where state is present")
		}
		more := value.NewMap("admin_state_up", router.Raw.Bool("admin_state_up")) // it is not what this is about
		return t.become(ctx, routerSchema(), runRouter, more, "router_name", "name", "network_name", "network")
	}
	if router.ExternalNetwork == "" {
		return module.Result{}.Set("result", "not present"), nil
	}
	res := t.changed(what, change{"take its gateway from " + what, "state is absent"}).Set("result", "deleted")
	if t.Check {
		return res, nil
	}
	_, err = t.cloud.UpdateRouter(ctx, router.ID, map[string]any{"external_gateway_info": map[string]any{}})
	return res, err
}

func runQuantumInterface(ctx context.Context, t *task) (module.Result, error) {
	name, what := t.text("router_name"), "router "+t.text("router_name")
	router, err := t.cloud.FindRouter(ctx, name)
	if err != nil {
		return module.Result{}, err
	}
	subnet, err := t.cloud.FindSubnet(ctx, t.text("subnet_name"), "")
	if err != nil {
		return module.Result{}, err
	}
	ports, err := t.cloud.RouterPorts(ctx, router.ID)
	if err != nil {
		return module.Result{}, err
	}
	joined := slices.ContainsFunc(ports, joint{subnet: subnet}.met)
	switch {
	case joined && !t.absent():
		return module.Result{}.Set("result", "success"), nil
	case !joined && t.absent():
		return module.Result{}.Set("result", "not present"), nil
	case t.absent():
		res := t.changed(what, change{"take " + what + " off subnet " + subnet.Name, "state is absent"}).Set("result", "deleted")
		if t.Check {
			return res, nil
		}
		return res, t.cloud.RemoveRouterInterface(ctx, router.ID, subnet.ID, "")
	}
	res := t.changed(what, change{"join " + what + " with subnet " + subnet.Name, "no interface there"}).Set("result", "created")
	if t.Check {
		return res, nil
	}
	return res, t.cloud.AddRouterInterface(ctx, router.ID, subnet.ID, "")
}

func runQuantumFloating(ctx context.Context, t *task) (module.Result, error) {
	more := value.NewMap("reuse", true)
	if t.absent() {
		address, err := t.addressFrom(ctx)
		if err != nil || address == "" {
			return module.Result{}.Set("result", "not present"), err
		}
		more = value.NewMap("floating_ip_address", address, "purge", true)
	}
	res, err := t.become(ctx, floatingSchema(), runFloating, more, "instance_name", "server", "network_name", "network",
		"internal_network_name", "nat_destination")
	return withPublic(res), err
}

// addressFrom returns the server's floating IP of the task's external network,
// or "".
func (t *task) addressFrom(ctx context.Context) (string, error) {
	external, err := t.cloud.FindNetwork(ctx, t.text("network_name"))
	if err != nil {
		return "", err
	}
	s, err := t.cloud.FindServer(ctx, t.text("instance_name"))
	if err != nil {
		return "", err
	}
	ports, err := t.cloud.ServerPorts(ctx, s.ID)
	if err != nil {
		return "", err
	}
	have, err := t.cloud.FloatingIPsOf(ctx, ports)
	if i := slices.IndexFunc(have, func(f openstack.FloatingIP) bool { return f.NetworkID == external.ID }); i >= 0 {
		return have[i].Address, nil
	}
	return "", err
}

func runQuantumAssociate(ctx context.Context, t *task) (module.Result, error) {
	res, err := t.become(ctx, floatingSchema(), runFloating, nil, "instance_name", "server", "ip_address", "floating_ip_address")
	return withPublic(res), err
}

func withPublic(res module.Result) module.Result {
	if f := res.Data.Map("floating_ip"); f != nil {
		res = res.Set("public_ip", f.At("floating_ip_address")).Set("id", f.At("id"))
	}
	return res
}
