package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
	"rollout/internal/openstack/declared"
	"rollout/internal/openstack/lock"
)

const declaredKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKeFSVXNyBMQ4FkcHEpyQdnsWmFOWmVh1Kc1ZnvvEMnx desk"

// declarationOf is what a topology of that owner would declare: all names begin
// with p, the networks are told apart by n.
func declarationOf(p, owner, app string, n int) declared.Declaration {
	port := 80
	in := openstack.Rule{Direction: "ingress", Ethertype: "IPv4"}
	web, peers := in, in
	web.Protocol, web.PortMin, web.PortMax, web.RemoteIP = "tcp", &port, &port, "0.0.0.0/0"
	peers.RemoteID = p + "web"
	return declared.Declaration{
		Mark: openstack.Mark{Owner: owner, App: app},
		Networks: []declared.Network{
			{Name: p + "front", CIDR: fmt.Sprintf("10.%d.1.0/24", n), Router: p + "router", DNS: []string{"9.9.9.9"}},
			{Name: p + "back", CIDR: fmt.Sprintf("10.%d.2.0/24", n)},
		},
		Groups: []declared.Group{
			{Name: p + "web", Rules: []openstack.Rule{web}},
			{Name: p + "all", Rules: []openstack.Rule{peers}},
		},
		KeyPairs: []declared.Key{{Name: p + "key", Public: func() (string, error) { return declaredKey, nil }}},
	}
}

func texts(list []declared.Creation) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.String())
	}
	return out
}

func quiet() lock.Request {
	return lock.Request{Holder: lock.Holder{Who: "test@here"}}
}

// sweepOwner deletes what an owner's test left, whatever became of it.
func sweepOwner(t *testing.T, c *openstack.Cloud, owner string) {
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		plan, err := cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: owner + "-"})
		if err != nil {
			t.Errorf("clean-up: %v", err)
			return
		}
		for _, l := range plan.Execute(ctx, nil) {
			t.Errorf("left behind: %v: %v", l.Row, l.Err)
		}
	})
}

// TestDeclared makes all kinds of things, looks that the second time nothing is
// missing, and with how few calls.
func TestDeclared(t *testing.T) {
	open := lockSession(t)
	c := open()
	ctx, p := t.Context(), prefix(t)
	owner := strings.TrimSuffix(p, "-")
	d := declarationOf(p, owner, "board", 221)
	sweepOwner(t, c, owner)
	planned := texts(must[[]declared.Creation](t)(declared.Missing(ctx, c, d)))
	want := []string{
		"make router " + p + "router: not found",
		"make network " + p + "front: not found",
		"make subnet " + p + "front: network " + p + "front has none",
		"make interface " + p + "router/" + p + "front: network " + p + "front is on no router",
		"make network " + p + "back: not found",
		"make subnet " + p + "back: network " + p + "back has none",
		"make security group " + p + "web: not found",
		"make rule " + p + "web tcp 80 from 0.0.0.0/0: not found",
		"make security group " + p + "all: not found",
		"make rule " + p + "all all from " + p + "web: not found",
		"make key pair " + p + "key: not found",
	}
	if !slices.Equal(planned, want) {
		t.Errorf("planned:\n%s", strings.Join(planned, "\n"))
	}
	made := texts(must[[]declared.Creation](t)(declared.Create(ctx, c, d, quiet())))
	if !slices.Equal(made, want) {
		t.Errorf("made:\n%s", strings.Join(made, "\n"))
	}
	fresh := open()
	before := fresh.Calls()
	if again := must[[]declared.Creation](t)(declared.Create(ctx, fresh, d, quiet())); len(again) > 0 {
		t.Errorf("again: %v", texts(again))
	}
	if n := fresh.Calls() - before; n > 5 {
		t.Errorf("nothing was missing, and that took %d calls", n)
	}
	ports := must[[]openstack.Port](t)(c.Ports(ctx, url.Values{"name": {p + "router-" + p + "front"}}))
	if len(ports) != 1 || ports[0].Raw.String("description") != "rollout: "+owner+"/board" {
		t.Errorf("the router's port is %+v", ports)
	}
	if k := must[openstack.KeyPair](t)(fresh.FindKeyPair(ctx, p+"key")); k.Mark() != d.Mark {
		t.Errorf("the key pair's mark is %v: %s", k.Mark(), k.PublicKey)
	}
}

// What is there otherwise than declared is told, beside what is missing.
func TestDepartures(t *testing.T) {
	c := openTestCloud(t)
	ctx, p := t.Context(), prefix(t)
	owner := strings.TrimSuffix(p, "-")
	port := func(n int) *int { return &n }
	web := func(n int) openstack.Rule {
		return openstack.Rule{Direction: "ingress", Ethertype: "IPv4", Protocol: "tcp", PortMin: port(n), PortMax: port(n), RemoteIP: "0.0.0.0/0"}
	}
	fromWeb := openstack.Rule{Direction: "ingress", Ethertype: "IPv4", RemoteID: p + "web"}
	d := declared.Declaration{Mark: openstack.Mark{Owner: owner, App: "board"},
		Networks: []declared.Network{{Name: p + "net", CIDR: "10.231.1.0/24"}},
		Groups:   []declared.Group{{Name: p + "web", Rules: []openstack.Rule{web(80), web(81), fromWeb}}}}
	sweepOwner(t, c, owner)
	must[[]declared.Creation](t)(declared.Create(ctx, c, d, quiet()))

	wanted := d
	wanted.Networks = []declared.Network{{Name: p + "net", CIDR: "10.231.2.0/24"}}
	wanted.Groups = []declared.Group{{Name: p + "web", Rules: []openstack.Rule{web(80), web(443)}}}
	missing, departures, err := declared.Compare(ctx, c, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(texts(missing), "\n"); got != "make rule "+p+"web tcp 443 from 0.0.0.0/0: not found" {
		t.Errorf("missing: %s", got)
	}
	var got []string
	for _, x := range departures {
		got = append(got, x.Thing+": "+x.Cause)
	}
	slices.Sort(got)
	want := []string{
		"rule " + p + "web all from " + p + "web: not in the topology; left alone",
		"rule " + p + "web tcp 81 from 0.0.0.0/0: not in the topology; left alone",
		"subnet of " + p + "net: it is 10.231.1.0/24, should be 10.231.2.0/24; left alone",
	}
	if !slices.Equal(got, want) {
		t.Errorf("departures:\n%s", strings.Join(got, "\n"))
	}
	if missing, departures, err = declared.Compare(ctx, c, d); err != nil || len(missing)+len(departures) > 0 {
		t.Errorf("what was just made: %v %v %v", missing, departures, err)
	}
}

// TestCleanupOfWhatWasDeclared takes what one owner's run made, and leaves alone
// what somebody else uses or made: first all that student 1 made is kept that
// student 10's port uses, then, with the port gone, nothing is left of it.
func TestCleanupOfWhatWasDeclared(t *testing.T) {
	c := openTestCloud(t)
	ctx, p := t.Context(), prefix(t)
	one, ten := p+"1", p+"10"
	sweepOwner(t, c, one)
	sweepOwner(t, c, ten)
	theirs := declared.Declaration{Mark: openstack.Mark{Owner: ten, App: "board"}, Networks: []declared.Network{{Name: p + "theirs", CIDR: "10.224.9.0/24"}}}
	for _, d := range []declared.Declaration{declarationOf(p, one, "board", 224), theirs} {
		must[[]declared.Creation](t)(declared.Create(ctx, c, d, quiet()))
	}
	front := must[openstack.Network](t)(c.FindNetwork(ctx, p+"front"))
	web := must[openstack.SecurityGroup](t)(c.FindSecurityGroup(ctx, p+"web"))
	port := must[openstack.Port](t)(c.CreatePort(ctx, map[string]any{"name": ten + "-web-1", "network_id": front.ID, "security_groups": []string{web.ID}}))
	t.Cleanup(func() { _ = c.DeletePort(context.WithoutCancel(ctx), port.ID) })

	_, err := cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: one})
	var several *cleanup.SeveralOwnersError
	if !errors.As(err, &several) || !slices.Equal(several.Owners, []string{one, ten}) {
		t.Errorf("the prefix of two owners: %v", err)
	}
	for _, what := range []cleanup.Scope{{Prefix: one + "-", NotActive: true}, {Prefix: one + "-", OlderThan: time.Nanosecond}, {Owner: one, App: "chat"}} {
		if plan := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, what)); len(plan.Rows) > 0 {
			t.Errorf("%+v: %v", what, rowTexts(plan))
		}
	}
	used := "in use by port " + ten + "-web-1"
	plan := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Owner: one, App: "board"}))
	made := "made for " + one + "/board"
	want := []string{
		"keep interface " + p + "router/" + p + "front: " + used,
		"keep router " + p + "router: in use by network " + p + "front",
		"delete security group " + p + "all: " + made,
		"keep security group " + p + "web: " + used,
		"delete subnet " + p + "back: " + made,
		"keep subnet " + p + "front: " + used,
		"delete network " + p + "back: " + made,
		"keep network " + p + "front: " + used,
		"delete key pair " + p + "key: " + made,
	}
	if got := rowTexts(plan); !slices.Equal(got, want) {
		t.Errorf("the plan is\n%s", strings.Join(got, "\n"))
	}
	if left := plan.Execute(ctx, nil); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if err := c.DeletePort(ctx, port.ID); err != nil {
		t.Fatal(err)
	}
	plan = must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: one + "-"}))
	if got := rowTexts(plan); len(got) != 5 || plan.Empty() {
		t.Errorf("with the port gone the plan is\n%s", strings.Join(got, "\n"))
	}
	if left := plan.Execute(ctx, nil); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if rest := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Prefix: one + "-"})); len(rest.Rows) > 0 {
		t.Errorf("after it: %v", rowTexts(rest))
	}
	if n := must[[]openstack.Network](t)(c.Networks(ctx, url.Values{"name": {p + "theirs"}})); len(n) != 1 {
		t.Error("what student 10 made is gone")
	}
}

func rowTexts(p cleanup.Plan) []string {
	var out []string
	for _, r := range p.Rows {
		out = append(out, r.Action+" "+r.Kind+" "+r.Name+": "+r.Cause)
	}
	return out
}

// TestHalfMade takes up what a run that was killed had begun: the router's port
// without the router, which a clean-up takes too.
func TestHalfMade(t *testing.T) {
	c := openTestCloud(t)
	ctx, p := t.Context(), prefix(t)
	owner := strings.TrimSuffix(p, "-")
	sweepOwner(t, c, owner)
	d := declarationOf(p, owner, "board", 225)
	first := d
	first.Networks = []declared.Network{{Name: p + "front", CIDR: "10.225.1.0/24"}}
	must[[]declared.Creation](t)(declared.Create(ctx, c, first, quiet()))
	front := must[openstack.Network](t)(c.FindNetwork(ctx, p+"front"))
	must[openstack.Port](t)(c.CreatePort(ctx, map[string]any{"name": p + "router-" + p + "front", "network_id": front.ID,
		"description": d.String(), "fixed_ips": []any{map[string]any{"ip_address": "10.225.1.1"}}}))
	plan := must[cleanup.Plan](t)(cleanup.PlanFor(ctx, c, cleanup.Scope{Owner: owner, App: "board"}))
	if row := plan.Rows[0]; row.Kind != "port" || row.Action != cleanup.Delete {
		t.Errorf("the plan is %v", rowTexts(plan))
	}
	must[[]declared.Creation](t)(declared.Create(ctx, c, d, quiet()))
	if again := must[[]declared.Creation](t)(declared.Missing(ctx, c, d)); len(again) > 0 {
		t.Errorf("still missing: %v", texts(again))
	}
}

// TestDeclaredByManyAtOnce has several owners declare the same networks at the
// same time: one makes them, and there are no twins.
func TestDeclaredByManyAtOnce(t *testing.T) {
	open := lockSession(t)
	p := prefix(t)
	var all sync.WaitGroup
	first := open()
	for i := range 4 {
		c, owner := open(), fmt.Sprintf("%s%d", p, i)
		sweepOwner(t, c, owner)
		all.Go(func() {
			if _, err := declared.Create(t.Context(), c, declarationOf(p, owner, "board", 222), quiet()); err != nil {
				t.Errorf("%s: %v", owner, err)
			}
		})
	}
	all.Wait()
	for _, name := range []string{p + "front", p + "back"} {
		if found := must[[]openstack.Network](t)(first.Networks(t.Context(), url.Values{"name": {name}})); len(found) != 1 || len(found[0].Subnets) != 1 {
			t.Errorf("networks %s: %+v", name, found)
		}
	}
}
