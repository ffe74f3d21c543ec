package openstack

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"rollout/internal/value"
)

// The version of Nova's API that knows tags of servers; those of a server to be
// made take extendedCreate.
const serverTags = "2.26"

// ServerTags returns a server's tags, sorted. Other calls do not show them.
func (c *Cloud) ServerTags(ctx context.Context, id string) ([]string, error) {
	m, err := c.compute.one(ctx, http.MethodGet, "servers/"+id+"/tags", nil, "", computeVersion(serverTags))
	if err != nil {
		return nil, fmt.Errorf("cannot look at the tags of server %s: %w", id, err)
	}
	tags := value.Strings(m.List("tags"))
	slices.Sort(tags)
	return tags, nil
}

// SetServerTags gives a server these tags and no others.
func (c *Cloud) SetServerTags(ctx context.Context, id string, tags []string) error {
	body := map[string]any{"tags": append([]string{}, tags...)}
	if _, err := c.compute.one(repeatable(ctx), http.MethodPut, "servers/"+id+"/tags", body, "", computeVersion(serverTags)); err != nil {
		return fmt.Errorf("cannot set the tags of server %s: %w", id, err)
	}
	return nil
}
