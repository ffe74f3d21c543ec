package openstack

import (
	"context"
	"fmt"
	"net/http"
)

// The first microversion that shows whether a server is locked.
const showsLocks = "2.9"

// ServerLocked reports whether a server is locked against changes by its users.
func (c *Cloud) ServerLocked(ctx context.Context, id string) (bool, error) {
	m, err := c.compute.one(ctx, http.MethodGet, "servers/"+id, nil, "server", computeVersion(showsLocks))
	if err != nil {
		return false, fmt.Errorf("cannot tell whether server %s is locked: %w", id, err)
	}
	return m.Bool("locked"), nil
}
