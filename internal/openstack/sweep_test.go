package openstack_test

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
)

// What tests make is deleted by the test that made it, unless it is killed. The
// names tell when that was, so that the next run of the suite can take it away.

// prefixAt is what the names of a test's things begin with: the minute, and
// chance.
func prefixAt(now time.Time) string {
	return fmt.Sprintf("rollout-test-%07x%06x-", now.Unix()/60, time.Now().UnixNano()&0xffffff)
}

var testName = regexp.MustCompile(`^rollout-test-m?([0-9a-f]{7})[0-9a-f]{6}-`)

// testPrefix returns what a name of a test's begins with, and when the test was;
// "" for the names of others.
func testPrefix(name string) (string, time.Time) {
	m := testName.FindStringSubmatch(name)
	if m == nil {
		return "", time.Time{}
	}
	minute, err := strconv.ParseInt(m[1], 16, 64)
	if err != nil {
		return "", time.Time{}
	}
	return m[0], time.Unix(minute*60, 0)
}

// TestLeftoversOfKilledRuns takes away what tests that began over an hour ago
// left, and nothing else.
func TestLeftoversOfKilledRuns(t *testing.T) {
	c, ctx := openTestCloud(t), t.Context()
	old, young := prefixAt(time.Now().Add(-2*time.Hour)), prefix(t)
	for _, p := range []string{old, young} {
		network := must[openstack.Network](t)(c.CreateNetwork(ctx, map[string]any{"name": p + "net"}))
		t.Cleanup(func() { mayFail(t, c.DeleteNetwork(sweepContext(t), network.ID)) })
		must[openstack.Port](t)(c.CreatePort(ctx, map[string]any{"name": p + "port", "network_id": network.ID}))
		t.Cleanup(func() {
			mayFail(t, deletePorts(sweepContext(t), c, func(name string) bool { return name == p+"port" }))
		})
	}
	sweepOld(t, c, time.Now().Add(-time.Hour))
	left := map[string]bool{}
	for _, n := range must[[]openstack.Network](t)(c.Networks(ctx, nil)) {
		p, _ := testPrefix(n.Name)
		left[p] = true
	}
	if left[old] || !left[young] {
		t.Errorf("the old one is left: %v, the young one: %v", left[old], left[young])
	}
}

// sweepOld deletes what tests made that began before that.
func sweepOld(t *testing.T, c *openstack.Cloud, before time.Time) {
	t.Helper()
	ctx := t.Context()
	old := func(name string) bool {
		p, when := testPrefix(name)
		return p != "" && when.Before(before)
	}
	swept := map[string]bool{}
	for _, s := range must[[]openstack.Server](t)(c.ListServers(ctx, openstack.Filter{NamePrefix: "rollout-test-"})) {
		p, _ := testPrefix(s.Name)
		if !old(s.Name) || swept[p] {
			continue
		}
		swept[p] = true
		plan := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: p, Force: true}))
		for _, l := range plan.Execute(ctx, nil) {
			t.Errorf("left behind: %v: %v", l.Row, l.Err)
		}
	}
	for _, r := range must[[]openstack.Router](t)(c.Routers(ctx, nil)) {
		if old(r.Name) {
			mayFail(t, deleteRouter(ctx, c, r.ID))
		}
	}
	mayFail(t, deletePorts(ctx, c, old))
	for _, n := range must[[]openstack.Network](t)(c.Networks(ctx, nil)) {
		if old(n.Name) {
			mayFail(t, c.DeleteNetwork(ctx, n.ID))
		}
	}
	for _, g := range must[[]openstack.SecurityGroup](t)(c.SecurityGroups(ctx, "", "")) {
		if old(g.Name) {
			mayFail(t, c.DeleteSecurityGroup(ctx, g.ID))
		}
	}
	for _, k := range must[[]openstack.KeyPair](t)(c.KeyPairs(ctx)) {
		if old(k.Name) {
			mayFail(t, c.DeleteKeyPair(ctx, k.Name))
		}
	}
}

func deletePorts(ctx context.Context, c *openstack.Cloud, meant func(name string) bool) error {
	ports, err := c.Ports(ctx, nil)
	for _, p := range ports {
		if err == nil && meant(p.Name) {
			err = c.DeletePort(ctx, p.ID)
		}
	}
	return err
}

func deleteRouter(ctx context.Context, c *openstack.Cloud, id string) error {
	ports, err := c.RouterPorts(ctx, id)
	for _, p := range ports {
		if err == nil {
			err = c.RemoveRouterInterface(ctx, id, "", p.ID)
		}
	}
	if err != nil {
		return err
	}
	return c.DeleteRouter(ctx, id)
}
