package openstack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"

	"rollout/internal/openstack/clouds"
)

// A wrong address is better said soon than retried long.
const loginTries = 3

// login gets a token from where auth_url leads. Keystone's version 3 is what is
// spoken, also where the address is one of the v2.0 days or names no version;
// only where there is nothing below /v3 is the service asked where it is.
func (c *Cloud) login(ctx context.Context, cred clouds.Credentials) error {
	auth, err := login{cred}.authOptions()
	if err != nil {
		return err
	}
	ctx = withTries(ctx, loginTries)
	address := cred.Get("auth.auth_url")
	err = c.authenticate(ctx, address, auth)
	if tidied := tidy("identity", err); IsStatus(tidied, http.StatusNotFound) {
		found, ok := c.discoverIdentity(ctx, address)
		if !ok {
			return fmt.Errorf("%w; there is no Keystone v3 at %s (check auth_url)", tidied, address)
		}
		err = c.authenticate(ctx, found, auth)
	}
	if err != nil {
		return err
	}
	return c.readToken(cred)
}

func (c *Cloud) authenticate(ctx context.Context, address string, auth *gophercloud.AuthOptions) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("auth_url %q is no address (it is such as https://cloud.example:5000/v3)", address)
	}
	provider, err := openstack.NewClient(address)
	if err != nil {
		return err
	}
	provider.HTTPClient = http.Client{Transport: c.transport}
	c.provider = provider
	return openstack.AuthenticateV3(ctx, provider, auth, gophercloud.EndpointOpts{})
}

// discoverIdentity reads the version document. Of the address that it gives,
// the path is taken: a password is sent to the host that the person named.
func (c *Cloud) discoverIdentity(ctx context.Context, address string) (string, bool) {
	versioned := regexp.MustCompile(`/v(2\.0|3)/*$`)
	root := &service{kind: "identity", client: &gophercloud.ServiceClient{ProviderClient: c.provider}}
	root.client.Endpoint = versioned.ReplaceAllString(strings.TrimRight(address, "/"), "") + "/"
	doc, err := root.versions(ctx)
	if err != nil {
		return "", false
	}
	for _, v := range doc {
		if !strings.HasPrefix(v.String("id"), "v3") {
			continue
		}
		for _, href := range linksOf(v, "self") {
			if found := root.sameHost(href); found != "" && strings.TrimRight(found, "/") != strings.TrimRight(root.client.Endpoint+"v3", "/") {
				return found, true
			}
		}
	}
	return "", false
}

// renewed reports whether a request failed only because somebody else, who was
// getting a new token for all, was cancelled at it.
func renewed(ctx context.Context, err error) bool {
	var login *gophercloud.ErrUnableToReauthenticate
	return ctx.Err() == nil && errors.As(err, &login) &&
		(errors.Is(login.ErrReauth, context.Canceled) || errors.Is(login.ErrReauth, context.DeadlineExceeded))
}
