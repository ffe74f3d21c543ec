package apitest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"rollout/internal/lab/api"
)

// errNoMachine is what Machines say of one that they have not.
var errNoMachine = errors.New("there is no such machine")

// Machines is an api.Backend that keeps everything in memory: its machines boot at once and do nothing. Tests look at it
// to see what was asked of it, and change it to see what the API makes of that. The zero value is ready to use.
type Machines struct {
	// Fail, when set, is asked ahead of each call, with the method's name and the id that it is about ("" for
	// FloatingIPs). It may wait until ctx is done. Set it before the first call.
	Fail func(ctx context.Context, method, id string) error

	mu       sync.Mutex
	machines map[string]*machine
	networks map[string]api.Network
	floating []api.FloatingIP
	booted   int
}

// machine is one that is there.
type machine struct {
	is    api.Machine
	state api.State
	log   []string
}

func (m *Machines) call(ctx context.Context, method, id string) error {
	if m.Fail != nil {
		if err := m.Fail(ctx, method, id); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// CreateNetwork implements api.Backend.
func (m *Machines) CreateNetwork(ctx context.Context, network api.Network) error {
	if err := m.call(ctx, "CreateNetwork", network.ID); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.networks == nil {
		m.networks = map[string]api.Network{}
	}
	m.networks[network.ID] = network
	return nil
}

// DeleteNetwork implements api.Backend.
func (m *Machines) DeleteNetwork(ctx context.Context, id string) error {
	if err := m.call(ctx, "DeleteNetwork", id); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.networks, id)
	return nil
}

// Boot implements api.Backend. A machine that is there already is an error: it would be a twin.
func (m *Machines) Boot(ctx context.Context, wanted api.Machine) error {
	if err := m.call(ctx, "Boot", wanted.ID); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.machines[wanted.ID] != nil {
		return fmt.Errorf("cannot boot %s: it is there already", wanted.Name)
	}
	if m.machines == nil {
		m.machines = map[string]*machine{}
	}
	m.machines[wanted.ID] = &machine{is: wanted, state: api.Running, log: []string{"booting " + wanted.Name, wanted.Name + " login:"}}
	m.booted++
	return nil
}

// Delete implements api.Backend.
func (m *Machines) Delete(ctx context.Context, id string) error {
	if err := m.call(ctx, "Delete", id); err != nil {
		return err
	}
	m.Lose(id)
	return nil
}

// Power implements api.Backend.
func (m *Machines) Power(ctx context.Context, id string, action api.Action) error {
	if err := m.call(ctx, "Power", id); err != nil {
		return err
	}
	return m.change(id, func(found *machine) {
		found.state = api.Running
		if action == api.Stop {
			found.state = api.Stopped
		}
		found.log = append(found.log, string(action))
	})
}

// State implements api.Backend.
func (m *Machines) State(ctx context.Context, id string) (api.State, error) {
	if err := m.call(ctx, "State", id); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if found := m.machines[id]; found != nil {
		return found.state, nil
	}
	return api.Missing, nil
}

// Console implements api.Backend.
func (m *Machines) Console(ctx context.Context, id string, lines int) (string, error) {
	if err := m.call(ctx, "Console", id); err != nil {
		return "", err
	}
	var log []string
	if err := m.change(id, func(found *machine) { log = slices.Clone(found.log) }); err != nil {
		return "", err
	}
	if lines > 0 && lines < len(log) {
		log = log[len(log)-lines:]
	}
	return strings.Join(log, "\n") + "\n", nil
}

// Rules implements api.Backend.
func (m *Machines) Rules(ctx context.Context, id string, rules []api.Rule) error {
	if err := m.call(ctx, "Rules", id); err != nil {
		return err
	}
	return m.change(id, func(found *machine) { found.is.Rules = rules })
}

// AttachNIC implements api.Backend.
func (m *Machines) AttachNIC(ctx context.Context, id string, nic api.NIC) error {
	if err := m.call(ctx, "AttachNIC", id); err != nil {
		return err
	}
	return m.change(id, func(found *machine) { found.is.NICs = append(slices.Clone(found.is.NICs), nic) })
}

// DetachNIC implements api.Backend.
func (m *Machines) DetachNIC(ctx context.Context, id string, nic api.NIC) error {
	if err := m.call(ctx, "DetachNIC", id); err != nil {
		return err
	}
	return m.change(id, func(found *machine) {
		found.is.NICs = slices.DeleteFunc(slices.Clone(found.is.NICs), func(n api.NIC) bool { return n.PortID == nic.PortID })
	})
}

// FloatingIPs implements api.Backend.
func (m *Machines) FloatingIPs(ctx context.Context, addresses []api.FloatingIP) error {
	if err := m.call(ctx, "FloatingIPs", ""); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.floating = addresses
	return nil
}

func (m *Machines) change(id string, change func(*machine)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	found := m.machines[id]
	if found == nil {
		return fmt.Errorf("%w: %s", errNoMachine, id)
	}
	change(found)
	return nil
}

// Machine returns what a machine is made of, as it is now; false when it is not there.
func (m *Machines) Machine(id string) (api.Machine, bool) {
	var is api.Machine
	err := m.change(id, func(found *machine) { is = found.is })
	return is, err == nil
}

// Networks returns the networks that are there, by id.
func (m *Machines) Networks() map[string]api.Network {
	m.mu.Lock()
	defer m.mu.Unlock()
	copied := map[string]api.Network{}
	for id, network := range m.networks {
		copied[id] = network
	}
	return copied
}

// Floating returns the floating IPs that are in force.
func (m *Machines) Floating() []api.FloatingIP {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.floating)
}

// Count returns how many machines are there, and how many have ever been booted.
func (m *Machines) Count() (there, booted int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.machines), m.booted
}

// Die stops a machine as a crash does: nobody asked for it.
func (m *Machines) Die(id string) error {
	return m.change(id, func(found *machine) { found.state = api.Stopped })
}

// Lose takes a machine away behind the API's back.
func (m *Machines) Lose(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.machines, id)
}
