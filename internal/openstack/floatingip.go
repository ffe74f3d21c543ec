package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rollout/internal/value"
)

// FloatingIP is an address of an external network that can be put before a
// server's own.
type FloatingIP struct {
	ID, Address string
	NetworkID   string // the external one
	PortID      string // empty: unused
	FixedIP     string
	RouterID    string
	Description string
	Status      string
	revision    int // of Neutron's record, 0 where unknown
	Raw         *value.Map
}

// floatingMark begins the description of the floating IPs that we allocated;
// the owner follows. Only those are ever released.
const floatingMark = "rollout: "

// Ours reports whether rollout allocated this floating IP.
func (f FloatingIP) Ours() bool { return strings.HasPrefix(f.Description, floatingMark) }

// Owner returns for whom rollout allocated it, or "".
func (f FloatingIP) Owner() string {
	owner, ok := strings.CutPrefix(f.Description, floatingMark)
	if !ok {
		return ""
	}
	return owner
}

func floatingFrom(m *value.Map) FloatingIP {
	return FloatingIP{ID: m.String("id"), Address: m.String("floating_ip_address"), NetworkID: m.String("floating_network_id"),
		PortID: m.String("port_id"), FixedIP: m.String("fixed_ip_address"), RouterID: m.String("router_id"),
		Description: m.String("description"), Status: m.String("status"), revision: m.Int("revision_number"), Raw: m}
}

// FloatingIPs lists the project's floating IPs, filtered by the server.
func (c *Cloud) FloatingIPs(ctx context.Context, filter url.Values) ([]FloatingIP, error) {
	q := query("project_id", c.project)
	for k, v := range filter {
		q[k] = v
	}
	return listAs(ctx, c, "floatingips", "floatingips", q, floatingFrom)
}

// FloatingIPsOf returns the floating IPs before these ports.
func (c *Cloud) FloatingIPsOf(ctx context.Context, ports []Port) ([]FloatingIP, error) {
	ids := make([]string, len(ports))
	for i, p := range ports {
		ids[i] = p.ID
	}
	return InParts(ids, func(part []string) ([]FloatingIP, error) {
		return c.FloatingIPs(ctx, url.Values{"port_id": part})
	})
}

// FindFloatingIP returns the project's floating IP of that address.
func (c *Cloud) FindFloatingIP(ctx context.Context, address string) (FloatingIP, error) {
	found, err := c.FloatingIPs(ctx, query("floating_ip_address", address))
	if err != nil {
		return FloatingIP{}, err
	}
	return only("floating IP", address, found, func(f FloatingIP) string { return f.ID }, func() string {
		return "it is another project's, or nobody's yet: `openstack floating ip list` shows this project's"
	})
}

// Holder says in words what a floating IP leads to: the server, as far as it can
// be told.
func (c *Cloud) Holder(ctx context.Context, f FloatingIP) string {
	ports, err := c.Ports(ctx, query("id", f.PortID))
	if err != nil || len(ports) != 1 || ports[0].DeviceID == "" {
		return "port " + f.PortID
	}
	s, err := c.Server(ctx, ports[0].DeviceID)
	if err != nil {
		return "port " + f.PortID + " of " + ports[0].DeviceID
	}
	return fmt.Sprintf("server %s (%s)", s.Name, s.ID)
}

// Target says where a floating IP is to lead.
type Target struct {
	Port    Port
	FixedIP string // one of the port's addresses; empty is its first
	Owner   string // for whom; goes into the description of a new one
}

// Assign puts a floating IP of the external network before a port: an unused
// one that rollout allocated for the same owner; with reuseAny, any unused one
// of the project that rollout did not allocate for somebody else; else a new
// one. allocated tells a new one. Only the choice is one at a time: what follows
// it goes on for many ports side by side.
func (c *Cloud) Assign(ctx context.Context, external Network, to Target, reuseAny bool) (ip FloatingIP, allocated bool, err error) {
	all, asked, err := c.together.floating.get(ctx, "")
	if err != nil {
		return ip, false, err
	}
	candidates := unused(keep(all, func(f FloatingIP) bool { return f.NetworkID == external.ID }), to.Owner, reuseAny)
	for len(candidates) > 0 {
		var f FloatingIP
		if f, candidates = c.claims.next(candidates, asked); f.ID == "" {
			break
		}
		ip, err = c.Associate(ctx, f, to)
		c.claims.letGo(f.ID)
		if !quicker(err) {
			return ip, false, err
		}
	}
	ip, err = c.allocate(ctx, external, to)
	return ip, err == nil, err
}

// quicker reports whether an address could not be had because somebody else took
// or released it meanwhile: another one may do. A port that can't have any is
// another matter, and is told by the name of Neutron's error.
func quicker(err error) bool {
	var api *APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.Status {
	case http.StatusPreconditionFailed:
		return true
	case http.StatusConflict:
		return api.Kind != "FloatingIPPortAlreadyAssociated"
	case http.StatusNotFound:
		return api.Kind == "FloatingIPNotFound"
	}
	return false
}

// claims keeps the tasks of one run from choosing the same unused address. The
// zero value is ready to use.
type claims struct {
	mu   sync.Mutex
	held map[string]time.Time // by id: when it was let go; zero while it is held
}

// next claims the first address that is in no other hands, and returns those
// behind it too. What was let go after the list was asked for may be in use by
// now, so that it is passed over.
func (c *claims) next(list []FloatingIP, asked time.Time) (FloatingIP, []FloatingIP) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held == nil {
		c.held = map[string]time.Time{}
	}
	for i, f := range list {
		if letGo, known := c.held[f.ID]; known && (letGo.IsZero() || !letGo.Before(asked)) {
			continue
		}
		c.held[f.ID] = time.Time{}
		return f, list[i+1:]
	}
	return FloatingIP{}, nil
}

func (c *claims) letGo(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[id] = time.Now()
}

// unused chooses candidates: ours first.
func unused(all []FloatingIP, owner string, reuseAny bool) []FloatingIP {
	var mine, others []FloatingIP
	for _, f := range all {
		switch {
		case f.PortID != "":
		case f.Ours() && f.Owner() == owner:
			mine = append(mine, f)
		case reuseAny && !f.Ours(): // those of other owners are about to be used, or released
			others = append(others, f)
		}
	}
	return append(mine, others...)
}

// allocate makes a floating IP that leads to the port from the start: a lost
// answer is then followed by a look at the port.
func (c *Cloud) allocate(ctx context.Context, external Network, to Target) (FloatingIP, error) {
	attrs := map[string]any{"floating_network_id": external.ID, "port_id": to.Port.ID, "description": floatingMark + to.Owner}
	setText(attrs, "fixed_ip_address", to.FixedIP)
	look := func(ctx context.Context) (FloatingIP, bool, error) {
		found, err := c.FloatingIPs(ctx, query("port_id", to.Port.ID))
		for _, f := range found {
			if to.FixedIP == "" || f.FixedIP == to.FixedIP {
				return f, true, nil
			}
		}
		return FloatingIP{}, false, err
	}
	if err := c.creating.take(ctx); err != nil {
		return FloatingIP{}, err
	}
	defer c.creating.release()
	ip, err := makeOnce(ctx, c.grace(), look, func(ctx context.Context) (FloatingIP, error) {
		lingering, end := lingering(ctx, lastAnswers)
		defer end()
		m, err := c.network.create(lingering, "floatingips", "floatingip", attrs)
		return floatingFrom(m), err
	})
	if err != nil {
		return ip, fmt.Errorf("cannot allocate a floating IP of %s: %w%s", external.Name, err, noneLeft(err))
	}
	return ip, nil
}

// noneLeft says what to do where the network has no address left, or the
// project may have no more.
func noneLeft(err error) string {
	var api *APIError
	if errors.As(err, &api) && (api.Kind == "IpAddressGenerationFailure" || api.Kind == "OverQuota") {
		return " (release what nobody uses: `openstack floating ip list --status DOWN` shows it; then run this again)"
	}
	return ""
}

// Associate puts an existing floating IP before a port. Where it is another's
// since it was listed, nothing is done and the answer is 412.
func (c *Cloud) Associate(ctx context.Context, f FloatingIP, to Target) (FloatingIP, error) {
	const tries = 3
	for try := 1; ; try++ {
		ip, err := c.associate(ctx, f, to)
		if !IsStatus(err, http.StatusPreconditionFailed) {
			return ip, err
		}
		now, lookErr := c.FindFloatingIP(ctx, f.Address)
		switch {
		case lookErr == nil && now.PortID == to.Port.ID:
			return now, nil // it was ourselves: a repeated request whose first answer was lost
		case lookErr != nil || now.PortID != f.PortID || now.Description != f.Description || try == tries:
			return ip, err
		}
		f = now // only the cloud's own notes on it changed, such as its status
	}
}

func (c *Cloud) associate(ctx context.Context, f FloatingIP, to Target) (FloatingIP, error) {
	attrs := map[string]any{"port_id": to.Port.ID}
	setText(attrs, "fixed_ip_address", to.FixedIP)
	var headers map[string]string
	if f.revision > 0 {
		headers = map[string]string{"If-Match": fmt.Sprintf("revision_number=%d", f.revision)}
	}
	if err := c.creating.take(ctx); err != nil {
		return f, err
	}
	defer c.creating.release()
	m, err := c.network.one(ctx, http.MethodPut, "floatingips/"+f.ID, map[string]any{"floatingip": attrs}, "floatingip", headers)
	if err != nil {
		return f, fmt.Errorf("cannot put floating IP %s before port %s: %w", f.Address, to.Port.ID, err)
	}
	return floatingFrom(m), nil
}

// Disassociate frees a floating IP; it stays the project's.
func (c *Cloud) Disassociate(ctx context.Context, f FloatingIP) (FloatingIP, error) {
	m, err := c.network.update(ctx, "floatingips/"+f.ID, "floatingip", map[string]any{"port_id": nil})
	if IsStatus(err, http.StatusNotFound) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("cannot free floating IP %s: %w", f.Address, err)
	}
	return floatingFrom(m), nil
}

// Release gives a floating IP back to the cloud.
func (c *Cloud) Release(ctx context.Context, f FloatingIP) error {
	if err := c.network.delete(ctx, "floatingips/"+f.ID); err != nil {
		return fmt.Errorf("cannot release floating IP %s: %w", f.Address, err)
	}
	return nil
}
