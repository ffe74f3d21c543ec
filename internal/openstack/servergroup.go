package openstack

import (
	"context"
	"fmt"
	"net/http"

	"rollout/internal/value"
)

// ServerGroup is a policy about which servers may share a host.
type ServerGroup struct {
	ID, Name, Policy string
	Members          []string // ids of servers
	Rules            *value.Map
	Raw              *value.Map
}

// Policies are a list up to 2.63, and soft ones are known since 2.15; from 2.64
// on a group has one policy, and rules.
const (
	groupsWithPolicies = "2.15"
	groupsWithRules    = "2.64"
)

func serverGroupFrom(m *value.Map) ServerGroup {
	g := ServerGroup{ID: m.String("id"), Name: m.String("name"), Policy: m.String("policy"),
		Members: value.Strings(m.List("members")), Rules: m.Map("rules"), Raw: m}
	if policies := m.List("policies"); g.Policy == "" && len(policies) > 0 {
		g.Policy = fmt.Sprint(policies[0])
	}
	return g
}

func computeVersion(v string) map[string]string {
	return map[string]string{"OpenStack-API-Version": "compute " + v, "X-OpenStack-Nova-API-Version": v}
}

// ServerGroups returns the project's server groups.
func (c *Cloud) ServerGroups(ctx context.Context) ([]ServerGroup, error) {
	m, err := c.compute.call(ctx, http.MethodGet, "os-server-groups", nil, computeVersion(groupsWithRules))
	if IsStatus(err, http.StatusNotAcceptable) { // a Nova older than 18.0
		m, err = c.compute.call(ctx, http.MethodGet, "os-server-groups", nil, computeVersion(groupsWithPolicies))
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list server groups: %w", err)
	}
	var out []ServerGroup
	for _, e := range m.List("server_groups") {
		if g, ok := e.(*value.Map); ok {
			out = append(out, serverGroupFrom(g))
		}
	}
	return out, nil
}

// FindServerGroup returns the server group of that name or id.
func (c *Cloud) FindServerGroup(ctx context.Context, nameOrID string) (ServerGroup, error) {
	all, err := c.ServerGroups(ctx)
	if err != nil {
		return ServerGroup{}, err
	}
	var found []ServerGroup
	for _, g := range all {
		if g.Name == nameOrID || g.ID == nameOrID {
			found = append(found, g)
		}
	}
	return only("server group", nameOrID, found, func(g ServerGroup) string { return g.ID }, func() string {
		return hintFrom(nameOrID, all, nil, func(g ServerGroup) string { return g.Name })
	})
}

// CreateServerGroup makes a server group. Rules need Nova 18.0.
func (c *Cloud) CreateServerGroup(ctx context.Context, name, policy string, rules map[string]any) (ServerGroup, error) {
	version, attrs := groupsWithPolicies, map[string]any{"name": name, "policies": []string{policy}}
	if len(rules) > 0 {
		version, attrs = groupsWithRules, map[string]any{"name": name, "policy": policy, "rules": rules}
	}
	look := func(ctx context.Context) (ServerGroup, bool, error) {
		all, err := c.ServerGroups(ctx)
		for _, g := range all {
			if g.Name == name {
				return g, true, nil
			}
		}
		return ServerGroup{}, false, err
	}
	made, err := makeOnce(ctx, c.grace(), look, func(ctx context.Context) (ServerGroup, error) {
		m, err := c.compute.one(ctx, http.MethodPost, "os-server-groups", map[string]any{"server_group": attrs},
			"server_group", computeVersion(version))
		if err != nil {
			return ServerGroup{}, err
		}
		return serverGroupFrom(m), nil
	})
	if err != nil {
		return made, fmt.Errorf("cannot create server group %s: %w", name, err)
	}
	return made, nil
}

// DeleteServerGroup deletes a server group; its servers stay.
func (c *Cloud) DeleteServerGroup(ctx context.Context, id string) error {
	if err := c.compute.delete(ctx, "os-server-groups/"+id); err != nil {
		return fmt.Errorf("cannot delete server group %s: %w", id, err)
	}
	return nil
}
