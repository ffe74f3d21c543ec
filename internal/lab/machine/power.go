package machine

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/lab/api/backend"
)

// Power starts, stops or restarts a machine.
func (b *Backend) Power(ctx context.Context, id string, action backend.Action) error {
	machine, err := b.readRecord(id)
	if err != nil {
		return err
	}
	state, err := b.containerState(ctx, b.machineName(id))
	if err != nil {
		return err
	}
	if state == "" {
		return &MissingError{ID: id}
	}
	if err := b.noteStopped(id, action == backend.Stop); err != nil {
		return err
	}
	if action == backend.Start && state == "running" {
		return nil
	}
	if err := b.halt(ctx, id, action); err != nil {
		return fmt.Errorf("cannot stop %s: %w", machine.Name, err)
	}
	if action == backend.Stop {
		return nil
	}
	if err := b.startAgain(ctx, machine); err != nil {
		return fmt.Errorf("cannot start %s: %w", machine.Name, err)
	}
	return nil
}

// halt stops a machine that runs, at once for a hard reboot.
func (b *Backend) halt(ctx context.Context, id string, action backend.Action) error {
	name := b.machineName(id)
	patience := "15" // seconds for the Docker Engine inside to stop its containers
	if action == backend.HardReboot {
		patience = "0"
	}
	_, err := b.docker.Run(ctx, "stop", "-t", patience, name)
	return err
}

// startAgain starts a stopped machine. All networks but the first are taken off before, so that NICs keep their order.
func (b *Backend) startAgain(ctx context.Context, machine backend.Machine) error {
	if err := b.boots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer b.boots.Release(1)
	name := b.machineName(machine.ID)
	attached, err := b.attachedNetworks(ctx, name)
	if err != nil {
		return err
	}
	first := b.networkName(machine.NICs[0].NetworkID)
	for _, network := range attached {
		if network == first {
			continue
		}
		if _, err := b.docker.Run(ctx, "network", "disconnect", "-f", network, name); err != nil {
			return err
		}
	}
	if !slices.Contains(attached, first) {
		if err := b.connect(ctx, machine, machine.NICs[0]); err != nil {
			return err
		}
	}
	return b.start(ctx, machine)
}

// State tells how a machine is.
func (b *Backend) State(ctx context.Context, id string) (backend.State, error) {
	state, err := b.containerState(ctx, b.machineName(id))
	switch {
	case err != nil:
		return "", err
	case state == "":
		return backend.Missing, nil
	case state == "running":
		return backend.Running, nil
	}
	return backend.Stopped, nil
}
