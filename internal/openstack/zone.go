package openstack

import (
	"context"
	"fmt"
	"slices"
)

// FindZone says whether servers can be asked for in the availability zone of
// that name.
func (c *Cloud) FindZone(ctx context.Context, name string) error {
	zones, err := c.zones(ctx)
	if err != nil || slices.Contains(zones, name) {
		return err
	}
	return &NotFoundError{Kind: "availability zone", Name: name, Hint: hintFrom(name, zones, nil, func(z string) string { return z })}
}

func (c *Cloud) zones(ctx context.Context) ([]string, error) {
	return cached(ctx, &c.cache, "zone/", func(ctx context.Context) ([]string, error) {
		list, err := c.compute.list(ctx, "os-availability-zone", nil, "availabilityZoneInfo")
		if err != nil {
			return nil, fmt.Errorf("cannot list availability zones: %w", err)
		}
		var out []string
		for _, m := range list {
			out = append(out, m.String("zoneName"))
		}
		return out, nil
	})
}
