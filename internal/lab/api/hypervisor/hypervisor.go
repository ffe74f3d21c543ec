// Package hypervisor brings what a Backend runs in line with the state: it boots, stops and deletes machines in the
// background, one step at a time for each server, and puts networks, rules and floating IPs in force.
package hypervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/cloud"
)

// How long one thing that the Backend does may take.
const (
	bootLimit   = 10 * time.Minute
	stepLimit   = 2 * time.Minute
	observeRest = 2 * time.Second // a machine's state is asked for no more often
)

// Host is the one machine that all servers run on.
type Host struct {
	ctx     context.Context
	cancel  context.CancelFunc
	store   *cloud.Store
	backend backend.Backend
	log     *slog.Logger
	now     func() time.Time
	spoil   Spoil
	boots   *semaphore.Weighted

	mu      sync.Mutex // guards what follows
	closed  bool
	group   errgroup.Group
	current map[string]*job // by server

	networking sync.Mutex // held while networks are brought in line

	applying sync.Mutex // guards what follows
	applied  map[string]string
	floating string

	observing sync.Mutex // guards observed
	observed  map[string]time.Time
}

// Spoil may delay or fail a step of a server's life, for rehearsing faults. What it returns becomes the server's fault,
// with the code of its FaultCode where it has one.
type Spoil func(ctx context.Context, step Step, serverName, zone string) error

// Step is what can be spoilt.
type Step string

// The steps of a server's life that can be spoilt.
const (
	BeforeBoot   Step = "before boot"
	AfterBoot    Step = "after boot"
	BeforeDelete Step = "before delete"
)

// job is one step of a server's life that is under way.
type job struct {
	cancel context.CancelFunc
	done   chan struct{}
	ends   bool // it deletes the server
}

// New makes the host; ctx bounds everything that it does. boots machines boot at once.
func New(ctx context.Context, store *cloud.Store, b backend.Backend, log *slog.Logger, now func() time.Time, spoil Spoil, boots int) *Host {
	ctx, cancel := context.WithCancel(ctx)
	return &Host{ctx: ctx, cancel: cancel, store: store, backend: b, log: log, now: now, spoil: spoil,
		boots: semaphore.NewWeighted(int64(boots)), current: map[string]*job{}, applied: map[string]string{},
		observed: map[string]time.Time{}}
}

// Close ends what is under way and waits for it until ctx is done. Boots and deletions that it cuts short are taken up
// by the next host that is given the same state.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	ended := make(chan error, 1)
	go func() { ended <- h.group.Wait() }() // ends with the last job, each of which ends with h.ctx
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return fmt.Errorf("cannot wait for the lab's machines any longer: %w", ctx.Err())
	}
}

// Resume brings the Backend in line with a state that an earlier host left: its networks, the boots and deletions it did
// not finish, and what became of its machines meanwhile.
func (h *Host) Resume() error {
	var networks, unborn, dying, unsettled []string
	h.store.View(func(state *cloud.State) {
		for _, network := range cloud.ByAge(state.Networks) {
			networks = append(networks, network.ID)
		}
		for _, server := range cloud.ByAge(state.Servers) {
			switch {
			case server.TaskState == cloud.Deleting:
				dying = append(dying, server.ID)
			case server.VMState == cloud.Building:
				unborn = append(unborn, server.ID)
			case server.TaskState != "":
				unsettled = append(unsettled, server.ID)
			}
		}
	})
	for _, id := range networks {
		if err := h.EnsureNetwork(id); err != nil {
			return err
		}
	}
	for _, id := range dying {
		h.Delete(id)
	}
	for _, id := range unborn {
		h.run(id, job{}, func(ctx context.Context) { h.reboot(ctx, id) })
	}
	for _, id := range unsettled {
		h.change(id, func(server *cloud.Server) { server.TaskState = "" })
	}
	h.Observe()
	h.Apply()
	return nil
}

// reboot boots a machine of which an earlier host may have left a part.
func (h *Host) reboot(ctx context.Context, id string) {
	bounded, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := h.backend.Delete(bounded, id); err != nil {
		h.failed(ctx, id, fmt.Errorf("cannot clear what was left of an unfinished boot: %w", err))
		return
	}
	h.boot(ctx, id)
}

// run starts a step of a server's life, which begins when the step before it has ended. One that ends the server cuts
// the step before it short, but not another such: clients that ask again and again would put its end off.
func (h *Host) run(id string, next job, step func(context.Context)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.current[id]
	if h.closed {
		return // the state says what is to be done, and the next host does it
	}
	if before != nil && next.ends && !before.ends {
		before.cancel()
	}
	ctx, cancel := context.WithCancel(h.ctx)
	next.cancel, next.done = cancel, make(chan struct{})
	h.current[id] = &next
	h.group.Go(func() error {
		defer h.ended(id, &next)
		if before != nil {
			<-before.done
		}
		step(ctx)
		return nil
	})
}

func (h *Host) ended(id string, finished *job) {
	h.mu.Lock()
	defer h.mu.Unlock()
	finished.cancel()
	close(finished.done)
	if h.current[id] == finished {
		delete(h.current, id)
	}
}

// Boot starts a server's machine in the background.
func (h *Host) Boot(id string) { h.run(id, job{}, func(ctx context.Context) { h.boot(ctx, id) }) }

func (h *Host) boot(ctx context.Context, id string) {
	err := h.spoilt(ctx, BeforeBoot, id)
	if err == nil {
		err = h.bootNow(ctx, id)
	}
	if err == nil {
		err = h.spoilt(ctx, AfterBoot, id)
	}
	if err != nil {
		h.failed(ctx, id, err)
		return
	}
	h.change(id, func(server *cloud.Server) {
		server.VMState, server.TaskState, server.Launched = cloud.Active, "", h.now()
	})
	h.Apply()
}

func (h *Host) spoilt(ctx context.Context, step Step, id string) error {
	var name, zone string
	h.store.View(func(state *cloud.State) {
		if server := state.Servers[id]; server != nil {
			name, zone = server.Name, server.Zone
		}
	})
	return h.spoil(ctx, step, name, zone)
}

// bootNow waits for its turn, and boots.
func (h *Host) bootNow(ctx context.Context, id string) error {
	if err := h.boots.Acquire(ctx, 1); err != nil {
		return err
	}
	defer h.boots.Release(1)
	machine, err := h.spawning(id)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	if err := h.backend.Boot(ctx, machine); err != nil {
		return err
	}
	h.applying.Lock()
	defer h.applying.Unlock()
	h.applied[id] = fingerprint(machine.Rules)
	return nil
}

// spawning notes that a boot begins and says what is to be booted.
func (h *Host) spawning(id string) (backend.Machine, error) {
	var machine backend.Machine
	err := h.store.Update(func(state *cloud.State) error {
		server := state.Servers[id]
		if server == nil {
			return fmt.Errorf("cannot boot server %s: it is gone", id)
		}
		if server.TaskState != cloud.Deleting {
			server.TaskState = cloud.Spawning
			server.Touch(h.now())
		}
		var err error
		machine, err = Machine(state, server)
		return err
	})
	return machine, err
}

// failed puts a server into ERROR, unless the step was cut short: then a deletion follows, or the next host goes on.
func (h *Host) failed(ctx context.Context, id string, why error) {
	if ctx.Err() != nil {
		return
	}
	h.log.Warn("a server failed", "server", id, "error", why)
	h.change(id, func(server *cloud.Server) {
		server.VMState, server.TaskState = cloud.Failed, ""
		server.Fault = &cloud.Fault{Code: faultCode(why), Message: why.Error(), Created: h.now()}
	})
}

// faultCode is Nova's: that of the error, where it has one.
func faultCode(why error) int {
	var coded interface{ FaultCode() int }
	if errors.As(why, &coded) {
		return coded.FaultCode()
	}
	return 500
}

// change changes a server if it is still there; its ports live while it runs.
func (h *Host) change(id string, change func(*cloud.Server)) {
	err := h.store.Update(func(state *cloud.State) error {
		server := state.Servers[id]
		if server == nil || server.TaskState == cloud.Deleting {
			return nil
		}
		change(server)
		server.Touch(h.now())
		for _, portID := range server.Ports {
			if port := state.Ports[portID]; port != nil {
				port.Live = server.VMState == cloud.Active
			}
		}
		return nil
	})
	if err != nil {
		h.log.Error("cannot note what became of a server", "server", id, "error", err)
	}
}

// Delete ends a server in the background: what is under way for it first, then its machine, its ports, itself.
func (h *Host) Delete(id string) {
	h.run(id, job{ends: true}, func(ctx context.Context) { h.delete(ctx, id) })
}

func (h *Host) delete(ctx context.Context, id string) {
	there := false
	h.store.View(func(state *cloud.State) { there = state.Servers[id] != nil })
	if !there {
		return
	}
	if err := h.spoilt(ctx, BeforeDelete, id); err != nil {
		h.undeletable(ctx, id, err)
		return
	}
	bounded, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := h.backend.Delete(bounded, id); err != nil {
		h.undeletable(ctx, id, err)
		return
	}
	err := h.store.Update(func(state *cloud.State) error {
		server := state.Servers[id]
		if server == nil {
			return nil
		}
		for _, portID := range server.Ports {
			state.Release(portID, h.now())
		}
		delete(state.Servers, id)
		return nil
	})
	if err != nil {
		h.log.Error("cannot note that a server is gone", "server", id, "error", err)
	}
	h.forget(id)
	h.Apply()
}

// undeletable puts a server whose machine stays into ERROR, from where it can be deleted again.
func (h *Host) undeletable(ctx context.Context, id string, why error) {
	if ctx.Err() != nil {
		return
	}
	err := h.store.Update(func(state *cloud.State) error {
		if server := state.Servers[id]; server != nil {
			server.TaskState = "" // or failed would leave it alone
		}
		return nil
	})
	h.failed(ctx, id, errors.Join(fmt.Errorf("cannot delete the machine: %w", why), err))
}

func (h *Host) forget(id string) {
	h.applying.Lock()
	delete(h.applied, id)
	h.applying.Unlock()
	h.observing.Lock()
	delete(h.observed, id)
	h.observing.Unlock()
}

// Power starts, stops or reboots a server's machine in the background; then is the VMState that it ends in.
func (h *Host) Power(id string, action backend.Action, then string) {
	h.run(id, job{}, func(ctx context.Context) {
		bounded, cancel := context.WithTimeout(ctx, stepLimit)
		defer cancel()
		if err := h.backend.Power(bounded, id, action); err != nil {
			h.failed(ctx, id, err)
			return
		}
		h.change(id, func(server *cloud.Server) { server.VMState, server.TaskState, server.Fault = then, "", nil })
		h.forget(id) // a machine that has started has no rules in force
		h.Apply()
	})
}
