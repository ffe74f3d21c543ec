package cloud_test

import (
	"context"
	"testing"
	"time"

	"rollout/internal/value"
)

// The modules of Ansible 1.x, as the books of its time call them.
func TestBookModules(t *testing.T) {
	b := newBench(t)
	net, router, name := b.prefix+"net", b.prefix+"router", b.prefix+"web-1"
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
		defer cancel()
		for _, step := range [][]any{{"nova_compute", "name", name}, {"quantum_router", "name", router},
			{"quantum_subnet", "name", net, "network_name", net}, {"quantum_network", "name", net}} {
			res, err := b.call(ctx, step[0].(string), false, append(step[1:], "state", "absent")...)
			if err != nil || res.Failed {
				t.Errorf("delete %v: %v %s", step, err, res.Msg)
			}
		}
	})
	b.ok("quantum_network", "name", net)
	b.ok("quantum_subnet", "name", net, "network_name", net, "cidr", "10.214.77.0/24", "dns_nameservers", "9.9.9.9")
	b.ok("quantum_router", "name", router)
	b.ok("quantum_router_gateway", "router_name", router, "network_name", "Ext-Net")
	b.ok("quantum_router_interface", "router_name", router, "subnet_name", net)
	network, err := b.open().FindNetwork(t.Context(), net)
	if err != nil {
		t.Fatal(err)
	}
	server := []any{"name", name, "image_name", "docker-bas", "image_exclude", "(deprecated)", "flavor_ram", 1024, "flavor_include", "standard.xsmall",
		"key_name", "key-for-internal", "nics", []any{value.NewMap("net-id", network.ID)}, "security_groups", "default,sg-all-from-console",
		"availability_zone", "az1", "meta", value.NewMap("group", "uge_master"), "wait", "yes", "wait_for", 200,
		"login_username", "", "login_password", "", "floating_ip_pools", []any{"Ext-Net"}}
	made := b.ok("nova_compute", server...)
	if made.Data.String("status") != "ACTIVE" || made.Data.String("private_ip") == "" || made.Data.String("public_ip") == "" ||
		made.Data.Map("info").Map("metadata").String("group") != "uge_master" {
		t.Errorf("nova_compute: %v", made.Data)
	}
	released := b.ok("quantum_floating_ip", "network_name", "Ext-Net", "instance_name", name, "state", "absent")
	if !released.Changed {
		t.Error("no floating IP was released")
	}
	b.ok("quantum_floating_ip", "network_name", "Ext-Net", "instance_name", name, "internal_network_name", net)
	b.ok("quantum_floating_ip", "network_name", "Ext-Net", "instance_name", name, "state", "absent")
	gone := b.ok("nova_compute", "name", name, "state", "absent")
	if gone.Data.String("result") != "deleted" {
		t.Errorf("nova_compute: %v", gone.Data)
	}
	b.ok("quantum_router_interface", "router_name", router, "subnet_name", net, "state", "absent")
	b.ok("quantum_router_gateway", "router_name", router, "state", "absent")
	key := b.ok("nova_keypair", "name", b.prefix+"key")
	b.gone("nova_keypair", "name", b.prefix+"key")
	if key.Data.String("key") == "" || len(key.Secret) != 1 {
		t.Error("nova_keypair returned no private key, or did not mark it as a secret")
	}
}

// Which image a name means.
func TestImageChoice(t *testing.T) {
	b := newBench(t)
	server := func(pairs ...any) []any {
		return append([]any{"name", b.prefix + "x", "flavor", "standard.xsmall", "network", "dmz-net", "auto_ip", false}, pairs...)
	}
	for says, pairs := range map[string][]any{
		`its name holds "base", which image_exclude leaves out`: {"image", "docker-base", "image_exclude", "base"},
		`cannot find image "docker-*"`:                          {"image", "docker-*", "image_exclude", "base"},
		`cannot find image "dockr-*"`:                           {"image", "dockr-*"},
	} {
		b.fails(says, "openstack.cloud.server", server(pairs...)...)
	}
	planned, err := b.call(t.Context(), "openstack.cloud.server", true, server("image", "docker-*")...)
	if err != nil || planned.Failed || !planned.Changed {
		t.Errorf("a pattern: %v %s", err, planned.Msg)
	}
	b.fails("no image has it in its name", "nova_compute", "name", b.prefix+"x", "image_name", "dockr")
	b.fails("no image has it in its name", "nova_compute", "name", b.prefix+"x", "image_name", "docker-base", "image_exclude", "docker")
	b.fails("image_id or image_name is required", "nova_compute", "name", b.prefix+"x")
	b.fails("mutually exclusive", "nova_compute", "name", b.prefix+"x", "image_id", "a", "image_name", "b")
}
