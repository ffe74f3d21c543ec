package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/image"
	"rollout/internal/lab/node"
)

// FloatingFile keeps the floating IPs in force, a list of node.Floating, in Config.Dir.
const FloatingFile = "floating.json"

// FloatingIPs puts the whole set of floating IPs in force, and remembers it for a router that is made anew.
func (b *Backend) FloatingIPs(ctx context.Context, addresses []backend.FloatingIP) error {
	var floating []node.Floating
	for _, address := range addresses {
		if address.FixedIP != "" {
			floating = append(floating, node.Floating{Address: address.Address, Fixed: address.FixedIP})
		}
	}
	slices.SortFunc(floating, func(a, b node.Floating) int { return strings.Compare(a.Address, b.Address) })
	b.router.Lock()
	defer b.router.Unlock()
	if err := writeJSON(filepath.Join(b.config.Dir, FloatingFile), floating); err != nil {
		return err
	}
	return b.applyRouting(ctx)
}

// applyRouting makes the running router do what networks and floating IPs ask for.
func (b *Backend) applyRouting(ctx context.Context) error {
	routing, err := b.routing(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(routing)
	if err != nil {
		return fmt.Errorf("cannot write the router's configuration: %w", err)
	}
	if _, err := b.docker.Feed(ctx, bytes.NewReader(text), "exec", "-i", b.routerName(), image.Program, "lab-router"); err != nil {
		return fmt.Errorf("cannot set up the router (run: rollout lab up): %w", err)
	}
	return nil
}

func (b *Backend) routing(ctx context.Context) (node.Routing, error) {
	routing := node.Routing{External: []string{b.config.External.Masked().String()}}
	networks, err := b.networks(ctx)
	if err != nil {
		return routing, err
	}
	for _, network := range networks {
		switch {
		case network.cidr == "":
		case network.external:
			routing.External = append(routing.External, network.cidr)
		default:
			routing.Tenant = append(routing.Tenant, network.cidr)
		}
	}
	routing.Gateway, err = b.docker.Run(ctx, "network", "inspect", "-f", "{{range .IPAM.Config}}{{.Gateway}}{{end}}", "bridge")
	if err != nil {
		return routing, err
	}
	err = readJSON(filepath.Join(b.config.Dir, FloatingFile), &routing.Floating)
	if errors.Is(err, os.ErrNotExist) {
		err = nil // no floating IP yet
	}
	return routing, err
}

// Prepare makes what all machines share: the external network, the router with its way out, and the registry. What is
// there already is left as it is, or put right.
func (b *Backend) Prepare(ctx context.Context) error {
	b.router.Lock()
	defer b.router.Unlock()
	if err := b.prepareExternal(ctx); err != nil {
		return fmt.Errorf("cannot create the external network %s: %w", b.config.External, err)
	}
	if err := b.prepareRouter(ctx); err != nil {
		return fmt.Errorf("cannot start the router: %w", err)
	}
	if err := b.healNetworks(ctx); err != nil {
		return err
	}
	if err := b.applyRouting(ctx); err != nil {
		return err
	}
	if err := b.prepareRegistry(ctx); err != nil {
		return fmt.Errorf("cannot start the registry: %w", err)
	}
	return nil
}

func (b *Backend) prepareExternal(ctx context.Context) error {
	there, err := b.docker.Exists(ctx, "network", b.externalName())
	if err != nil || there {
		return err
	}
	if err := Clash(b.config.External.Masked()); err != nil {
		return err
	}
	return b.dockerNetwork(ctx, b.externalName(), b.config.External.Masked(), b.config.Host(), nil)
}

func (b *Backend) prepareRouter(ctx context.Context) error {
	name := b.routerName()
	state, err := b.containerState(ctx, name)
	if err != nil {
		return err
	}
	if state == "" {
		args := slices.Concat([]string{"create", "--name", name, "--hostname", "router", "--network", "bridge",
			"--cap-add", "NET_ADMIN", "--sysctl", "net.ipv4.ip_forward=1", "--sysctl", "net.ipv4.conf.all.rp_filter=2",
			"--stop-signal", "KILL"}, label(LabelLab, b.config.Lab), []string{b.config.Image, "sleep", "infinity"})
		if _, err := b.docker.Run(ctx, args...); err != nil {
			return err
		}
	}
	attached, err := b.attachedNetworks(ctx, name)
	if err != nil {
		return err
	}
	if !slices.Contains(attached, b.externalName()) {
		if _, err := b.docker.Run(ctx, "network", "connect", "--ip", b.config.Router().String(), b.externalName(), name); err != nil {
			return err
		}
	}
	if state != "running" {
		_, err = b.docker.Run(ctx, "start", name)
	}
	return err
}

func (b *Backend) prepareRegistry(ctx context.Context) error {
	name := b.registryName()
	state, err := b.containerState(ctx, name)
	if err != nil || state == "running" {
		return err
	}
	if state == "" {
		args := slices.Concat([]string{"create", "--name", name, "--hostname", "registry",
			"--network", b.externalName(), "--ip", b.config.Registry().String(), "-p", "127.0.0.1::5000",
			"-v", name + ":/var/lib/docker-registry",
			"--stop-signal", "KILL"}, label(LabelLab, b.config.Lab), []string{b.config.Image, "sh", "-c", registryCommand})
		if _, err := b.docker.Run(ctx, slices.Concat([]string{"volume", "create"}, label(LabelLab, b.config.Lab), []string{name})...); err != nil {
			return err
		}
		if _, err := b.docker.Run(ctx, args...); err != nil {
			return err
		}
	}
	_, err = b.docker.Run(ctx, "start", name)
	return err
}

// registryCommand runs Debian's registry without the passwords that its shipped configuration asks for: it listens to
// this machine and the lab's only.
const registryCommand = `printf '%s\n' 'version: 0.1' 'log: {level: warn, accesslog: {disabled: true}}' ` +
	`'storage: {cache: {blobdescriptor: inmemory}, filesystem: {rootdirectory: /var/lib/docker-registry}, delete: {enabled: true}}' ` +
	`'http: {addr: ":5000"}' > /etc/docker/registry/lab.yml && exec docker-registry serve /etc/docker/registry/lab.yml`

// RegistryAddress is where this machine reaches the registry, "127.0.0.1:PORT".
func (b *Backend) RegistryAddress(ctx context.Context) (string, error) {
	lines, err := b.docker.Lines(ctx, "port", b.registryName(), "5000/tcp")
	if err != nil {
		return "", err
	}
	if len(lines) == 0 {
		return "", fmt.Errorf("the registry has no port on this machine (run: rollout lab up)")
	}
	return lines[0], nil
}
