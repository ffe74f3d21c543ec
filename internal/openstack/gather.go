package openstack

import (
	"context"
	"net/url"
	"slices"
	"sync"
	"time"
)

// gathering joins what many ask at the same time into one call, so that fifty
// hosts cost no fifty lists. It has no goroutine of its own: one of those who
// ask sends the question of all, and while it is answered, the next gathers.
type gathering[V any] struct {
	ask     func(ctx context.Context, keys []string) (V, error)
	lead    turn // held by the one who sends
	mu      sync.Mutex
	waiting []*question[V]
}

type question[V any] struct {
	key    string
	answer chan answer[V] // has room for the one answer
}

// answer is what came, and when it was asked for: what changed since then is
// not in it.
type answer[V any] struct {
	value V
	asked time.Time
	err   error
}

func newGathering[V any](ask func(context.Context, []string) (V, error)) *gathering[V] {
	return &gathering[V]{ask: ask, lead: newTurn()}
}

// get asks about key, and returns the answer to a question that was sent after
// get was called.
func (g *gathering[V]) get(ctx context.Context, key string) (V, time.Time, error) {
	q := &question[V]{key: key, answer: make(chan answer[V], 1)}
	g.mu.Lock()
	g.waiting = append(g.waiting, q)
	g.mu.Unlock()
	for {
		select {
		case a := <-q.answer:
			return a.value, a.asked, a.err
		case <-ctx.Done():
			g.drop(q)
			var none V
			return none, time.Time{}, ctx.Err()
		case g.lead <- struct{}{}:
			g.round(ctx, q)
			g.lead.release()
		}
	}
}

// round asks for all that wait, unless mine was answered meanwhile.
func (g *gathering[V]) round(ctx context.Context, mine *question[V]) {
	if len(mine.answer) > 0 || Sleep(ctx, gather) != nil {
		return
	}
	g.mu.Lock()
	asking := g.waiting
	g.waiting = nil
	g.mu.Unlock()
	var keys []string
	for _, q := range asking {
		if !slices.Contains(keys, q.key) {
			keys = append(keys, q.key)
		}
	}
	slices.Sort(keys)
	a := answer[V]{asked: time.Now()}
	a.value, a.err = g.ask(ctx, keys)
	if ctx.Err() != nil { // the asker was cancelled, not those who ask with it
		g.mu.Lock()
		g.waiting = append(asking, g.waiting...)
		g.mu.Unlock()
		return
	}
	for _, q := range asking {
		q.answer <- a
	}
}

func (g *gathering[V]) drop(q *question[V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(x *question[V]) bool { return x == q })
}

// together are the questions that the hosts of a run ask at the same time.
type together struct {
	networks *gathering[[]Network]
	groups   *gathering[[]SecurityGroup]
	ports    *gathering[[]Port]
	floating *gathering[[]FloatingIP]
}

func (c *Cloud) newTogether() together {
	return together{
		networks: newGathering(func(ctx context.Context, names []string) ([]Network, error) {
			return InParts(names, func(part []string) ([]Network, error) { return c.Networks(ctx, url.Values{"name": part}) })
		}),
		groups: newGathering(func(ctx context.Context, names []string) ([]SecurityGroup, error) {
			return InParts(names, func(part []string) ([]SecurityGroup, error) {
				return listAs(ctx, c, "security-groups", "security_groups", url.Values{"name": part, "project_id": {c.project}}, groupFrom)
			})
		}),
		ports: newGathering(func(ctx context.Context, serverIDs []string) ([]Port, error) { return c.ServerPorts(ctx, serverIDs...) }),
		floating: newGathering(func(ctx context.Context, _ []string) ([]FloatingIP, error) {
			return c.FloatingIPs(ctx, nil)
		}),
	}
}

// PortsOf returns the ports of one server; look-ups made at the same time by
// others share the call.
func (c *Cloud) PortsOf(ctx context.Context, serverID string) ([]Port, error) {
	all, _, err := c.together.ports.get(ctx, serverID)
	var out []Port
	for _, p := range all {
		if p.DeviceID == serverID {
			out = append(out, p)
		}
	}
	return out, err
}

// FloatingBefore returns the floating IPs before these ports; look-ups made at
// the same time by others share the call.
func (c *Cloud) FloatingBefore(ctx context.Context, ports []Port) ([]FloatingIP, error) {
	all, _, err := c.together.floating.get(ctx, "")
	var out []FloatingIP
	for _, f := range all {
		if slices.ContainsFunc(ports, func(p Port) bool { return p.ID == f.PortID }) {
			out = append(out, f)
		}
	}
	return out, err
}

// networksNamed and groupsNamed share one call with others who ask for other
// names at the same time.
func (c *Cloud) networksNamed(ctx context.Context, name string) ([]Network, error) {
	all, _, err := c.together.networks.get(ctx, name)
	return keep(all, func(n Network) bool { return n.Name == name }), err
}

func (c *Cloud) groupsNamed(ctx context.Context, name string) ([]SecurityGroup, error) {
	all, _, err := c.together.groups.get(ctx, name)
	return keep(all, func(g SecurityGroup) bool { return g.Name == name }), err
}

// keep returns the elements that fit, in a list of its own.
func keep[T any](list []T, fits func(T) bool) []T {
	var out []T
	for _, x := range list {
		if fits(x) {
			out = append(out, x)
		}
	}
	return out
}
