package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"rollout/internal/value"
)

// QuotaService is a service that limits what a project may have.
type QuotaService string

// The services that have quotas.
const (
	ComputeQuota QuotaService = "compute"
	NetworkQuota QuotaService = "network"
	VolumeQuota  QuotaService = "volume"
)

// quotaAPI says where a service keeps a project's quota, and what it calls it.
type quotaAPI struct {
	service  *service
	path     string // the project's id follows
	key      string
	defaults string // of the path to a new project's
}

func (c *Cloud) quotaAPI(s QuotaService) (quotaAPI, error) {
	switch {
	case s == ComputeQuota:
		return quotaAPI{c.compute, "os-quota-sets/", "quota_set", "/defaults"}, nil
	case s == NetworkQuota:
		return quotaAPI{c.network, "quotas/", "quota", "/default"}, nil
	case c.volume == nil:
		return quotaAPI{}, &NoServiceError{Type: "block-storage"}
	}
	return quotaAPI{c.volume, "os-quota-sets/", "quota_set", "/defaults"}, nil
}

// HasQuota reports whether the cloud has the service.
func (c *Cloud) HasQuota(s QuotaService) bool {
	_, err := c.quotaAPI(s)
	return err == nil
}

// Quota returns a project's limits, in the service's words. -1 is no limit.
func (c *Cloud) Quota(ctx context.Context, s QuotaService, projectID string) (*value.Map, error) {
	return c.quota(ctx, s, projectID, "")
}

// DefaultQuota returns the limits that a project has until others are set.
func (c *Cloud) DefaultQuota(ctx context.Context, s QuotaService, projectID string) (*value.Map, error) {
	api, err := c.quotaAPI(s)
	if err != nil {
		return nil, err
	}
	return c.quota(ctx, s, projectID, api.defaults)
}

func (c *Cloud) quota(ctx context.Context, s QuotaService, projectID, part string) (*value.Map, error) {
	api, err := c.quotaAPI(s)
	if err != nil {
		return nil, err
	}
	m, err := api.service.get(ctx, api.path+projectID+part, api.key)
	if err != nil {
		return nil, fmt.Errorf("cannot look at the %s quota of project %s: %w", s, projectID, err)
	}
	return m, nil
}

// SetQuota sets limits of a project's, which takes an administrator.
func (c *Cloud) SetQuota(ctx context.Context, s QuotaService, projectID string, limits *value.Map) error {
	api, err := c.quotaAPI(s)
	if err != nil {
		return err
	}
	attrs := map[string]any{}
	for k, v := range limits.All() {
		attrs[fmt.Sprint(k)] = v
	}
	if _, err := api.service.update(ctx, api.path+projectID, api.key, attrs); err != nil {
		return fmt.Errorf("cannot set the %s quota of project %s: %w", s, projectID, err)
	}
	return nil
}

// ResetQuota gives a project the limits of a new one.
func (c *Cloud) ResetQuota(ctx context.Context, s QuotaService, projectID string) error {
	api, err := c.quotaAPI(s)
	if err != nil {
		return err
	}
	if err := api.service.delete(ctx, api.path+projectID); err != nil {
		return fmt.Errorf("cannot reset the %s quota of project %s: %w", s, projectID, err)
	}
	return nil
}

// ProjectName returns the name of the project that the session is scoped to.
func (c *Cloud) ProjectName() string {
	result, ok := c.provider.GetAuthResult().(interface {
		ExtractProject() (*tokens.Project, error)
	})
	if !ok {
		return ""
	}
	project, err := result.ExtractProject()
	if err != nil || project == nil {
		return ""
	}
	return project.Name
}

// FindProject returns the id of the project of that name or id, in the domain
// where one is given. Only an administrator may look for other projects than
// the session's own.
func (c *Cloud) FindProject(ctx context.Context, nameOrID, domainID string) (string, error) {
	if nameOrID == c.project || nameOrID == c.ProjectName() && domainID == "" {
		return c.project, nil
	}
	identity := c.identity()
	list, err := identity.list(ctx, "projects", query("name", nameOrID, "domain_id", domainID), "projects")
	if err != nil {
		return "", fmt.Errorf("cannot look for project %s (the session's own is %s): %w", nameOrID, c.ProjectName(), err)
	}
	if len(list) == 0 {
		m, err := identity.get(ctx, "projects/"+url.PathEscape(nameOrID), "project")
		switch {
		case err == nil:
			list = append(list, m)
		case !IsStatus(err, http.StatusNotFound) && !IsStatus(err, http.StatusForbidden):
			return "", fmt.Errorf("cannot look for project %s: %w", nameOrID, err)
		}
	}
	found, err := only("project", nameOrID, list, func(m *value.Map) string { return m.String("id") }, nil)
	return found.String("id"), err
}

// FindDomain returns the id of the domain of that name or id. Who may not list
// domains can still name one by its id.
func (c *Cloud) FindDomain(ctx context.Context, nameOrID string) (string, error) {
	list, err := c.identity().list(ctx, "domains", query("name", nameOrID), "domains")
	if err != nil && !IsStatus(err, http.StatusForbidden) {
		return "", fmt.Errorf("cannot look for domain %s: %w", nameOrID, err)
	}
	if len(list) == 1 {
		return list[0].String("id"), nil
	}
	return nameOrID, nil
}

func (c *Cloud) identity() *service {
	return &service{kind: "identity", client: &gophercloud.ServiceClient{ProviderClient: c.provider,
		Endpoint: c.provider.IdentityBase + "v3/", Type: "identity"}}
}
