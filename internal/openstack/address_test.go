package openstack_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// testPorts makes ports on the network that is joined to the outside; tests put
// addresses before them as before a server's.
func testPorts(t *testing.T, c *openstack.Cloud, p string, n int) []openstack.Port {
	t.Helper()
	network := must[openstack.Network](t)(c.FindNetwork(t.Context(), testNetworks()[0]))
	ports := make([]openstack.Port, n)
	var g errgroup.Group
	for i := range n {
		g.Go(func() (err error) {
			ports[i], err = c.CreatePort(t.Context(), map[string]any{"name": fmt.Sprintf("%sport-%d", p, i), "network_id": network.ID})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, port := range ports {
			if err := c.DeletePort(sweepContext(t), port.ID); err != nil {
				t.Error(err)
			}
		}
	})
	return ports
}

// assignAll puts an address before each port at once, and gives them back when
// the test ends.
func assignAll(t *testing.T, c *openstack.Cloud, ports []openstack.Port, owner string) (addresses map[string]bool, allocated int) {
	t.Helper()
	external := must[openstack.Network](t)(c.ExternalNetwork(t.Context(), testExternal))
	ips, isNew := make([]openstack.FloatingIP, len(ports)), make([]bool, len(ports))
	var g errgroup.Group
	for i, port := range ports {
		g.Go(func() (err error) {
			ips[i], isNew[i], err = c.Assign(t.Context(), external, openstack.Target{Port: port, Owner: owner}, false)
			return err
		})
	}
	err := g.Wait()
	t.Cleanup(func() {
		for _, ip := range ips {
			if ip.ID != "" {
				if err := c.Release(sweepContext(t), ip); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	addresses = map[string]bool{}
	for i, ip := range ips {
		addresses[ip.Address] = true
		if isNew[i] {
			allocated++
		}
	}
	return addresses, allocated
}

// Unused addresses of ours are handed out side by side, each once; the rest is
// allocated.
func TestAddressesAreReusedWithoutClash(t *testing.T) {
	c := openTestCloud(t)
	p := prefix(t)
	owner := strings.TrimSuffix(p, "-")
	ports := testPorts(t, c, p, 5)
	first, allocated := assignAll(t, c, ports[:2], owner)
	if len(first) != 2 || allocated != 2 {
		t.Fatalf("%v, %d of them new", first, allocated)
	}
	for _, ip := range must[[]openstack.FloatingIP](t)(c.FloatingIPsOf(t.Context(), ports[:2])) {
		must[openstack.FloatingIP](t)(c.Disassociate(t.Context(), ip))
	}
	again, allocated := assignAll(t, c, ports, owner)
	if len(again) != len(ports) || allocated != len(ports)-2 {
		t.Errorf("%d ports have %v, %d of them new", len(ports), again, allocated)
	}
	for address := range first {
		if !again[address] {
			t.Errorf("%s was unused, and was not reused", address)
		}
	}
}

// Addresses whose allocation's answer was lost are found, not allocated twice.
func TestLostAnswersAtManyAddresses(t *testing.T) {
	lab, c := openFaultyLab(t, api.Faults{})
	p := prefix(t)
	ports := testPorts(t, c, p, 20)
	lab.Order(t, api.Faults{Answers: []api.AnswerFault{
		{Method: "POST", Path: "/network/v2.0/floatingips", Cut: "after", Count: 8},
		{Method: "POST", Path: "/network/v2.0/floatingips", Cut: "before", Count: 4}}})
	if addresses, _ := assignAll(t, c, ports, "o"); len(addresses) != len(ports) {
		t.Errorf("%d addresses for %d ports", len(addresses), len(ports))
	}
	if all := must[[]openstack.FloatingIP](t)(c.FloatingIPs(t.Context(), nil)); len(all) != len(ports) {
		t.Errorf("%d addresses were allocated for %d ports", len(all), len(ports))
	}
}

// A pool without addresses, and a project that may have no more, say what to do.
func TestNoAddressLeft(t *testing.T) {
	for _, kind := range []string{"IpAddressGenerationFailure", "OverQuota"} {
		f := &faulty{before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if !strings.HasSuffix(r.URL.Path, "/floatingips") {
				return false
			}
			if r.Method == http.MethodGet {
				answer(w, 200, map[string]any{"floatingips": []any{}})
				return true
			}
			answer(w, 409, map[string]any{"NeutronError": map[string]any{"type": kind, "message": "No more IP addresses available on network e.", "detail": ""}})
			return true
		}}
		c := f.open(t)
		_, _, err := c.Assign(t.Context(), openstack.Network{ID: "e", Name: "Ext-Net"}, openstack.Target{Port: openstack.Port{ID: "p"}}, true)
		var api *openstack.APIError
		if !errors.As(err, &api) || !strings.Contains(err.Error(), "openstack floating ip list --status DOWN") {
			t.Errorf("%s: %v", kind, err)
		}
		if n := f.count("POST /v2.0/floatingips"); n != 1 {
			t.Errorf("%s: asked %d times", kind, n)
		}
	}
}

// A project's limit of addresses hit midway: those that were had stay, and what
// to do is said.
func TestAddressQuotaMidway(t *testing.T) {
	const n, allowed = 6, 4
	_, c := openFaultyLab(t, api.Faults{})
	ctx, p := t.Context(), prefix(t)
	ports := testPorts(t, c, p, n)
	if err := c.SetQuota(ctx, openstack.NetworkQuota, c.ProjectID(), value.NewMap("floatingip", allowed)); err != nil {
		t.Fatal(err)
	}
	external := must[openstack.Network](t)(c.ExternalNetwork(ctx, testExternal))
	refused := make(chan error, n)
	var g errgroup.Group
	for _, port := range ports {
		g.Go(func() error {
			if _, _, err := c.Assign(ctx, external, openstack.Target{Port: port, Owner: "o"}, false); err != nil {
				refused <- err
			}
			return nil
		})
	}
	_ = g.Wait() // each error is in the channel
	close(refused)
	if len(refused) != n-allowed {
		t.Errorf("%d were refused", len(refused))
	}
	for err := range refused {
		if !strings.Contains(err.Error(), "Quota exceeded") || !strings.Contains(err.Error(), "release what nobody uses") {
			t.Errorf("%v", err)
		}
	}
	if have := must[[]openstack.FloatingIP](t)(c.FloatingIPsOf(ctx, ports)); len(have) != allowed {
		t.Errorf("%d ports have an address", len(have))
	}
}

// An address that another run took between the look and the association is not
// taken from it: the next one is.
func TestAddressTakenMeanwhile(t *testing.T) {
	ip := func(id string) map[string]any {
		return map[string]any{"id": id, "floating_ip_address": id, "floating_network_id": "e", "description": "rollout: o", "revision_number": 7}
	}
	f := &faulty{before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/floatingips"):
			answer(w, 200, map[string]any{"floatingips": []any{ip("a"), ip("b")}})
		case r.Method == http.MethodPut && r.Header.Get("If-Match") != "revision_number=7":
			answer(w, 400, nil)
		case strings.HasSuffix(r.URL.Path, "/floatingips/a"):
			answer(w, 412, map[string]any{"NeutronError": map[string]any{"type": "RevisionNumberConstraintFailed", "message": "changed", "detail": ""}})
		case strings.HasSuffix(r.URL.Path, "/floatingips/b"):
			answer(w, 200, map[string]any{"floatingip": ip("b")})
		default:
			return false
		}
		return true
	}}
	got, allocated, err := f.open(t).Assign(t.Context(), openstack.Network{ID: "e"}, openstack.Target{Port: openstack.Port{ID: "p"}, Owner: "o"}, false)
	if err != nil || allocated || got.ID != "b" {
		t.Errorf("%q, new %v: %v", got.ID, allocated, err)
	}
}

// Another project's address, or one that nobody has, is said to be so.
func TestForeignAddress(t *testing.T) {
	c := openTestCloud(t)
	_, err := c.FindFloatingIP(t.Context(), "203.0.113.200")
	var none *openstack.NotFoundError
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "another project's") {
		t.Errorf("%v", err)
	}
}
