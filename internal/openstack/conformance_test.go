package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
	"rollout/internal/openstack/clouds"
)

// The conformance suite runs on any cloud that has the exercise's networks,
// image and flavors: on the practice cloud and on a real OpenStack alike.
// ROLLOUT_TEST_CLOUD names the entry of clouds.yaml; without it, the suite runs
// on the practice cloud's API in this process, whose machines are in memory.

const (
	testImage    = "docker-base"
	testFlavor   = "standard.xsmall"
	testExternal = "Ext-Net"
	bootLimit    = 4 * time.Minute
)

func testNetworks() []string { return []string{"dmz-net", "app-net"} }

func openTestCloud(t *testing.T) *openstack.Cloud {
	t.Helper()
	if name := os.Getenv("ROLLOUT_TEST_CLOUD"); name != "" {
		return must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Cloud: name}))
	}
	return openLab(t, apitest.Start(t))
}

func openLab(t *testing.T, lab *apitest.Lab) *openstack.Cloud {
	t.Helper()
	return must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Cloud: apitest.Cloud,
		Further: map[string]string{apitest.Cloud: lab.Clouds}, Getenv: func(string) string { return "" }}))
}

func prefix(t *testing.T) string {
	t.Helper()
	return prefixAt(time.Now())
}

// sweepContext outlives the test, for what is done when it ends.
func sweepContext(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// sweep deletes what a test left, whatever became of it.
func sweep(t *testing.T, c *openstack.Cloud, prefix string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		plan, err := cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: prefix, Force: true})
		if err != nil {
			t.Errorf("clean-up: %v", err)
			return
		}
		for _, l := range plan.Execute(ctx, nil) {
			t.Errorf("left behind: %v: %v", l.Row, l.Err)
		}
	})
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func spec(t *testing.T, c *openstack.Cloud, name, owner string) openstack.ServerSpec {
	t.Helper()
	ctx := t.Context()
	s := openstack.ServerSpec{
		Name:     name,
		ImageID:  must[openstack.Image](t)(c.FindImage(ctx, testImage)).ID,
		FlavorID: must[openstack.Flavor](t)(c.FindFlavor(ctx, testFlavor)).ID,
		KeyName:  "key-for-internal", SecurityGroups: []string{"sg-all-from-console"},
		UserData: []byte("#!/bin/bash\necho conformance: user data ran\n"),
		Metadata: map[string]string{"rollout_app": "conformance", "rollout_owner": owner},
	}
	for _, n := range testNetworks() {
		s.NICs = append(s.NICs, openstack.NIC{NetworkID: must[openstack.Network](t)(c.FindNetwork(ctx, n)).ID})
	}
	return s
}

func TestFinding(t *testing.T) {
	c := openTestCloud(t)
	ctx := t.Context()
	image := must[openstack.Image](t)(c.FindImage(ctx, testImage))
	if byID := must[openstack.Image](t)(c.FindImage(ctx, image.ID)); byID.Name != testImage {
		t.Errorf("image by id is %q", byID.Name)
	}
	before := c.Calls()
	for range 5 {
		must[openstack.Image](t)(c.FindImage(ctx, testImage))
	}
	if n := c.Calls() - before; n != 0 {
		t.Errorf("finding an image again took %d calls", n)
	}
	network := must[openstack.Network](t)(c.FindNetwork(ctx, "dmz-net"))
	if byID := must[openstack.Network](t)(c.FindNetwork(ctx, network.ID)); byID.Name != "dmz-net" {
		t.Errorf("network by id is %q", byID.Name)
	}
	if ext := must[openstack.Network](t)(c.ExternalNetwork(ctx, "")); ext.Name != testExternal || !ext.External {
		t.Errorf("the external network is %q", ext.Name)
	}
	must[openstack.SecurityGroup](t)(c.FindSecurityGroup(ctx, "sg-web-from-internet"))
	must[openstack.KeyPair](t)(c.FindKeyPair(ctx, "key-for-internal"))
	for kind, find := range map[string]func() error{
		"image":          func() error { _, err := c.FindImage(ctx, "docker-bse"); return err },
		"flavor":         func() error { _, err := c.FindFlavor(ctx, "standard.xsmal"); return err },
		"network":        func() error { _, err := c.FindNetwork(ctx, "dmz-nte"); return err },
		"security group": func() error { _, err := c.FindSecurityGroup(ctx, "sg-web-from-internt"); return err },
		"key pair":       func() error { _, err := c.FindKeyPair(ctx, "key-for-intrnal"); return err },
		"server":         func() error { _, err := c.FindServer(ctx, "no-such-server"); return err },
	} {
		var none *openstack.NotFoundError
		if err := find(); !errors.As(err, &none) || none.Kind != kind {
			t.Errorf("%s: %v", kind, err)
		} else if kind != "server" && !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%s: no suggestion in %v", kind, err)
		}
	}
}

func TestKeyPairs(t *testing.T) {
	c := openTestCloud(t)
	ctx, name := t.Context(), prefix(t)+"key"
	public := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx conformance"
	must[openstack.KeyPair](t)(c.CreateKeyPair(ctx, name, public))
	t.Cleanup(func() { _ = c.DeleteKeyPair(context.WithoutCancel(ctx), name) })
	if k := must[openstack.KeyPair](t)(c.FindKeyPair(ctx, name)); !strings.HasPrefix(k.PublicKey, "ssh-ed25519 AAAA") {
		t.Errorf("public key is %q", k.PublicKey)
	}
	if err := c.DeleteKeyPair(ctx, name); err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteKeyPair(ctx, name); err != nil {
		t.Errorf("deleting what is gone: %v", err)
	}
}

func TestNetworking(t *testing.T) {
	c := openTestCloud(t)
	ctx, p := t.Context(), prefix(t)
	network := must[openstack.Network](t)(c.CreateNetwork(ctx, map[string]any{"name": p + "net", "admin_state_up": true}))
	t.Cleanup(func() { _ = c.DeleteNetwork(context.WithoutCancel(ctx), network.ID) })
	subnet := must[openstack.Subnet](t)(c.CreateSubnet(ctx, map[string]any{
		"name": p + "subnet", "network_id": network.ID, "cidr": "10.213.77.0/24", "ip_version": 4}))
	t.Cleanup(func() { _ = c.DeleteSubnet(context.WithoutCancel(ctx), subnet.ID) })
	if got := must[openstack.Subnet](t)(c.FindSubnet(ctx, p+"subnet", network.ID)); got.CIDR != "10.213.77.0/24" || got.Gateway != "10.213.77.1" {
		t.Errorf("subnet is %+v", got)
	}
	port := must[openstack.Port](t)(c.CreatePort(ctx, map[string]any{"name": p + "port", "network_id": network.ID,
		"fixed_ips": []map[string]any{{"subnet_id": subnet.ID, "ip_address": "10.213.77.40"}}}))
	if got := must[openstack.Port](t)(c.FindPort(ctx, p+"port")); got.ID != port.ID || got.FixedIPs[0].IP != "10.213.77.40" {
		t.Errorf("port is %+v", got)
	}
	external := must[openstack.Network](t)(c.ExternalNetwork(ctx, testExternal))
	router := must[openstack.Router](t)(c.CreateRouter(ctx, map[string]any{"name": p + "router",
		"external_gateway_info": map[string]any{"network_id": external.ID}}))
	t.Cleanup(func() { _ = c.DeleteRouter(context.WithoutCancel(ctx), router.ID) })
	if router.ExternalNetwork != external.ID {
		t.Errorf("the router's gateway is on %q", router.ExternalNetwork)
	}
	if err := c.AddRouterInterface(ctx, router.ID, subnet.ID, ""); err != nil {
		t.Fatal(err)
	}
	if ports := must[[]openstack.Port](t)(c.RouterPorts(ctx, router.ID)); len(ports) != 1 || ports[0].FixedIPs[0].IP != "10.213.77.1" {
		t.Errorf("router's ports are %+v", ports)
	}
	for _, step := range []func() error{
		func() error { return c.RemoveRouterInterface(ctx, router.ID, subnet.ID, "") },
		func() error { return c.DeleteRouter(ctx, router.ID) },
		func() error { return c.DeletePort(ctx, port.ID) },
		func() error { return c.DeleteSubnet(ctx, subnet.ID) },
		func() error { return c.DeleteNetwork(ctx, network.ID) },
		func() error { return c.DeleteNetwork(ctx, network.ID) },
	} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
	var none *openstack.NotFoundError
	if _, err := c.FindNetwork(ctx, p+"net"); !errors.As(err, &none) {
		t.Errorf("after its deletion the network is found: %v", err)
	}
}

func TestSecurityGroups(t *testing.T) {
	c := openTestCloud(t)
	ctx, name := t.Context(), prefix(t)+"sg"
	group := must[openstack.SecurityGroup](t)(c.CreateSecurityGroup(ctx, name, "conformance"))
	t.Cleanup(func() { _ = c.DeleteSecurityGroup(context.WithoutCancel(ctx), group.ID) })
	port := 5555
	want := openstack.Rule{GroupID: group.ID, Direction: "ingress", Ethertype: "IPv4", Protocol: "tcp",
		PortMin: &port, PortMax: &port, RemoteIP: "172.16.10.0/24"}
	rule := must[openstack.Rule](t)(c.CreateRule(ctx, want))
	again := must[openstack.Rule](t)(c.CreateRule(ctx, want))
	if again.ID != rule.ID {
		t.Errorf("the same rule twice: %s and %s", rule.ID, again.ID)
	}
	found := must[openstack.SecurityGroup](t)(c.FindSecurityGroup(ctx, name))
	if n := len(slices.DeleteFunc(slices.Clone(found.Rules), func(r openstack.Rule) bool { return !r.Same(want) })); n != 1 {
		t.Errorf("the group has %d such rules: %+v", n, found.Rules)
	}
	if err := c.DeleteRule(ctx, rule.ID); err != nil {
		t.Error(err)
	}
	if err := c.DeleteSecurityGroup(ctx, group.ID); err != nil {
		t.Error(err)
	}
}

func TestServers(t *testing.T) {
	c := openTestCloud(t)
	ctx, p := t.Context(), prefix(t)
	owner := strings.TrimSuffix(p, "-")
	sweep(t, c, p)
	first, second := spec(t, c, p+"web-1", owner), spec(t, c, p+"app-1", owner)
	var servers [2]openstack.Server
	g, gctx := errgroup.WithContext(ctx)
	for i, s := range []openstack.ServerSpec{first, second} {
		g.Go(func() (err error) {
			servers[i], err = c.BootServer(gctx, s, openstack.Boot{Limit: bootLimit})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	web := servers[0]
	t.Run("looks as asked for", func(t *testing.T) { checkServer(t, c, web, first, p) })
	t.Run("look-ups share calls", func(t *testing.T) { checkSharedCalls(t, c, p) })
	t.Run("metadata", func(t *testing.T) {
		if err := c.SetMetadata(ctx, web.ID, map[string]string{"stage": "two"}); err != nil {
			t.Fatal(err)
		}
		s := must[openstack.Server](t)(c.Server(ctx, web.ID))
		if s.Metadata["stage"] != "two" || s.Metadata["rollout_owner"] != owner {
			t.Errorf("metadata is %v", s.Metadata)
		}
		if err := c.DeleteMetadata(ctx, web.ID, "stage"); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("floating IP", func(t *testing.T) { checkFloating(t, c, web, owner) })
	t.Run("stop and start", func(t *testing.T) {
		for _, step := range []struct{ action, state string }{{"os-stop", "SHUTOFF"}, {"os-start", "ACTIVE"}} {
			if err := c.Action(ctx, servers[1].ID, step.action, nil); err != nil {
				t.Fatal(err)
			}
			must[openstack.Server](t)(c.Await(ctx, servers[1].Name, servers[1].ID, bootLimit, nil, step.state))
		}
	})
	t.Run("console", func(t *testing.T) {
		lines := must[[]string](t)(c.Console(ctx, web.ID, 5))
		if len(lines) > 5 {
			t.Errorf("5 lines asked for, %d had", len(lines))
		}
	})
	t.Run("cleanup", func(t *testing.T) { checkCleanup(t, c, p, web) })
}

func checkServer(t *testing.T, c *openstack.Cloud, s openstack.Server, want openstack.ServerSpec, prefix string) {
	if s.Status != "ACTIVE" || s.Name != want.Name || s.KeyName != want.KeyName {
		t.Errorf("server is %+v", s)
	}
	var networks []string
	for _, a := range s.Addresses {
		networks = append(networks, a.Network)
	}
	if !slices.Equal(networks, testNetworks()) {
		t.Errorf("networks are %v, asked for in the order %v", networks, testNetworks())
	}
	if len(s.Fixed("dmz-net")) != 1 || !slices.Contains(s.SecurityGroups, "sg-all-from-console") {
		t.Errorf("addresses %v, groups %v", s.Addresses, s.SecurityGroups)
	}
	list := must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: prefix, Metadata: want.Metadata}))
	if len(list) != 2 || list[1].FlavorName != testFlavor || list[1].ImageName != testImage {
		t.Errorf("listed are %+v", list)
	}
	none := must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: prefix, Metadata: map[string]string{"rollout_owner": "nobody"}}))
	if len(none) != 0 {
		t.Errorf("servers of nobody: %+v", none)
	}
}

func checkSharedCalls(t *testing.T, c *openstack.Cloud, prefix string) {
	before := c.Calls()
	var g errgroup.Group
	for i := range 20 {
		g.Go(func() error {
			name := fmt.Sprintf("%sapp-%d", prefix, i)
			found, err := c.ServersNamed(t.Context(), name)
			if err == nil && (len(found) == 1) != (i == 1) {
				err = fmt.Errorf("%d servers named %s", len(found), name)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	if n := c.Calls() - before; n > 4 {
		t.Errorf("20 look-ups at once took %d calls", n)
	}
}

func checkFloating(t *testing.T, c *openstack.Cloud, s openstack.Server, owner string) {
	ctx := t.Context()
	external := must[openstack.Network](t)(c.ExternalNetwork(ctx, testExternal))
	var port openstack.Port
	for _, p := range must[[]openstack.Port](t)(c.ServerPorts(ctx, s.ID)) {
		if p.FixedIPs[0].IP == s.Fixed("dmz-net")[0] {
			port = p
		}
	}
	to := openstack.Target{Port: port, Owner: owner}
	ip, allocated, err := c.Assign(ctx, external, to, false)
	if err != nil || !allocated {
		t.Fatal(allocated, err)
	}
	if !ip.Ours() || ip.Owner() != owner {
		t.Errorf("description is %q", ip.Description)
	}
	limit := time.Minute
	now, err := c.AwaitServer(ctx, s, "the server to show its floating IP", limit, func(s openstack.Server) bool { return len(s.Floating()) > 0 })
	if err != nil || now.Floating()[0] != ip.Address {
		t.Errorf("server shows %v, not %s: %v", now.Floating(), ip.Address, err)
	}
	if _, err := c.Disassociate(ctx, ip); err != nil {
		t.Fatal(err)
	}
	second, allocated, err := c.Assign(ctx, external, to, false)
	if err != nil || allocated || second.Address != ip.Address {
		t.Errorf("the unused one of ours was not taken again: %s, new %v, %v", second.Address, allocated, err)
	}
}

func checkCleanup(t *testing.T, c *openstack.Cloud, prefix string, web openstack.Server) {
	ctx := t.Context()
	if _, err := cleanup.PlanFor(ctx, c, cleanup.Scope{}); !errors.Is(err, cleanup.ErrEmptyPrefix) {
		t.Errorf("an empty prefix: %v", err)
	}
	idle := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: prefix, NotActive: true}))
	if !idle.Empty() {
		t.Errorf("not ACTIVE: %+v", idle.Rows)
	}
	plan := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: prefix}))
	count := map[string]int{}
	for _, r := range plan.Rows {
		count[r.Kind+" "+r.Action]++
	}
	if count["server delete"] != 2 || count["port delete"] != 4 || count["floating IP release"] != 1 {
		t.Errorf("the plan is %v", count)
	}
	var said []string
	left := plan.Execute(ctx, func(s cleanup.Step) { said = append(said, s.String()) })
	if len(left) > 0 || !slices.Contains(said, "Deleting "+web.Name) {
		t.Errorf("left: %v, said: %v", left, said)
	}
	if rest := must[[]openstack.Server](t)(c.ListServers(ctx, openstack.Filter{NamePrefix: prefix})); len(rest) > 0 {
		t.Errorf("servers are left: %+v", rest)
	}
	if ports := must[[]openstack.Port](t)(c.ServerPorts(ctx, web.ID)); len(ports) > 0 {
		t.Errorf("ports are left: %+v", ports)
	}
}

// openWithFaults also returns the flavor of servers that fail on purpose. The
// test bed has flavors for that; the practice cloud is asked to spoil servers
// of these names.
func openWithFaults(t *testing.T) (*openstack.Cloud, func(fault string) (openstack.Flavor, error)) {
	if os.Getenv("ROLLOUT_TEST_CLOUD") != "" {
		c := openTestCloud(t)
		return c, func(fault string) (openstack.Flavor, error) { return c.FindFlavor(t.Context(), fault) }
	}
	lab := apitest.Start(t)
	lab.Order(t, api.Faults{Servers: []api.ServerFault{{Name: "*fault-novalidhost", Fault: "error"},
		{Name: "*fault-error", Fault: "error"}, {Name: "*fault-stuck", Fault: "stuck"}}})
	c := openLab(t, lab)
	return c, func(string) (openstack.Flavor, error) { return c.FindFlavor(t.Context(), testFlavor) }
}

func TestFailingServers(t *testing.T) {
	c, flavorOf := openWithFaults(t)
	p := prefix(t)
	sweep(t, c, p)
	for _, tc := range []struct {
		flavor string
		limit  time.Duration
		says   string
	}{
		{"fault.novalidhost", bootLimit, "No valid host"},
		{"fault.error", bootLimit, "ERROR"},
		{"fault.stuck", 4 * time.Second, "gave up waiting"},
	} {
		flavor, err := flavorOf(tc.flavor)
		if err != nil {
			t.Logf("left out: %v", err)
			continue
		}
		t.Run(tc.flavor, func(t *testing.T) {
			t.Parallel()
			s := spec(t, c, p+strings.ReplaceAll(tc.flavor, ".", "-"), "conf")
			s.FlavorID = flavor.ID
			_, err := c.BootServer(t.Context(), s, openstack.Boot{Limit: tc.limit, Tries: 2})
			var failed *openstack.BootError
			if !errors.As(err, &failed) || failed.Tries != 2 || len(failed.Left) > 0 || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v", err)
			}
			found := must[[]openstack.Server](t)(c.ServersNamed(t.Context(), s.Name))
			if len(found) > 0 {
				t.Errorf("left behind: %+v", found)
			}
		})
	}
}

// TestCancelledWait ends a wait from outside, and finishes in a second run.
func TestCancelledWait(t *testing.T) {
	c := openTestCloud(t)
	p := prefix(t)
	sweep(t, c, p)
	ctx, cancel := context.WithCancel(t.Context())
	s := spec(t, c, p+"cancelled", "conf")
	_, err := c.BootServer(ctx, s, openstack.Boot{Limit: bootLimit, Progress: func(string) { cancel() }})
	var cancelled *openstack.CancelledError
	if err != nil && !errors.As(err, &cancelled) {
		t.Errorf("%v", err)
	}
	cancel()
	// What was begun is found again by name, and finished, without a twin.
	found := must[[]openstack.Server](t)(c.ServersNamed(t.Context(), s.Name))
	if len(found) != 1 {
		t.Fatalf("%d servers named %s", len(found), s.Name)
	}
	done := must[openstack.Server](t)(c.FinishBoot(t.Context(), found[0], s, openstack.Boot{Limit: bootLimit}))
	if done.ID != found[0].ID || done.Status != "ACTIVE" {
		t.Errorf("%+v", done)
	}
}
