package hypervisor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/cloud"
)

// Machine is a server as the Backend boots it.
func Machine(state *cloud.State, server *cloud.Server) (backend.Machine, error) {
	image := state.Images[server.ImageID]
	if image == nil {
		return backend.Machine{}, fmt.Errorf("cannot boot %s: image %s is gone", server.Name, server.ImageID)
	}
	nics, err := state.NICs(server)
	if err != nil {
		return backend.Machine{}, err
	}
	userData, err := base64.StdEncoding.DecodeString(server.UserData)
	if err != nil {
		return backend.Machine{}, fmt.Errorf("cannot decode the user data of %s: %w", server.Name, err)
	}
	return backend.Machine{ID: server.ID, Name: server.Name, ImageID: image.ID, ImageRef: image.Ref, ImageName: image.Name,
		UserData: userData, Metadata: maps.Clone(server.Metadata), KeyName: server.KeyName, PublicKey: server.PublicKey,
		NICs: nics, Rules: state.RulesFor(server), VCPUs: server.Flavor.VCPUs, MemoryMB: server.Flavor.RAM,
		DiskGB: server.Flavor.DiskGB, FlavorName: server.Flavor.Name, AvailabilityZone: server.Zone,
		ProjectID: server.ProjectID, Created: server.Created}, nil
}

// EnsureNetwork makes a network run as the state has it; one that is not in the state, or has no subnet, ends.
func (h *Host) EnsureNetwork(id string) error {
	h.networking.Lock()
	defer h.networking.Unlock()
	var network backend.Network
	runs := false
	h.store.View(func(state *cloud.State) { network, runs = state.Segment(id) })
	ctx, cancel := context.WithTimeout(h.ctx, stepLimit)
	defer cancel()
	if !runs {
		if err := h.backend.DeleteNetwork(ctx, id); err != nil {
			return fmt.Errorf("cannot remove network %s: %w", id, err)
		}
		return nil
	}
	if err := h.backend.CreateNetwork(ctx, network); err != nil {
		return fmt.Errorf("cannot make network %s (%s): %w", network.Name, network.CIDR, err)
	}
	return nil
}

// Apply puts security groups and floating IPs in force where they differ from what is. It returns when they are; a
// machine that takes no rules is noted in the log, a floating IP that failed in its status.
func (h *Host) Apply() {
	h.applying.Lock()
	defer h.applying.Unlock()
	wanted := map[string][]backend.Rule{}
	var addresses []backend.FloatingIP
	h.store.View(func(state *cloud.State) {
		for id, server := range state.Servers {
			if server.VMState == cloud.Active && server.TaskState != cloud.Deleting {
				wanted[id] = state.RulesFor(server)
			}
		}
		addresses = state.Associated()
	})
	h.applyRules(wanted)
	h.applyFloating(addresses)
}

func (h *Host) applyRules(wanted map[string][]backend.Rule) {
	ctx, cancel := context.WithTimeout(h.ctx, stepLimit)
	defer cancel()
	type outcome struct{ id, rules string }
	done := make(chan outcome, len(wanted))
	var group errgroup.Group
	group.SetLimit(8)
	for id, rules := range wanted {
		if h.applied[id] == fingerprint(rules) {
			continue
		}
		group.Go(func() error {
			if err := h.backend.Rules(ctx, id, rules); err != nil {
				h.log.Warn("cannot put security groups in force", "server", id, "error", err)
				return nil // the others get theirs; this one is tried again at the next change
			}
			done <- outcome{id, fingerprint(rules)}
			return nil
		})
	}
	_ = group.Wait() // never fails
	close(done)
	for o := range done {
		h.applied[o.id] = o.rules
	}
}

func (h *Host) applyFloating(addresses []backend.FloatingIP) {
	status := "ACTIVE"
	if set := fingerprint(addresses); h.floating != set {
		ctx, cancel := context.WithTimeout(h.ctx, stepLimit)
		defer cancel()
		if err := h.backend.FloatingIPs(ctx, addresses); err != nil {
			h.log.Warn("cannot put floating IPs in force", "error", err)
			status, set = "ERROR", ""
		}
		h.floating = set
	}
	h.noteFloating(addresses, status)
}

// noteFloating notes the status of the floating IPs that have been applied.
func (h *Host) noteFloating(addresses []backend.FloatingIP, status string) {
	stale := func(state *cloud.State) []*cloud.FloatingIP {
		var list []*cloud.FloatingIP
		for _, floating := range state.FloatingIPs {
			for _, address := range addresses {
				if floating.Address == address.Address && floating.FixedIP == address.FixedIP && floating.Status != status {
					list = append(list, floating)
				}
			}
		}
		return list
	}
	found := 0
	h.store.View(func(state *cloud.State) { found = len(stale(state)) })
	if found == 0 {
		return
	}
	err := h.store.Update(func(state *cloud.State) error {
		for _, floating := range stale(state) {
			floating.Status = status
		}
		return nil
	})
	if err != nil {
		h.log.Error("cannot note the status of floating IPs", "error", err)
	}
}

// fingerprint is a value's text, to compare.
func fingerprint(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return ""
	}
	return string(text)
}

// Observe looks at the machines of settled servers, so that one that died or was removed behind the API's back is seen.
func (h *Host) Observe() {
	if !h.observing.TryLock() {
		return // someone else is looking
	}
	defer h.observing.Unlock()
	due := h.due()
	if len(due) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(h.ctx, stepLimit)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(8)
	for id, revision := range due {
		group.Go(func() error {
			seen, err := h.backend.State(ctx, id)
			if err != nil {
				h.log.Warn("cannot see how a machine is", "server", id, "error", err)
				return nil // it keeps the status it had
			}
			h.noteState(id, revision, seen)
			return nil
		})
	}
	_ = group.Wait() // never fails
	for id := range due {
		h.observed[id] = h.now()
	}
}

// settled tells whether nothing is under way for a server.
func settled(server *cloud.Server) bool {
	return server.TaskState == "" && (server.VMState == cloud.Active || server.VMState == cloud.Stopped)
}

// due are the servers whose machines are to be looked at, with the revisions that they have by now.
func (h *Host) due() map[string]int {
	due := map[string]int{}
	h.store.View(func(state *cloud.State) {
		for id, server := range state.Servers {
			if settled(server) && h.now().Sub(h.observed[id]) >= observeRest {
				due[id] = server.Revision
			}
		}
	})
	return due
}

// noteState notes what was seen of a server, unless the server has changed since: then it may be out of date.
func (h *Host) noteState(id string, revision int, seen backend.State) {
	is := map[backend.State]string{backend.Running: cloud.Active, backend.Stopped: cloud.Stopped, backend.Missing: cloud.Failed}[seen]
	stale := func(server *cloud.Server) bool {
		return is == "" || server == nil || server.Revision != revision || !settled(server) || server.VMState == is
	}
	unchanged := false
	h.store.View(func(state *cloud.State) { unchanged = stale(state.Servers[id]) })
	if unchanged {
		return
	}
	h.change(id, func(server *cloud.Server) {
		if stale(server) {
			return
		}
		server.VMState = is
		if is == cloud.Failed {
			server.Fault = &cloud.Fault{Code: 500, Created: h.now(),
				Message: "The machine is gone: it was removed from outside of the practice cloud. Delete the server and boot it again."}
		}
	})
}

// Console returns the last lines of a server's console log; all for 0 or less.
func (h *Host) Console(ctx context.Context, id string, lines int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return h.backend.Console(ctx, id, lines)
}

// Attach adds a NIC to a server's machine.
func (h *Host) Attach(id string, nic backend.NIC) error {
	ctx, cancel := context.WithTimeout(h.ctx, stepLimit)
	defer cancel()
	if err := h.backend.AttachNIC(ctx, id, nic); err != nil {
		return err
	}
	h.Apply()
	return nil
}

// Detach removes a NIC from a server's machine.
func (h *Host) Detach(id string, nic backend.NIC) error {
	ctx, cancel := context.WithTimeout(h.ctx, stepLimit)
	defer cancel()
	return h.backend.DetachNIC(ctx, id, nic)
}
