package openstack

import (
	"errors"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gophercloud/gophercloud/v2"

	"rollout/internal/openstack/clouds"
)

// knownService is one that is spoken to: what clouds.yaml and the catalog call
// it, and the version that is spoken, for addresses that lack one.
type knownService struct {
	name    string
	types   []string
	version string
}

func knownServices() map[string]knownService {
	return map[string]knownService{
		"compute": {"compute", []string{"compute"}, "v2.1/"},
		"network": {"network", []string{"network", "networking"}, "v2.0/"},
		"image":   {"image", []string{"image"}, "v2/"},
		"volume":  {"volume", []string{"block-storage", "volumev3", "volumev2"}, ""},
	}
}

func (c *Cloud) connect(cred clouds.Credentials) error {
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
func (c *Cloud) service(cred clouds.Credentials, s knownService) (*service, error) {
	kind := s.types[0]
	if address := cred.OfService(s.name, "endpoint_override"); address != "" {
		return c.newService(kind, c.withProject(address), s.version), nil
	}
	iface := cred.Interface(s.name)
	region, name := cred.OfService(s.name, "region_name"), cred.OfService(s.name, "service_name")
	if region == "" {
		region = cred.Get("region_name")
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
	return slices.Sorted(maps.Keys(found))
}

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
