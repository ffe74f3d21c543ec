package openstack_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// listed is the server of that name as an inventory shows it.
func listed(t *testing.T, c *openstack.Cloud, q openstack.InventoryQuery, name string) *value.Map {
	t.Helper()
	for _, s := range must[[]*value.Map](t)(c.Inventory(t.Context(), q)) {
		if s.String("name") == name {
			return s
		}
	}
	t.Fatalf("the inventory has no %s", name)
	return nil
}

func TestInventory(t *testing.T) {
	c := openTestCloud(t)
	name := prefix(t) + "web"
	sweep(t, c, name)
	s := spec(t, c, name, "owner")
	s.NICs = s.NICs[:1]
	server := must[openstack.Server](t)(c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit}))
	address := server.Fixed("")[0]

	two := listed(t, c, openstack.InventoryQuery{Shape: openstack.Shape2}, name)
	for key, want := range map[string]any{"id": server.ID, "status": "ACTIVE", "key_name": "key-for-internal", "vm_state": "active",
		"project_id": c.ProjectID(), "is_locked": false, "availability_zone": server.AvailabilityZone} {
		if got := two.At(key); got != want {
			t.Errorf("%s is %v, not %v", key, got, want)
		}
	}
	if got := two.Map("flavor").At("name"); got != testFlavor {
		t.Errorf("the flavor is %v", got)
	}
	if got := two.Map("metadata").At("rollout_owner"); got != "owner" {
		t.Errorf("the owner is %v", got)
	}
	if got := two.Map("image").At("id"); got != s.ImageID {
		t.Errorf("the image is %v", got)
	}

	one := listed(t, c, openstack.InventoryQuery{Shape: openstack.Shape1, Expand: true, Private: true}, name)
	for key, want := range map[string]any{"id": server.ID, "private_v4": address, "public_v4": "", "interface_ip": address,
		"accessIPv4": address, "az": server.AvailabilityZone, "tenant_id": c.ProjectID()} {
		if got := one.At(key); got != want {
			t.Errorf("%s is %v, not %v", key, got, want)
		}
	}
	if got := one.Map("image").At("name"); got != testImage {
		t.Errorf("the image is %v", got)
	}
	groups := one.List("security_groups")
	if len(groups) != 1 || groups[0].(*value.Map).At("name") != "sg-all-from-console" {
		t.Errorf("the security groups are %v", groups)
	}
}

func TestInventoryTakesNoCallPerServer(t *testing.T) {
	c := openLab(t, apitest.Start(t))
	fillLab(t, c, 12)
	for _, q := range []struct {
		query openstack.InventoryQuery
		calls int
	}{
		{openstack.InventoryQuery{Shape: openstack.Shape2}, 1},
		{openstack.InventoryQuery{Shape: openstack.Shape2, Expand: true}, 1},
		{openstack.InventoryQuery{Shape: openstack.Shape1}, 3},
		{openstack.InventoryQuery{Shape: openstack.Shape1, Expand: true}, 6},
	} {
		before := c.Calls()
		list := must[[]*value.Map](t)(c.Inventory(t.Context(), q.query))
		if n := c.Calls() - before; n > q.calls || len(list) != 12 {
			t.Errorf("%+v: %d servers in %d calls, not 12 in %d", q.query, len(list), n, q.calls)
		}
	}
}

func TestInventoryFilters(t *testing.T) {
	c := openLab(t, apitest.Start(t))
	fillLab(t, c, 3)
	list := must[[]*value.Map](t)(c.Inventory(t.Context(), openstack.InventoryQuery{Shape: openstack.Shape2,
		Filters: map[string]string{"name": "many-001"}}))
	if len(list) != 1 || list[0].At("name") != "many-001" {
		t.Errorf("%d servers are listed: %v", len(list), list)
	}
}

// fillLab boots servers named many-000 and so on.
func fillLab(t testing.TB, c *openstack.Cloud, n int) {
	t.Helper()
	ctx := t.Context()
	image, err := c.FindImage(ctx, testImage)
	if err != nil {
		t.Fatal(err)
	}
	flavor, err := c.FindFlavor(ctx, testFlavor)
	if err != nil {
		t.Fatal(err)
	}
	network, err := c.FindNetwork(ctx, "dmz-net")
	if err != nil {
		t.Fatal(err)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(20)
	for i := range n {
		g.Go(func() error {
			_, err := c.BootServer(gctx, openstack.ServerSpec{Name: fmt.Sprintf("many-%03d", i), ImageID: image.ID, FlavorID: flavor.ID,
				NICs: []openstack.NIC{{NetworkID: network.ID}}, Metadata: map[string]string{"rollout_app": "many", "rollout_tier": "web"}},
				openstack.Boot{Limit: time.Minute})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

const manyServers = 200

// BenchmarkInventory: bare is the floor, one call whose
// answer is read and thrown away.
func BenchmarkInventory(b *testing.B) {
	lab := apitest.Start(b)
	c, err := openstack.Open(b.Context(), clouds.Config{Cloud: apitest.Cloud,
		Further: map[string]string{apitest.Cloud: lab.Clouds}, Getenv: func(string) string { return "" }})
	if err != nil {
		b.Fatal(err)
	}
	fillLab(b, c, manyServers)
	for _, q := range []openstack.InventoryQuery{{Shape: openstack.Shape2}, {Shape: openstack.Shape1}, {Shape: openstack.Shape1, Expand: true}} {
		b.Run(fmt.Sprintf("shape=%d/expand=%v", q.Shape, q.Expand), func(b *testing.B) {
			for b.Loop() {
				list, err := c.Inventory(b.Context(), q)
				if err != nil || len(list) != manyServers {
					b.Fatalf("%d servers: %v", len(list), err)
				}
			}
		})
	}
	b.Run("bare", func(b *testing.B) { bareList(b, lab) })
}

func bareList(b *testing.B, lab *apitest.Lab) {
	token := lab.Token(b)
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), http.MethodGet, lab.URL+"/compute/v2.1/servers/detail", nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", token)
		req.Header.Set("OpenStack-API-Version", "compute latest")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || n < 100<<10 {
			b.Fatalf("%s, %d bytes: %v", resp.Status, n, err)
		}
	}
}
