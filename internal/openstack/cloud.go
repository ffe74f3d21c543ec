// Package openstack is the cloud: it finds, makes, awaits and deletes servers,
// networks, floating IPs and what goes with them, on any OpenStack. It is the
// one place that imports gophercloud; its own types are plain values, and data
// goes from the API to the caller, never to a file of ours.
package openstack

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"rollout/internal/openstack/clouds"
)

// Cloud is an open session with one project of one OpenStack. It is safe for
// concurrent use, and holds what it has looked up until the run ends.
type Cloud struct {
	name      string // as the person names it, for messages
	project   string // id of the project the token is scoped to
	provider  *gophercloud.ProviderClient
	transport *transport
	compute   *service
	network   *service
	image     *service
	volume    *service // nil where the cloud has no volume service
	catalog   []CatalogEntry
	origin    origin
	cache     cache
	watch     *watcher
	together  together
	creating  slots
	claims    claims
}

// CatalogEntry is one service of the catalog.
type CatalogEntry struct {
	Name, Type string
	Endpoints  []Endpoint
}

// Endpoint is one address of a service.
type Endpoint struct{ ID, Interface, Region, URL string }

// Open logs in. The error of a failed log-in says which file or variables the
// credentials came from; it never holds a password.
func Open(ctx context.Context, cfg clouds.Config) (*Cloud, error) {
	cred, err := cfg.Credentials(ctx)
	if err != nil {
		return nil, err
	}
	tr, err := newTransport(cfg, cred)
	if err != nil {
		return nil, err
	}
	c := &Cloud{name: cred.Name, transport: tr, origin: originOf(cred), creating: make(slots, inFlight)}
	c.watch, c.together = newWatcher(c.listForWatch), c.newTogether()
	if err := c.login(ctx, cred); err != nil {
		tr.base.CloseIdleConnections()
		return nil, &clouds.LoginError{Cloud: cred.Name, Source: cred.Source, Err: tidy("identity", err)}
	}
	return c, nil
}

// Name returns the cloud's name as the person gave it.
func (c *Cloud) Name() string { return c.name }

// ProjectID returns the id of the project that the session is scoped to.
func (c *Cloud) ProjectID() string { return c.project }

// Token returns the current token. It is a secret.
func (c *Cloud) Token() string { return c.provider.Token() }

// Catalog returns the services of the cloud.
func (c *Cloud) Catalog() []CatalogEntry { return c.catalog }

// Calls returns how many HTTP requests were sent so far, retries included.
func (c *Cloud) Calls() int { return int(c.transport.calls.Load()) }

// Now is the time by the cloud's clock, as far as its answers told it. What is
// compared with the cloud's own dates is compared with this.
func (c *Cloud) Now() time.Time { return c.transport.now() }

// Close ends the connections that are kept open between calls.
func (c *Cloud) Close() { c.transport.base.CloseIdleConnections() }

// readToken takes the project and the services' addresses from the token's
// answer. Version documents are not asked for: what the catalog says is used,
// which saves a call per service on each run.
func (c *Cloud) readToken(cred clouds.Credentials) error {
	result, ok := c.provider.GetAuthResult().(interface {
		ExtractServiceCatalog() (*tokens.ServiceCatalog, error)
		ExtractProject() (*tokens.Project, error)
	})
	if !ok {
		return errors.New("the identity service's answer holds no token")
	}
	project, err := result.ExtractProject()
	if err != nil {
		return fmt.Errorf("cannot read the token: %w", err)
	}
	if project == nil {
		return errors.New("the token is scoped to no project (set project_name, or OS_PROJECT_NAME)")
	}
	c.project = project.ID
	catalog, err := result.ExtractServiceCatalog()
	if err != nil {
		return fmt.Errorf("cannot read the service catalog: %w", err)
	}
	c.catalog = plainCatalog(catalog)
	return c.connect(cred)
}

func plainCatalog(catalog *tokens.ServiceCatalog) []CatalogEntry {
	var out []CatalogEntry
	for _, e := range catalog.Entries {
		entry := CatalogEntry{Name: e.Name, Type: e.Type}
		for _, p := range e.Endpoints {
			region := p.Region
			if region == "" {
				region = p.RegionID
			}
			entry.Endpoints = append(entry.Endpoints, Endpoint{ID: p.ID, Interface: p.Interface, Region: region, URL: p.URL})
		}
		out = append(out, entry)
	}
	return out
}

// turn is a lock whose wait can be cancelled.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (t turn) release() { <-t }
