package cloud_test

import (
	"context"
	"testing"
	"time"

	"rollout/internal/value"
)

// A floating IP without a server: allocated, put before a port, freed and given
// back, each by a task that may be run again.
func TestFloatingIPWithoutServer(t *testing.T) {
	b := newBench(t)
	const floating = "openstack.cloud.floating_ip"
	port := b.prefix + "port"
	made := b.ok("openstack.cloud.port", "name", port, "network", "dmz-net")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if res, err := b.call(ctx, "openstack.cloud.port", false, "name", port, "state", "absent"); err != nil || res.Failed {
			t.Errorf("delete the port: %v %s", err, res.Msg)
		}
	})
	fixed := made.Data.Map("port").List("fixed_ips")[0].(*value.Map).String("ip_address")

	before := b.ok(floating, "network", "Ext-Net", "nat_destination", "dmz-net", "fixed_address", fixed)
	ip := before.Data.Map("floating_ip")
	address := ip.String("floating_ip_address")
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		if res, err := b.call(ctx, floating, false, "floating_ip_address", address, "state", "absent", "purge", true); err != nil || res.Failed {
			t.Errorf("release %s: %v %s", address, err, res.Msg)
		}
	})
	if address == "" || ip.String("fixed_ip_address") != fixed {
		t.Fatalf("the floating IP is %v", ip)
	}
	if ip.String("description") != "" {
		t.Errorf("it is marked as rollout's: %q", ip.String("description"))
	}
	if res := b.ok(floating, "network", "Ext-Net", "floating_ip_address", address); res.Changed {
		t.Error("an address of the project is allocated again")
	}
	if res := b.ok(floating, "floating_ip_address", address, "state", "absent"); !res.Changed || res.Data.Map("floating_ip").At("port_id") != nil {
		t.Errorf("freed: changed=%v, leads to %v", res.Changed, res.Data.Map("floating_ip").At("port_id"))
	}
	b.ok(floating, "network", "Ext-Net", "floating_ip_address", address, "nat_destination", "dmz-net", "fixed_address", fixed)
	if res := b.ok(floating, "floating_ip_address", address, "state", "absent", "purge", true); !res.Changed {
		t.Error("an address is not given back")
	}
	b.fails("server or network", floating, "reuse", true)
	b.fails("nat_destination", floating, "network", "Ext-Net", "fixed_address", fixed)
	b.fails("0 ports", floating, "network", "Ext-Net", "nat_destination", "app-net", "fixed_address", "192.0.2.1")
}

// Without anything named, it is the one address of the network that the project
// has; of several, none is chosen.
func TestOneFloatingIPOfANetwork(t *testing.T) {
	b := newBench(t)
	if b.lab == nil {
		t.Skip("counts on having the project's floating IPs to itself")
	}
	const floating = "openstack.cloud.floating_ip"
	one := b.ok(floating, "network", "Ext-Net").Data.Map("floating_ip").String("floating_ip_address")
	b.ok("openstack.cloud.port", "name", b.prefix+"p", "network", "dmz-net")
	fixed := b.ok("openstack.cloud.port_info", "port", b.prefix+"p").Data.List("ports")[0].(*value.Map).
		List("fixed_ips")[0].(*value.Map).String("ip_address")
	two := b.ok(floating, "network", "Ext-Net", "nat_destination", "dmz-net", "fixed_address", fixed).Data.Map("floating_ip").String("floating_ip_address")
	if one == "" || two == "" || one == two {
		t.Errorf("%q and %q", one, two)
	}
	b.fails("several floating IPs", floating, "network", "Ext-Net")
	for _, address := range []string{one, two} {
		b.ok(floating, "floating_ip_address", address, "state", "absent", "purge", true)
	}
	b.ok("openstack.cloud.port", "name", b.prefix+"p", "state", "absent")
}
