package openstack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"golang.org/x/sync/errgroup"

	"rollout/internal/document"
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

func originOf(cred credentials) origin {
	return origin{
		region: cred.get("region_name"), projectName: cred.first("auth.project_name", "auth.tenant_name"),
		domainID:   cred.get("auth.project_domain_id"),
		domainName: cred.get("auth.project_domain_name"),
	}
}

// Region returns the region that the session is bound to; empty for none.
func (c *Cloud) Region() string { return c.origin.region }

// CloudRegion is a cloud, and one of its regions where it has several.
type CloudRegion struct{ Cloud, Region string }

// CloudRegions returns all that clouds.yaml has, in its order, and the cloud of
// the OS_* variables where they hold a log-in of their own.
func (cfg Config) CloudRegions() ([]CloudRegion, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	var out []CloudRegion
	file, err := readFirst(cfg.cloudsPlaces(), "clouds")
	if err != nil {
		return nil, err
	}
	if file != nil {
		names, err := entryNames(file.path)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			regions := file.entries[name].regions
			if len(regions) == 0 {
				out = append(out, CloudRegion{Cloud: name})
			}
			for _, r := range regions {
				out = append(out, CloudRegion{name, r.name})
			}
		}
	}
	if cfg.Getenv("OS_AUTH_URL") != "" {
		out = append(out, CloudRegion{Cloud: cfg.variablesName()})
	}
	if len(out) == 0 {
		return nil, cfg.noClouds()
	}
	return out, nil
}

// entryNames are a file's entries in their order, in which inventories list
// clouds.
func entryNames(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	root, err := document.Parse(path, data)
	if err != nil {
		return nil, err
	}
	var names []string
	if clouds := root.Get("clouds"); clouds != nil {
		for _, e := range clouds.Entries {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

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
