package topology

import (
	"fmt"
	"strings"
	"testing"

	"rollout/internal/value"
	"rollout/inventory"
)

func inventoryOf(t *testing.T, text string, cloud ...Instance) *inventory.Inventory {
	t.Helper()
	top, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	inv, err := top.Inventory(cloud)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func hostVars(t *testing.T, inv *inventory.Inventory, name string) *value.Map {
	t.Helper()
	h := inv.Host(name)
	if h == nil {
		t.Fatalf("no host %s", name)
	}
	return inv.VarsOf(h, nil)
}

var running = []Instance{
	{ID: "1", Name: "student07-dbs-1", Addresses: map[string]string{"dmz-net": "192.168.0.11", "dbs-net": "172.16.20.11"}},
	{ID: "2", Name: "student07-app-1", Addresses: map[string]string{"dmz-net": "192.168.0.12", "app-net": "172.16.10.12", "dbs-net": "172.16.20.12"}},
	{ID: "3", Name: "student07-app-2", Addresses: map[string]string{"dmz-net": "192.168.0.13", "app-net": "172.16.10.13", "dbs-net": "172.16.20.13"}},
	{ID: "4", Name: "student07-web-1", FloatingIP: "198.51.100.7", Addresses: map[string]string{"dmz-net": "192.168.0.14", "app-net": "172.16.10.14"}},
}

func TestHostsComeInLinkOrder(t *testing.T) {
	inv := inventoryOf(t, board)
	var names []string
	for _, h := range inv.Hosts() {
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "student07-dbs-1 student07-app-1 student07-app-2 student07-web-1" {
		t.Errorf("hosts = %s", got)
	}
	vars := hostVars(t, inv, "student07-app-2")
	if got, _ := value.ToJSON(vars.At("tier_batches")); string(got) != "[1, 2, 1]" {
		t.Errorf("tier_batches = %s", got)
	}
	if _, known := vars.Get("ansible_host"); known {
		t.Error("a VM that isn't there has an address")
	}
}

func TestAddressesComeFromTheCloud(t *testing.T) {
	inv := inventoryOf(t, board, running...)
	web := hostVars(t, inv, "student07-web-1")
	for name, want := range map[string]string{
		"ansible_host": "192.168.0.14", "address": "198.51.100.7", "floating_ip_address": "198.51.100.7",
		"dbs": "172.16.20.11", "app": "172.16.10.12", "server_id": "4", "tier": "web",
	} {
		if got := web.String(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got, _ := value.ToJSON(web.At("app_addresses")); string(got) != `["172.16.10.12", "172.16.10.13"]` {
		t.Errorf("app_addresses = %s", got)
	}
}

func TestAVMIsReachedByItsFloatingIPWhereAsked(t *testing.T) {
	text := strings.Replace(board, "floating_ip: {pool: Ext-Net}", "floating_ip: true\n    reach_by: floating_ip", 1)
	if got := hostVars(t, inventoryOf(t, text, running...), "student07-web-1").String("ansible_host"); got != "198.51.100.7" {
		t.Errorf("ansible_host = %s", got)
	}
	if got, known := hostVars(t, inventoryOf(t, text, running[3:]...), "student07-dbs-1").Get("ansible_host"); known {
		t.Errorf("ansible_host of a VM that isn't there = %v", got)
	}
}

func TestLinksAcrossVMsGiveWhatDockerGives(t *testing.T) {
	inv := inventoryOf(t, board, running...)
	link := func(host string) *value.Map {
		c := hostVars(t, inv, host).List("containers")[0].(*value.Map)
		return c.List("remote_links")[0].(*value.Map)
	}
	env, _ := value.ToJSON(link("student07-app-1").At("env"))
	want := `{"DB_PORT": "tcp://172.16.20.11:13306", "DB_PORT_3306_TCP": "tcp://172.16.20.11:13306", ` +
		`"DB_PORT_3306_TCP_ADDR": "172.16.20.11", "DB_PORT_3306_TCP_PORT": "13306", "DB_PORT_3306_TCP_PROTO": "tcp", "DB_NAME": "/app/db"}`
	if string(env) != want {
		t.Errorf("env of app = %s", env)
	}
	rest := link("student07-web-1")
	if hosts, _ := value.ToJSON(rest.At("etc_hosts")); string(hosts) != `{"rest": "172.16.10.12", "rest_1": "172.16.10.12", "rest_2": "172.16.10.13"}` {
		t.Errorf("hosts of web = %s", hosts)
	}
	if got := rest.Map("env").String("REST_2_PORT_5555_TCP_ADDR"); got != "172.16.10.13" {
		t.Errorf("second app = %q", got)
	}
}

func TestLinksOnOneVMAreDockersOwn(t *testing.T) {
	text := strings.Replace(board, "      dbs: {image: dbs,", "      side: {image: side, links: [dbs]}\n      dbs: {image: dbs,", 1)
	containers := hostVars(t, inventoryOf(t, text), "student07-dbs-1").List("containers")
	if first := containers[0].(*value.Map).String("name"); first != "dbs" {
		t.Errorf("first container = %s: a provider comes before its consumer", first)
	}
	side, _ := value.ToJSON(containers[1].(*value.Map).At("links"))
	if string(side) != `["dbs:dbs"]` {
		t.Errorf("links = %s", side)
	}
}

func TestAllInOneLinksEverythingAndPublishesTheFront(t *testing.T) {
	all := inventoryOf(t, board).Group("all").Vars
	one := all.Map("all_in_one")
	got, _ := value.ToJSON(one.At("server"))
	if !strings.Contains(string(got), `"name": "student07-board-all"`) || !strings.Contains(string(got), `"floating_ip": {"pool": "Ext-Net"}`) {
		t.Errorf("server = %s", got)
	}
	for i, want := range []string{`"links": [], "ports": []`, `"links": ["dbs:db"], "ports": []`, `"links": ["app:rest"], "ports": ["80:80"]`} {
		if c, _ := value.ToJSON(one.List("containers")[i]); !strings.Contains(string(c), want) {
			t.Errorf("container %d = %s, want %s", i, c, want)
		}
	}
}

func TestTheExampleIsCorrect(t *testing.T) {
	top, err := Load("../../examples/board/topology.yml", Options{Render: plain, Owner: "me"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := top.Inventory(nil); err != nil {
		t.Fatal(err)
	}
}

// VMs start one zone further each, and have the others as a way out; one zone
// is that one and no other.
func TestZones(t *testing.T) {
	for name, tt := range map[string]struct{ key, first, second string }{
		"one":      {"availability_zone: az7", `"az7" null`, `"az7" null`},
		"a list":   {"availability_zones: [az1, az2, az3]", `"az1" ["az1", "az2", "az3"]`, `"az2" ["az2", "az3", "az1"]`},
		"of one":   {"availability_zones: [az1]", `"az1" null`, `"az1" null`},
		"a name":   {"availability_zones: az1", `"az1" null`, `"az1" null`},
		"default":  {"vars: {}", `"az9" null`, `"az9" null`},
		"Nova's":   {"availability_zone:", "null null", "null null"},
		"Nova's 2": {"availability_zones: []", "null null", "null null"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(board, "count: \"{{ n }}\"", "count: 2\n    "+tt.key, 1)
			inv := inventoryOf(t, strings.Replace(text, "flavor: xsmall,", "flavor: xsmall, availability_zone: az9,", 1))
			for i, want := range []string{tt.first, tt.second} {
				server := hostVars(t, inv, fmt.Sprintf("student07-app-%d", i+1)).Map("server")
				zone, _ := value.ToJSON(server.At("availability_zone"))
				zones, _ := value.ToJSON(server.At("availability_zones"))
				if got := string(zone) + " " + string(zones); got != want {
					t.Errorf("VM %d: %s, want %s", i+1, got, want)
				}
			}
		})
	}
}
