package openstack

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// authOptions translates for gophercloud. It lets it log in again when the
// token expires, for which it keeps the password in memory.
func (c credentials) authOptions() (*gophercloud.AuthOptions, error) {
	if err := c.scopeRefused(); err != nil {
		return nil, err
	}
	opts := &gophercloud.AuthOptions{IdentityEndpoint: c.get("auth.auth_url"), AllowReauth: true}
	switch c.get("auth_type") {
	case "v3applicationcredential", "applicationcredential":
		return opts, c.applicationCredential(opts)
	case "token", "v3token", "v2token":
		return opts, c.token(opts)
	case "", "password", "v3password", "v2password":
	default:
		return nil, fmt.Errorf("auth_type %q is not known here; known: password, token, v3applicationcredential "+
			"(with another way to log in: make an application credential with it, or set OS_AUTH_TYPE=token and "+
			"OS_TOKEN=$(openstack token issue -f value -c id))", c.get("auth_type"))
	}
	unsaid := c.get("auth_type") == "" || c.get("auth.password") == ""
	if unsaid && c.first("auth.application_credential_id", "auth.application_credential_name") != "" {
		return opts, c.applicationCredential(opts)
	}
	if unsaid && c.get("auth.token") != "" && c.get("auth.password") == "" {
		return opts, c.token(opts)
	}
	return opts, c.password(opts)
}

// scopeRefused says why credentials that are for no project are of no use.
func (c credentials) scopeRefused() error {
	if s := c.get("auth.system_scope"); s != "" {
		return fmt.Errorf("system_scope %q is for who runs the cloud, and servers belong to projects: "+
			"set project_name in its place (unset OS_SYSTEM_SCOPE)", s)
	}
	project := c.first("auth.project_name", "auth.project_id", "auth.trust_id",
		"auth.application_credential_id", "auth.application_credential_name", "auth.token")
	if domain := c.first("auth.domain_name", "auth.domain_id"); domain != "" && project == "" {
		return fmt.Errorf("it names the domain %q and no project, and servers belong to projects: "+
			"set project_name (and user_domain_name in place of domain_name)", domain)
	}
	return nil
}

func (c credentials) password(opts *gophercloud.AuthOptions) error {
	if err := c.need("password", "auth.password"); err != nil {
		return err
	}
	c.user(opts)
	if opts.Username == "" && opts.UserID == "" {
		return c.need("username", "auth.username")
	}
	opts.Password = c.get("auth.password")
	opts.Scope = c.scope()
	return nil
}

func (c credentials) token(opts *gophercloud.AuthOptions) error {
	opts.TokenID = c.get("auth.token")
	opts.Scope = c.scope()
	// A token can't be had anew without the password it once came from.
	opts.AllowReauth = false
	return c.need("token", "auth.token")
}

func (c credentials) applicationCredential(opts *gophercloud.AuthOptions) error {
	if err := c.need("application_credential_secret", "auth.application_credential_secret"); err != nil {
		return err
	}
	opts.ApplicationCredentialSecret = c.get("auth.application_credential_secret")
	opts.ApplicationCredentialID = c.get("auth.application_credential_id")
	if opts.ApplicationCredentialID != "" {
		return nil
	}
	opts.ApplicationCredentialName = c.get("auth.application_credential_name")
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
func (c credentials) user(opts *gophercloud.AuthOptions) {
	if opts.UserID = c.get("auth.user_id"); opts.UserID != "" {
		return
	}
	opts.Username = c.get("auth.username")
	opts.DomainID, opts.DomainName = c.domain("user")
}

func (c credentials) scope() *gophercloud.AuthScope {
	if id := c.get("auth.trust_id"); id != "" {
		return &gophercloud.AuthScope{TrustID: id}
	}
	if id := c.get("auth.project_id"); id != "" {
		return &gophercloud.AuthScope{ProjectID: id}
	}
	name := c.get("auth.project_name")
	if name == "" {
		return nil
	}
	scope := &gophercloud.AuthScope{ProjectName: name}
	scope.DomainID, scope.DomainName = c.domain("project")
	return scope
}

// domain is the user's or the project's, by id or by name; that of the v2 days
// where none is given.
func (c credentials) domain(of string) (id, name string) {
	if id = c.first("auth."+of+"_domain_id", "auth.domain_id"); id != "" {
		return id, ""
	}
	if name = c.first("auth."+of+"_domain_name", "auth.domain_name"); name != "" {
		return "", name
	}
	if id = c.first("auth.default_domain", "auth.default_domain_id"); id != "" {
		return id, ""
	}
	if name = c.get("auth.default_domain_name"); name != "" {
		return "", name
	}
	return "default", ""
}

// need reports a missing value by its name, and which values there are.
func (c credentials) need(name, key string) error {
	if c.get(key) != "" {
		return nil
	}
	var have []string
	for k, v := range c.values {
		if short, ok := strings.CutPrefix(k, "auth."); ok && v != "" {
			have = append(have, short)
		}
	}
	sort.Strings(have)
	return fmt.Errorf("%s is missing; given are: %s", name, strings.Join(have, ", "))
}
