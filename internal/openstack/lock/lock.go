// Package lock keeps two runs for one owner apart: a lock is a tag in the
// cloud, so that it holds wherever the runs are started.
package lock

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"rollout/internal/openstack"
)

// Request says what is to be locked in the cloud, and how.
type Request struct {
	Owner   string            // whose names are locked
	What    string            // that, as a sentence; "student07 is being rolled out" where empty
	Holder                    // who asks
	Life    time.Duration     // how long it counts without a sign of life; 5 min where zero
	Wait    time.Duration     // how long to wait for somebody else's
	Say     func(text string) // told what the person should know; may be nil
	Release time.Duration     // how long giving it back may take; 30 s where zero
}

// HeldError says that somebody else holds the lock.
type HeldError struct {
	What           string // "student07 is being rolled out"
	Who            string
	PID            int
	Since, Expires time.Time // by the cloud's clock
}

func (e *HeldError) Error() string {
	return fmt.Sprintf("%s by %s since %s (pid %d): wait for it with --lock-timeout 10m; if it is dead, its lock ends by itself at %s, and --lock=false goes on without",
		e.What, e.Who, clockTime(e.Since), e.PID, clockTime(e.Expires))
}

// LostError says that the lock was taken over, which happens to a run that
// gave no sign of life for too long.
type LostError struct{ By HeldError }

func (e *LostError) Error() string {
	return fmt.Sprintf("this run stopped: it gave no sign of life for too long, and meanwhile %s by %s since %s (pid %d); run it again when that has ended",
		e.By.What, e.By.Who, clockTime(e.By.Since), e.By.PID)
}

func clockTime(t time.Time) string { return t.Local().Format("15:04:05") }

// noPlaceError says that this cloud has no place for locks.
type noPlaceError struct{ why string }

func (e noPlaceError) Error() string { return "the cloud has no place for locks: " + e.why }

// Hold runs do while nobody else who asks for the same owner's lock can.
// The lock is a tag on the project's default security group, which is always
// there: it is renewed while do runs, given back when do ends or ctx is
// cancelled, and ends by itself after req.Life where neither can happen. On a
// cloud without such tags, that is said and do runs without. The ctx that do
// gets is also cancelled, with a LostError, when the lock is lost.
func Hold(ctx context.Context, cloud *openstack.Cloud, req Request, do func(context.Context) error) error {
	k := newLocker(cloud, req)
	err := k.acquire(ctx)
	var none noPlaceError
	if errors.As(err, &none) {
		k.req.Say(fmt.Sprintf("%v; two rollouts for %s at once are not noticed", none, req.Owner))
		return do(ctx)
	}
	if err != nil {
		return err
	}
	held, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		k.keep(held, cancel)
	}()
	err = do(held)
	cause := context.Cause(held)
	cancel(nil)
	<-kept
	k.release(ctx)
	var lost *LostError
	if errors.As(cause, &lost) {
		return lost
	}
	return err
}

// locker is one that wants the lock, or has it.
type locker struct {
	cloud   *openstack.Cloud
	req     Request
	group   string // id of the default security group
	nonce   string
	mine    lockTag // the latest that was put; its who and nonce are there from the start
	written []lockTag
	renewed time.Time // by the cloud's clock
}

func newLocker(c *openstack.Cloud, req Request) *locker {
	if req.Life <= 0 {
		req.Life = 5 * time.Minute
	}
	if req.Release <= 0 {
		req.Release = 30 * time.Second
	}
	if req.What == "" {
		req.What = req.Owner + " is being rolled out"
	}
	if req.Say == nil {
		req.Say = func(string) {}
	}
	nonce := newNonce(req.Machine)
	return &locker{cloud: c, req: req, nonce: nonce, mine: newLockTag(req, nonce, time.Time{})}
}

// acquire tries until it has the lock, or somebody else has it for longer than
// may be waited.
func (k *locker) acquire(ctx context.Context) error {
	deadline := time.Now().Add(k.req.Wait)
	said := false
	for {
		err := k.try(ctx)
		var held *HeldError
		left := time.Until(deadline)
		if !errors.As(err, &held) || left <= 0 {
			return err
		}
		if !said {
			k.req.Say(fmt.Sprintf("%s by %s since %s (pid %d): waiting up to %s",
				held.What, held.Who, clockTime(held.Since), held.PID, left.Round(time.Second)))
			said = true
		}
		if sleepErr := openstack.Sleep(ctx, min(left, k.req.Life/10, 2*time.Second)); sleepErr != nil {
			return sleepErr
		}
	}
}

// How long one who came first waits for those who came later to see that and
// take their tags away, and how often it looks. Who is there for longer holds
// the lock already. In a slow cloud, the wait is lockTimes what a look took, for
// others may still have to put, look and take away: else all could give way.
const (
	lockPatience = 5 * time.Second
	lockLook     = 250 * time.Millisecond
	lockTimes    = 4
)

// try takes the lock, or says who has it. Everybody puts a tag first and looks
// then, and only who sees no other tag has the lock. So of two, at least one
// sees the other; both may, and then who came later takes its tag away again.
func (k *locker) try(ctx context.Context) error {
	others, now, err := k.look(ctx)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return others[0].heldError(k.req.What)
	}
	if err := k.put(ctx, newLockTag(k.req, k.nonce, now)); err != nil {
		k.release(ctx)
		return err
	}
	patience := lockPatience
	for start := time.Now(); ; {
		asked := time.Now()
		others, now, err = k.look(ctx)
		patience = max(patience, lockTimes*time.Since(asked))
		switch {
		case err != nil:
		case len(others) == 0 && now.Before(k.safeUntil()):
			return nil
		case len(others) == 0: // the look came so late that others may count this as dead
			err = fmt.Errorf("cannot lock %s: Neutron took longer than %s to answer (try again)", k.req.Owner, k.req.Life)
		case others[0].before(k.mine) || time.Since(start) > patience:
			err = others[0].heldError(k.req.What)
		default:
			err = openstack.Sleep(ctx, lockLook)
			if err == nil {
				continue
			}
		}
		k.release(ctx)
		return err
	}
}

// safeUntil is when this one stops relying on its tag, a little before others
// count it as dead: an answer can be on its way for a while.
func (k *locker) safeUntil() time.Time { return k.mine.expires.Add(-k.req.Life / 6) }

// keep renews the lock until ctx ends. A renewal that fails is told once, and
// the run goes on: nobody is helped by a run that ends half-way.
func (k *locker) keep(ctx context.Context, cancel context.CancelCauseFunc) {
	failing := false
	for pause := k.req.Life / 3; openstack.Sleep(ctx, pause) == nil; {
		err := k.renew(ctx)
		var lost *LostError
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, &lost):
			cancel(lost)
			return
		case err != nil && !failing:
			k.req.Say(fmt.Sprintf("cannot renew the lock of %s: %v; the run goes on, but from %s on another one can start", k.req.Owner, err, clockTime(k.mine.expires)))
			failing, pause = true, k.req.Life/20
		case err == nil:
			failing, pause = false, k.req.Life/3
		}
	}
}

// renew puts a tag that ends later, then takes the old one away. Where the old
// one was in force until the new one was there, nobody can have come between;
// otherwise the lock is to be won anew.
func (k *locker) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, k.req.Life/3)
	defer cancel()
	old, safe := k.mine, k.safeUntil()
	tags, now, err := k.tags(ctx)
	if err != nil {
		return err
	}
	next := old
	next.expires = now.Add(k.req.Life)
	if err := k.put(ctx, next); err != nil {
		k.mine = old
		return err
	}
	if !slices.Contains(tags, old.String()) || !k.renewed.Before(safe) {
		others, _, err := k.look(ctx)
		if err != nil {
			k.mine = old
			return err
		}
		if len(others) > 0 {
			return &LostError{By: *others[0].heldError(k.req.What)}
		}
	}
	return k.dropAllBut(ctx, k.mine)
}

// put writes a tag; it is remembered even where the answer is lost.
func (k *locker) put(ctx context.Context, tag lockTag) error {
	k.written = append(k.written, tag)
	now, err := k.cloud.PutGroupTag(ctx, k.group, tag.String())
	if refused := notForUs(err); refused != "" {
		k.written = k.written[:len(k.written)-1]
		return noPlaceError{refused}
	}
	if err != nil {
		return fmt.Errorf("cannot lock %s: %w", k.req.Owner, err)
	}
	k.mine, k.renewed = tag, now
	return nil
}

// look lists the tags of others that count, who came first first. Those that
// count no more are taken away in passing: nobody else would.
func (k *locker) look(ctx context.Context) ([]lockTag, time.Time, error) {
	tags, now, err := k.tags(ctx)
	if err != nil {
		return nil, now, err
	}
	var others []lockTag
	for _, text := range tags {
		tag, ok := parseLockTag(text)
		switch {
		case !ok || tag.sameHolder(k.mine):
		case now.After(tag.expires) || k.dead(tag):
			_ = k.drop(ctx, tag) // it hinders nobody; the next one tries again
		case tag.key == k.mine.key:
			others = append(others, tag)
		}
	}
	slices.SortFunc(others, lockTag.compare)
	return others, now, nil
}

// dead tells a holder on this machine whose process has ended: a run that was
// killed must not keep the next one waiting.
func (k *locker) dead(tag lockTag) bool {
	return k.req.Machine != "" && tag.who == k.mine.who && tag.sameMachine(k.mine) && !alive(int(tag.pid))
}

// tags reads the tags of the default security group, and the cloud's time: only
// that decides who is dead, for the clocks of people's machines differ.
func (k *locker) tags(ctx context.Context) ([]string, time.Time, error) {
	group, err := k.cloud.DefaultGroup(ctx)
	switch {
	case isTimeless(err):
		return nil, group.Now, noPlaceError{err.Error()}
	case err != nil:
		return nil, group.Now, fmt.Errorf("cannot look for locks: %w", err)
	case group.ID == "":
		return nil, group.Now, noPlaceError{"the project has no default security group"}
	case group.Tags == nil:
		return nil, group.Now, noPlaceError{"its security groups have no tags"}
	}
	k.group = group.ID
	return group.Tags, group.Now, nil
}

func (k *locker) drop(ctx context.Context, tag lockTag) error {
	err := k.cloud.DropGroupTag(ctx, k.group, tag.String())
	if err != nil {
		return fmt.Errorf("cannot take the lock %s away: %w", tag, err)
	}
	k.written = slices.DeleteFunc(k.written, func(w lockTag) bool { return w == tag })
	return nil
}

func (k *locker) dropAllBut(ctx context.Context, keep ...lockTag) error {
	var errs []error
	for _, tag := range slices.Clone(k.written) {
		if !slices.Contains(keep, tag) {
			errs = append(errs, k.drop(ctx, tag))
		}
	}
	return errors.Join(errs...)
}

// release gives the lock back, also where ctx has ended: it has its own, short
// deadline.
func (k *locker) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.req.Release)
	defer cancel()
	if err := k.dropAllBut(ctx); err != nil {
		k.req.Say(fmt.Sprintf("%v; it ends by itself at %s", err, clockTime(k.mine.expires)))
	}
}

// notForUs tells an answer by which the cloud says that it does not do tags, or
// not for this person.
func notForUs(err error) string {
	if isTimeless(err) {
		return err.Error()
	}
	var api *openstack.APIError
	if !errors.As(err, &api) {
		return ""
	}
	switch api.Status {
	case http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return err.Error()
	}
	return ""
}

func isTimeless(err error) bool {
	var timeless *openstack.NoTimeError
	return errors.As(err, &timeless)
}
