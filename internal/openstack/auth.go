package openstack

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"rollout/internal/openstack/clouds"
)

// login is what credentials mean to gophercloud.
type login struct{ clouds.Credentials }

// authOptions translates for gophercloud. It lets it log in again when the
// token expires, for which it keeps the password in memory.
func (c login) authOptions() (*gophercloud.AuthOptions, error) {
	if err := c.scopeRefused(); err != nil {
		return nil, err
	}
	opts := &gophercloud.AuthOptions{IdentityEndpoint: c.Get("auth.auth_url"), AllowReauth: true}
	switch c.Get("auth_type") {
	case "v3applicationcredential", "applicationcredential":
		return opts, c.applicationCredential(opts)
	case "token", "v3token", "v2token":
		return opts, c.token(opts)
	case "", "password", "v3password", "v2password":
	default:
		return nil, fmt.Errorf("auth_type %q is not known here; known: password, token, v3applicationcredential "+
			"(with another way to log in: make an application credential with it, or set OS_AUTH_TYPE=token and "+
			"OS_TOKEN=$(openstack token issue -f value -c id))", c.Get("auth_type"))
	}
	unsaid := c.Get("auth_type") == "" || c.Get("auth.password") == ""
	if unsaid && c.First("auth.application_credential_id", "auth.application_credential_name") != "" {
		return opts, c.applicationCredential(opts)
	}
	if unsaid && c.Get("auth.token") != "" && c.Get("auth.password") == "" {
		return opts, c.token(opts)
	}
	return opts, c.password(opts)
}

// scopeRefused says why credentials that are for no project are of no use.
func (c login) scopeRefused() error {
	if s := c.Get("auth.system_scope"); s != "" {
		return fmt.Errorf("system_scope %q is for who runs the cloud, and servers belong to projects: "+
			"set project_name in its place (unset OS_SYSTEM_SCOPE)", s)
	}
	project := c.First("auth.project_name", "auth.project_id", "auth.trust_id",
		"auth.application_credential_id", "auth.application_credential_name", "auth.token")
	if domain := c.First("auth.domain_name", "auth.domain_id"); domain != "" && project == "" {
		return fmt.Errorf("it names the domain %q and no project, and servers belong to projects: "+
			"set project_name (and user_domain_name in place of domain_name)", domain)
	}
	return nil
}

func (c login) password(opts *gophercloud.AuthOptions) error {
	if err := c.need("password", "auth.password"); err != nil {
		return err
	}
	c.user(opts)
	if opts.Username == "" && opts.UserID == "" {
		return c.need("username", "auth.username")
	}
	opts.Password = c.Get("auth.password")
	opts.Scope = c.scope()
	return nil
}

func (c login) token(opts *gophercloud.AuthOptions) error {
	opts.TokenID = c.Get("auth.token")
	opts.Scope = c.scope()
	// A token can't be had anew without the password it once came from.
	opts.AllowReauth = false
	return c.need("token", "auth.token")
}

func (c login) applicationCredential(opts *gophercloud.AuthOptions) error {
	if err := c.need("application_credential_secret", "auth.application_credential_secret"); err != nil {
		return err
	}
	opts.ApplicationCredentialSecret = c.Get("auth.application_credential_secret")
	opts.ApplicationCredentialID = c.Get("auth.application_credential_id")
	if opts.ApplicationCredentialID != "" {
		return nil
	}
	opts.ApplicationCredentialName = c.Get("auth.application_credential_name")
	c.user(opts)
	switch {
	case opts.ApplicationCredentialName == "":
		return c.need("application_credential_id", "auth.application_credential_id")
	case opts.Username == "" && opts.UserID == "":
		return errors.New("an application credential's name is its user's: username or user_id is missing " +
			"(or give application_credential_id)")
	}
	return nil
}

// user sets who logs in; a user's name is unique in a domain only.
func (c login) user(opts *gophercloud.AuthOptions) {
	if opts.UserID = c.Get("auth.user_id"); opts.UserID != "" {
		return
	}
	opts.Username = c.Get("auth.username")
	opts.DomainID, opts.DomainName = c.domain("user")
}

func (c login) scope() *gophercloud.AuthScope {
	if id := c.Get("auth.trust_id"); id != "" {
		return &gophercloud.AuthScope{TrustID: id}
	}
	if id := c.Get("auth.project_id"); id != "" {
		return &gophercloud.AuthScope{ProjectID: id}
	}
	name := c.Get("auth.project_name")
	if name == "" {
		return nil
	}
	scope := &gophercloud.AuthScope{ProjectName: name}
	scope.DomainID, scope.DomainName = c.domain("project")
	return scope
}

// domain is the user's or the project's, by id or by name; that of the v2 days
// where none is given.
func (c login) domain(of string) (id, name string) {
	if id = c.First("auth."+of+"_domain_id", "auth.domain_id"); id != "" {
		return id, ""
	}
	if name = c.First("auth."+of+"_domain_name", "auth.domain_name"); name != "" {
		return "", name
	}
	if id = c.First("auth.default_domain", "auth.default_domain_id"); id != "" {
		return id, ""
	}
	if name = c.Get("auth.default_domain_name"); name != "" {
		return "", name
	}
	return "default", ""
}

// need reports a missing value by its name, and which values there are.
func (c login) need(name, key string) error {
	if c.Get(key) != "" {
		return nil
	}
	return fmt.Errorf("%s is missing; given are: %s", name, strings.Join(c.Given(), ", "))
}
