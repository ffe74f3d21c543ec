package openstack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// watcher asks for the state of all servers that anybody waits for with one
// list call per interval. It has no goroutine of its own: one of those who wait
// asks for all, and when it leaves, the next one takes over.
type watcher struct {
	list   func(ctx context.Context, names []string) ([]Server, error)
	lead   turn // held by the one who asks
	mu     sync.Mutex
	waits  map[*wait]struct{}
	asked  time.Time       // when the last list call was sent
	took   time.Duration   // how long it took
	pace   []time.Duration // shortest, longest interval
	jitter func() float64  // in [0, 1)
	wake   chan struct{}   // somebody joined: the pause may be shorter now
}

// wait is one who waits for the servers of one name.
type wait struct {
	name  string
	since time.Time
	hurry bool          // a look-up: the next list is soon enough
	news  chan snapshot // holds the newest only
}

type snapshot struct {
	servers []Server // of the wait's name
	err     error
}

// A list call is followed by the next after this many times its own duration.
const busyFactor = 4

// How long a look-up waits for others to join its list call.
const gather = 5 * time.Millisecond

func newWatcher(list func(context.Context, []string) ([]Server, error)) *watcher {
	return &watcher{
		list: list, lead: newTurn(), waits: map[*wait]struct{}{},
		pace: []time.Duration{500 * time.Millisecond, 5 * time.Second}, jitter: rand.Float64,
		wake: make(chan struct{}, 1),
	}
}

func (w *watcher) join(name string, hurry bool) *wait {
	x := &wait{name: name, since: time.Now(), hurry: hurry, news: make(chan snapshot, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits[x] = struct{}{}
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return x
}

func (w *watcher) leave(x *wait) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waits, x)
}

// next returns the next news for x. Meanwhile it may do the asking for all.
func (w *watcher) next(ctx context.Context, x *wait) (snapshot, error) {
	for {
		select {
		case s := <-x.news:
			return s, nil
		case <-ctx.Done():
			return snapshot{}, ctx.Err()
		case w.lead <- struct{}{}:
			w.poll(ctx, x)
			w.lead.release()
		}
	}
}

// poll waits for the interval to pass, asks once, and tells everybody who had
// joined before the question was sent.
func (w *watcher) poll(ctx context.Context, x *wait) {
	if len(x.news) > 0 || w.rest(ctx) != nil {
		return
	}
	w.mu.Lock()
	asked := make([]*wait, 0, len(w.waits))
	var names []string
	for y := range w.waits {
		asked = append(asked, y)
		if !slices.Contains(names, y.name) {
			names = append(names, y.name)
		}
	}
	w.asked = time.Now()
	w.mu.Unlock()
	slices.Sort(names)
	servers, err := w.list(ctx, names)
	w.mu.Lock()
	w.took = time.Since(w.asked)
	w.mu.Unlock()
	if ctx.Err() != nil {
		return // the asker was cancelled, not those who wait with it
	}
	for _, y := range asked {
		tell(y, servers, err)
	}
}

// rest sits out the interval, anew when somebody joins.
func (w *watcher) rest(ctx context.Context) error {
	for {
		t := time.NewTimer(w.pause())
		select {
		case <-t.C:
			return ctx.Err()
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		case <-w.wake:
			t.Stop()
		}
	}
}

func tell(y *wait, servers []Server, err error) {
	s := snapshot{err: err}
	for _, server := range servers {
		if server.Name == y.name {
			s.servers = append(s.servers, server)
		}
	}
	select {
	case <-y.news: // older news nobody read
	default:
	}
	y.news <- s // only the asker sends, so there is room
}

// pause is how long to wait before the next list call: a quarter of the time
// that the newest wait has lasted, within bounds, a little shifted by chance so
// that many machines don't ask at once; next to nothing where somebody hurries.
// A cloud that takes long to answer is asked less often: it has the creates of
// those that are waited for to do.
func (w *watcher) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	age := time.Hour
	for y := range w.waits {
		if y.hurry {
			return gather
		}
		age = min(age, time.Since(y.since))
	}
	interval := min(max(age/4, w.pace[0], busyFactor*w.took), w.pace[1])
	interval = time.Duration(float64(interval) * (0.85 + 0.3*w.jitter()))
	return time.Until(w.asked.Add(interval))
}

// More groups of names than this are not asked for one by one.
const maxGroups = 4

// listForWatch lists the servers of these names, and maybe others, with as few
// calls as can be. Nova's filter is a regular expression, but its "|" stands for
// itself (nova/db/main/api.py, _safe_regex_mysql), so that names can't be
// listed: what they have in common is asked for.
func (c *Cloud) listForWatch(ctx context.Context, names []string) ([]Server, error) {
	patterns := patternsFor(names)
	if len(patterns) > maxGroups {
		patterns = []string{""}
	}
	var out []Server
	for _, p := range patterns {
		part, err := c.serversMatching(ctx, p)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// patternsFor returns a pattern for each group of names that begin alike up to
// their first dash: the whole name for one, what they have in common for more.
func patternsFor(names []string) []string {
	var order []string
	groups := map[string][]string{}
	for _, n := range names {
		head, _, _ := strings.Cut(n, "-")
		if groups[head] == nil {
			order = append(order, head)
		}
		groups[head] = append(groups[head], n)
	}
	var out []string
	for _, head := range order {
		group := groups[head]
		if len(group) == 1 {
			out = append(out, exactly(group[0]))
			continue
		}
		common := group[0]
		for _, n := range group[1:] {
			for !strings.HasPrefix(n, common) {
				common = common[:len(common)-1]
			}
		}
		out = append(out, "^"+regexp.QuoteMeta(strings.ToValidUTF8(common, "")))
	}
	return out
}

// ServersNamed returns the servers of exactly that name. Look-ups made at the
// same time by others share one list call.
func (c *Cloud) ServersNamed(ctx context.Context, name string) ([]Server, error) {
	x := c.watch.join(name, true)
	defer c.watch.leave(x)
	s, err := c.watch.next(ctx, x)
	if err == nil {
		err = s.err
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for server %s: %w", name, err)
	}
	c.fillFaults(ctx, s.servers)
	return s.servers, nil
}

// Await waits until the server id of that name has one of the states wanted,
// and ends otherwise with a FailedError where it is in ERROR, a DeadlineError
// after limit, a NotFoundError where it is gone, a CancelledError.
func (c *Cloud) Await(ctx context.Context, name, id string, limit time.Duration, progress func(string), wanted ...string) (Server, error) {
	what := fmt.Sprintf("server %s to become %s", name, wanted[0])
	return c.await(ctx, name, id, what, limit, reached(progress, wanted...))
}

// judgement says of a server, if it is there, whether its wait is over. all are
// the servers of its name.
type judgement func(s Server, there bool, all []Server) (bool, error)

func reached(progress func(string), wanted ...string) judgement {
	return func(s Server, there bool, _ []Server) (bool, error) {
		switch {
		case !there:
			return false, vanished(s.Name)
		case slices.Contains(wanted, s.Status) && s.TaskState == "":
			return true, nil
		case s.Status == "ERROR":
			return false, &FailedError{Server: s}
		}
		if progress != nil {
			progress(fmt.Sprintf("%s (%s) is %s", s.Name, s.ID, s.state()))
		}
		return false, nil
	}
}

func vanished(name string) error {
	return &NotFoundError{Kind: "server", Name: name, Hint: "it was deleted while it was waited for"}
}

// AwaitGone waits until a server that is being deleted is gone.
func (c *Cloud) AwaitGone(ctx context.Context, s Server, limit time.Duration) error {
	what := fmt.Sprintf("server %s to be gone", s.Name)
	_, err := c.await(ctx, s.Name, s.ID, what, limit, func(_ Server, there bool, _ []Server) (bool, error) {
		return !there, nil
	})
	return err
}

// AwaitServer waits until done says so of the server id.
func (c *Cloud) AwaitServer(ctx context.Context, s Server, what string, limit time.Duration, done func(Server) bool) (Server, error) {
	return c.await(ctx, s.Name, s.ID, what, limit, func(now Server, there bool, _ []Server) (bool, error) {
		if !there {
			return false, vanished(s.Name)
		}
		return done(now), nil
	})
}

func (s Server) state() string {
	if s.TaskState != "" {
		return s.Status + " (" + s.TaskState + ")"
	}
	return s.Status
}

// confirmed takes the server from a list, or asks for it where the list lacks
// it: lists lag behind, and a wait must not end on that.
func (c *Cloud) confirmed(ctx context.Context, list []Server, id string) (s Server, there bool, err error) {
	if i := slices.IndexFunc(list, func(s Server) bool { return s.ID == id }); i >= 0 {
		return list[i], true, nil
	}
	s, err = c.Server(ctx, id)
	if isStatus(err, http.StatusNotFound) {
		return s, false, nil
	}
	return s, err == nil, err
}

func (c *Cloud) await(ctx context.Context, name, id, what string, limit time.Duration, judge judgement) (Server, error) {
	bounded, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	x := c.watch.join(name, false)
	defer c.watch.leave(x)
	last := Server{ID: id, Name: name, Status: "a state nobody saw"}
	for {
		news, err := c.watch.next(bounded, x)
		switch {
		case ctx.Err() != nil:
			return last, &CancelledError{What: what, Last: last.state(), Err: context.Cause(ctx)}
		case errors.Is(err, context.DeadlineExceeded):
			return last, &DeadlineError{What: what, Limit: limit, Last: last.state()}
		case err != nil:
			return last, err
		case news.err != nil:
			return last, fmt.Errorf("cannot wait for %s: %w", what, news.err)
		}
		now, there, err := c.confirmed(bounded, news.servers, id)
		if err != nil {
			continue // asked again in the next round, whose error counts
		}
		if there {
			last = now
		}
		done, err := judge(last, there, news.servers)
		if done || err != nil {
			return last, err
		}
	}
}
