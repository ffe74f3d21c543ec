package openstack_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api"
	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
)

// bootAll boots servers on one network, each with its owner in its metadata.
func bootAll(t *testing.T, c *openstack.Cloud, owners map[string]string) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	for name, owner := range owners {
		s := spec(t, c, name, owner)
		s.NICs = s.NICs[:1]
		group.Go(func() error {
			_, err := c.BootServer(ctx, s, openstack.Boot{Limit: bootLimit})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

func rowsText(plan cleanup.Plan, prefix string) []string {
	var out []string
	for _, r := range plan.Rows {
		if r.Kind != "port" { // named by addresses
			out = append(out, r.Action+" "+r.Kind+" "+strings.ReplaceAll(r.Name, prefix, "")+": "+strings.ReplaceAll(r.Cause, prefix, ""))
		}
	}
	slices.Sort(out)
	return out
}

// A class of two whose names begin alike, and a server that somebody else named
// as if it were the first one's.
func TestCleanupOfAClass(t *testing.T) {
	c := openTestCloud(t)
	ctx, p := t.Context(), prefix(t)
	sweep(t, c, p)
	one, ten := p+"s1", p+"s10"
	bootAll(t, c, map[string]string{one + "-step": one, one + "-web-1": one, ten + "-step": ten, one + "-other": "somebody"})
	for _, s := range []string{one, ten} {
		mark := openstack.Mark{Owner: s, App: "classroom"}
		public := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx " + mark.KeyComment()
		must[openstack.KeyPair](t)(c.CreateKeyPair(ctx, s+"-key", public))
		group := must[openstack.SecurityGroup](t)(c.CreateSecurityGroup(ctx, s+"-ssh", mark.String()))
		t.Cleanup(func() {
			ctx := context.WithoutCancel(t.Context())
			_ = c.DeleteKeyPair(ctx, s+"-key")
			_ = c.DeleteSecurityGroup(ctx, group.ID)
		})
	}
	plan := func(what cleanup.ClassScope) cleanup.Plan {
		t.Helper()
		return must[cleanup.Plan](t)(cleanup.PlanClass(ctx, c, what))
	}

	calls := c.Calls()
	alone := plan(cleanup.ClassScope{Owners: []string{one}})
	want := []string{
		"delete key pair s1-key: made for s1/classroom", "delete security group s1-ssh: made for s1/classroom",
		"delete server s1-step: name begins with s1-", "delete server s1-web-1: name begins with s1-",
		"keep server s1-other: it is somebody's by its metadata",
	}
	if got := rowsText(alone, p); !slices.Equal(got, want) {
		t.Errorf("the plan for one:\n%s", strings.Join(got, "\n"))
	}
	forOne := c.Calls() - calls
	calls = c.Calls()
	both := plan(cleanup.ClassScope{Owners: []string{one, ten}})
	if n := c.Calls() - calls; n > forOne {
		t.Errorf("a plan for two took %d calls, for one %d", n, forOne)
	}
	if n := len(rowsText(both, p)); n != 8 {
		t.Errorf("the plan for both has %d rows:\n%s", n, strings.Join(rowsText(both, p), "\n"))
	}
	for name, some := range map[string]cleanup.ClassScope{"not active": {NotActive: true}, "older": {OlderThan: time.Hour}} {
		some.Owners = []string{one, ten}
		if p := plan(some); !p.Empty() {
			t.Errorf("%s: %v", name, p.Rows)
		}
	}
	if left := alone.Execute(ctx, nil); len(left) > 0 {
		t.Fatal(left)
	}
	var names []string
	for _, s := range must[[]openstack.Server](t)(c.ListServers(ctx, openstack.Filter{NamePrefix: p})) {
		names = append(names, strings.TrimPrefix(s.Name, p))
	}
	if !slices.Equal(names, []string{"s1-other", "s10-step"}) {
		t.Errorf("left are %v", names)
	}
	if _, err := c.FindSecurityGroup(ctx, one+"-ssh"); err == nil {
		t.Error("the security group is still there")
	}
	must[openstack.KeyPair](t)(c.FindKeyPair(ctx, ten+"-key"))
	if left := plan(cleanup.ClassScope{Owners: []string{ten}}).Execute(ctx, nil); len(left) > 0 {
		t.Error(left)
	}
}

func TestCleanupOfAClassNeedsPrefixes(t *testing.T) {
	c := openTestCloud(t)
	for _, owners := range [][]string{nil, {"x", ""}} {
		if _, err := cleanup.PlanClass(t.Context(), c, cleanup.ClassScope{Owners: owners}); err != cleanup.ErrEmptyPrefix {
			t.Errorf("%v: %v", owners, err)
		}
	}
}

// A class costs as many calls as it has servers to delete, and as few more as
// one student does.
func TestCleanupOfAClassSharesItsCalls(t *testing.T) {
	const students, each = 30, 5
	_, c := openFaultyLab(t, api.Faults{})
	ctx, p := t.Context(), prefix(t)
	var owners []string
	servers := map[string]string{}
	for i := range students {
		owner := fmt.Sprintf("%ss%02d", p, i+1)
		owners = append(owners, owner)
		for n := range each {
			servers[fmt.Sprintf("%s-web-%d", owner, n+1)] = owner
		}
	}
	bootAll(t, c, servers)
	for name, owners := range map[string][]string{"one": owners[:1], "the others": owners[1:]} {
		plan := must[cleanup.Plan](t)(cleanup.PlanClass(ctx, c, cleanup.ClassScope{Owners: owners}))
		before, start := c.Calls(), time.Now()
		if left := plan.Execute(ctx, nil); len(left) > 0 {
			t.Fatal(left)
		}
		listing := 10 + int(time.Since(start)/(400*time.Millisecond)) // the shortest there is between two lists
		if n, deletes := c.Calls()-before, each*len(owners); n > deletes+listing {
			t.Errorf("%s: %d servers took %d calls", name, deletes, n)
		}
	}
	before := c.Calls()
	if plan := must[cleanup.Plan](t)(cleanup.PlanClass(ctx, c, cleanup.ClassScope{Owners: owners})); !plan.Empty() {
		t.Errorf("left: %v", plan.Rows)
	}
	if n := c.Calls() - before; n > 12 {
		t.Errorf("a plan took %d calls", n)
	}
}
