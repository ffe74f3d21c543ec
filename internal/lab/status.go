package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/lab/engine"
	"rollout/internal/lab/machine"
	"rollout/internal/lab/node"
)

// Status is what of a lab is there.
type Status struct {
	Dir      string // state folder
	API      string // URL of Keystone
	APIRuns  bool   // whether it answers
	Engine   string // version of the Docker Engine; empty when it does not answer
	Image    string
	Registry string // host:port on this machine; empty when it is down
	External string // network of floating IPs
	Networks []NetworkStatus
	Machines []MachineStatus
	Floating []node.Floating
}

// NetworkStatus is one network.
type NetworkStatus struct{ Name, CIDR string }

// MachineStatus is one container of the lab.
type MachineStatus struct {
	Name, State string
	Addresses   []string // in the order of its networks' names
	Memory      int64    // bytes in use without caches; 0 when it is off or can't be told
}

// Look tells what of a lab is there; without one the error is ErrDown.
func Look(ctx context.Context, options Options) (Status, error) {
	dir, err := stateDir(options.Dir)
	if err != nil {
		return Status{}, err
	}
	settings, err := readSettings(dir)
	if err != nil {
		return Status{}, err
	}
	docker := engine.Engine{}
	s := Status{Dir: dir, API: authURL(settings.API), Image: settings.Image, External: settings.External}
	s.APIRuns = settings.APIProcess.runs() && apiAnswers(ctx, settings.API) == nil
	s.Engine, err = docker.Run(ctx, "version", "--format", "{{.Server.Version}}")
	if err != nil {
		s.Engine = ""
		return s, nil // the rest could only be asked of the engine
	}
	if s.Networks, err = networkStatus(ctx, docker, settings.ID); err != nil {
		return s, err
	}
	if s.Machines, err = machineStatus(ctx, docker, settings.ID); err != nil {
		return s, err
	}
	if s.Registry, err = registryStatus(ctx, dir, settings, docker); err != nil {
		return s, err
	}
	s.Floating, err = floatingStatus(dir)
	return s, err
}

func networkStatus(ctx context.Context, docker engine.Engine, id string) ([]NetworkStatus, error) {
	format := fmt.Sprintf("{{.Label %q}}\t{{.Label %q}}", machine.LabelName, machine.LabelCIDR)
	lines, err := docker.Lines(ctx, "network", "ls", "--filter", "label="+machine.LabelLab+"="+id, "--filter", "label="+machine.LabelNetwork, "--format", format)
	if err != nil {
		return nil, err
	}
	var networks []NetworkStatus
	for _, line := range lines {
		name, cidr, _ := strings.Cut(line, "\t")
		networks = append(networks, NetworkStatus{Name: name, CIDR: cidr})
	}
	slices.SortFunc(networks, func(a, b NetworkStatus) int { return strings.Compare(a.Name, b.Name) })
	return networks, nil
}

// inspected is what docker inspect tells of a container.
type inspected struct {
	Name  string
	State struct {
		Status string
		Pid    int
	}
	Config struct{ Labels map[string]string }

	NetworkSettings struct {
		Networks map[string]struct{ IPAddress string }
	}
}

func machineStatus(ctx context.Context, docker engine.Engine, id string) ([]MachineStatus, error) {
	names, err := docker.Labelled(ctx, "container", machine.LabelLab+"="+id)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	text, err := docker.Run(ctx, append([]string{"container", "inspect"}, names...)...)
	if err != nil {
		return nil, err
	}
	var containers []inspected
	if err := json.Unmarshal([]byte(text), &containers); err != nil {
		return nil, fmt.Errorf("cannot read what Docker tells of the machines: %w", err)
	}
	var machines []MachineStatus
	for _, container := range containers {
		name := strings.TrimPrefix(container.Name, "/")
		m := MachineStatus{Name: container.Config.Labels[machine.LabelName], State: container.State.Status, Memory: memoryOf(container.State.Pid)}
		if m.Name == "" {
			m.Name = "(" + strings.TrimPrefix(name, id+"-") + ")"
		}
		for _, network := range container.NetworkSettings.Networks {
			if network.IPAddress != "" {
				m.Addresses = append(m.Addresses, network.IPAddress)
			}
		}
		slices.Sort(m.Addresses)
		machines = append(machines, m)
	}
	slices.SortFunc(machines, func(a, b MachineStatus) int { return strings.Compare(a.Name, b.Name) })
	return machines, nil
}

func registryStatus(ctx context.Context, dir string, settings Settings, docker engine.Engine) (string, error) {
	backend, err := newBackend(dir, settings, docker)
	if err != nil {
		return "", err
	}
	address, err := backend.RegistryAddress(ctx)
	if failed := new(engine.CommandError); errors.As(err, &failed) {
		return "", nil // its container is gone or off
	}
	return address, err
}

func floatingStatus(dir string) ([]node.Floating, error) {
	var floating []node.Floating
	text, err := os.ReadFile(filepath.Join(dir, machinesDir, machine.FloatingFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return floating, json.Unmarshal(text, &floating)
}
