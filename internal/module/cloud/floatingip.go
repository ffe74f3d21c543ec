package cloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func floatingSchema() module.Schema {
	return module.Schema{
		Args: []module.Arg{
			{Name: "server", Doc: "name or id; without it an address is kept for the project, before no server"},
			{Name: "network", Doc: "name or id of the external network; default: the only one there is; required without server"},
			{Name: "floating_ip_address", Doc: "this one of the project, and no other"},
			{Name: "reuse", Type: module.Bool, Default: false, Doc: "take any unused one of the project before a new one"},
			{Name: "fixed_address", Aliases: []string{"fixed_ip_address"}, Doc: "the server's address that it is to lead to"},
			{Name: "nat_destination", Aliases: []string{"fixed_network", "internal_network"}, Doc: "the server's network that it is to lead to"},
			{Name: "wait", Type: module.Bool, Default: false, Doc: "wait until the server shows the address"},
			{Name: "timeout", Type: module.Int, Default: 60},
			stateArg(),
			{Name: "purge", Type: module.Bool, Default: false, Doc: "with state absent: give it back to the cloud"},
		},
		RequiredIf: []module.RequiredIf{{Arg: "state", Value: "absent", Need: []string{"floating_ip_address"}}},
	}
}

func runFloating(ctx context.Context, t *task) (module.Result, error) {
	if t.text("server") == "" {
		return runFloatingAlone(ctx, t)
	}
	s, err := t.cloud.FindServer(ctx, t.text("server"))
	if err != nil {
		return module.Result{}, err
	}
	ports, err := t.cloud.PortsOf(ctx, s.ID)
	if err != nil {
		return module.Result{}, err
	}
	have, err := t.cloud.FloatingBefore(ctx, ports)
	if err != nil {
		return module.Result{}, err
	}
	if t.absent() {
		return removeFloating(ctx, t, s, have)
	}
	return addFloating(ctx, t, s, ports, have)
}

func addFloating(ctx context.Context, t *task, s openstack.Server, ports []openstack.Port, have []openstack.FloatingIP) (module.Result, error) {
	var externalID string
	if t.text("network") != "" {
		external, err := t.cloud.FindNetwork(ctx, t.text("network"))
		if err != nil {
			return module.Result{}, err
		}
		externalID = external.ID
	}
	for _, f := range have {
		if fits(t, f, externalID) {
			return withFloating(module.Result{}, f), nil
		}
	}
	want := t.text("floating_ip_address")
	cause := "the server has none"
	if want != "" {
		cause = "the server does not have " + want
	}
	res := t.changed("server "+s.Name, change{"put a floating IP before server " + s.Name, cause})
	if t.Check {
		return res, nil
	}
	ip, err := assign(ctx, t, s, ports)
	if err != nil {
		return res, err
	}
	if t.on("wait") {
		_, err = t.cloud.AwaitServer(ctx, s, "server "+s.Name+" to show "+ip.Address, t.limit(), func(now openstack.Server) bool {
			return slices.Contains(now.Floating(), ip.Address)
		})
	}
	return withFloating(res, ip), err
}

// fits reports whether a floating IP before the server is what the task wants.
func fits(t *task, f openstack.FloatingIP, externalID string) bool {
	return (externalID == "" || f.NetworkID == externalID) &&
		(t.text("floating_ip_address") == "" || f.Address == t.text("floating_ip_address")) &&
		(t.text("fixed_address") == "" || f.FixedIP == t.text("fixed_address"))
}

func assign(ctx context.Context, t *task, s openstack.Server, ports []openstack.Port) (openstack.FloatingIP, error) {
	targets, err := targets(ctx, t, s, ports, t.text("nat_destination"), t.text("fixed_address"))
	if err != nil {
		return openstack.FloatingIP{}, err
	}
	if want := t.text("floating_ip_address"); want != "" {
		return associate(ctx, t, want, targets)
	}
	external, err := t.cloud.ExternalNetwork(ctx, t.text("network"))
	if err != nil {
		return openstack.FloatingIP{}, err
	}
	return assignFirst(ctx, t, external, targets, t.on("reuse"))
}

// targets lists the server's ports that a floating IP may lead to, in the order
// of its network cards.
func targets(ctx context.Context, t *task, s openstack.Server, ports []openstack.Port, network, fixed string) ([]openstack.Target, error) {
	networkID := ""
	if network != "" {
		n, err := t.cloud.FindNetwork(ctx, network)
		if err != nil {
			return nil, err
		}
		networkID = n.ID
	}
	owner := s.Metadata["rollout_owner"]
	if owner == "" {
		owner = s.Name
	}
	order := s.Fixed("")
	var out []openstack.Target
	for _, addr := range order {
		for _, p := range ports {
			onPort := slices.ContainsFunc(p.FixedIPs, func(f openstack.FixedIP) bool { return f.IP == addr })
			if onPort && (networkID == "" || p.NetworkID == networkID) && (fixed == "" || fixed == addr) {
				out = append(out, openstack.Target{Port: p, FixedIP: addr, Owner: owner})
			}
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("server %s has no address that fits (it has %v)", s.Name, order)
	}
	return out, nil
}

// assignFirst tries the ports in turn: only one whose subnet is on a router to
// the external network can have a floating IP, and Neutron answers 404 for
// others.
func assignFirst(ctx context.Context, t *task, external openstack.Network, targets []openstack.Target, reuse bool) (openstack.FloatingIP, error) {
	var errs error
	for _, target := range targets {
		ip, _, err := t.cloud.Assign(ctx, external, target, reuse)
		if err == nil || !unreachable(err) {
			return ip, err
		}
		errs = errors.Join(errs, err)
	}
	return openstack.FloatingIP{}, errs
}

func associate(ctx context.Context, t *task, address string, targets []openstack.Target) (openstack.FloatingIP, error) {
	ip, err := t.cloud.FindFloatingIP(ctx, address)
	if err != nil {
		return ip, err
	}
	if ip.PortID != "" {
		return ip, fmt.Errorf("floating IP %s leads to %s already (free it with `openstack floating ip unset --port %s`, or name another)",
			address, t.cloud.Holder(ctx, ip), address)
	}
	var errs error
	for _, target := range targets {
		got, err := t.cloud.Associate(ctx, ip, target)
		if err == nil || !unreachable(err) {
			return got, err
		}
		errs = errors.Join(errs, err)
	}
	return ip, errs
}

func unreachable(err error) bool {
	var api *openstack.APIError
	return errors.As(err, &api) && (api.Status == http.StatusNotFound || api.Status == http.StatusBadRequest)
}

func removeFloating(ctx context.Context, t *task, s openstack.Server, have []openstack.FloatingIP) (module.Result, error) {
	want := t.text("floating_ip_address")
	i := slices.IndexFunc(have, func(f openstack.FloatingIP) bool { return f.Address == want })
	var ip openstack.FloatingIP
	if i >= 0 {
		ip = have[i]
	} else {
		found, err := t.cloud.FindFloatingIP(ctx, want)
		if gone, err := missing(err); err != nil || gone {
			return module.Result{}, err
		}
		if !t.on("purge") || found.PortID != "" {
			return withFloating(module.Result{}, found), nil
		}
		ip = found
	}
	res := t.changed("server "+s.Name, change{"take floating IP " + want + " from server " + s.Name, "state is absent"})
	if t.Check {
		return res, nil
	}
	if t.on("purge") {
		return withFloating(res, ip), t.cloud.Release(ctx, ip)
	}
	ip, err := t.cloud.Disassociate(ctx, ip)
	return withFloating(res, ip), err
}

func withFloating(res module.Result, f openstack.FloatingIP) module.Result {
	if f.Raw == nil {
		return res
	}
	return res.Set("floating_ip", f.Raw)
}

// addressed gives a server the floating IPs that openstack.cloud.server was
// asked for, and ends the module.
func addressed(ctx context.Context, t *task, res module.Result, s openstack.Server) (module.Result, error) {
	have := s.Floating()
	wanted := value.Strings(t.Args.List("floating_ips"))
	pools := value.Strings(t.Args.List("floating_ip_pools"))
	var missingIPs []string
	for _, w := range wanted {
		if !slices.Contains(have, w) {
			missingIPs = append(missingIPs, w)
		}
	}
	pool := ""
	switch {
	case len(missingIPs) > 0:
	case len(wanted) > 0 || len(have) > 0 || !t.on("wait"):
		return withServer(res, s), nil
	case len(pools) > 0:
		pool = pools[0]
	default:
		external, err := autoPool(ctx, t, s)
		if err != nil || external == "" {
			return withServer(res, s), err
		}
		pool = external
	}
	diff := t.changed("server "+s.Name, change{"put a floating IP before server " + s.Name, "the server has none"})
	res = and(res, diff)
	if t.Check {
		return withServer(res, s), nil
	}
	return giveAddresses(ctx, t, res, s, missingIPs, pool)
}

// autoPool says which external network auto_ip takes an address from: none
// where it is off, where the server has an address outside, or where the cloud
// has no such network.
func autoPool(ctx context.Context, t *task, s openstack.Server) (string, error) {
	if !t.unlessFalse("auto_ip") {
		return "", nil
	}
	external, err := t.cloud.ExternalNetwork(ctx, "")
	if none, err := missing(err); err != nil || none {
		return "", err
	}
	if len(s.Fixed(external.Name)) > 0 {
		return "", nil
	}
	return external.ID, nil
}

func giveAddresses(ctx context.Context, t *task, res module.Result, s openstack.Server, wanted []string, pool string) (module.Result, error) {
	ports, err := t.cloud.PortsOf(ctx, s.ID)
	if err != nil {
		return res, err
	}
	list, err := targets(ctx, t, s, ports, "", "")
	if err != nil {
		return res, err
	}
	var got []string
	for _, w := range wanted {
		if _, err := associate(ctx, t, w, list); err != nil {
			return res, err
		}
		got = append(got, w)
	}
	if pool != "" {
		external, err := t.cloud.FindNetwork(ctx, pool)
		if err != nil {
			return res, err
		}
		ip, err := assignFirst(ctx, t, external, list, t.on("reuse_ips") && t.unlessFalse("auto_ip"))
		if err != nil {
			return res, err
		}
		got = append(got, ip.Address)
	}
	s, err = t.cloud.AwaitServer(ctx, s, "server "+s.Name+" to show its floating IP", t.limit(), func(now openstack.Server) bool {
		return !slices.ContainsFunc(got, func(ip string) bool { return !slices.Contains(now.Floating(), ip) })
	})
	return withServer(res, s), err
}

func floatingInfoSchema() module.Schema {
	return module.Schema{Args: []module.Arg{
		{Name: "description"}, {Name: "fixed_ip_address"}, {Name: "floating_ip_address"},
		{Name: "floating_network", Doc: "name or id"}, {Name: "port", Doc: "name or id"}, {Name: "project_id", Aliases: []string{"project"}, Doc: "name or id"},
		{Name: "router", Doc: "name or id"}, {Name: "status", Choices: []string{"active", "down"}},
	}}
}

func runFloatingInfo(ctx context.Context, t *task) (module.Result, error) {
	filter := map[string][]string{}
	for _, key := range []string{"description", "fixed_ip_address", "floating_ip_address"} {
		if v := t.text(key); v != "" {
			filter[key] = []string{v}
		}
	}
	if n := t.text("project_id"); n != "" {
		project, err := t.cloud.FindProject(ctx, n, "")
		if err != nil {
			return module.Result{}, err
		}
		filter["project_id"] = []string{project}
	}
	if n := t.text("floating_network"); n != "" {
		network, err := t.cloud.FindNetwork(ctx, n)
		if err != nil {
			return module.Result{}, err
		}
		filter["floating_network_id"] = []string{network.ID}
	}
	if n := t.text("port"); n != "" {
		port, err := t.cloud.FindPort(ctx, n)
		if err != nil {
			return module.Result{}, err
		}
		filter["port_id"] = []string{port.ID}
	}
	if n := t.text("router"); n != "" {
		router, err := t.cloud.FindRouter(ctx, n)
		if err != nil {
			return module.Result{}, err
		}
		filter["router_id"] = []string{router.ID}
	}
	if v := t.text("status"); v != "" {
		filter["status"] = []string{map[string]string{"active": "ACTIVE", "down": "DOWN"}[v]}
	}
	found, err := t.cloud.FloatingIPs(ctx, filter)
	return raws(module.Result{}, "floating_ips", found, func(f openstack.FloatingIP) *value.Map { return f.Raw }), err
}
