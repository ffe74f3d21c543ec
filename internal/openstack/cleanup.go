package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Cleanup says what is to be deleted: what has a name prefix, or what rollout
// made for an owner's application.
type Cleanup struct {
	// Prefix is what the names of the servers begin with, letter by letter.
	// "student1" means student10's servers too; a plan that would touch what
	// belongs to several owners is refused, unless Force is set.
	Prefix string
	// Owner and App, instead of Prefix, mean the servers with this metadata.
	Owner, App string
	NotActive  bool          // only servers that are not ACTIVE, and what belongs to them
	OlderThan  time.Duration // only servers that were made so long ago, by the cloud's clock, and what belongs to them
	Force      bool          // several owners are meant
}

// selective reports whether only some servers are meant: then nothing goes that
// other servers can need.
func (w Cleanup) selective() bool { return w.NotActive || w.OlderThan > 0 }

// names is what the names of the servers begin with.
func (w Cleanup) names() string {
	if w.Owner != "" {
		return w.Owner + "-"
	}
	return w.Prefix
}

// takes reports whether what was made for m is meant. A prefix that names less
// than an owner, such as student07-web-, takes nothing by its mark.
func (w Cleanup) takes(m Mark) bool {
	switch {
	case m.Owner == "":
		return false
	case w.Owner != "":
		return m.Owner == w.Owner && (m.App == w.App || m.App == "" || w.App == "")
	}
	return strings.HasPrefix(m.Owner+"-", w.Prefix)
}

// LikelyOwner is whose things are meant, as far as the names tell it before the
// cloud is asked: what stands before the prefix's first dash.
func (w Cleanup) LikelyOwner() string {
	if w.Owner != "" {
		return w.Owner
	}
	owner, _, _ := strings.Cut(w.Prefix, "-")
	return owner
}

// String says what is meant, behind "Nothing to delete:" and the like.
func (w Cleanup) String() string {
	if w.Owner != "" {
		return "what rollout made for " + Mark{w.Owner, w.App}.name()
	}
	return "what begins with " + w.Prefix
}

// ErrEmptyPrefix says that a clean-up of everything was asked for.
var ErrEmptyPrefix = errors.New("cannot clean up without a prefix: an empty one means every server of the project (give a prefix such as student07-, or change to the directory of a topology)")

// SeveralOwnersError says that a prefix means more people than one.
type SeveralOwnersError struct {
	Prefix string
	Owners []string
}

func (e *SeveralOwnersError) Error() string {
	return fmt.Sprintf("cannot clean up %q: what belongs to %d owners has that prefix: %s (end the prefix with a dash, or use --force to mean all of them)",
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
	Kind   string // one of those that Execute names
	Name   string
	ID     string
	Action string // Delete, Release, Disassociate, Keep
	Cause  string // "name begins with student07-", "of server student07-web-1"
	Status string // of a server

	router string // of an interface: the router's id
}

// Plan is what a clean-up would do.
type Plan struct {
	Rows   []Row    // in the order in which they are deleted; each kind by name
	Owners []string // whose all of this is, as far as it is known
	cloud  *Cloud
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

// PlanCleanup looks what a clean-up would delete, and changes nothing. Servers
// go by their names, or by their metadata, and with them what is theirs; what
// Neutron keeps goes by the mark that rollout put on it, unless others use it.
func (c *Cloud) PlanCleanup(ctx context.Context, what Cleanup) (Plan, error) {
	plan := Plan{cloud: c}
	switch {
	case what.names() == "":
		return plan, ErrEmptyPrefix
	case what.OlderThan < 0:
		return plan, fmt.Errorf("cannot clean up what is older than %s: that is a time to come", what.OlderThan)
	}
	e, err := c.estate(ctx, what)
	if err != nil {
		return plan, err
	}
	plan.Owners = e.owners()
	if len(plan.Owners) > 1 && !what.Force {
		return plan, &SeveralOwnersError{Prefix: what.Prefix, Owners: plan.Owners}
	}
	plan.Rows = slices.Concat(floatingRows(e.floating, e.serverPorts(), e.names, what), serverRows(e.servers, what),
		portRows(e.serverPorts(), e.names), e.lonePorts(), volumeRows(e.volumes, e.names, what), e.marked())
	return plan, nil
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
	if what.Owner != "" {
		cause = "made for " + Mark{what.Owner, what.App}.name()
	}
	if what.NotActive {
		cause += ", not ACTIVE"
	}
	if what.OlderThan > 0 {
		cause += fmt.Sprintf(", older than %s", what.OlderThan)
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
		case f.PortID == "" && f.Ours() && !what.selective() && what.takes(markFrom(f.Owner())):
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
		named := strings.HasPrefix(v.Name, what.names())
		row := Row{Kind: "volume", Name: v.Name, ID: v.ID, Action: Delete, Cause: "of server " + server}
		if row.Name == "" {
			row.Name = v.ID
		}
		switch {
		case server != "" && (named || v.Name == ""):
		case server != "":
			row.Action, row.Cause = Keep, "of server "+server+", but named otherwise"
		case named && len(v.Servers) == 0 && !what.selective() && what.Prefix != "":
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

// How long a deletion may take, and how much longer where there are many: they
// are asked for at once, and the cloud takes its time for each.
const (
	cleanupLimit = 5 * time.Minute
	cleanupShare = 2 * time.Second
)

// Execute carries out the plan, in an order in which nothing is deleted that
// is still needed by something of the plan: the kinds one after the other, what
// is of one kind side by side. A deletion that fails stops no other. observe is
// told of each step, one at a time. It returns what is left, also when ctx ends.
func (p Plan) Execute(ctx context.Context, observe func(Step)) []Left {
	run := &cleaning{cloud: p.cloud, observe: observe, sending: make(slots, inFlight)}
	run.limit = cleanupLimit + time.Duration(len(p.Rows))*cleanupShare
	run.all(ctx, p.rows("floating IP"), run.freeAddress)
	run.begin(ctx, p.rows("server"), run.deleteServer, run.awaitGone)
	run.all(ctx, run.remaining(ctx, p.rows("port")), run.deletePort)
	run.all(ctx, p.rows("volume"), run.deleteVolume)
	run.all(ctx, p.rows("interface"), run.removeInterface)
	run.all(ctx, p.rows("router"), run.byID(p.cloud.DeleteRouter))
	run.all(ctx, p.rows("rule"), run.byID(p.cloud.DeleteRule))
	run.all(ctx, p.rows("security group"), run.byID(p.cloud.DeleteSecurityGroup))
	run.all(ctx, p.rows("subnet"), run.byID(p.cloud.DeleteSubnet))
	run.all(ctx, p.rows("network"), run.byID(p.cloud.DeleteNetwork))
	run.all(ctx, p.rows("key pair"), run.byID(p.cloud.DeleteKeyPair))
	run.all(ctx, p.rows("server group"), run.byID(p.cloud.DeleteServerGroup))
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
	sending slots // of requests
	limit   time.Duration
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

// all does the same with all rows, a bounded number at a time.
func (run *cleaning) all(ctx context.Context, rows []Row, do func(context.Context, Row) error) {
	run.begin(ctx, rows, do, func(context.Context, Row) error { return nil })
}

// begin is all, and after each the wait for its end, which takes no turn from
// the others.
func (run *cleaning) begin(ctx context.Context, rows []Row, do, finish func(context.Context, Row) error) {
	var g errgroup.Group
	for _, row := range rows {
		g.Go(func() error {
			err := run.send(ctx, row, do)
			if err == nil {
				err = finish(ctx, row)
			}
			run.tell(Step{Row: row, Done: err == nil, Err: err})
			return nil
		})
	}
	_ = g.Wait() // each row's error is kept in left
}

func (run *cleaning) send(ctx context.Context, row Row, do func(context.Context, Row) error) error {
	if err := run.sending.take(ctx); err != nil {
		return err
	}
	defer run.sending.release()
	run.tell(Step{Row: row})
	return do(ctx, row)
}

func (run *cleaning) deleteServer(ctx context.Context, row Row) error {
	return run.cloud.StartDelete(ctx, row.ID)
}

func (run *cleaning) awaitGone(ctx context.Context, row Row) error {
	return run.cloud.AwaitGone(ctx, Server{ID: row.ID, Name: row.Name, Status: row.Status}, run.limit)
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
	return run.cloud.deleteVolume(ctx, row.ID, run.limit)
}

// removeInterface takes a router off a network, and our port with it.
func (run *cleaning) removeInterface(ctx context.Context, row Row) error {
	return whenFree(ctx, func() error { return run.cloud.RemoveRouterInterface(ctx, row.router, "", row.ID) })
}

func (run *cleaning) byID(remove func(context.Context, string) error) func(context.Context, Row) error {
	return func(ctx context.Context, row Row) error {
		return whenFree(ctx, func() error { return remove(ctx, row.ID) })
	}
}

// whenFree gives Neutron a while to notice that what used a thing is gone: ports
// of deleted servers and of DHCP go by themselves, a little later.
func whenFree(ctx context.Context, remove func() error) error {
	for wait := 250 * time.Millisecond; ; wait *= 2 {
		err := remove()
		if !isStatus(err, http.StatusConflict) || wait > 4*time.Second {
			return err
		}
		if sleepErr := sleep(ctx, wait); sleepErr != nil {
			return errors.Join(err, sleepErr)
		}
	}
}

// remaining keeps the ports that did not go with their servers: those that were
// made by hand. Ports of servers that could not be deleted stay with them.
func (run *cleaning) remaining(ctx context.Context, rows []Row) []Row {
	if len(rows) == 0 {
		return nil
	}
	which := url.Values{"project_id": {run.cloud.project}}
	if len(rows) <= maxIDs { // more don't fit into one call
		which = url.Values{}
		for _, r := range rows {
			which.Add("id", r.ID)
		}
	}
	ports, err := run.cloud.Ports(ctx, which)
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
