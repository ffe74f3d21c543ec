package cloud

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
)

// runFloatingAlone is floating_ip without a server, as version 2 of the
// collection has it: the project's one address of a network, allocated where it
// has none; before a port only where the port's address is named.
func runFloatingAlone(ctx context.Context, t *task) (module.Result, error) {
	if t.absent() {
		return freeFloating(ctx, t)
	}
	if t.text("network") == "" {
		return module.Result{}, fmt.Errorf("server or network is required where state is present")
	}
	if t.text("fixed_address") != "" && t.text("nat_destination") == "" {
		return module.Result{}, fmt.Errorf("fixed_address requires nat_destination where no server is named: addresses are the same on several networks")
	}
	external, err := t.cloud.ExternalNetwork(ctx, t.text("network"))
	if err != nil {
		return module.Result{}, err
	}
	ports, err := portsBehind(ctx, t)
	if err != nil {
		return module.Result{}, err
	}
	found, err := floatingOf(ctx, t, external, ports)
	if err != nil {
		return module.Result{}, err
	}
	var to *openstack.Target
	if fixed := t.text("fixed_address"); fixed != "" {
		if len(ports) != 1 {
			return module.Result{}, fmt.Errorf("%d ports of %s have the address %s, and one must", len(ports), t.text("nat_destination"), fixed)
		}
		to = &openstack.Target{Port: ports[0], FixedIP: fixed}
	}
	return keepFloating(ctx, t, external, found, to)
}

// portsBehind are the ports that fixed_address and nat_destination name.
func portsBehind(ctx context.Context, t *task) ([]openstack.Port, error) {
	if t.text("nat_destination") == "" {
		return nil, nil
	}
	network, err := t.cloud.FindNetwork(ctx, t.text("nat_destination"))
	if err != nil {
		return nil, err
	}
	filter := url.Values{"network_id": {network.ID}}
	if fixed := t.text("fixed_address"); fixed != "" {
		filter.Set("fixed_ips", "ip_address="+fixed)
	}
	return t.cloud.Ports(ctx, filter)
}

// floatingOf finds the address that the task means: the one it names, that of
// the ports it names, or the only one that the project has of the network.
func floatingOf(ctx context.Context, t *task, external openstack.Network, ports []openstack.Port) (openstack.FloatingIP, error) {
	var found []openstack.FloatingIP
	var err error
	switch address := t.text("floating_ip_address"); {
	case address != "":
		var ip openstack.FloatingIP
		ip, err = t.cloud.FindFloatingIP(ctx, address)
		if none, err := missing(err); err != nil || none {
			return openstack.FloatingIP{}, err
		}
		if ip.NetworkID != external.ID {
			return ip, fmt.Errorf("floating IP %s is not one of network %s", address, external.Name)
		}
		return ip, nil
	case t.text("nat_destination") != "":
		found, err = t.cloud.FloatingBefore(ctx, ports)
	default:
		found, err = t.cloud.FloatingIPs(ctx, url.Values{"floating_network_id": {external.ID}})
	}
	switch {
	case err != nil || len(found) == 0:
		return openstack.FloatingIP{}, err
	case len(found) == 1:
		return found[0], nil
	}
	var all []string
	for _, f := range found {
		all = append(all, f.Address)
	}
	return openstack.FloatingIP{}, fmt.Errorf("several floating IPs may be meant: %s (name one with floating_ip_address, or a server)", strings.Join(all, ", "))
}

// keepFloating allocates what is missing, and puts it before the port that the
// task names, if any.
func keepFloating(ctx context.Context, t *task, external openstack.Network, ip openstack.FloatingIP, to *openstack.Target) (module.Result, error) {
	thing := strings.TrimSpace("floating IP " + t.text("floating_ip_address"))
	if ip.ID == "" && t.text("floating_ip_address") == "" {
		thing += " of " + external.Name
	} else if ip.ID != "" {
		thing = "floating IP " + ip.Address
	}
	var changes []change
	if ip.ID == "" {
		changes = append(changes, change{"make " + thing, "not found"})
	}
	joins := to != nil && (ip.PortID != to.Port.ID || ip.FixedIP != to.FixedIP)
	if joins {
		changes = append(changes, change{fmt.Sprintf("put %s before %s", thing, to.FixedIP), "it does not lead there"})
	}
	if len(changes) == 0 {
		return withFloating(module.Result{}, ip), nil
	}
	res := t.changed(thing, changes...)
	if t.Check {
		return res, nil
	}
	var err error
	if ip.ID == "" {
		if ip, err = t.cloud.Allocate(ctx, external, t.text("floating_ip_address")); err != nil {
			return res, err
		}
	}
	if joins {
		ip, err = t.cloud.Associate(ctx, ip, *to)
	}
	return withFloating(res, ip), err
}

// freeFloating takes an address away from whatever it leads to, and with purge
// gives it back to the cloud.
func freeFloating(ctx context.Context, t *task) (module.Result, error) {
	ip, err := t.cloud.FindFloatingIP(ctx, t.text("floating_ip_address"))
	if none, err := missing(err); err != nil || none {
		return module.Result{}, err
	}
	thing := "floating IP " + ip.Address
	switch {
	case t.on("purge"):
		res := t.changed(thing, change{"delete " + thing, "state is absent"})
		if t.Check {
			return res, nil
		}
		return withFloating(res, ip), t.cloud.Release(ctx, ip)
	case ip.PortID == "":
		return withFloating(module.Result{}, ip), nil
	}
	res := t.changed(thing, change{"free " + thing, "state is absent"})
	if t.Check {
		return res, nil
	}
	ip, err = t.cloud.Disassociate(ctx, ip)
	return withFloating(res, ip), err
}
