package machine

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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
