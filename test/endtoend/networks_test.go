package endtoend

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"
)

// ownNetworks turns the example into one whose networks and security group no
// cloud has yet.
var ownNetworks = []string{
	"[sg-all-from-console, sg-all-from-dbs-net]", "[e2e-group]",
	"[sg-all-from-console, sg-all-from-app-net, sg-all-from-dbs-net]", "[e2e-group]",
	"[sg-all-from-console, sg-web-from-internet, sg-all-from-app-net]", "[e2e-group]",
	"dmz-net", "e2e-dmz", "app-net", "e2e-app", "dbs-net", "e2e-dbs",
	"192.168.0.0/24", "192.168.77.0/24", "172.16.10.0/24", "172.16.77.0/24", "172.16.20.0/24", "172.16.78.0/24",
	"\ntiers:\n", "\nsecurity_groups:\n  e2e-group: [{all: true}]\n\ntiers:\n",
}

func TestNetworksAndGroupsAreMadeWhereMissing(t *testing.T) {
	b := newBoard(t, "e2enet")
	t.Cleanup(b.removeOwnNetworks)
	for i := 0; i < len(ownNetworks); i += 2 {
		b.editAll(ownNetworks[i], ownNetworks[i+1])
	}
	before := b.routerPorts()
	b.rollout()
	b.wantPageKeepsMessages()
	if after := b.routerPorts(); after != before+1 {
		t.Errorf("Ext-Router had %d interfaces and has %d", before, after)
	}
	if out := b.rollout(); strings.Count(out, "changed=0") != 4 {
		t.Errorf("a rerun changed something:\n%s", out)
	}
	b.run("cleanup", "--prefix", "e2enet-", "--yes")
	b.wantServers()
}

func (b *board) routerPorts() int {
	b.t.Helper()
	router, err := b.cloud.FindRouter(b.t.Context(), "Ext-Router")
	if err != nil {
		b.t.Fatal(err)
	}
	ports, err := b.cloud.RouterPorts(b.t.Context(), router.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return len(ports)
}

// removeOwnNetworks takes away what clean-up leaves alone by design.
func (b *board) removeOwnNetworks() {
	b.cleanUp()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.t.Context()), time.Minute)
	defer cancel()
	router, err := b.cloud.FindRouter(ctx, "Ext-Router")
	if err != nil {
		b.t.Error(err)
		return
	}
	for _, name := range []string{"e2e-dmz", "e2e-app", "e2e-dbs"} {
		networks, err := b.cloud.Networks(ctx, url.Values{"name": {name}})
		if err != nil {
			b.t.Error(err)
		}
		for _, n := range networks {
			for _, subnet := range n.Subnets {
				_ = b.cloud.RemoveRouterInterface(ctx, router.ID, subnet, "") // only one of them is on the router
			}
			if err := b.cloud.DeleteNetwork(ctx, n.ID); err != nil {
				b.t.Error(err)
			}
		}
	}
	if group, err := b.cloud.FindSecurityGroup(ctx, "e2e-group"); err == nil {
		if err := b.cloud.DeleteSecurityGroup(ctx, group.ID); err != nil {
			b.t.Error(err)
		}
	}
}
