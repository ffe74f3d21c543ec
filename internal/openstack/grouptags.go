package openstack

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"rollout/internal/value"
)

// TaggedGroup is a security group with its tags, and the time at which Neutron
// said so, by its own clock. Tags is nil where this cloud's groups have none.
type TaggedGroup struct {
	ID   string
	Tags []string
	Now  time.Time
}

// DefaultGroup reads the tags of the project's default security group, which is
// always there; the zero group, but for the time, says that it is not.
func (c *Cloud) DefaultGroup(ctx context.Context) (TaggedGroup, error) {
	q := query("name", "default", "project_id", c.project)
	q["fields"] = []string{"id", "tags"}
	m, now, err := c.network.dated(ctx, http.MethodGet, "security-groups?"+q.Encode())
	found := TaggedGroup{Now: now}
	if err != nil {
		return found, err
	}
	groups := m.List("security_groups")
	if len(groups) == 0 {
		return found, nil
	}
	group, _ := groups[0].(*value.Map)
	found.ID = group.String("id")
	if _, has := group.Get("tags"); has {
		found.Tags = append([]string{}, value.Strings(group.List("tags"))...)
	}
	return found, nil
}

// PutGroupTag adds a tag to a security group, and returns Neutron's time.
func (c *Cloud) PutGroupTag(ctx context.Context, groupID, tag string) (time.Time, error) {
	_, now, err := c.network.dated(ctx, http.MethodPut, groupTagPath(groupID, tag))
	return now, err
}

// DropGroupTag takes a tag off a security group; one that is not there is no
// error.
func (c *Cloud) DropGroupTag(ctx context.Context, groupID, tag string) error {
	return c.network.delete(ctx, groupTagPath(groupID, tag))
}

func groupTagPath(groupID, tag string) string {
	return "security-groups/" + groupID + "/tags/" + url.PathEscape(tag)
}
