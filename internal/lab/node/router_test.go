package node

import (
	"net"
	"net/netip"
	"reflect"
	"testing"
)

func TestClassify(t *testing.T) {
	routing := Routing{External: []string{"10.20.30.0/24"}, Tenant: []string{"192.168.0.0/24"}}
	tests := []struct {
		name      string
		addresses []string
		want      routerNIC
	}{
		{"external with a floating IP", []string{"10.20.30.2/24", "10.20.30.99/32"},
			routerNIC{name: "eth0", external: netip.MustParsePrefix("10.20.30.0/24"), extra: []string{"10.20.30.99"}}},
		{"tenant", []string{"192.168.0.1/24", "fe80::1/64"}, routerNIC{name: "eth0"}},
		{"the way out", []string{"172.17.0.5/16"}, routerNIC{name: "eth0", outward: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var addresses []net.Addr
			for _, text := range test.addresses {
				ip, network, err := net.ParseCIDR(text)
				if err != nil {
					t.Fatal(err)
				}
				addresses = append(addresses, &net.IPNet{IP: ip, Mask: network.Mask})
			}
			if got := classify("eth0", addresses, routing); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestRouterChains(t *testing.T) {
	nics := []routerNIC{
		{name: "eth0", outward: true},
		{name: "eth1", external: netip.MustParsePrefix("10.20.30.0/24")},
		{name: "eth2"},
	}
	want := `*mangle
:LAB-MARK - [0:0]
-A LAB-MARK -i eth1 -j MARK --set-mark 0x1
COMMIT
*nat
:LAB-DNAT - [0:0]
:LAB-SNAT - [0:0]
-A LAB-DNAT -d 10.20.30.99/32 -j DNAT --to-destination 192.168.0.11
-A LAB-SNAT -m conntrack --ctstate DNAT -m mark ! --mark 0x1 -d 127.0.0.0/8 -j RETURN
-A LAB-SNAT -m conntrack --ctstate DNAT -m mark ! --mark 0x1 -j MASQUERADE
-A LAB-SNAT -o eth0 -j MASQUERADE
-A LAB-SNAT -s 192.168.0.11/32 -o eth1 -j SNAT --to-source 10.20.30.99
-A LAB-SNAT -o eth1 -j MASQUERADE
COMMIT
`
	if got := routerChains(nics, []Floating{{Address: "10.20.30.99", Fixed: "192.168.0.11"}}); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
