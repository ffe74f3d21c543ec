package cleanup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"rollout/internal/openstack"
)

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
	run := &cleaning{cloud: p.cloud, observe: observe, sending: semaphore.NewWeighted(requestsAtOnce)}
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

// requestsAtOnce bounds the deletions that are asked for side by side: more do
// not make a cloud faster, and lengthen everybody's queue.
const requestsAtOnce = 16

type cleaning struct {
	cloud   *openstack.Cloud
	observe func(Step)
	sending *semaphore.Weighted // of requests
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
	if err := run.sending.Acquire(ctx, 1); err != nil {
		return err
	}
	defer run.sending.Release(1)
	run.tell(Step{Row: row})
	return do(ctx, row)
}

func (run *cleaning) deleteServer(ctx context.Context, row Row) error {
	return run.cloud.StartDelete(ctx, row.ID)
}

func (run *cleaning) awaitGone(ctx context.Context, row Row) error {
	return run.cloud.AwaitGone(ctx, openstack.Server{ID: row.ID, Name: row.Name, Status: row.Status}, run.limit)
}

func (run *cleaning) freeAddress(ctx context.Context, row Row) error {
	ip := openstack.FloatingIP{ID: row.ID, Address: row.Name}
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
	return run.cloud.DeleteVolume(ctx, row.ID, run.limit)
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
		if !openstack.IsStatus(err, http.StatusConflict) || wait > 4*time.Second {
			return err
		}
		if sleepErr := openstack.Sleep(ctx, wait); sleepErr != nil {
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
	which := url.Values{"project_id": {run.cloud.ProjectID()}}
	if len(rows) <= openstack.MaxIDs { // more don't fit into one call
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
		i := slices.IndexFunc(ports, func(p openstack.Port) bool { return p.ID == r.ID })
		if i >= 0 && !run.isLeft(ports[i].DeviceID) {
			out = append(out, r)
		}
	}
	return out
}

func (run *cleaning) isLeft(serverID string) bool {
	return serverID != "" && slices.ContainsFunc(run.left, func(l Left) bool { return l.Row.ID == serverID })
}
