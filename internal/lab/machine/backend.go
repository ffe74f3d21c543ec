// Package machine runs the practice cloud's machines, networks, router and registry as Docker containers and networks.
// It implements the API's Backend; everything it makes carries the label of its lab, and it touches nothing else.
package machine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"rollout/internal/lab/engine"
)

// Labels of Docker objects. All carry LabelLab; the others say what they are.
const (
	LabelLab      = "rollout.lab"          // the lab's id
	LabelMachine  = "rollout.lab.machine"  // a server's id
	LabelName     = "rollout.lab.name"     // a server's or network's name
	LabelNetwork  = "rollout.lab.network"  // a network's id
	LabelCIDR     = "rollout.lab.cidr"     // a network's prefix
	LabelExternal = "rollout.lab.external" // "true" on an external network
)

// bootsAtOnce: the CPU is the limit, and with more at once all are late.
const bootsAtOnce = 3

// Config is what a lab must tell about itself.
type Config struct {
	Lab        string       // id; begins the name of every Docker object
	Image      string       // reference of the machines' image
	Privileged bool         // whether the engine can start privileged containers
	External   netip.Prefix // of the network that router and registry are on
	Dir        string       // where records of machines and floating IPs are kept; exists
}

// Router is the router's address on the external network, and Registry the registry's.
func (c Config) Router() netip.Addr { return c.External.Masked().Addr().Next().Next() }

// Registry is the registry's address on the external network.
func (c Config) Registry() netip.Addr { return c.Router().Next() }

// Host is this machine's address on the external network.
func (c Config) Host() netip.Addr { return c.External.Masked().Addr().Next() }

// Backend implements the API's Backend with Docker. It is safe for concurrent use.
type Backend struct {
	config Config
	docker engine.Engine
	boots  *semaphore.Weighted

	router  sync.Mutex // one change to networks or routing at a time
	records sync.Mutex // one change to the records at a time
}

// New returns the backend of one lab.
func New(config Config, docker engine.Engine) (*Backend, error) {
	for _, dir := range []string{"machines", "networks"} {
		if err := os.MkdirAll(filepath.Join(config.Dir, dir), 0o700); err != nil {
			return nil, fmt.Errorf("cannot keep the lab's records: %w", err)
		}
	}
	return &Backend{config: config, docker: docker, boots: semaphore.NewWeighted(bootsAtOnce)}, nil
}

// MissingError says that a machine's container is not there any more.
type MissingError struct {
	ID string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("the container of machine %s is gone (it was removed behind the lab's back; delete the server)", e.ID)
}

func (b *Backend) machineName(id string) string { return b.config.Lab + "-vm-" + id }
func (b *Backend) networkName(id string) string { return b.config.Lab + "-net-" + id }
func (b *Backend) routerName() string           { return b.config.Lab + "-router" }
func (b *Backend) registryName() string         { return b.config.Lab + "-registry" }
func (b *Backend) externalName() string         { return b.config.Lab + "-external" }

// label is the two arguments that mark a Docker object.
func label(key, value string) []string { return []string{"--label", key + "=" + value} }

// containerState is Docker's word for how a container is ("running", "exited", …), empty when there is none.
func (b *Backend) containerState(ctx context.Context, name string) (string, error) {
	lines, err := b.docker.Lines(ctx, "container", "ls", "-a", "--filter", "name="+name, "--format", "{{.Names}} {{.State}}")
	if err != nil {
		return "", err
	}
	for _, line := range lines {
		if found, state, _ := strings.Cut(line, " "); found == name {
			return state, nil
		}
	}
	return "", nil
}

// removeContainer removes a container and its anonymous volumes; one that is gone is no error.
func (b *Backend) removeContainer(ctx context.Context, name string) error {
	state, err := b.containerState(ctx, name)
	if err != nil || state == "" {
		return err
	}
	_, err = b.docker.Run(ctx, "rm", "-f", "-v", name)
	if err == nil {
		return nil
	}
	return b.awaitRemoval(ctx, name, err)
}

// awaitRemoval waits for a removal that somebody else has begun; why is what this one's own try ended with.
func (b *Backend) awaitRemoval(ctx context.Context, name string, why error) error {
	ctx, stop := context.WithTimeoutCause(ctx, time.Minute, why)
	defer stop()
	for {
		state, err := b.containerState(ctx, name)
		if err == nil && state == "" {
			return nil
		}
		if err == nil && state != "removing" {
			return why
		}
		select {
		case <-ctx.Done():
			return errors.Join(why, context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
