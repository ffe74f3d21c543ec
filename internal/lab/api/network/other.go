package network

import (
	"net/http"

	"rollout/internal/lab/api/wire"
)

// extensions are those of Neutron's that this service answers for.
var extensions = []struct{ alias, name string }{
	{"external-net", "Neutron external network"}, {"router", "Neutron L3 Router"},
	{"ext-gw-mode", "Neutron L3 Configurable external gateway mode"}, {"security-group", "security-group"},
	{"quotas", "Quota management support"}, {"quota_details", "Quota details management support"},
	{"standard-attr-tag", "Tag support for resources with standard attribute"},
	{"standard-attr-description", "standard-attr-description"}, {"standard-attr-timestamp", "Resource timestamps"},
	{"standard-attr-revisions", "Resource revision numbers"}, {"project-id", "project_id field enabled"},
	{"pagination", "Pagination support"}, {"sorting", "Sorting support"}, {"binding", "Port Binding"},
	{"port-security", "Port Security"}, {"fip-port-details", "Floating IP Port Details Extension"},
	{"net-mtu", "Network MTU"}, {"agent", "agent"}, {"availability_zone", "Availability Zone"},
	{"filter-validation", "Filter parameters validation"}, {"stateful-security-group", "Stateful security group"},
}

func (s *Service) otherRoutes() {
	s.Handle("GET /v2.0/extensions", listExtensions)
	s.Handle("GET /v2.0/extensions/{alias}", showExtension)
	for _, name := range []string{"agents", "subnetpools", "address-scopes", "address-groups", "service-providers",
		"rbac-policies", "network-ip-availabilities"} {
		s.Handle("GET /v2.0/"+name, empty(name))
	}
	s.Handle("GET /v2.0/availability_zones", func(*http.Request) (wire.Answer, error) {
		return wire.OK(wire.Object{"availability_zones": []wire.Object{{"state": "available", "name": "nova", "resource": "router"}}})
	})
	s.quotaRoutes()
}

func extensionView(alias, name string) wire.Object {
	return wire.Object{"alias": alias, "name": name, "description": name, "links": []any{}, "updated": "2016-01-01T10:00:00-00:00"}
}

func listExtensions(*http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	for _, extension := range extensions {
		views = append(views, extensionView(extension.alias, extension.name))
	}
	return wire.OK(wire.Object{"extensions": views})
}

func showExtension(r *http.Request) (wire.Answer, error) {
	for _, extension := range extensions {
		if extension.alias == r.PathValue("alias") {
			return wire.OK(wire.Object{"extension": extensionView(extension.alias, extension.name)})
		}
	}
	return wire.Answer{}, wire.Errorf(http.StatusNotFound, "ExtensionNotFound", "Extension with alias %s does not exist", r.PathValue("alias"))
}

// empty answers for a collection in which a practice cloud has nothing.
func empty(name string) wire.Handler {
	key := map[string]string{"address-scopes": "address_scopes", "address-groups": "address_groups", "rbac-policies": "rbac_policies",
		"service-providers": "service_providers", "network-ip-availabilities": "network_ip_availabilities"}[name]
	if key == "" {
		key = name
	}
	return func(*http.Request) (wire.Answer, error) { return wire.OK(wire.Object{key: []any{}}) }
}
