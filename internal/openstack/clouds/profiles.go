package clouds

import (
	"context"
	_ "embed" // for the profiles
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollout/internal/document"
)

//go:embed profiles.yaml
var shippedProfiles string

// wellKnown is where a vendor publishes its profile, below its own address
// (openstacksdk, doc/source/user/config/vendor-support.rst).
const wellKnown = "/.well-known/openstack/api"

// A profile is small, and soon there or not at all.
const (
	maxProfile   = 1 << 20
	profileLimit = 10 * time.Second
)

// profile returns what the entry's `profile` (once `cloud`) stands for: an
// entry of clouds-public.yaml, one of those shipped here, or what the address
// publishes.
func (cfg Config) profile(ctx context.Context, e entry) (entry, error) {
	name := e.values["profile"]
	if name == "" {
		name = e.values["cloud"]
	}
	if name == "" || name == cfg.variablesName() {
		return newEntry(), nil
	}
	places := cfg.places("clouds-public", "")
	public, err := readFirst(places, "public-clouds")
	if err != nil {
		return entry{}, err
	}
	if public != nil {
		if found, ok := public.entries[name]; ok {
			return found, nil
		}
	}
	shipped, err := parseClouds("profiles.yaml", []byte(shippedProfiles), "public-clouds")
	if err != nil {
		return entry{}, err
	}
	if found, ok := shipped.entries[name]; ok {
		return followed(ctx, name, found)
	}
	if isAddress(name) {
		return fetchProfile(ctx, name)
	}
	if e.values["auth.auth_url"] != "" {
		return newEntry(), nil // it can do without
	}
	hint := document.Suggest(name, sortedKeys(shipped.entries))
	if hint != "" {
		hint = "; " + hint
	}
	return entry{}, fmt.Errorf("its profile %q is neither known here nor in a clouds-public.yaml (looked for %s)%s",
		name, strings.Join(places, ", "), hint)
}

func followed(ctx context.Context, name string, e entry) (entry, error) {
	if why := e.values["gone"]; why != "" {
		return entry{}, fmt.Errorf("its profile %q is of a cloud that is no more: %s", name, why)
	}
	if address := e.values["profile"]; address != "" {
		return fetchProfile(ctx, address)
	}
	return e, nil
}

func isAddress(name string) bool {
	u, err := url.Parse(name)
	return err == nil && u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}

// fetchProfile asks the vendor. No secret goes with it.
func fetchProfile(ctx context.Context, address string) (entry, error) {
	u, err := url.Parse(address)
	if err != nil {
		return entry{}, fmt.Errorf("cannot fetch the profile of %s: %w", address, err)
	}
	from := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: wellKnown}).String()
	ctx, cancel := context.WithTimeout(ctx, profileLimit)
	defer cancel()
	text, err := download(ctx, from)
	if err != nil {
		return entry{}, fmt.Errorf("cannot fetch the profile of %s: %w "+
			"(set auth_url and region_name in the entry, and leave profile out)", address, err)
	}
	root, err := document.ParseStrict(from, text)
	if err != nil {
		return entry{}, fmt.Errorf("cannot read the profile of %s: %w", address, err)
	}
	found := root.Get("profile")
	if found == nil {
		return entry{}, fmt.Errorf("cannot read the profile of %s: what %s answers has no \"profile\"", address, from)
	}
	e := entryFromNode(found)
	delete(e.values, "profile")
	return e, nil
}

func download(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	tr := &http.Transport{Proxy: http.ProxyFromEnvironment}
	defer tr.CloseIdleConnections()
	resp, err := (&http.Client{Transport: tr}).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, resp.Status)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxProfile))
}
