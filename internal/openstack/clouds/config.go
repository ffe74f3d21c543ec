// Package clouds finds which OpenStack is meant and as whom to log in there:
// from clouds.yaml and its companions, from the OS_* variables, or from what a
// task says, as openstacksdk does.
package clouds

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"

	"rollout/internal/value"
)

// Config says which cloud to open, and as whom. What is left empty is taken
// from clouds.yaml or from the OS_* variables, as every OpenStack client does.
type Config struct {
	Cloud     string            // entry of clouds.yaml; else $OS_CLOUD
	Entry     *value.Map        // such an entry itself, in place of a named one
	Auth      map[string]string // auth_url, username, password …: overrides what is found
	AuthType  string
	Region    string
	Interface string // public, internal or admin
	Verify    *bool  // false accepts any certificate
	CACert    string
	Cert, Key string
	Timeout   time.Duration // of one try of one call; else api_timeout of the entry, else 60 s
	Retry     Retry
	Trace     func(line string)   // told of each HTTP request; may be nil
	Getenv    func(string) string // the environment; os.Getenv where nil
	// Further names clouds.yaml files by an entry that they have: for entries
	// that the usual places lack.
	Further map[string]string
}

// Credentials are a cloud's configuration, flat: "auth.username", "region_name".
type Credentials struct {
	Name   string // of the cloud, for messages
	Source string // file or variables, for messages
	entry
}

// Get returns a setting by its place in clouds.yaml, "auth.username"; empty
// where there is none.
func (c Credentials) Get(key string) string { return c.values[key] }

// First returns the first of these settings that there is.
func (c Credentials) First(keys ...string) string {
	for _, k := range keys {
		if v := c.values[k]; v != "" {
			return v
		}
	}
	return ""
}

// Credentials collects the configuration: the named entry of clouds.yaml, else
// the variables, else the only entry there is; then what Config itself says.
func (cfg Config) Credentials(ctx context.Context) (Credentials, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	cred, err := cfg.base(ctx)
	if err != nil {
		return Credentials{}, err
	}
	if err := cred.chooseRegion(cfg.region(cred)); err != nil {
		return Credentials{}, &LoginError{Cloud: cred.Name, Source: cred.Source, Err: err}
	}
	cfg.override(cred.values)
	cred.settle()
	if cred.Get("auth.auth_url") == "" {
		return Credentials{}, &LoginError{Cloud: cred.Name, Source: cred.Source, Err: errors.New("auth_url is missing")}
	}
	return cred, nil
}

// region is the one asked for. $OS_REGION_NAME chooses among those of a named
// cloud, too: it tells nothing about who logs in.
func (cfg Config) region(cred Credentials) string {
	if cfg.Region != "" || cfg.Entry != nil || cfg.named() == "" {
		return cfg.Region
	}
	return cfg.Getenv("OS_REGION_NAME")
}

// override puts what Config says above what was found.
func (cfg Config) override(values map[string]string) {
	for k, v := range cfg.Auth {
		k = strings.ReplaceAll(k, "-", "_")
		// A name given here takes the place of an id found elsewhere, and the
		// other way round.
		if other, ok := twin(k); ok && cfg.Auth[other] == "" {
			delete(values, "auth."+other)
		}
		values["auth."+k] = v
	}
	given := map[string]string{
		"auth_type": cfg.AuthType, "interface": cfg.Interface,
		"cacert": cfg.CACert, "cert": cfg.Cert, "key": cfg.Key,
	}
	for k, v := range given {
		if v != "" {
			values[k] = v
		}
	}
	if cfg.Interface != "" {
		delete(values, "endpoint_type")
	}
	if cfg.Verify != nil {
		values["verify"] = fmt.Sprint(*cfg.Verify)
		delete(values, "insecure")
	}
}

// twin is the other way to name the same thing: project_id for project_name.
func twin(key string) (string, bool) {
	for _, of := range []string{"project", "user_domain", "project_domain", "tenant", "domain"} {
		switch key {
		case of + "_name":
			return of + "_id", true
		case of + "_id":
			return of + "_name", true
		}
	}
	switch key {
	case "username":
		return "user_id", true
	case "user_id":
		return "username", true
	}
	return "", false
}

// named is the entry of clouds.yaml that is asked for.
func (cfg Config) named() string {
	if cfg.Cloud != "" {
		return cfg.Cloud
	}
	return cfg.Getenv("OS_CLOUD")
}

func (cfg Config) base(ctx context.Context) (Credentials, error) {
	name := cfg.named()
	switch {
	case cfg.Entry != nil:
		given := entryFromMap(cfg.Entry)
		return cfg.withProfile(ctx, Credentials{Name: given.values["auth.auth_url"], Source: "from the cloud argument", entry: given})
	case name != "" && name == cfg.variablesName() && cfg.Getenv("OS_AUTH_URL") != "":
		return cfg.variables(), nil
	case name != "":
		return cfg.entry(ctx, name)
	case cfg.Auth["auth_url"] != "":
		// Whole in itself: what is set for another cloud has no part in it.
		return Credentials{Name: cfg.Auth["auth_url"], Source: "from the auth argument", entry: newEntry()}, nil
	case cfg.Getenv("OS_AUTH_URL") != "":
		return cfg.variables(), nil
	}
	return cfg.onlyEntry(ctx)
}

// variablesName is what the cloud of the OS_* variables is called.
func (cfg Config) variablesName() string {
	if name := cfg.Getenv("OS_CLOUD_NAME"); name != "" {
		return name
	}
	return "envvars"
}

// variables reads the OS_* variables, those of the v2 days included.
func (cfg Config) variables() Credentials {
	cred := Credentials{Name: cfg.Getenv("OS_AUTH_URL"), Source: "from the OS_* variables", entry: newEntry()}
	for _, key := range variableKeys() {
		if v := cfg.Getenv(variableName(key)); v != "" {
			cred.values[key] = v
		}
	}
	return cred
}

// variableName is the variable in which a setting may stand.
func variableName(key string) string {
	return "OS_" + strings.ToUpper(strings.TrimPrefix(key, "auth."))
}

// variableKeys lists what may stand in variables: OS_ and the key in capitals.
func variableKeys() []string {
	keys := append(authKeys(), "tenant_name", "tenant_id", "auth_token", "auth_type", "region_name", "interface",
		"endpoint_type", "cacert", "cert", "key", "insecure", "verify", "api_timeout")
	for _, of := range servicePrefixes() {
		for _, prefix := range of {
			for _, what := range []string{"endpoint_override", "interface", "endpoint_type", "region_name", "service_name", "api_version"} {
				keys = append(keys, prefix+"_"+what)
			}
		}
	}
	return keys
}

// authKeys lists what belongs below auth, in the names that are used today.
func authKeys() []string {
	return []string{"auth_url", "username", "user_id", "password", "project_name", "project_id",
		"user_domain_name", "user_domain_id", "project_domain_name", "project_domain_id", "domain_name", "domain_id",
		"default_domain", "default_domain_id", "default_domain_name", "token", "trust_id", "system_scope",
		"application_credential_id", "application_credential_name", "application_credential_secret"}
}

// Insecure reports verify: false, or the older insecure: true, which wins.
func (c Credentials) Insecure() bool {
	return isFalse(c.Get("verify")) || isTrue(c.Get("insecure"))
}

func isFalse(s string) bool {
	return slices.Contains([]string{"false", "no", "off", "0"}, strings.ToLower(s))
}

func isTrue(s string) bool {
	return slices.Contains([]string{"true", "yes", "on", "1"}, strings.ToLower(s))
}

// TimeoutOf is that of one try of a call.
func (cfg Config) TimeoutOf(cred Credentials) time.Duration {
	if cfg.Timeout > 0 {
		return cfg.Timeout
	}
	if d, err := time.ParseDuration(cred.Get("api_timeout") + "s"); err == nil && d > 0 {
		return d
	}
	return 60 * time.Second
}

// Session tells sessions apart. It holds secrets, and is for memory only.
func (cfg Config) Session() string {
	var b strings.Builder
	verify := "unsaid"
	if cfg.Verify != nil {
		verify = fmt.Sprint(*cfg.Verify)
	}
	fmt.Fprintf(&b, "%q %q %q %q %q %q %q %v %v", cfg.Cloud, cfg.AuthType, cfg.Region, cfg.Interface,
		cfg.CACert, cfg.Cert, cfg.Key, verify, cfg.Timeout)
	for _, k := range sortedKeys(cfg.Auth) {
		fmt.Fprintf(&b, " %s=%q", k, cfg.Auth[k])
	}
	given := entryFromMap(cfg.Entry)
	for _, k := range sortedKeys(given.values) {
		fmt.Fprintf(&b, " entry.%s=%q", k, given.values[k])
	}
	fmt.Fprintf(&b, " %q", given.regions)
	return b.String()
}

// Given lists the names of the settings below auth that there are, sorted.
func (c Credentials) Given() []string {
	var have []string
	for k, v := range c.values {
		if short, ok := strings.CutPrefix(k, "auth."); ok && v != "" {
			have = append(have, short)
		}
	}
	sort.Strings(have)
	return have
}

// AtHome replaces the ~ at the beginning of a path.
func AtHome(path string, getenv func(string) string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && getenv != nil {
		return filepath.Join(getenv("HOME"), rest)
	}
	return path
}
