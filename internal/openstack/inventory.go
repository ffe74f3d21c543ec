package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// Shape is a way to show servers to inventories: the one of a major release of
// the openstack.cloud collection.
type Shape int

// The shapes there are.
const (
	Shape1 Shape = 1 // 1.x: az, region, public_v4, private_v4, interface_ip …
	Shape2 Shape = 2 // 2.x: the names of openstacksdk's resources
)

// microversions are what Nova is asked to speak: the newest it has, as the
// collection's 2.x does, or the one that 1.x stopped at.
var microversions = map[Shape]string{Shape1: "2.73", Shape2: "latest"}

// InventoryQuery says which servers an inventory wants, and how.
type InventoryQuery struct {
	Shape       Shape
	Expand      bool // look up volumes (and, in shape 1, the names of flavors and images, and security groups)
	AllProjects bool // of all projects, which takes an administrator
	Private     bool // shape 1: prefer the private address
	Filters     map[string]string
}

// origin is what an inventory shows of the session that listed a server.
type origin struct{ region, projectName, domainID, domainName string }

func originOf(cred clouds.Credentials) origin {
	return origin{
		region: cred.Get("region_name"), projectName: cred.First("auth.project_name", "auth.tenant_name"),
		domainID:   cred.Get("auth.project_domain_id"),
		domainName: cred.Get("auth.project_domain_name"),
	}
}

// Region returns the region that the session is bound to; empty for none.
func (c *Cloud) Region() string { return c.origin.region }

// Inventory lists servers as the openstack.cloud collection gives them to
// inventories. Whatever other lists that takes are fetched meanwhile.
func (c *Cloud) Inventory(ctx context.Context, q InventoryQuery) ([]*value.Map, error) {
	var servers []*value.Map
	more := &further{cloud: c, query: q}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		servers, err = c.inventoryServers(gctx, q)
		return err
	})
	more.fetch(gctx, g)
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if q.Shape == Shape1 {
		return more.shape1(servers), nil
	}
	return more.shape2(servers), nil
}

// inventoryServers is the one list that everything hangs on.
func (c *Cloud) inventoryServers(ctx context.Context, q InventoryQuery) ([]*value.Map, error) {
	params := url.Values{}
	for name, text := range q.Filters {
		params.Set(filterName(name), text)
	}
	if q.AllProjects {
		params.Set("all_tenants", "True")
	}
	list, err := c.compute.listAt(ctx, microversions[q.Shape], "servers/detail", params, "servers")
	if IsStatus(err, http.StatusNotAcceptable) {
		list, err = c.compute.listAt(ctx, "latest", "servers/detail", params, "servers")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot list servers: %w", err)
	}
	return list, nil
}

// filterName is Nova's name of a filter that openstacksdk calls otherwise.
func filterName(name string) string {
	names := map[string]string{
		"access_ipv4": "access_ip_v4", "access_ipv6": "access_ip_v6", "has_config_drive": "config_drive", "deleted_only": "deleted",
		"compute_host": "host", "is_soft_deleted": "soft_deleted", "ipv4_address": "ip", "ipv6_address": "ip6",
		"changes_since": "changes-since", "changes_before": "changes-before", "id": "uuid", "all_projects": "all_tenants",
		"any_tags": "tags-any", "not_tags": "not-tags", "not_any_tags": "not-tags-any",
	}
	if nova := names[name]; nova != "" {
		return nova
	}
	return name
}

// listAt fetches all pages of a list in the words of a microversion.
func (s *service) listAt(ctx context.Context, version, path string, query url.Values, key string) ([]*value.Map, error) {
	headers := map[string]string{"OpenStack-API-Version": s.kind + " " + version}
	address := s.client.Endpoint + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	var out []*value.Map
	for range maxPages {
		m, err := s.callURL(ctx, http.MethodGet, address, nil, headers)
		if err != nil {
			return nil, err
		}
		page := objects(m.List(key))
		out = append(out, page...)
		next := s.nextPage(m, key)
		if next == "" || len(page) == 0 {
			return out, nil
		}
		address = next
	}
	return nil, fmt.Errorf("the list %s of %s does not end", path, serviceName(s.kind))
}

// objects are those of a list.
func objects(list []any) []*value.Map {
	out := make([]*value.Map, 0, len(list))
	for _, e := range list {
		if m, ok := e.(*value.Map); ok {
			out = append(out, m)
		}
	}
	return out
}
