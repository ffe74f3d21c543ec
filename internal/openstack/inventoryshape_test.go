package openstack

import (
	"testing"

	"rollout/internal/value"
)

// decoded is a JSON object.
func decoded(t *testing.T, text string) *value.Map {
	t.Helper()
	v, err := value.FromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v.(*value.Map)
}

const attachedServer = `{"id": "s1", "name": "db", "status": "ACTIVE", "tenant_id": "p1", "image": "", "config_drive": "True",
	"flavor": {"id": "42", "links": []}, "accessIPv4": "", "accessIPv6": "", "metadata": {},
	"os-extended-volumes:volumes_attached": [{"id": "v1", "delete_on_termination": false}],
	"addresses": {"app": [{"addr": "172.16.10.5", "version": 4, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "m1"},
		{"addr": "fd00::5", "version": 6, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "m1"}],
	"dmz": [{"addr": "192.168.0.5", "version": 4, "OS-EXT-IPS:type": "fixed", "OS-EXT-IPS-MAC:mac_addr": "m2"}]}}`

// A server booted from a volume, on a cloud of before embedded flavors, with a
// floating IP that Nova does not tell of yet.
func inventoried(t *testing.T, q InventoryQuery) *further {
	return &further{
		cloud: &Cloud{name: "c", project: "p1", origin: origin{region: "r"}}, query: q,
		networks: []*value.Map{decoded(t, `{"name": "Ext", "router:external": true}`), decoded(t, `{"name": "app"}`), decoded(t, `{"name": "dmz"}`)},
		floating: []*value.Map{decoded(t, `{"floating_ip_address": "203.0.113.9", "fixed_ip_address": "192.168.0.5",
			"port_details": {"device_id": "s1", "mac_address": "m2"}}`)},
		volumes: []*value.Map{decoded(t, `{"id": "v1", "name": "data", "size": 10, "bootable": "true", "encrypted": false, "multiattach": false,
			"status": "in-use", "attachments": [{"server_id": "s1", "device": "/dev/vda"}], "os-vol-tenant-attr:tenant_id": "p1"}`)},
		flavorNames: map[string]string{"42": "small"},
	}
}

func check(t *testing.T, m *value.Map, want map[string]any) {
	t.Helper()
	for key, v := range want {
		if got := m.At(key); !value.Equal(got, v) {
			t.Errorf("%s is %v, not %v", key, got, v)
		}
	}
}

func TestShape1(t *testing.T) {
	f := inventoried(t, InventoryQuery{Shape: Shape1, Expand: true})
	m := f.shape1([]*value.Map{decoded(t, attachedServer)})[0]
	check(t, m, map[string]any{"public_v4": "203.0.113.9", "private_v4": "192.168.0.5", "interface_ip": "203.0.113.9",
		"public_v6": "fd00::5", "accessIPv6": "fd00::5", "has_config_drive": true, "image": value.NewMap("id", ""), "region": "r"})
	check(t, m.Map("flavor"), map[string]any{"name": "small", "id": "42", "links": nil})
	volumes := m.List("volumes")
	if len(volumes) != 1 {
		t.Fatalf("the volumes are %v", volumes)
	}
	check(t, volumes[0].(*value.Map), map[string]any{"id": "v1", "device": "/dev/vda", "is_bootable": true, "size": 10, "display_name": "data"})

	private := inventoried(t, InventoryQuery{Shape: Shape1, Private: true})
	check(t, private.shape1([]*value.Map{decoded(t, attachedServer)})[0], map[string]any{"interface_ip": "192.168.0.5", "public_v4": "203.0.113.9"})
}

func TestShape2(t *testing.T) {
	f := inventoried(t, InventoryQuery{Shape: Shape2, Expand: true})
	m := f.shape2([]*value.Map{decoded(t, attachedServer)})[0]
	check(t, m, map[string]any{"has_config_drive": "True", "cloud": value.NewMap("name", "c", "region", "r"), "tags": []any{}})
	check(t, m.Map("flavor"), map[string]any{"id": "42", "name": nil, "vcpus": 0, "is_public": true})
	check(t, m.Map("image"), map[string]any{"id": nil, "name": nil, "properties": nil, "tags": []any{}})
	check(t, m.List("attached_volumes")[0].(*value.Map), map[string]any{"id": "v1", "delete_on_termination": false, "device": nil})
	check(t, m.List("volumes")[0].(*value.Map), map[string]any{"id": "v1", "is_bootable": true, "is_encrypted": false, "project_id": "p1"})
}

func TestExternalAddress(t *testing.T) {
	f := &further{networks: []*value.Map{decoded(t, `{"name": "Ext", "router:external": true}`)}}
	for _, c := range []struct{ name, nets, want string }{
		{"on the external network", `{"app": [{"addr": "10.0.0.1", "version": 4}], "Ext": [{"addr": "10.9.9.9", "version": 4}]}`, "10.9.9.9"},
		{"of a network called public", `{"public": [{"addr": "10.1.1.1", "version": 4}]}`, "10.1.1.1"},
		{"reachable from anywhere", `{"n": [{"addr": "10.1.1.1", "version": 4}, {"addr": "8.8.4.4", "version": 4}]}`, "8.8.4.4"},
		{"special", `{"n": [{"addr": "198.51.100.4", "version": 4}, {"addr": "junk", "version": 4}]}`, ""},
		{"none", `{}`, ""},
	} {
		if got := f.external(value.NewMap("accessIPv4", ""), decoded(t, c.nets)); got != c.want {
			t.Errorf("%s: %q, not %q", c.name, got, c.want)
		}
	}
}
