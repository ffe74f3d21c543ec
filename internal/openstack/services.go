package openstack

import (
	"errors"
	"net/url"
	"regexp"
	"strings"

	"github.com/gophercloud/gophercloud/v2"
)

// knownService is one that is spoken to: what the catalog calls it, what its
// keys in clouds.yaml begin with, and the version that is spoken, for addresses
// that lack one.
type knownService struct {
	types    []string
	prefixes []string
	version  string
}

func knownServices() map[string]knownService {
	return map[string]knownService{
		"compute": {[]string{"compute"}, []string{"compute"}, "v2.1/"},
		"network": {[]string{"network", "networking"}, []string{"network"}, "v2.0/"},
		"image":   {[]string{"image"}, []string{"image"}, "v2/"},
		"volume": {[]string{"block-storage", "volumev3", "volumev2"},
			[]string{"block_storage", "volumev3", "volumev2", "volume"}, ""},
	}
}

func (c *Cloud) connect(cred credentials) error {
	known := knownServices()
	var err error
	if c.compute, err = c.service(cred, known["compute"]); err != nil {
		return err
	}
	if c.network, err = c.service(cred, known["network"]); err != nil {
		return err
	}
	if c.image, err = c.service(cred, known["image"]); err != nil {
		return err
	}
	c.volume, err = c.service(cred, known["volume"])
	if missing := (*NoServiceError)(nil); errors.As(err, &missing) {
		return nil
	}
	return err
}

// service makes the client of a service: at the address that the configuration
// gives, else at that of the first fitting entry of the catalog.
func (c *Cloud) service(cred credentials, s knownService) (*service, error) {
	kind := s.types[0]
	if address := cred.ofService(s, "endpoint_override"); address != "" {
		return c.newService(kind, c.withProject(address), s.version), nil
	}
	iface := plainInterface(cred.ofService(s, "interface"))
	region, name := cred.ofService(s, "region_name"), cred.ofService(s, "service_name")
	if iface == "" {
		iface = cred.iface()
	}
	if region == "" {
		region = cred.get("region_name")
	}
	for _, typ := range s.types {
		for _, e := range c.catalog {
			if e.Type != typ || name != "" && e.Name != name {
				continue
			}
			for _, p := range e.Endpoints {
				if p.Interface == iface && (region == "" || p.Region == region) {
					return c.newService(kind, p.URL, s.version), nil
				}
			}
		}
	}
	return nil, &NoServiceError{Type: kind, Interface: iface, Region: region, Has: c.regionsOf(s.types, iface)}
}

// regionsOf lists the regions that the catalog has a service in.
func (c *Cloud) regionsOf(types []string, iface string) []string {
	found := map[string]bool{}
	for _, e := range c.catalog {
		for _, typ := range types {
			for _, p := range e.Endpoints {
				if e.Type == typ && p.Interface == iface && p.Region != "" {
					found[p.Region] = true
				}
			}
		}
	}
	return sortedKeys(found)
}

// ofService is a setting of one service: compute_endpoint_override.
func (c credentials) ofService(s knownService, key string) string {
	for _, prefix := range s.prefixes {
		if v := c.get(prefix + "_" + key); v != "" {
			return v
		}
	}
	return ""
}

// iface returns the wanted interface.
func (c credentials) iface() string {
	if s := plainInterface(c.get("interface")); s != "" {
		return s
	}
	return "public"
}

// plainInterface knows the older spelling: publicURL.
func plainInterface(s string) string { return strings.TrimSuffix(s, "URL") }

// withProject fills in the project's id where an address has a place for it,
// in the spellings that catalogs and configurations use.
func (c *Cloud) withProject(address string) string {
	return regexp.MustCompile(`[%$]\((tenant_id|project_id)\)s`).ReplaceAllString(address, c.project)
}

func (c *Cloud) newService(kind, address, version string) *service {
	base := strings.TrimRight(address, "/") + "/"
	if version != "" && !hasVersion(base) {
		base += version
	}
	return &service{kind: kind, client: &gophercloud.ServiceClient{ProviderClient: c.provider, Endpoint: base, Type: kind}}
}

// hasVersion reports whether an address names a version: …/v2.1/, …/v2/PROJECT/.
func hasVersion(address string) bool {
	u, err := url.Parse(address)
	return err == nil && regexp.MustCompile(`/v\d+(\.\d+)?/`).MatchString(u.Path)
}
