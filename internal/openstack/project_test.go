package openstack_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// A project of a test's own, on a cloud of which the entry "admin" of
// clouds.yaml (or $ROLLOUT_TEST_ADMIN) is an administrator's: quotas are a
// whole project's, and those that others work in are not theirs to be narrowed.

// testAdmin opens the cloud as its administrator.
func testAdmin(t *testing.T) *openstack.Cloud {
	t.Helper()
	if os.Getenv("ROLLOUT_TEST_CLOUD") == "" {
		t.Skip("needs a project of its own; on the practice cloud, each test has one: TestQuotaMidway, TestAddressQuotaMidway")
	}
	name := os.Getenv("ROLLOUT_TEST_ADMIN")
	if name == "" {
		name = "admin"
	}
	admin, err := openstack.Open(t.Context(), clouds.Config{Cloud: name})
	if err != nil {
		t.Skipf("needs an administrator (ROLLOUT_TEST_ADMIN, an entry of clouds.yaml): %v", err)
	}
	t.Cleanup(admin.Close)
	return admin
}

// makeIdentity asks Keystone for a thing and returns its id; the thing goes when the
// test ends. One who may not is no administrator.
func makeIdentity(t *testing.T, admin *openstack.Cloud, kind string, fields map[string]any) string {
	t.Helper()
	status, text := askIdentity(t, admin, http.MethodPost, "/"+kind+"s", map[string]any{kind: fields})
	if status == http.StatusForbidden {
		t.Skip("needs an administrator: the entry may not make a " + kind)
	}
	var made map[string]struct{ ID string }
	if err := json.Unmarshal(text, &made); err != nil || made[kind].ID == "" {
		t.Fatalf("cannot make a %s: %d %s", kind, status, text)
	}
	t.Cleanup(func() { identity(t, admin, http.MethodDelete, "/"+kind+"s/"+made[kind].ID, nil) })
	return made[kind].ID
}

// openTestProject makes a project with a user, and opens it.
func openTestProject(t *testing.T, admin *openstack.Cloud, p string) *openstack.Cloud {
	t.Helper()
	e := entryOfTestCloud(t)
	domain := must[string](t)(admin.FindDomain(t.Context(), e.projectDomain))
	secret := rand.Text()
	project := makeIdentity(t, admin, "project", map[string]any{"name": p + "project", "domain_id": domain})
	user := makeIdentity(t, admin, "user", map[string]any{"name": p + "user", "domain_id": domain, "password": secret})
	var roles struct{ Roles []struct{ ID string } }
	if err := json.Unmarshal(identity(t, admin, http.MethodGet, "/roles?name="+url.QueryEscape("member"), nil), &roles); err != nil || len(roles.Roles) == 0 {
		t.Skipf("the cloud has no role named member: %v", err)
	}
	identity(t, admin, http.MethodPut, "/projects/"+project+"/users/"+user+"/roles/"+roles.Roles[0].ID, nil)
	c := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Auth: map[string]string{"auth_url": e.authURL, "username": p + "user",
		"password": secret, "project_name": p + "project", "user_domain_name": e.projectDomain, "project_domain_name": e.projectDomain}}))
	t.Cleanup(c.Close)
	group := must[openstack.SecurityGroup](t)(c.FindSecurityGroup(t.Context(), "default"))
	t.Cleanup(func() {
		if err := admin.DeleteSecurityGroup(sweepContext(t), group.ID); err != nil {
			t.Error(err)
		}
	})
	return c
}

// testWay makes a network with a way to the outside; servers of the spec that
// is returned stand there.
func testWay(t *testing.T, c *openstack.Cloud, p string) openstack.ServerSpec {
	t.Helper()
	ctx := t.Context()
	network := must[openstack.Network](t)(c.CreateNetwork(ctx, map[string]any{"name": p + "net"}))
	t.Cleanup(func() { mayFail(t, c.DeleteNetwork(sweepContext(t), network.ID)) })
	subnet := must[openstack.Subnet](t)(c.CreateSubnet(ctx, map[string]any{
		"name": p + "subnet", "network_id": network.ID, "cidr": "10.213.78.0/24", "ip_version": 4}))
	external := must[openstack.Network](t)(c.ExternalNetwork(ctx, testExternal))
	router := must[openstack.Router](t)(c.CreateRouter(ctx, map[string]any{"name": p + "router",
		"external_gateway_info": map[string]any{"network_id": external.ID}}))
	t.Cleanup(func() { mayFail(t, c.DeleteRouter(sweepContext(t), router.ID)) })
	if err := c.AddRouterInterface(ctx, router.ID, subnet.ID, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mayFail(t, c.RemoveRouterInterface(sweepContext(t), router.ID, subnet.ID, "")) })
	return openstack.ServerSpec{
		ImageID:  must[openstack.Image](t)(c.FindImage(ctx, testImage)).ID,
		FlavorID: must[openstack.Flavor](t)(c.FindFlavor(ctx, testFlavor)).ID,
		NICs:     []openstack.NIC{{NetworkID: network.ID}},
		Metadata: map[string]string{"rollout_app": "conformance", "rollout_owner": "conf"},
	}
}

func mayFail(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// Twelve servers are asked for where six are allowed, then three addresses
// where two are: what was had stays, what was refused says why, and the same
// again, with a wider quota, makes the rest.
func TestQuotasOfAProject(t *testing.T) {
	admin, p := testAdmin(t), prefix(t)
	c := openTestProject(t, admin, p)
	base := testWay(t, c, p)
	sweep(t, c, p)
	allow := func(s openstack.QuotaService, what string, n int) {
		if err := admin.SetQuota(t.Context(), s, c.ProjectID(), value.NewMap(what, n)); err != nil {
			t.Fatal(err)
		}
	}
	allow(openstack.ComputeQuota, "instances", 6)
	allow(openstack.NetworkQuota, "floatingip", 2)
	checkQuota(t, "servers", bootLike(t, c, base, p, 12), 6, "Quota exceeded for instances")
	allow(openstack.ComputeQuota, "instances", 12)
	checkQuota(t, "servers", bootLike(t, c, base, p, 12), 12, "")
	if all := must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: p})); len(all) != 12 {
		t.Errorf("there are %d servers", len(all))
	}
	checkQuota(t, "addresses", addressLike(t, c, p, 3), 2, "release what nobody uses")
	allow(openstack.NetworkQuota, "floatingip", 3)
	checkQuota(t, "addresses", addressLike(t, c, p, 3), 3, "")
}

// checkQuota looks at what a run of many came to: so many were had, and all
// others were refused in these words.
func checkQuota(t *testing.T, what string, results []error, want int, says string) {
	t.Helper()
	had := 0
	for _, err := range results {
		switch {
		case err == nil:
			had++
		case says == "" || !strings.Contains(err.Error(), says):
			t.Errorf("%s: %v", what, err)
		default:
			t.Logf("%s: %v", what, err)
		}
	}
	if had != want {
		t.Errorf("%d %s were had, %d allowed", had, what, want)
	}
}

// addressLike sees to it that the first n servers have a floating IP each.
func addressLike(t *testing.T, c *openstack.Cloud, p string, n int) []error {
	t.Helper()
	external := must[openstack.Network](t)(c.ExternalNetwork(t.Context(), testExternal))
	servers := must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: p}))
	out := make([]error, n)
	var g errgroup.Group
	for i := range out {
		g.Go(func() error {
			ports, err := c.ServerPorts(t.Context(), servers[i].ID)
			if err != nil {
				return err
			}
			if has, err := c.FloatingIPsOf(t.Context(), ports); err != nil || len(has) > 0 {
				return err
			}
			_, _, out[i] = c.Assign(t.Context(), external, openstack.Target{Port: ports[0], Owner: "conf"}, false)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return out
}
