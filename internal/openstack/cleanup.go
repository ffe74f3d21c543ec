package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Cleanup says what is to be deleted.
type Cleanup struct {
	// Prefix is what the names of the servers begin with, letter by letter.
	// "student1" means student10's servers too; a plan that would touch the
	// servers of several owners is refused, unless Force is set.
	Prefix    string
	NotActive bool // only servers that are not ACTIVE, and what belongs to them
	Force     bool // several owners are meant
}

// ErrEmptyPrefix says that a clean-up of everything was asked for.
var ErrEmptyPrefix = errors.New("cannot clean up without a prefix: an empty one means every server of the project (give a prefix such as student07-)")

// SeveralOwnersError says that a prefix means more people than one.
type SeveralOwnersError struct {
	Prefix string
	Owners []string
}

func (e *SeveralOwnersError) Error() string {
	return fmt.Sprintf("cannot clean up %q: servers of %d owners have that prefix: %s (end the prefix with a dash, or use --force to mean all of them)",
		e.Prefix, len(e.Owners), strings.Join(e.Owners, ", "))
}

// What is done with a Row.
const (
	Delete       = "delete"
	Release      = "release"
	Disassociate = "disassociate"
	Keep         = "keep"
)

// Row is one thing of a clean-up plan.
type Row struct {
	Kind   string // "server", "port", "floating IP", "volume"
	Name   string
	ID     string
	Action string // Delete, Release, Disassociate, Keep
	Cause  string // "name begins with student07-", "of server student07-web-1"
	Status string // of a server
}

// Plan is what a clean-up would do.
type Plan struct {
	Rows  []Row // floating IPs, servers, ports, volumes; by name
	cloud *Cloud
}

// Left is something that a clean-up could not delete.
type Left struct {
	Row Row
	Err error
}

// Step is told before something is deleted, and with Done set when it is gone,
// or with Err when it could not be deleted.
type Step struct {
	Row  Row
	Done bool
	Err  error
}

// String is the line that a person reads.
func (s Step) String() string {
	switch {
	case s.Err != nil:
		return fmt.Sprintf("Failed to %s %s: %v", s.Row.Action, s.Row.Name, s.Err)
	case s.Done:
		return fmt.Sprintf("Gone: %s %s", s.Row.Kind, s.Row.Name)
	case s.Row.Action == Release:
		return "Releasing " + s.Row.Name
	case s.Row.Action == Disassociate:
		return "Disassociating " + s.Row.Name
	}
	return "Deleting " + s.Row.Name
}

// PlanCleanup looks what a clean-up would delete, and changes nothing.
// Networks, security groups and key pairs are left alone: others may use them.
func (c *Cloud) PlanCleanup(ctx context.Context, what Cleanup) (Plan, error) {
	plan := Plan{cloud: c}
	if what.Prefix == "" {
		return plan, ErrEmptyPrefix
	}
	servers, err := c.doomed(ctx, what)
	if err != nil {
		return plan, err
	}
	ids, names := make([]string, 0, len(servers)), map[string]string{}
	for _, s := range servers {
		ids, names[s.ID] = append(ids, s.ID), s.Name
	}
	ports, err := c.ServerPorts(ctx, ids...)
	if err != nil {
		return plan, err
	}
	ips, err := c.FloatingIPs(ctx, nil)
	if err != nil {
		return plan, err
	}
	volumes, err := c.Volumes(ctx)
	if err != nil {
		return plan, err
	}
	plan.Rows = slices.Concat(floatingRows(ips, ports, names, what), serverRows(servers, what),
		portRows(ports, names), volumeRows(volumes, names, what))
	return plan, nil
}

// doomed lists the servers, and refuses those of several owners.
func (c *Cloud) doomed(ctx context.Context, what Cleanup) ([]Server, error) {
	all, err := c.ListServers(ctx, Filter{NamePrefix: what.Prefix})
	if err != nil {
		return nil, err
	}
	var out []Server
	var owners []string
	for _, s := range all {
		if what.NotActive && s.Status == "ACTIVE" {
			continue
		}
		out = append(out, s)
		if o := ownerOf(s, what.Prefix); !slices.Contains(owners, o) {
			owners = append(owners, o)
		}
	}
	if len(owners) > 1 && !what.Force {
		sort.Strings(owners)
		return nil, &SeveralOwnersError{Prefix: what.Prefix, Owners: owners}
	}
	return out, nil
}

// ownerOf takes the owner from the metadata; for a server made by other means,
// from its name: what stands before the first dash at or after the prefix's end.
func ownerOf(s Server, prefix string) string {
	if o := s.Metadata["rollout_owner"]; o != "" {
		return o
	}
	from := strings.TrimRight(prefix, "-")
	rest := s.Name[len(from):]
	if i := strings.IndexByte(rest, '-'); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.IndexByte(from, '-'); i >= 0 {
		return from[:i] // the prefix names more than the owner: student07-app-
	}
	return from + rest
}

func serverRows(servers []Server, what Cleanup) []Row {
	cause := "name begins with " + what.Prefix
	if what.NotActive {
		cause += ", not ACTIVE"
	}
	var out []Row
	for _, s := range servers {
		out = append(out, Row{Kind: "server", Name: s.Name, ID: s.ID, Action: Delete, Cause: cause, Status: s.Status})
	}
	return out
}

func portRows(ports []Port, names map[string]string) []Row {
	var out []Row
	for _, p := range ports {
		name := p.Name
		if name == "" {
			name = p.ID
			if len(p.FixedIPs) > 0 {
				name = p.FixedIPs[0].IP
			}
		}
		out = append(out, Row{Kind: "port", Name: name, ID: p.ID, Action: Delete, Cause: "of server " + names[p.DeviceID]})
	}
	sortRows(out)
	return out
}

// floatingRows releases the addresses that rollout allocated, and frees others.
// One of ours that no server uses any more goes too, if its owner is meant.
func floatingRows(ips []FloatingIP, ports []Port, names map[string]string, what Cleanup) []Row {
	server := map[string]string{}
	for _, p := range ports {
		server[p.ID] = names[p.DeviceID]
	}
	var out []Row
	for _, f := range ips {
		row := Row{Kind: "floating IP", Name: f.Address, ID: f.ID, Action: Release}
		switch name := server[f.PortID]; {
		case f.PortID != "" && name != "" && f.Ours():
			row.Cause = "of server " + name
		case f.PortID != "" && name != "":
			row.Action, row.Cause = Disassociate, "of server "+name+", not allocated by rollout"
		case f.PortID == "" && f.Ours() && !what.NotActive && strings.HasPrefix(f.Owner()+"-", what.Prefix):
			row.Cause = "allocated for " + f.Owner() + ", unused"
		default:
			continue
		}
		out = append(out, row)
	}
	sortRows(out)
	return out
}

// volumeRows deletes the volumes of the servers that have the prefix too, or no
// name, as those made at boot; another name says that somebody wants to keep it.
func volumeRows(volumes []Volume, names map[string]string, what Cleanup) []Row {
	var out []Row
	for _, v := range volumes {
		server := ""
		for _, id := range v.Servers {
			server += names[id]
		}
		named := strings.HasPrefix(v.Name, what.Prefix)
		row := Row{Kind: "volume", Name: v.Name, ID: v.ID, Action: Delete, Cause: "of server " + server}
		if row.Name == "" {
			row.Name = v.ID
		}
		switch {
		case server != "" && (named || v.Name == ""):
		case server != "":
			row.Action, row.Cause = Keep, "of server "+server+", but named otherwise"
		case named && len(v.Servers) == 0 && !what.NotActive:
			row.Cause = "name begins with " + what.Prefix
		default:
			continue
		}
		out = append(out, row)
	}
	sortRows(out)
	return out
}

func sortRows(rows []Row) {
	sort.Slice(rows, func(i, j int) bool {
		if rows[i].Name != rows[j].Name {
			return rows[i].Name < rows[j].Name
		}
		return rows[i].ID < rows[j].ID
	})
}

// Empty reports whether the plan deletes nothing.
func (p Plan) Empty() bool {
	return !slices.ContainsFunc(p.Rows, func(r Row) bool { return r.Action != Keep })
}

// How many deletions run at the same time, and how long each may take.
const (
	cleanupWidth = 24
	cleanupLimit = 5 * time.Minute
)

// Execute carries out the plan: floating IPs first, then servers, then what
// they leave behind. A deletion that fails stops no other. observe is told of
// each step, one at a time. It returns what is left, also when ctx ends.
func (p Plan) Execute(ctx context.Context, observe func(Step)) []Left {
	run := &cleaning{cloud: p.cloud, observe: observe}
	run.all(ctx, p.rows("floating IP"), run.freeAddress)
	run.all(ctx, p.rows("server"), run.deleteServer)
	run.all(ctx, run.remaining(ctx, p.rows("port")), run.deletePort)
	run.all(ctx, p.rows("volume"), run.deleteVolume)
	return run.left
}

func (p Plan) rows(kind string) []Row {
	var out []Row
	for _, r := range p.Rows {
		if r.Kind == kind && r.Action != Keep {
			out = append(out, r)
		}
	}
	return out
}

type cleaning struct {
	cloud   *Cloud
	observe func(Step)
	mu      sync.Mutex
	left    []Left
}

func (run *cleaning) tell(s Step) {
	run.mu.Lock()
	defer run.mu.Unlock()
	if s.Err != nil {
		run.left = append(run.left, Left{Row: s.Row, Err: s.Err})
	}
	if run.observe != nil {
		run.observe(s)
	}
}

func (run *cleaning) all(ctx context.Context, rows []Row, do func(context.Context, Row) error) {
	var g errgroup.Group
	g.SetLimit(cleanupWidth)
	for _, row := range rows {
		g.Go(func() error {
			err := ctx.Err()
			if err == nil {
				run.tell(Step{Row: row})
				err = do(ctx, row)
			}
			run.tell(Step{Row: row, Done: err == nil, Err: err})
			return nil
		})
	}
	_ = g.Wait() // each row's error is kept in left
}

func (run *cleaning) deleteServer(ctx context.Context, row Row) error {
	return run.cloud.DeleteServer(ctx, Server{ID: row.ID, Name: row.Name}, cleanupLimit)
}

func (run *cleaning) freeAddress(ctx context.Context, row Row) error {
	ip := FloatingIP{ID: row.ID, Address: row.Name}
	if row.Action == Release {
		return run.cloud.Release(ctx, ip)
	}
	_, err := run.cloud.Disassociate(ctx, ip)
	return err
}

func (run *cleaning) deletePort(ctx context.Context, row Row) error {
	return run.cloud.DeletePort(ctx, row.ID)
}

func (run *cleaning) deleteVolume(ctx context.Context, row Row) error {
	return run.cloud.deleteVolume(ctx, row.ID, cleanupLimit)
}

// remaining keeps the ports that did not go with their servers: those that were
// made by hand. Ports of servers that could not be deleted stay with them.
func (run *cleaning) remaining(ctx context.Context, rows []Row) []Row {
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	ports, err := inParts(ids, func(part []string) ([]Port, error) {
		return run.cloud.Ports(ctx, url.Values{"id": part})
	})
	var out []Row
	for _, r := range rows {
		if err != nil {
			run.tell(Step{Row: r, Err: fmt.Errorf("cannot tell whether it went with its server: %w", err)})
			continue
		}
		i := slices.IndexFunc(ports, func(p Port) bool { return p.ID == r.ID })
		if i >= 0 && !run.isLeft(ports[i].DeviceID) {
			out = append(out, r)
		}
	}
	return out
}

func (run *cleaning) isLeft(serverID string) bool {
	return serverID != "" && slices.ContainsFunc(run.left, func(l Left) bool { return l.Row.ID == serverID })
}
