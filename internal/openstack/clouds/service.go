package clouds

import "strings"

// servicePrefixes are what the settings of a service begin with, by its name
// in most catalogs.
func servicePrefixes() map[string][]string {
	return map[string][]string{
		"compute": {"compute"},
		"network": {"network"},
		"image":   {"image"},
		"volume":  {"block_storage", "volumev3", "volumev2", "volume"},
	}
}

// OfService is a setting of one service (compute, network, image or volume):
// compute_endpoint_override.
func (c Credentials) OfService(service, key string) string {
	for _, prefix := range servicePrefixes()[service] {
		if v := c.Get(prefix + "_" + key); v != "" {
			return v
		}
	}
	return ""
}

// Interface returns the interface to use of a service; public where none is
// named. The older spelling publicURL is known.
func (c Credentials) Interface(service string) string {
	for _, s := range []string{c.OfService(service, "interface"), c.Get("interface")} {
		if s = strings.TrimSuffix(s, "URL"); s != "" {
			return s
		}
	}
	return "public"
}
