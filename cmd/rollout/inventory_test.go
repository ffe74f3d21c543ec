package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"rollout/internal/report"
	"rollout/internal/settings"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

// recorded is a cloud that answers what a real one did, once: the answers and
// what the openstack.cloud collection's inventory made of them stand in
// testdata/inventory (2.5.0 over openstacksdk 4.0.0, and 1.10.0 over 0.61.0).
type recorded struct {
	url string

	mu    sync.Mutex
	calls map[string]int
}

const recordedProject = "9dccaab197ee448db78c1184a26f173f"

func serveRecorded(t *testing.T) *recorded {
	t.Helper()
	r := &recorded{calls: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(r.serve))
	t.Cleanup(server.Close)
	r.url = server.URL
	clouds := filepath.Join(t.TempDir(), "clouds.yaml")
	text := fmt.Sprintf("clouds:\n  snsapp:\n    region_name: RegionOne\n    auth: {auth_url: %s/v3, username: u, password: p, "+
		"project_name: SNSApp, user_domain_name: Default, project_domain_name: Default}\n", r.url)
	if err := os.WriteFile(clouds, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OS_CLIENT_CONFIG_FILE", clouds)
	t.Setenv("OS_CLOUD", "")
	return r
}

func (r *recorded) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	r.calls[req.URL.Path]++
	r.mu.Unlock()
	_, path, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/v"), "/") // without the version
	file := map[string]string{"flavors/detail": "flavors", "networks": "networks", "floatingips": "floatingips",
		"security-groups": "security-groups", "images": "images"}[path]
	switch {
	case req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/auth/tokens"):
		r.login(w)
		return
	case path == "servers/detail" && req.Header.Get("OpenStack-API-Version") == "compute 2.73":
		file = "servers-273"
	case path == "servers/detail":
		file = "servers-latest"
	case file == "":
		http.NotFound(w, req)
		return
	}
	data, err := os.ReadFile(filepath.Join("testdata/inventory", file+".json"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write(data)
}

func (r *recorded) login(w http.ResponseWriter) {
	var catalog []string
	for _, kind := range []string{"compute", "network", "image"} {
		catalog = append(catalog, fmt.Sprintf(`{"type": %q, "name": %[1]q, "endpoints": [{"id": %[1]q, "interface": "public", "region": "RegionOne",
			"region_id": "RegionOne", "url": %[2]q}]}`, kind, r.url))
	}
	w.Header().Set("X-Subject-Token", "t")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"token": {"expires_at": "2999-01-01T00:00:00.000000Z", "project": {"id": %q, "name": "SNSApp"}, "catalog": [%s]}}`,
		recordedProject, strings.Join(catalog, ","))
}

// total is how many requests were answered.
func (r *recorded) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, calls := range r.calls {
		n += calls
	}
	return n
}

// openstackInventory loads an inventory file of that text, whose place is taken
// by the name openstack.yml.
func openstackInventory(t *testing.T, flush bool, text string) (*inventory.Inventory, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "openstack.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return loadInventory(t, path, flush)
}

func loadInventory(t *testing.T, path string, flush bool) (*inventory.Inventory, error) {
	t.Helper()
	p, err := openProject(t.Context(), &projectFlags{inventories: []string{path}, flushCache: flush}, settings.Default(), 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.clouds.Close)
	return p.source(false).Load(t.Context())
}

func TestInventoryAsTheCollectionHasIt(t *testing.T) {
	for _, c := range []struct {
		want, options string
		calls         int // the log-in is one
	}{
		{"want-2", "", 2},
		{"want-1", "collection_version: 1\n", 4},
		{"want-1-expand", "collection_version: 1\nexpand_hostvars: true\n", 7},
	} {
		t.Run(c.want, func(t *testing.T) {
			cloud := serveRecorded(t)
			inv, err := openstackInventory(t, false, "plugin: openstack.cloud.openstack\nfail_on_errors: true\n"+c.options)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join("testdata/inventory", c.want+".json"))
			if err != nil {
				t.Fatal(err)
			}
			same(t, inv.List(inventory.Form{}), want)
			if n := cloud.total(); n != c.calls {
				t.Errorf("%d calls were made, not %d: %v", n, c.calls, cloud.calls)
			}
		})
	}
}

// same compares data with JSON, whatever the order of keys.
func same(t *testing.T, got *value.Map, want []byte) {
	t.Helper()
	decoded, err := value.FromJSON(want)
	if err != nil {
		t.Fatal(err)
	}
	if value.Equal(got, decoded) {
		return
	}
	a, errA := value.ToJSONIndent(decoded, " ")
	b, errB := value.ToJSONIndent(got, " ")
	if errA != nil || errB != nil {
		t.Fatal(errA, errB)
	}
	t.Errorf("the inventories differ (- the collection's, + ours):\n%s", report.UnifiedDiff(report.Diff{Before: string(a), After: string(b)}))
}

func TestInventoryOptions(t *testing.T) {
	for _, c := range []struct{ name, options, host, want string }{
		{"by id", "inventory_hostname: uuid", "f538323c-c89f-4a50-977a-9a756545b248", "172.16.20.156"},
		{"private", "private: true", "inventory-web-1", "192.168.0.240"},
		{"floating", "", "inventory-web-1", "198.51.100.123"},
		{"names", "use_names: true", "inventory-web-1", "inventory-web-1"},
		{"without address", "show_all: true", "inventory-broken", "<nil>"},
		{"composed", "compose: {ansible_host: openstack.key_name}", "inventory-web-1", "key-for-internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			serveRecorded(t)
			inv, err := openstackInventory(t, false, "plugin: openstack\n"+c.options+"\n")
			if err != nil {
				t.Fatal(err)
			}
			h := inv.Host(c.host)
			if h == nil {
				t.Fatalf("there is no host %s", c.host)
			}
			if got := fmt.Sprint(h.Vars.At("ansible_host")); got != c.want {
				t.Errorf("ansible_host is %s, not %s", got, c.want)
			}
		})
	}
}

func TestInventoryFilesThatAreRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"plugin: aws_ec2", "openstack.yml:1:9: there is no inventory plugin aws_ec2 here"},
		{"plugin: openstack.cloud.opnstack", `did you mean "openstack.cloud.openstack"`},
		{"plugin: openstack\nexpand_hostvar: true", "openstack.yml:2:1: the plugin openstack has no option expand_hostvar"},
		{"plugin: openstack\nprivate: maybe", `openstack.yml:2:10: private must be yes or no, not "maybe"`},
		{"plugin: openstack\ninventory_hostname: ip", `inventory_hostname must be name or uuid, not "ip"`},
		{"plugin: openstack\nkeyed_groups: [{prefix: a}]", "an entry of keyed_groups needs a key"},
		{"plugin: openstack\nkeyed_groups: [{key: a, pref: a}]", "an entry of keyed_groups has no option pref"},
		{"plugin: openstack\ncache: true\ncache_plugin: redis\n", "there is no cache plugin redis here"},
		{"plugin: openstack\ncache: true\ncache_plugin: jsonfile\n", "needs cache_connection"},
		{"plugin: openstack\nonly_clouds: [nowhere]\nfail_on_errors: true\n", "cannot log in to cloud nowhere"},
		{"plugin: openstack\nstrict: true\ncompose: {a: nothing.there}\n", "cannot set a for the host"},
	} {
		t.Run(c.text, func(t *testing.T) {
			serveRecorded(t)
			_, err := openstackInventory(t, false, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, not one that says %s", err, c.want)
			}
		})
	}
}

func TestACloudThatFailsIsAWarning(t *testing.T) {
	serveRecorded(t)
	inv, err := openstackInventory(t, false, "plugin: openstack\nonly_clouds: [nowhere, snsapp]\n")
	if err != nil {
		t.Fatal(err)
	}
	if inv.Host("inventory-web-1") == nil || !strings.Contains(strings.Join(inv.Warnings, "\n"), "the servers of the cloud nowhere are missing") {
		t.Errorf("warnings: %q", inv.Warnings)
	}
}

func TestInventoryCache(t *testing.T) {
	cloud := serveRecorded(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "openstack.yml")
	text := "plugin: openstack\ncache: true\ncache_plugin: jsonfile\ncache_connection: " + filepath.Join(dir, "cache") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	load := func(what string, flush bool, calls int) *inventory.Inventory {
		t.Helper()
		before := cloud.total()
		inv, err := loadInventory(t, path, flush)
		if err != nil {
			t.Fatal(err)
		}
		if n := cloud.total() - before; n != calls {
			t.Errorf("%s: %d calls, not %d", what, n, calls)
		}
		return inv
	}
	first := load("the first time", false, 2)
	again := load("from the cache", false, 0)
	if !value.Equal(first.List(inventory.Form{}), again.List(inventory.Form{})) {
		t.Error("the cache's inventory is not the cloud's")
	}
	load("with --flush-cache", true, 2)
	files, err := filepath.Glob(filepath.Join(dir, "cache", "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the cache holds %v (%v)", files, err)
	}
	if info, err := os.Stat(files[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the cache's mode is %v (%v)", info.Mode(), err)
	}
	for _, spoilt := range []string{"{", `{"format": 1, "servers": [1]}`, `[]`, ""} {
		if err := os.WriteFile(files[0], []byte(spoilt), 0o600); err != nil {
			t.Fatal(err)
		}
		inv := load("with a spoilt cache", false, 2)
		if !strings.Contains(strings.Join(inv.Warnings, "\n"), "is ignored, and will be written anew") {
			t.Errorf("nothing was said of a cache that holds %q: %q", spoilt, inv.Warnings)
		}
	}
	load("after it was written anew", false, 0)
	if data, err := os.ReadFile(files[0]); err != nil || bytes.Contains(data, []byte("#cloud-config")) {
		t.Errorf("the cache holds user data (%v)", err)
	}
}

func TestMetadataIsNotEvaluated(t *testing.T) {
	p, err := openProject(t.Context(), &projectFlags{}, settings.Default(), 0)
	if err != nil {
		t.Fatal(err)
	}
	templates := p.plugins().Templates
	own := value.NewMap("a", "{{ 2 + 2 }}", "openstack", value.NewMap("metadata", value.NewMap("x", "{{ 1 + 1 }}")))
	for text, want := range map[string]string{"{{ a }}": "4", "{{ openstack.metadata.x }}": "{{ 1 + 1 }}"} {
		composed, err := templates.Compose(t.Context(), text, own)
		if err != nil || fmt.Sprint(composed) != want {
			t.Errorf("%s gives %v (%v), not %s", text, composed, err, want)
		}
		met, err := templates.Condition(t.Context(), text, own)
		if err != nil || fmt.Sprint(met) != want {
			t.Errorf("%s gives %v (%v), not %s", text, met, err, want)
		}
	}
	if _, err := templates.Compose(t.Context(), "{{ lookup('env', 'HOME') }}", own); err == nil {
		t.Error("compose may look things up")
	}
}

// oneServer is a cloud in which somebody set metadata.
type oneServer struct{}

func (oneServer) Regions([]string) ([]inventory.CloudRegion, error) {
	return []inventory.CloudRegion{{Cloud: "c"}}, nil
}

func (oneServer) Servers(context.Context, inventory.CloudRegion, inventory.ServerQuery) ([]*value.Map, error) {
	return []*value.Map{value.NewMap("name", "{{ 1 + 1 }}", "id", "i", "metadata", value.NewMap("x", "{{ 1 + 1 }}", "y", "plain"))}, nil
}

func TestMetadataIsNoTemplateForPlaybooks(t *testing.T) {
	p, err := openProject(t.Context(), &projectFlags{}, settings.Default(), 0)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "openstack.yml")
	text := "plugin: openstack\nshow_all: true\nuse_names: true\nlegacy_groups: false\ncompose:\n  made: openstack.metadata.x\n  own: \"'{{ 1 + 1 }}'\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := p.inventoryOptions()
	opts.Plugins.Clouds = oneServer{}
	inv, err := inventory.Open(path, opts).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := inv.Hosts()[0]
	for _, v := range []any{h.Vars.At("ansible_host"), h.Vars.At("made"), h.Vars.Map("openstack").Map("metadata").At("x")} {
		if v != any(vars.Raw("{{ 1 + 1 }}")) {
			t.Errorf("%T %v may be evaluated", v, v)
		}
	}
	if y := h.Vars.Map("openstack").Map("metadata").At("y"); y != "plain" {
		t.Errorf("y is %v", y)
	}
}
