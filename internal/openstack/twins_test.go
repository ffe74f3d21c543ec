package openstack_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
)

// making is one kind of thing that can be made: where, how, and how many there
// are then.
type making struct {
	kind, path string
	create     func() error
	count      func() (int, error)
}

// counted counts those that are wanted.
func counted[T any](list []T, err error, wanted func(T) bool) (int, error) {
	return len(slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !wanted(v) })), err
}

func every[T any](T) bool { return true }

// makings lists all that this package makes, each under that name.
func makings(t *testing.T, c *openstack.Cloud, name string) []making {
	ctx := t.Context()
	network := must[openstack.Network](t)(c.FindNetwork(ctx, "dmz-net"))
	own := must[openstack.Network](t)(c.CreateNetwork(ctx, map[string]any{"name": name + "-base"}))
	named := map[string][]string{"name": {name}}
	return append([]making{
		{"network", "/network/v2.0/networks",
			func() error { _, err := c.CreateNetwork(ctx, map[string]any{"name": name}); return err },
			func() (int, error) { l, err := c.Networks(ctx, named); return counted(l, err, every) }},
		{"subnet", "/network/v2.0/subnets",
			func() error {
				_, err := c.CreateSubnet(ctx, map[string]any{"name": name, "network_id": own.ID, "cidr": "10.213.79.0/24", "ip_version": 4})
				return err
			},
			func() (int, error) { l, err := c.Subnets(ctx, named); return counted(l, err, every) }},
		{"port", "/network/v2.0/ports",
			func() error {
				_, err := c.CreatePort(ctx, map[string]any{"name": name, "network_id": network.ID})
				return err
			},
			func() (int, error) { l, err := c.Ports(ctx, named); return counted(l, err, every) }},
		{"router", "/network/v2.0/routers",
			func() error { _, err := c.CreateRouter(ctx, map[string]any{"name": name}); return err },
			func() (int, error) { l, err := c.Routers(ctx, named); return counted(l, err, every) }},
		{"security group", "/network/v2.0/security-groups",
			func() error { _, err := c.CreateSecurityGroup(ctx, name, ""); return err },
			func() (int, error) { l, err := c.SecurityGroups(ctx, "name", name); return counted(l, err, every) }},
	}, otherMakings(t, c, name, network)...)
}

// otherMakings are those that are recognized by more than a name of Neutron's.
func otherMakings(t *testing.T, c *openstack.Cloud, name string, network openstack.Network) []making {
	ctx := t.Context()
	external := must[openstack.Network](t)(c.ExternalNetwork(ctx, testExternal))
	group := must[openstack.SecurityGroup](t)(c.CreateSecurityGroup(ctx, name+"-base", ""))
	port := must[openstack.Port](t)(c.CreatePort(ctx, map[string]any{"name": name + "-base", "network_id": network.ID}))
	ssh := 22
	rule := openstack.Rule{GroupID: group.ID, Direction: "ingress", Ethertype: "IPv4", Protocol: "tcp", PortMin: &ssh, PortMax: &ssh}
	server := spec(t, c, name, "o")
	image := map[string]any{"name": name, "disk_format": "raw", "container_format": "bare"}
	return []making{
		{"server", "/compute/v2.1/servers",
			func() error { _, err := c.CreateServer(ctx, server); return err },
			func() (int, error) { l, err := c.ServersNamed(ctx, name); return counted(l, err, every) }},
		{"rule", "/network/v2.0/security-group-rules",
			func() error { _, err := c.CreateRule(ctx, rule); return err },
			func() (int, error) { l, err := c.Rules(ctx, group.ID); return counted(l, err, rule.Same) }},
		{"floating IP", "/network/v2.0/floatingips",
			func() error {
				_, _, err := c.Assign(ctx, external, openstack.Target{Port: port, Owner: name}, false)
				return err
			},
			func() (int, error) { l, err := c.FloatingIPs(ctx, nil); return counted(l, err, every) }},
		{"key pair", "/compute/v2.1/os-keypairs",
			func() error { _, err := c.CreateKeyPair(ctx, name, declaredKey); return err },
			func() (int, error) {
				l, err := c.KeyPairs(ctx)
				return counted(l, err, func(k openstack.KeyPair) bool { return k.Name == name })
			}},
		{"server group", "/compute/v2.1/os-server-groups",
			func() error { _, err := c.CreateServerGroup(ctx, name, "anti-affinity", nil); return err },
			func() (int, error) {
				l, err := c.ServerGroups(ctx)
				return counted(l, err, func(g openstack.ServerGroup) bool { return g.Name == name })
			}},
		{"image", "/image/v2/images",
			func() error { _, err := c.CreateImage(ctx, image); return err },
			func() (int, error) {
				l, err := c.Images(ctx)
				return counted(l, err, func(i openstack.Image) bool { return i.Name == name })
			}},
	}
}

// However the answer to a create gets lost, there is one of what was asked for.
func TestLostAnswersMakeNoTwins(t *testing.T) {
	for how, fault := range map[string]api.AnswerFault{
		"before it was done":       {Cut: "before"},
		"after it was done":        {Cut: "after"},
		"in the middle":            {Cut: "middle"},
		"breaking off":             {Cut: "short"},
		"a proxy's page in place":  {Page: "<html>log in</html>"},
		"502 in place of doing it": {Status: 502},
		"429 in place of doing it": {Status: 429, After: "0"},
		"too late":                 {Delay: 600},
		"too late, and yet done":   {Delay: 450, Cut: "after"},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			lab := apitest.Start(t)
			c := openHasty(t, lab)
			for _, m := range makings(t, c, "twin") {
				order := fault
				order.Method, order.Path, order.Count = http.MethodPost, m.path, 1
				lab.Order(t, api.Faults{Answers: []api.AnswerFault{order}})
				err := m.create()
				if n, countErr := m.count(); err != nil || countErr != nil || n != 1 {
					t.Errorf("%s: %d of them, %v, %v", m.kind, n, err, countErr)
				}
				if left := lab.Left(t); len(left.Answers) > 0 {
					t.Errorf("%s: the fault did not strike", m.kind)
				}
			}
		})
	}
}

// A create that is carried out after it was given up, and after another one was
// sent, leaves one of them, too.
func TestLateTwinsGo(t *testing.T) {
	lab := apitest.Start(t)
	c := openHasty(t, lab)
	for _, m := range makings(t, c, "late") {
		if !slices.Contains([]string{"network", "port", "router", "security group"}, m.kind) {
			continue // of the others there can't be two, or a server's boot looks after it
		}
		lab.Order(t, api.Faults{Answers: []api.AnswerFault{{Method: http.MethodPost, Path: m.path, Delay: 620, Cut: "after", Count: 1},
			{Method: http.MethodPost, Path: m.path, Delay: 250, Count: 1}}})
		err := m.create()
		if n, countErr := m.count(); err != nil || countErr != nil || n != 1 {
			t.Errorf("%s: %d of them, %v, %v", m.kind, n, err, countErr)
		}
	}
}

// A floating IP whose record the cloud touched since it was listed is still the
// one that was meant; one that is another's by now is not.
func TestFloatingIPThatWasTouched(t *testing.T) {
	c := openTestCloud(t)
	p := prefix(t)
	sweep(t, c, p)
	ctx, owner := t.Context(), strings.TrimSuffix(p, "-")
	external := must[openstack.Network](t)(c.ExternalNetwork(ctx, testExternal))
	network := must[openstack.Network](t)(c.FindNetwork(ctx, "dmz-net"))
	var to [2]openstack.Target
	for i := range to {
		port := must[openstack.Port](t)(c.CreatePort(ctx, map[string]any{"name": p + "port", "network_id": network.ID,
			"fixed_ips": []map[string]any{{"subnet_id": network.Subnets[0]}}, "description": owner}))
		t.Cleanup(func() { _ = c.DeletePort(context.WithoutCancel(ctx), port.ID) })
		to[i] = openstack.Target{Port: port, Owner: owner}
	}
	ip, _, err := c.Assign(ctx, external, to[0], false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Release(context.WithoutCancel(ctx), ip) })
	listed := must[openstack.FloatingIP](t)(c.Disassociate(ctx, ip))
	must[openstack.FloatingIP](t)(c.Associate(ctx, listed, to[1]))
	if _, err := c.Associate(ctx, listed, to[0]); err == nil {
		t.Error("it was taken from who had it by then")
	}
	must[openstack.FloatingIP](t)(c.Disassociate(ctx, ip))
	if now := must[openstack.FloatingIP](t)(c.Associate(ctx, listed, to[0])); now.PortID != to[0].Port.ID {
		t.Errorf("it leads to %s", now.PortID)
	}
}

// What is lost again and again does not go on for ever; what has no name to be
// found by is not even tried again.
func TestCreatesEnd(t *testing.T) {
	lab := apitest.Start(t)
	c := openHasty(t, lab)
	for name, calls := range map[string]int{"lost": 12, "": 1} {
		lab.Order(t, api.Faults{Answers: []api.AnswerFault{{Method: http.MethodPost, Path: "/network/v2.0/networks", Cut: "before"}}})
		before := c.Calls()
		_, err := c.CreateNetwork(context.WithoutCancel(t.Context()), map[string]any{"name": name})
		var lost *openstack.LostError
		if !errors.As(err, &lost) || !strings.Contains(err.Error(), "cannot create network "+name+": the answer of Neutron to POST") ||
			!strings.Contains(err.Error(), "rerun: what came of it is found then") {
			t.Errorf("%v", err)
		}
		if n := c.Calls() - before; n > calls {
			t.Errorf("%q: %d calls", name, n)
		}
	}
}
