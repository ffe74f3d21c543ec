package machine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"rollout/internal/lab/api/backend"
)

// CreateNetwork makes a network, and attaches the router if it owns the gateway or detaches it if it doesn't. It is no
// error when the network is there already.
func (b *Backend) CreateNetwork(ctx context.Context, network backend.Network) error {
	prefix, err := netip.ParsePrefix(network.CIDR)
	if err != nil {
		return fmt.Errorf("cannot create network %s: %w", network.Name, err)
	}
	if network.External && prefix.Masked() == b.config.External.Masked() {
		return nil // made by Prepare
	}
	b.router.Lock()
	defer b.router.Unlock()
	if err := b.writeNetwork(network); err != nil {
		return err
	}
	changed, err := b.ensureNetwork(ctx, network, prefix.Masked())
	if err != nil || !changed {
		return err
	}
	return b.applyRouting(ctx)
}

// ensureNetwork makes a network and the router's part in it, and tells whether the router's part has changed.
func (b *Backend) ensureNetwork(ctx context.Context, network backend.Network, prefix netip.Prefix) (changed bool, err error) {
	if err := b.createNetwork(ctx, network, prefix); err != nil {
		return false, fmt.Errorf("cannot create network %s (%s): %w", network.Name, network.CIDR, err)
	}
	if changed, err = b.routeNetwork(ctx, network); err != nil {
		return false, fmt.Errorf("cannot connect network %s with the router: %w", network.Name, err)
	}
	return changed, nil
}

// healNetworks makes again what of the networks is missing, and connects a new router with them.
func (b *Backend) healNetworks(ctx context.Context) error {
	networks, err := b.readNetworks()
	if err != nil {
		return err
	}
	for _, network := range networks {
		prefix, err := netip.ParsePrefix(network.CIDR)
		if err != nil {
			return fmt.Errorf("cannot create network %s: %w", network.Name, err)
		}
		if _, err := b.ensureNetwork(ctx, network, prefix.Masked()); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) createNetwork(ctx context.Context, network backend.Network, prefix netip.Prefix) error {
	name := b.networkName(network.ID)
	there, err := b.docker.Exists(ctx, "network", name)
	if err != nil || there {
		return err
	}
	if err := Clash(prefix); err != nil {
		return err
	}
	labels := slices.Concat(label(LabelNetwork, network.ID), label(LabelName, network.Name), label(LabelCIDR, prefix.String()))
	if network.External {
		labels = append(labels, label(LabelExternal, "true")...)
	}
	return b.dockerNetwork(ctx, name, prefix, hostAddress(prefix, network.Gateway), labels)
}

// dockerNetwork creates a bridge network. Docker's own masquerading is off: with br_netfilter it would rewrite what the
// router has translated already.
func (b *Backend) dockerNetwork(ctx context.Context, name string, prefix netip.Prefix, host netip.Addr, labels []string) error {
	args := slices.Concat([]string{"network", "create", "--driver", "bridge", "--subnet", prefix.String(), "--gateway", host.String(),
		"-o", "com.docker.network.bridge.enable_ip_masquerade=false"}, label(LabelLab, b.config.Lab), labels, []string{name})
	_, err := b.docker.Complete(ctx, args...)
	return err
}

// hostAddress is this machine's address on a tenant network: the last one that is not the gateway.
func hostAddress(prefix netip.Prefix, gateway string) netip.Addr {
	last := lastAddress(prefix).Prev()
	if last.String() == gateway {
		last = last.Prev()
	}
	return last
}

// lastAddress is a prefix's broadcast address.
func lastAddress(prefix netip.Prefix) netip.Addr {
	octets := prefix.Masked().Addr().As4()
	for bit := prefix.Bits(); bit < 32; bit++ {
		octets[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(octets)
}

// routeNetwork makes the router's attachment as the network wants it.
func (b *Backend) routeNetwork(ctx context.Context, network backend.Network) (changed bool, err error) {
	name := b.networkName(network.ID)
	attached, err := b.attachedNetworks(ctx, b.routerName())
	if err != nil {
		return false, err
	}
	want := network.External || network.Routed && network.Gateway != ""
	switch {
	case want == slices.Contains(attached, name):
		return false, nil
	case !want:
		_, err = b.docker.Run(ctx, "network", "disconnect", "-f", name, b.routerName())
	case network.External:
		_, err = b.docker.Run(ctx, "network", "connect", name, b.routerName())
	default:
		_, err = b.docker.Run(ctx, "network", "connect", "--ip", network.Gateway, name, b.routerName())
	}
	return err == nil, err
}

// attachedNetworks lists the Docker networks of a container, by name.
func (b *Backend) attachedNetworks(ctx context.Context, container string) ([]string, error) {
	text, err := b.docker.Run(ctx, "container", "inspect", "-f", "{{json .NetworkSettings.Networks}}", container)
	if err != nil {
		return nil, err
	}
	var networks map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &networks); err != nil {
		return nil, fmt.Errorf("cannot read the networks of container %s: %w", container, err)
	}
	names := make([]string, 0, len(networks))
	for name := range networks {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// DeleteNetwork removes a network; one that is gone is no error.
func (b *Backend) DeleteNetwork(ctx context.Context, id string) error {
	name := b.networkName(id)
	b.router.Lock()
	defer b.router.Unlock()
	if err := os.Remove(b.networkFile(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot delete network %s: %w", id, err)
	}
	there, err := b.docker.Exists(ctx, "network", name)
	if err != nil || !there {
		return err
	}
	attached, err := b.attachedNetworks(ctx, b.routerName())
	if err == nil && slices.Contains(attached, name) {
		_, err = b.docker.Run(ctx, "network", "disconnect", "-f", name, b.routerName())
	}
	_, removeErr := b.docker.Run(ctx, "network", "rm", name)
	if removeErr != nil {
		return fmt.Errorf("cannot delete network %s: %w", id, errors.Join(removeErr, err))
	}
	return nil
}

// dockerNetworks are the lab's networks with their labels.
type dockerNetwork struct {
	name, cidr string
	external   bool
}

func (b *Backend) networks(ctx context.Context) ([]dockerNetwork, error) {
	format := fmt.Sprintf("{{.Name}}\t{{.Label %q}}\t{{.Label %q}}", LabelCIDR, LabelExternal)
	lines, err := b.docker.Lines(ctx, "network", "ls", "--filter", "label="+LabelLab+"="+b.config.Lab, "--format", format)
	if err != nil {
		return nil, err
	}
	var out []dockerNetwork
	for _, line := range lines {
		fields := append(strings.Split(line, "\t"), "", "")
		out = append(out, dockerNetwork{name: fields[0], cidr: fields[1], external: fields[2] == "true"})
	}
	return out, nil
}
