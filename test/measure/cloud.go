package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
)

// cloud is a session as bare as can be: one log-in, the catalog's URLs.
type cloud struct {
	provider *gophercloud.ProviderClient
	endpoint gophercloud.EndpointOpts
	calls    atomic.Int64
	start    time.Time
}

// open logs in to $OS_CLOUD.
func open(ctx context.Context) (*cloud, error) {
	c := &cloud{start: time.Now()}
	auth, endpoint, tlsConfig, err := clouds.Parse()
	if err != nil {
		return nil, fmt.Errorf("cannot read clouds.yaml: %w", err)
	}
	c.endpoint = endpoint
	if c.provider, err = openstack.NewClient(auth.IdentityEndpoint); err != nil {
		return nil, err
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.TLSClientConfig, base.MaxIdleConnsPerHost = tlsConfig, 64
	c.provider.HTTPClient = http.Client{Transport: counting{base, &c.calls}}
	if err := openstack.AuthenticateV3(ctx, c.provider, &auth, gophercloud.EndpointOpts{}); err != nil {
		return nil, fmt.Errorf("cannot log in: %w", err)
	}
	return c, nil
}

// service finds a service's URL in the catalog; nobody is asked for versions.
func (c *cloud) service(kind, suffix string) (*gophercloud.ServiceClient, error) {
	opts := c.endpoint
	opts.ApplyDefaults(kind)
	url, err := c.provider.EndpointLocator(opts)
	if err != nil {
		return nil, fmt.Errorf("cannot find the %s service: %w", kind, err)
	}
	return &gophercloud.ServiceClient{ProviderClient: c.provider, Endpoint: url, ResourceBase: url + suffix, Type: kind}, nil
}

// done says what the program itself saw; the proxy and time see it from outside.
func (c *cloud) done(what string) {
	fmt.Printf("%s in %.1f s with %d calls\n", what, time.Since(c.start).Seconds(), c.calls.Load())
}

type counting struct {
	base  http.RoundTripper
	calls *atomic.Int64
}

func (t counting) RoundTrip(req *http.Request) (*http.Response, error) {
	t.calls.Add(1)
	return t.base.RoundTrip(req)
}
