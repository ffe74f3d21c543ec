package machine

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"time"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/image"
	"rollout/internal/lab/node"
)

// Boot starts a new machine and returns when it runs. What it has made of one that failed stays until Delete.
func (b *Backend) Boot(ctx context.Context, machine backend.Machine) error {
	if len(machine.NICs) == 0 {
		return fmt.Errorf("cannot boot %s: it has no network", machine.Name)
	}
	if err := b.boots.Acquire(ctx, 1); err != nil {
		return fmt.Errorf("cannot boot %s: %w", machine.Name, err)
	}
	defer b.boots.Release(1)
	if err := b.writeRecord(machine); err != nil {
		return err
	}
	if err := b.create(ctx, machine); err != nil {
		return fmt.Errorf("cannot boot %s: %w", machine.Name, err)
	}
	if err := b.start(ctx, machine); err != nil {
		return fmt.Errorf("cannot boot %s: %w", machine.Name, err)
	}
	return nil
}

// create makes the container with its seed inside.
func (b *Backend) create(ctx context.Context, machine backend.Machine) error {
	name := b.machineName(machine.ID)
	if err := b.removeContainer(ctx, name); err != nil {
		return err // left by a boot that was cut off
	}
	if _, err := b.docker.Complete(ctx, b.createArgs(machine)...); err != nil {
		return err
	}
	seed := node.Seed{Machine: machine, RegistryMirror: "http://" + b.config.Registry().String() + ":5000"}
	files, err := seed.Files()
	if err != nil {
		return err
	}
	return b.copyIn(ctx, name, files)
}

// createArgs is the docker command that creates a machine: all the rights that the Docker Engine inside needs, its data
// on a volume (on the container's own file system overlayfs can't be stacked), and the first network. The others
// come after the start, since Docker sorts those it finds at the start by name.
func (b *Backend) createArgs(machine backend.Machine) []string {
	args := []string{"create", "--name", b.machineName(machine.ID), "--hostname", node.Hostname(machine.Name),
		"--volume", "/var/lib/docker", "--log-driver", "json-file", "--log-opt", "max-size=16m"}
	args = append(args, rights(b.config.Privileged)...)
	args = slices.Concat(args, label(LabelLab, b.config.Lab), label(LabelMachine, machine.ID), label(LabelName, machine.Name))
	return append(slices.Concat(args, b.nicArgs(machine.Name, machine.NICs[0])), b.imageOf(machine))
}

// imageOf: the cloud knows the machines' image by its name, since its tag changes with every build of this program.
func (b *Backend) imageOf(machine backend.Machine) string {
	if machine.ImageRef == "" || machine.ImageRef == image.Name {
		return b.config.Image
	}
	return machine.ImageRef
}

// rights are the arguments that let a Docker Engine run inside. Where root itself lacks a capability, --privileged can't
// be had; the list is the same without CAP_SYS_RESOURCE.
func rights(privileged bool) []string {
	if privileged {
		return []string{"--privileged"}
	}
	return []string{"--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE", "--security-opt", "seccomp=unconfined",
		"--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined", "--device-cgroup-rule", "a *:* rwm"}
}

func (b *Backend) nicArgs(machine string, nic backend.NIC) []string {
	return []string{"--network", b.networkName(nic.NetworkID), "--ip", nic.IP, "--network-alias", node.Hostname(machine)}
}

// copyIn writes files to the seed folder of a container, running or not.
func (b *Backend) copyIn(ctx context.Context, container string, files map[string][]byte) error {
	var archive bytes.Buffer
	writer := tar.NewWriter(&archive)
	directory := &tar.Header{Name: node.SeedDir[1:] + "/", Mode: 0o700, Typeflag: tar.TypeDir, ModTime: time.Now()}
	if err := writer.WriteHeader(directory); err != nil {
		return err
	}
	for name, text := range files {
		header := &tar.Header{Name: node.SeedDir[1:] + "/" + name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Now()}
		if err := writer.WriteHeader(header); err != nil {
			return err
		}
		if _, err := writer.Write(text); err != nil {
			return err
		}
	}
	if err := writer.Close(); err != nil {
		return err
	}
	_, err := b.docker.Feed(ctx, &archive, "cp", "-", container+":/")
	return err
}

// start starts a container that has at most its first network, and attaches the others in order.
func (b *Backend) start(ctx context.Context, machine backend.Machine) error {
	if _, err := b.docker.Run(ctx, "start", b.machineName(machine.ID)); err != nil {
		return err
	}
	for _, nic := range machine.NICs[1:] {
		if err := b.connect(ctx, machine, nic); err != nil {
			return err
		}
	}
	return nil
}

func (b *Backend) connect(ctx context.Context, machine backend.Machine, nic backend.NIC) error {
	_, err := b.docker.Run(ctx, "network", "connect", "--ip", nic.IP, "--alias", node.Hostname(machine.Name),
		b.networkName(nic.NetworkID), b.machineName(machine.ID))
	return err
}

// Delete removes a machine with its disk; one that is gone is no error.
func (b *Backend) Delete(ctx context.Context, id string) error {
	if err := b.removeContainer(ctx, b.machineName(id)); err != nil {
		return fmt.Errorf("cannot delete machine %s: %w", id, err)
	}
	if err := b.noteStopped(id, false); err != nil {
		return err
	}
	if err := os.Remove(b.recordFile(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot delete machine %s: %w", id, err)
	}
	return nil
}

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
