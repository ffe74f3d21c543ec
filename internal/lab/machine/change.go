package machine

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"slices"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/image"
	"rollout/internal/lab/node"
)

// Console returns the last lines of the console log, all of them when lines is 0 or less.
func (b *Backend) Console(ctx context.Context, id string, lines int) (string, error) {
	tail := "all"
	if lines > 0 {
		tail = fmt.Sprint(lines)
	}
	var log bytes.Buffer
	if err := b.docker.Stream(ctx, nil, &log, "logs", "--tail", tail, b.machineName(id)); err != nil {
		return "", fmt.Errorf("cannot read the console of machine %s: %w", id, err)
	}
	return log.String(), nil
}

// Rules puts security group rules in force, at once on a machine that runs, else at its next start.
func (b *Backend) Rules(ctx context.Context, id string, rules []backend.Rule) error {
	machine, err := b.readRecord(id)
	if err != nil || reflect.DeepEqual(machine.Rules, rules) {
		return err
	}
	name, text, err := node.RulesFile(rules)
	if err != nil {
		return err
	}
	if err := b.tell(ctx, id, "rules", name, text); err != nil {
		return err
	}
	_, err = b.changeRecord(id, func(machine *backend.Machine) { machine.Rules = rules })
	return err
}

// tell hands a changed list to the program in a running machine, or leaves it in the seed folder of one that is off.
func (b *Backend) tell(ctx context.Context, id, what, file string, text []byte) error {
	name := b.machineName(id)
	state, err := b.containerState(ctx, name)
	if err != nil {
		return err
	}
	switch state {
	case "":
		return &MissingError{ID: id}
	case "running":
		_, err = b.docker.Feed(ctx, bytes.NewReader(text), "exec", "-i", name, image.Program, "lab-node", what)
	default:
		err = b.copyIn(ctx, name, map[string][]byte{file: text})
	}
	if err != nil {
		return fmt.Errorf("cannot tell machine %s its %s: %w", id, what, err)
	}
	return nil
}

// AttachNIC adds a NIC to a machine.
func (b *Backend) AttachNIC(ctx context.Context, id string, nic backend.NIC) error {
	machine, err := b.changeRecord(id, func(machine *backend.Machine) { machine.NICs = append(machine.NICs, nic) })
	if err != nil {
		return err
	}
	if err := b.connect(ctx, machine, nic); err != nil {
		return fmt.Errorf("cannot attach %s to %s: %w", nic.NetworkName, machine.Name, err)
	}
	return b.tellNICs(ctx, machine)
}

// DetachNIC removes a NIC from a machine.
func (b *Backend) DetachNIC(ctx context.Context, id string, nic backend.NIC) error {
	machine, err := b.changeRecord(id, func(machine *backend.Machine) {
		machine.NICs = slices.DeleteFunc(machine.NICs, func(have backend.NIC) bool { return have.PortID == nic.PortID })
	})
	if err != nil {
		return err
	}
	attached, err := b.attachedNetworks(ctx, b.machineName(id))
	if err != nil {
		return err
	}
	if network := b.networkName(nic.NetworkID); slices.Contains(attached, network) {
		if _, err := b.docker.Run(ctx, "network", "disconnect", "-f", network, b.machineName(id)); err != nil {
			return fmt.Errorf("cannot detach %s from %s: %w", nic.NetworkName, machine.Name, err)
		}
	}
	return b.tellNICs(ctx, machine)
}

func (b *Backend) tellNICs(ctx context.Context, machine backend.Machine) error {
	name, text, err := node.NICsFile(machine.NICs)
	if err != nil {
		return err
	}
	return b.tell(ctx, machine.ID, "nics", name, text)
}
