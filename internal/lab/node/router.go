package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// Routing is what the router container does: it forwards between all its networks by itself, and gives floating IPs
// and a way out by address translation.
type Routing struct {
	External []string   // prefixes of the external networks, "10.20.30.0/24"
	Tenant   []string   // prefixes of the tenant networks that it routes
	Gateway  string     // on Docker's default bridge: the way to the world
	Floating []Floating // sorted by address
}

// Floating maps an external address to a tenant's.
type Floating struct {
	Address string
	Fixed   string
}

// Route reads a Routing as JSON from r and puts it in force, in place of the one before.
func Route(ctx context.Context, r io.Reader) error {
	var routing Routing
	if err := json.NewDecoder(r).Decode(&routing); err != nil {
		return fmt.Errorf("cannot read the router's configuration: %w", err)
	}
	nics, err := routerNICs(routing)
	if err != nil {
		return err
	}
	if err := setAddresses(ctx, nics, routing.Floating); err != nil {
		return err
	}
	if err := setWayOut(ctx, nics, routing.Gateway); err != nil {
		return err
	}
	if err := restore(ctx, routerChains(nics, routing.Floating)); err != nil {
		return fmt.Errorf("cannot put floating IPs in force: %w", err)
	}
	jumps := []struct {
		table string
		rule  []string
	}{
		{"mangle", []string{"PREROUTING", "-j", "LAB-MARK"}},
		{"nat", []string{"PREROUTING", "-j", "LAB-DNAT"}},
		{"nat", []string{"OUTPUT", "-j", "LAB-DNAT"}},
		{"nat", []string{"POSTROUTING", "-j", "LAB-SNAT"}},
	}
	for _, jump := range jumps {
		if err := ensureRule(ctx, jump.table, jump.rule); err != nil {
			return err
		}
	}
	return nil
}

// routerNIC is a NIC of the router: on an external network, or the way out to the world, or neither.
type routerNIC struct {
	name     string
	external netip.Prefix // valid on an external network
	outward  bool         // Docker's default bridge, the way to the world
	extra    []string     // /32 addresses, the floating IPs it answers for now
}

func routerNICs(routing Routing) ([]routerNIC, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list the router's NICs: %w", err)
	}
	var nics []routerNIC
	for _, iface := range interfaces {
		if iface.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, err := iface.Addrs()
		if err != nil {
			return nil, fmt.Errorf("cannot list the addresses of %s: %w", iface.Name, err)
		}
		nics = append(nics, classify(iface.Name, addresses, routing))
	}
	return nics, nil
}

// classify tells by its addresses what a NIC is for: Docker gives them names in no useful order.
func classify(name string, addresses []net.Addr, routing Routing) routerNIC {
	nic := routerNIC{name: name}
	tenant := false
	for _, address := range addresses {
		prefix, err := netip.ParsePrefix(address.String())
		if err != nil || !prefix.Addr().Is4() {
			continue
		}
		if prefix.IsSingleIP() {
			nic.extra = append(nic.extra, prefix.Addr().String())
			continue
		}
		network := prefix.Masked()
		if slices.Contains(routing.External, network.String()) {
			nic.external = network
		}
		tenant = tenant || slices.Contains(routing.Tenant, network.String())
		nic.outward = !tenant && !nic.external.IsValid()
	}
	return nic
}

// setAddresses makes external NICs answer for the floating IPs of their network and no others.
func setAddresses(ctx context.Context, nics []routerNIC, floating []Floating) error {
	for _, nic := range nics {
		if !nic.external.IsValid() {
			continue
		}
		var want []string
		for _, f := range floating {
			if address, err := netip.ParseAddr(f.Address); err == nil && nic.external.Contains(address) {
				want = append(want, f.Address)
			}
		}
		for _, address := range want {
			if slices.Contains(nic.extra, address) {
				continue
			}
			if err := program(ctx, nil, "ip", "addr", "replace", address+"/32", "dev", nic.name); err != nil {
				return err
			}
		}
		for _, address := range nic.extra {
			if slices.Contains(want, address) {
				continue
			}
			if err := program(ctx, nil, "ip", "addr", "del", address+"/32", "dev", nic.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// setWayOut puts the default route right: Docker may set another one whenever a network is attached.
func setWayOut(ctx context.Context, nics []routerNIC, gateway string) error {
	for _, nic := range nics {
		if nic.outward && gateway != "" {
			return program(ctx, nil, "ip", "route", "replace", "default", "via", gateway, "dev", nic.name)
		}
	}
	return nil
}

// routerChains is the input of iptables-restore. A client from outside keeps its address; one from a tenant network that
// uses a floating IP is masqueraded, so that the answer comes back the same way.
func routerChains(nics []routerNIC, floating []Floating) string {
	var mark, dnat, snat strings.Builder
	for _, f := range floating {
		fmt.Fprintf(&dnat, "-A LAB-DNAT -d %s/32 -j DNAT --to-destination %s\n", f.Address, f.Fixed)
	}
	snat.WriteString("-A LAB-SNAT -m conntrack --ctstate DNAT -m mark ! --mark 0x1 -d 127.0.0.0/8 -j RETURN\n")
	snat.WriteString("-A LAB-SNAT -m conntrack --ctstate DNAT -m mark ! --mark 0x1 -j MASQUERADE\n")
	for _, nic := range nics {
		if nic.external.IsValid() {
			fmt.Fprintf(&mark, "-A LAB-MARK -i %s -j MARK --set-mark 0x1\n", nic.name)
			for _, f := range floating {
				fmt.Fprintf(&snat, "-A LAB-SNAT -s %s/32 -o %s -j SNAT --to-source %s\n", f.Fixed, nic.name, f.Address)
			}
		}
		if nic.external.IsValid() || nic.outward {
			fmt.Fprintf(&snat, "-A LAB-SNAT -o %s -j MASQUERADE\n", nic.name)
		}
	}
	return "*mangle\n:LAB-MARK - [0:0]\n" + mark.String() + "COMMIT\n" +
		"*nat\n:LAB-DNAT - [0:0]\n:LAB-SNAT - [0:0]\n" + dnat.String() + snat.String() + "COMMIT\n"
}
