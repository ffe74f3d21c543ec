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
	list   func(ctx context.Context, depth listing, names []string) ([]Server, error)
	lead   turn // held by the one who asks
	mu     sync.Mutex
	waits  map[*wait]struct{}
	told   time.Time       // when the last list came
	took   time.Duration   // how long it took
	pace   []time.Duration // shortest, longest interval
	jitter func() float64  // in [0, 1)
	wake   chan struct{}   // somebody joined: the pause may be shorter now
}

// wait is one who waits for the servers of one name.
type wait struct {
	name  string
	since time.Time
	hurry bool // a look-up: the next list is soon enough
	needs listing
	asked bool          // a list was asked for since it joined
	news  chan snapshot // holds the newest only
}

type snapshot struct {
	servers []Server // of the wait's name
	err     error
}

// listing is one of Nova's two lists of servers.
type listing string

// The detailed list costs about twice as much as the one of ids and names: for
// it, Nova asks Neutron, which is what a server that boots or ends waits for.
const (
	detailed  listing = "servers/detail"
	namesOnly listing = "servers"
)

// A list call is followed by the next after this many times its own duration.
const busyFactor = 2

// How long a look-up waits for others to join its list call.
const gather = 5 * time.Millisecond

func newWatcher(list func(context.Context, listing, []string) ([]Server, error)) *watcher {
	return &watcher{
		list: list, lead: newTurn(), waits: map[*wait]struct{}{},
		pace: []time.Duration{500 * time.Millisecond, 3 * time.Second}, jitter: rand.Float64,
		wake: make(chan struct{}, 1),
	}
}

func (w *watcher) join(name string, needs listing, hurry bool) *wait {
	x := &wait{name: name, needs: needs, since: time.Now(), hurry: hurry, news: make(chan snapshot, 1)}
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
	depth := namesOnly
	for y := range w.waits {
		y.asked = true
		if y.needs == detailed {
			depth = detailed
		}
		asked = append(asked, y)
		if !slices.Contains(names, y.name) {
			names = append(names, y.name)
		}
	}
	w.mu.Unlock()
	slices.Sort(names)
	sent := time.Now()
	servers, err := w.list(ctx, depth, names)
	w.mu.Lock()
	w.told = time.Now()
	w.took = w.told.Sub(sent)
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

// pause is how long to wait before the next list call: a part of the time that
// the newest wait has lasted, within bounds, a little shifted by chance so that
// many machines don't ask at once; next to nothing where somebody hurries. A
// cloud that takes long to answer is asked less often: it has the creates of
// those that are waited for to do. And nothing has happened yet to a server that
// was asked for a moment ago: those who just joined cause no list right away.
func (w *watcher) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	age, fresh := time.Hour, time.Hour // of the newest, and until one has waited long enough
	for y := range w.waits {
		if y.hurry {
			return gather
		}
		lasts := time.Since(y.since)
		age = min(age, lasts)
		if y.asked {
			lasts = w.pace[0]
		}
		fresh = min(fresh, w.pace[0]-lasts)
	}
	interval := min(max(age/8, w.pace[0], busyFactor*w.took), w.pace[1])
	interval = time.Duration(float64(interval) * (0.85 + 0.3*w.jitter()))
	return max(fresh, time.Until(w.told.Add(interval)))
}

// More groups of names than this are not asked for one by one, but by what all
// names begin with, unless that is so little that it could be anybody's.
const (
	maxGroups  = 2
	leastStart = 3
)

// listForWatch lists the servers of these names, and maybe others, with as few
// calls as can be. Nova's filter is a regular expression, but its "|" stands for
// itself (nova/db/main/api.py, _safe_regex_mysql), so that names can't be
// listed: what they have in common is asked for.
func (c *Cloud) listForWatch(ctx context.Context, depth listing, names []string) ([]Server, error) {
	patterns := patternsFor(names)
	var out []Server
	for _, p := range patterns {
		part, err := c.serversMatching(ctx, depth, p)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	return out, nil
}

// patternsFor returns a pattern for each group of names that begin alike up to
// their first dash: the whole name for one, what they have in common for more.
// Many groups are asked for by one pattern.
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
	if len(order) > maxGroups {
		if start := CommonStart(names); len(start) >= leastStart {
			return []string{beginning(start)}
		}
		return []string{""}
	}
	var out []string
	for _, head := range order {
		group := groups[head]
		if len(group) == 1 {
			out = append(out, exactly(group[0]))
			continue
		}
		out = append(out, beginning(CommonStart(group)))
	}
	return out
}

// beginning is a regular expression for names that begin so.
func beginning(start string) string {
	return "^" + regexp.QuoteMeta(strings.ToValidUTF8(start, ""))
}

// CommonStart is what all of these begin with.
func CommonStart(names []string) string {
	start := names[0]
	for _, n := range names[1:] {
		for !strings.HasPrefix(n, start) {
			start = start[:len(start)-1]
		}
	}
	return start
}

// ServersNamed returns the servers of exactly that name. Look-ups made at the
// same time by others share one list call.
func (c *Cloud) ServersNamed(ctx context.Context, name string) ([]Server, error) {
	x := c.watch.join(name, detailed, true)
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
	return c.await(ctx, vigil{server: Server{ID: id, Name: name}, what: what, limit: limit, needs: detailed, judge: reached(progress, wanted...)})
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

// AwaitGone waits until a server is gone whose deletion was answered already. A
// list that was asked for since and lacks it is enough.
func (c *Cloud) AwaitGone(ctx context.Context, s Server, limit time.Duration) error {
	_, err := c.await(ctx, vigil{server: s, what: fmt.Sprintf("server %s to be gone", s.Name), limit: limit, needs: namesOnly,
		judge: func(_ Server, there bool, _ []Server) (bool, error) { return !there, nil }})
	var late *DeadlineError
	if errors.As(err, &late) { // names alone don't tell what became of it
		if now, lookErr := c.Server(withTries(ctx, 1), s.ID); lookErr == nil {
			late.Last = now.state()
		}
	}
	return err
}

// AwaitServer waits until done says so of the server id.
func (c *Cloud) AwaitServer(ctx context.Context, s Server, what string, limit time.Duration, done func(Server) bool) (Server, error) {
	return c.await(ctx, vigil{server: s, what: what, limit: limit, needs: detailed, judge: func(now Server, there bool, _ []Server) (bool, error) {
		if !there {
			return false, vanished(s.Name)
		}
		return done(now), nil
	}})
}

func (s Server) state() string {
	if s.TaskState != "" {
		return s.Status + " (" + s.TaskState + ")"
	}
	return s.Status
}

// secondLook asks for a server that a list lacks: lists lag behind, and a wait
// must not fail on that. It is not decided where that can't be told now.
func (c *Cloud) secondLook(ctx context.Context, id string) (s Server, there, decided bool) {
	s, err := c.Server(ctx, id)
	return s, err == nil, err == nil || IsStatus(err, http.StatusNotFound)
}

// vigil is a wait for one server.
type vigil struct {
	server Server // its id and name, and the state seen last, if any
	what   string // is waited for: "server x to be gone"
	limit  time.Duration
	needs  listing
	judge  judgement
}

func (c *Cloud) await(ctx context.Context, v vigil) (Server, error) {
	bounded, cancel := context.WithTimeout(ctx, v.limit)
	defer cancel()
	x := c.watch.join(v.server.Name, v.needs, false)
	defer c.watch.leave(x)
	last := v.server
	if last.Status == "" {
		last.Status = "a state nobody saw"
	}
	for {
		news, err := c.watch.next(bounded, x)
		switch {
		case ctx.Err() != nil:
			return last, &CancelledError{What: v.what, Last: last.state(), Err: context.Cause(ctx)}
		case errors.Is(err, context.DeadlineExceeded):
			return last, &DeadlineError{What: v.what, Limit: v.limit, Last: last.state()}
		case err != nil:
			return last, err
		case news.err != nil:
			return last, fmt.Errorf("cannot wait for %s: %w", v.what, news.err)
		}
		i := slices.IndexFunc(news.servers, func(s Server) bool { return s.ID == last.ID })
		if i >= 0 && v.needs == detailed {
			last = news.servers[i]
		}
		done, err := v.judge(last, i >= 0, news.servers)
		if err != nil && i < 0 {
			now, there, decided := c.secondLook(bounded, last.ID)
			if !decided {
				continue // asked again in the next round, whose error counts
			}
			if there {
				last = now
				done, err = v.judge(last, true, news.servers)
			}
		}
		if done || err != nil {
			return last, err
		}
	}
}
