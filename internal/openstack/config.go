package openstack

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// Config says which cloud to open, and as whom. What is left empty is taken
// from clouds.yaml or from the OS_* variables, as every OpenStack client does.
type Config struct {
	Cloud     string            // entry of clouds.yaml; else $OS_CLOUD
	Auth      map[string]string // auth_url, username, password …: overrides what is found
	AuthType  string
	Region    string
	Interface string // public, internal or admin
	Verify    *bool  // false accepts any certificate
	CACert    string
	Cert, Key string
	Timeout   time.Duration // of one try of one call; 60 s where zero
	Retry     Retry
	Trace     func(line string)   // told of each HTTP request; may be nil
	Getenv    func(string) string // the environment; os.Getenv where nil
	// Further names clouds.yaml files by an entry that they have: for entries
	// that the usual places lack.
	Further map[string]string
}

// credentials is a cloud's configuration, flat: "auth.username", "region_name".
type credentials struct {
	name   string // for messages
	source string // file or variables, for messages
	values map[string]string
}

func (c credentials) get(key string) string { return c.values[key] }

func (c credentials) first(keys ...string) string {
	for _, k := range keys {
		if v := c.values[k]; v != "" {
			return v
		}
	}
	return ""
}

// credentials collects the configuration: the named entry of clouds.yaml, else
// the variables, else the only entry there is; then what Config itself says.
func (cfg Config) credentials() (credentials, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	cred, err := cfg.base()
	if err != nil {
		return credentials{}, err
	}
	for k, v := range cfg.Auth {
		cred.values["auth."+k] = v
	}
	override := map[string]string{
		"auth_type": cfg.AuthType, "region_name": cfg.Region, "interface": cfg.Interface,
		"cacert": cfg.CACert, "cert": cfg.Cert, "key": cfg.Key,
	}
	for k, v := range override {
		if v != "" {
			cred.values[k] = v
		}
	}
	if cfg.Verify != nil {
		cred.values["verify"] = fmt.Sprint(*cfg.Verify)
	}
	if cred.get("auth.auth_url") == "" {
		return credentials{}, &LoginError{Cloud: cred.name, Source: cred.source, Err: errors.New("auth_url is missing")}
	}
	return cred, nil
}

func (cfg Config) base() (credentials, error) {
	name := cfg.Cloud
	if name == "" {
		name = cfg.Getenv("OS_CLOUD")
	}
	switch {
	case name != "":
		return cfg.entry(name)
	case len(cfg.Auth) > 0:
		return credentials{name: cfg.Auth["auth_url"], source: "from the auth argument", values: map[string]string{}}, nil
	case cfg.Getenv("OS_AUTH_URL") != "":
		return cfg.variables(), nil
	}
	return cfg.onlyEntry()
}

// variables reads the OS_* variables, those of the v2 days included.
func (cfg Config) variables() credentials {
	cred := credentials{name: cfg.Getenv("OS_AUTH_URL"), source: "from the OS_* variables", values: map[string]string{}}
	for key, names := range variableNames() {
		for _, n := range names {
			if v := cfg.Getenv(n); v != "" {
				cred.values[key] = v
				break
			}
		}
	}
	switch strings.ToLower(cfg.Getenv("OS_INSECURE")) {
	case "1", "true", "yes", "on":
		cred.values["verify"] = "false"
	}
	return cred
}

func variableNames() map[string][]string {
	return map[string][]string{
		"auth.auth_url":                      {"OS_AUTH_URL"},
		"auth.username":                      {"OS_USERNAME"},
		"auth.user_id":                       {"OS_USER_ID"},
		"auth.password":                      {"OS_PASSWORD"},
		"auth.project_name":                  {"OS_PROJECT_NAME", "OS_TENANT_NAME"},
		"auth.project_id":                    {"OS_PROJECT_ID", "OS_TENANT_ID"},
		"auth.user_domain_name":              {"OS_USER_DOMAIN_NAME"},
		"auth.user_domain_id":                {"OS_USER_DOMAIN_ID"},
		"auth.project_domain_name":           {"OS_PROJECT_DOMAIN_NAME"},
		"auth.project_domain_id":             {"OS_PROJECT_DOMAIN_ID"},
		"auth.domain_name":                   {"OS_DOMAIN_NAME"},
		"auth.domain_id":                     {"OS_DOMAIN_ID"},
		"auth.default_domain":                {"OS_DEFAULT_DOMAIN", "OS_DEFAULT_DOMAIN_ID"},
		"auth.token":                         {"OS_TOKEN", "OS_AUTH_TOKEN"},
		"auth.application_credential_id":     {"OS_APPLICATION_CREDENTIAL_ID"},
		"auth.application_credential_name":   {"OS_APPLICATION_CREDENTIAL_NAME"},
		"auth.application_credential_secret": {"OS_APPLICATION_CREDENTIAL_SECRET"},
		"auth.trust_id":                      {"OS_TRUST_ID"},
		"auth_type":                          {"OS_AUTH_TYPE"},
		"region_name":                        {"OS_REGION_NAME"},
		"interface":                          {"OS_INTERFACE", "OS_ENDPOINT_TYPE"},
		"cacert":                             {"OS_CACERT"},
		"cert":                               {"OS_CERT"},
		"key":                                {"OS_KEY"},
	}
}

// insecure reports verify: false, or the older insecure: true.
func (c credentials) insecure() bool {
	return isFalse(c.get("verify")) || c.get("insecure") != "" && !isFalse(c.get("insecure"))
}

func isFalse(s string) bool {
	switch strings.ToLower(s) {
	case "false", "no", "off", "0":
		return true
	}
	return false
}

// iface returns the wanted interface; "publicURL" is an older spelling.
func (c credentials) iface() string {
	s := strings.TrimSuffix(c.first("interface", "endpoint_type"), "URL")
	if s == "" {
		return "public"
	}
	return s
}

// authOptions translates for gophercloud. It lets it log in again when the
// token expires, for which it keeps the password in memory.
func (c credentials) authOptions() (*gophercloud.AuthOptions, error) {
	typ := strings.TrimPrefix(c.get("auth_type"), "v3")
	opts := &gophercloud.AuthOptions{IdentityEndpoint: c.get("auth.auth_url"), AllowReauth: true}
	switch typ {
	case "applicationcredential":
		return opts, c.applicationCredential(opts)
	case "token":
		return opts, c.token(opts)
	case "", "password":
	default:
		return nil, fmt.Errorf("auth_type %q is not known here; known: password, token, v3applicationcredential", c.get("auth_type"))
	}
	if typ == "" && c.first("auth.application_credential_id", "auth.application_credential_name") != "" {
		return opts, c.applicationCredential(opts)
	}
	if typ == "" && c.get("auth.token") != "" && c.get("auth.password") == "" {
		return opts, c.token(opts)
	}
	return opts, c.password(opts)
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
	opts.ApplicationCredentialID = c.get("auth.application_credential_id")
	opts.ApplicationCredentialSecret = c.get("auth.application_credential_secret")
	if opts.ApplicationCredentialID == "" {
		opts.ApplicationCredentialName = c.get("auth.application_credential_name")
		c.user(opts)
	}
	return c.need("application_credential_secret", "auth.application_credential_secret")
}

// user sets who logs in; a user's name is unique in a domain only.
func (c credentials) user(opts *gophercloud.AuthOptions) {
	if opts.UserID = c.get("auth.user_id"); opts.UserID != "" {
		return
	}
	opts.Username = c.get("auth.username")
	opts.DomainID = c.first("auth.user_domain_id", "auth.domain_id")
	if opts.DomainID == "" {
		opts.DomainName = c.first("auth.user_domain_name", "auth.domain_name")
	}
	if opts.DomainID == "" && opts.DomainName == "" {
		opts.DomainID = c.defaultDomain()
	}
}

func (c credentials) scope() *gophercloud.AuthScope {
	if id := c.get("auth.trust_id"); id != "" {
		return &gophercloud.AuthScope{TrustID: id}
	}
	if id := c.first("auth.project_id", "auth.tenant_id"); id != "" {
		return &gophercloud.AuthScope{ProjectID: id}
	}
	name := c.first("auth.project_name", "auth.tenant_name")
	if name == "" {
		return nil
	}
	scope := &gophercloud.AuthScope{ProjectName: name, DomainID: c.first("auth.project_domain_id", "auth.domain_id")}
	if scope.DomainID == "" {
		scope.DomainName = c.first("auth.project_domain_name", "auth.domain_name")
	}
	if scope.DomainID == "" && scope.DomainName == "" {
		scope.DomainID = c.defaultDomain()
	}
	return scope
}

func (c credentials) defaultDomain() string {
	if d := c.get("auth.default_domain"); d != "" {
		return d
	}
	return "default"
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
