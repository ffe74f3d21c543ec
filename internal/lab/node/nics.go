package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"rollout/internal/lab/api/backend"
)

// NICs reads a JSON list of backend.NIC from r and keeps it: the running machine takes it over within a second.
func NICs(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return fmt.Errorf("cannot read the list of NICs: %w", err)
	}
	if !json.Valid(text) {
		return fmt.Errorf("cannot read the list of NICs: not JSON")
	}
	temporary := filepath.Join(SeedDir, "."+nicsFile)
	if err := os.WriteFile(temporary, text, 0o600); err != nil {
		return fmt.Errorf("cannot keep the list of NICs: %w", err)
	}
	return os.Rename(temporary, filepath.Join(SeedDir, nicsFile))
}

// awaitNICs waits until every address of the list is on a NIC: networks are attached one after the other once the
// machine runs.
func awaitNICs(ctx context.Context, nics []backend.NIC) error {
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	for {
		var missing []string
		present, err := interfacesByIP()
		if err != nil {
			return err
		}
		for _, nic := range nics {
			if _, ok := present[nic.IP]; !ok {
				missing = append(missing, nic.IP)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no NIC with address %s: %w", strings.Join(missing, ", "), context.Cause(ctx))
		case <-time.After(30 * time.Millisecond):
		}
	}
}

func interfacesByIP() (map[string]net.Interface, error) {
	interfaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("cannot list NICs: %w", err)
	}
	found := map[string]net.Interface{}
	for _, iface := range interfaces {
		addresses, err := iface.Addrs()
		if err != nil {
			continue // the NIC went away while we looked
		}
		for _, address := range addresses {
			if prefix, err := netip.ParsePrefix(address.String()); err == nil {
				found[prefix.Addr().String()] = iface
			}
		}
	}
	return found, nil
}

// configureNICs gives NICs the hardware addresses that the cloud told its users, and sets the default route.
func configureNICs(ctx context.Context, nics []backend.NIC) error {
	present, err := interfacesByIP()
	if err != nil {
		return err
	}
	for _, nic := range nics {
		iface, ok := present[nic.IP]
		if !ok || nic.MAC == "" || strings.EqualFold(iface.HardwareAddr.String(), nic.MAC) {
			continue
		}
		// The kernel then announces the new address, so that neighbours forget the one before.
		_ = os.WriteFile("/proc/sys/net/ipv4/conf/"+iface.Name+"/arp_notify", []byte("1"), 0o644)
		if err := program(ctx, nil, "ip", "link", "set", "dev", iface.Name, "address", nic.MAC); err != nil {
			return err
		}
	}
	return setDefaultRoute(ctx, nics, present)
}

// setDefaultRoute puts the first gateway of the list, as DHCP does on a real cloud, in place of the one that Docker
// set; without one there is no way out.
func setDefaultRoute(ctx context.Context, nics []backend.NIC, present map[string]net.Interface) error {
	table, err := os.ReadFile("/proc/net/route")
	if err != nil {
		return fmt.Errorf("cannot read the routes: %w", err)
	}
	current, device := defaultRoute(string(table))
	for _, nic := range nics {
		iface, ok := present[nic.IP]
		if nic.Gateway == "" || !ok {
			continue
		}
		if current == nic.Gateway && device == iface.Name {
			return nil
		}
		return program(ctx, nil, "ip", "route", "replace", "default", "via", nic.Gateway, "dev", iface.Name)
	}
	if current == "" {
		return nil
	}
	return program(ctx, nil, "ip", "route", "del", "default")
}

// defaultRoute finds gateway and device in the text of /proc/net/route, where addresses are little-endian hex.
func defaultRoute(table string) (gateway, device string) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 8 || fields[1] != "00000000" || fields[7] != "00000000" {
			continue
		}
		var a, b, c, d byte
		if _, err := fmt.Sscanf(fields[2], "%02X%02X%02X%02X", &d, &c, &b, &a); err == nil {
			return netip.AddrFrom4([4]byte{a, b, c, d}).String(), fields[0]
		}
	}
	return "", ""
}

// keepNICs looks again and again: Docker sets its own default route whenever a network is attached, and the list
// changes when ports are attached and detached.
func keepNICs(ctx context.Context) error {
	for count := 0; ; count++ {
		interval := 2 * time.Second
		if count < 50 {
			interval = 100 * time.Millisecond
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(interval):
		}
		seed, err := readSeed(SeedDir)
		if err == nil {
			err = configureNICs(ctx, seed.Machine.NICs)
		}
		if err != nil {
			say("network: %v", err)
		}
	}
}
