package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Boot says how a server is brought to ACTIVE.
type Boot struct {
	Limit    time.Duration     // how long one try may stay in BUILD; all together may do so twice as long
	Tries    int               // how many servers may fail before it gives up; 3 where zero
	Clear    time.Duration     // how long a failed server may take to go away; 3 minutes where zero
	Zones    []string          // availability zones, tried in turn; none leaves it to the ServerSpec
	Progress func(text string) // what is going on; may be nil
}

func (b Boot) orDefaults() Boot {
	if b.Limit <= 0 {
		b.Limit = 5 * time.Minute
	}
	if b.Tries <= 0 {
		b.Tries = 3
	}
	if b.Clear <= 0 {
		b.Clear = deleteLimit
	}
	if b.Progress == nil {
		b.Progress = func(string) {}
	}
	return b
}

// nextZone is the zone to try after one that failed.
func (b Boot) nextZone(failed string) string {
	if len(b.Zones) == 0 {
		return failed
	}
	return b.Zones[(slices.Index(b.Zones, failed)+1)%len(b.Zones)]
}

// BootError says that no try led to an ACTIVE server, and what is left.
type BootError struct {
	Name  string
	Tries int
	Zones []string // where it was tried, in order; none where Nova chose
	Left  []string // ids of servers that could not be deleted
	Err   error    // why the last try failed
}

func (e *BootError) Error() string {
	times, where := "once", ""
	if e.Tries > 1 {
		times = fmt.Sprintf("%d times", e.Tries)
	}
	if len(e.Zones) > 0 {
		where = " (" + strings.Join(e.Zones, ", then ") + ")"
	}
	why := strings.TrimRight(e.Err.Error(), ". ") // faults end as sentences do
	s := fmt.Sprintf("cannot boot %s: %s; tried %s%s. ", e.Name, why, times, where)
	if len(e.Left) == 0 {
		return s + "What failed was deleted; nothing is left behind"
	}
	s += "Left behind:"
	for _, id := range e.Left {
		s += fmt.Sprintf(" server %s (delete it with `openstack server delete %s`)", id, id)
	}
	return s
}

// Unwrap returns why the last try failed.
func (e *BootError) Unwrap() error { return e.Err }

// How many lines of the console an error shows.
const consoleTail = 12

// How long a failed server may take to go away.
const deleteLimit = 3 * time.Minute

// booting is one server on its way to ACTIVE, maybe by several tries.
type booting struct {
	cloud *Cloud
	spec  ServerSpec
	how   Boot
	until time.Time // no further try begins after this; put off by the time that deletions take
	tries int       // those that have failed
	zones []string  // theirs
	known []string  // ids of servers of that name that are not ours to find
}

func (c *Cloud) booting(spec ServerSpec, how Boot) *booting {
	how = how.orDefaults()
	if len(how.Zones) > 0 {
		spec.AvailabilityZone = how.Zones[0]
	}
	return &booting{cloud: c, spec: spec, how: how, until: time.Now().Add(2 * how.Limit)}
}

// BootServer makes a server and waits until it is ACTIVE. One that ends in
// ERROR or stays in BUILD past the limit is deleted, and another one booted, in
// the next availability zone where there are several.
func (c *Cloud) BootServer(ctx context.Context, spec ServerSpec, how Boot) (Server, error) {
	return c.booting(spec, how).run(ctx, "")
}

// FinishBoot takes a server of ours that was found on its way, or failed, to
// ACTIVE: it waits for it, or replaces it, as BootServer does with its own.
func (c *Cloud) FinishBoot(ctx context.Context, found Server, spec ServerSpec, how Boot) (Server, error) {
	b := c.booting(spec, how)
	if len(how.Zones) > 0 && found.AvailabilityZone != "" {
		b.spec.AvailabilityZone = found.AvailabilityZone
	}
	return b.run(ctx, found.ID)
}

// run tries until a server is ACTIVE, beginning with the server id where that
// is not empty.
func (b *booting) run(ctx context.Context, id string) (Server, error) {
	for {
		if id == "" {
			var err error
			if id, err = b.cloud.CreateServer(ctx, b.spec, b.known...); err != nil {
				return Server{}, b.notMade(ctx, err)
			}
			b.how.Progress(fmt.Sprintf("%s (%s) is on its way", b.spec.Name, id))
		}
		server, err := b.reachActive(ctx, id)
		if err == nil {
			return server, nil
		}
		if !failedBoot(err) {
			return server, b.left(id, server, err)
		}
		if err := b.clear(ctx, id, err); err != nil {
			return server, err
		}
		id = ""
	}
}

// notMade tells why there is no server, and, where the run was stopped, whether
// there may be one all the same.
func (b *booting) notMade(ctx context.Context, err error) error {
	var lost *LostError
	switch {
	case ctx.Err() == nil:
	case errors.As(err, &lost):
		b.how.Progress(b.spec.Name + " was asked for, and no answer came: run this again to find it")
	default:
		b.how.Progress(b.spec.Name + " was not asked for yet")
	}
	return fmt.Errorf("cannot boot %s: %w", b.spec.Name, err)
}

// left tells what becomes of a server that is no longer waited for.
func (b *booting) left(id string, last Server, err error) error {
	var gone *NotFoundError
	if errors.As(err, &gone) {
		return err
	}
	text := fmt.Sprintf("%s (%s) was left in %s", b.spec.Name, id, last.state())
	b.how.Progress(text)
	return fmt.Errorf("%w; %s: run this again to go on with it", err, text)
}

// clear deletes the server id, which failed, and prepares the next try. Its
// error is why there is none.
func (b *booting) clear(ctx context.Context, id string, why error) error {
	b.tries++
	if zone := b.spec.AvailabilityZone; zone != "" {
		b.zones = append(b.zones, zone)
	}
	b.how.Progress(fmt.Sprintf("%v; deleting it (try %d of %d)", why, b.tries, b.how.Tries))
	end := &BootError{Name: b.spec.Name, Tries: b.tries, Zones: b.zones, Err: why}
	began := time.Now()
	if err := b.cloud.DeleteServer(ctx, Server{ID: id, Name: b.spec.Name}, b.how.Clear); err != nil {
		end.Left, end.Err = []string{id}, errors.Join(why, err)
		return end
	}
	b.until = b.until.Add(time.Since(began))
	if b.tries >= b.how.Tries || inVain(why) || !time.Now().Before(b.until) {
		return end
	}
	b.known = append(b.known, id)
	before := b.spec.AvailabilityZone
	b.spec.AvailabilityZone = b.how.nextZone(before)
	if b.spec.AvailabilityZone != before {
		return nil
	}
	if err := Sleep(ctx, b.cloud.grace()); err != nil { // the same place gets a moment
		return &CancelledError{What: "the next try to boot " + b.spec.Name, Last: "nothing left behind", Err: context.Cause(ctx)}
	}
	return nil
}

// inVain reports whether a server failed because of a quota, which another one
// would hit too. Nova gives faults the code of the error that caused them.
func inVain(err error) bool {
	var failed *FailedError
	return errors.As(err, &failed) &&
		(failed.Server.FaultCode == http.StatusForbidden || failed.Server.FaultCode == http.StatusRequestEntityTooLarge)
}

// reachActive waits, and adds to a failure what the server said last.
func (b *booting) reachActive(ctx context.Context, id string) (Server, error) {
	limit := min(b.how.Limit, max(time.Until(b.until), time.Second))
	server, err := b.cloud.awaitBoot(ctx, b.spec, id, limit, b.how.Progress)
	var failed *FailedError
	var late *DeadlineError
	switch {
	case errors.As(err, &failed):
		servers := []Server{failed.Server}
		b.cloud.fillFaults(ctx, servers)
		failed.Server = servers[0]
		failed.Console = b.cloud.lastWords(ctx, id)
	case errors.As(err, &late):
		late.Console = b.cloud.lastWords(ctx, id)
	}
	return server, err
}

// lastWords returns the end of the console log, if it can be had: it is an
// addition to an error that is told anyway.
func (c *Cloud) lastWords(ctx context.Context, id string) []string {
	lines, err := c.Console(withTries(ctx, 1), id, consoleTail)
	if err != nil {
		return nil
	}
	return lines
}

// failedBoot tells a server that is to be replaced from a wait that just ended.
func failedBoot(err error) bool {
	var failed *FailedError
	var late *DeadlineError
	return errors.As(err, &failed) || errors.As(err, &late)
}
