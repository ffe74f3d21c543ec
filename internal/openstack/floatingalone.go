package openstack

import (
	"context"
	"fmt"
	"slices"
)

// Allocate takes a floating IP from an external network for the project, before
// no port: this address, or any where address is empty. It carries no mark, so
// that only who asked for it gives it back. A lost answer is followed by a look
// for an address that was not there before.
func (c *Cloud) Allocate(ctx context.Context, external Network, address string) (FloatingIP, error) {
	filter := query("floating_network_id", external.ID, "floating_ip_address", address)
	before, err := c.FloatingIPs(ctx, filter)
	if err != nil {
		return FloatingIP{}, err
	}
	look := func(ctx context.Context) (FloatingIP, bool, error) {
		now, err := c.FloatingIPs(ctx, filter)
		for _, f := range now {
			known := slices.ContainsFunc(before, func(b FloatingIP) bool { return b.ID == f.ID })
			if !known && f.PortID == "" && !f.Ours() {
				return f, true, nil
			}
		}
		return FloatingIP{}, false, err
	}
	attrs := map[string]any{"floating_network_id": external.ID}
	setText(attrs, "floating_ip_address", address)
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
