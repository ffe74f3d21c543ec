package compute

import (
	"net/http"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) otherRoutes() {
	s.Handle("GET /v2.1/os-availability-zone", listZones)
	s.Handle("GET /v2.1/os-availability-zone/detail", forbidRoute("os-availability-zone:detail"))
	s.Handle("GET /v2.1/limits", s.limits)
	s.quotaRoutes()
	s.serverGroupRoutes()
	s.Handle("GET /v2.1/extensions", listExtensions)
	s.Handle("GET /v2.1/images", s.listImages)
	for _, path := range []string{"os-hypervisors", "os-services", "os-aggregates", "os-hosts", "os-migrations", "os-simple-tenant-usage"} {
		s.Handle("GET /v2.1/"+path, forbidRoute(path+":list"))
	}
}

func listZones(*http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	for _, zone := range zones {
		views = append(views, wire.Object{"zoneName": zone, "zoneState": wire.Object{"available": true}, "hosts": nil})
	}
	return wire.OK(wire.Object{"availabilityZoneInfo": views})
}

// extensions are those that clients look for.
var extensions = []string{"NMN", "OS-DCF", "OS-EXT-AZ", "OS-EXT-IPS", "OS-EXT-IPS-MAC", "OS-EXT-STS", "OS-FLV-DISABLED",
	"OS-FLV-EXT-DATA", "OS-SCH-HNT", "OS-SRV-USG", "os-attach-interfaces", "os-availability-zone", "os-config-drive",
	"os-console-output", "os-extended-volumes", "os-flavor-extra-specs", "os-keypairs", "os-quota-sets",
	"os-security-groups", "os-server-groups", "os-server-start-stop", "os-user-data", "os-volumes"}

func listExtensions(*http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	for _, alias := range extensions {
		views = append(views, wire.Object{"alias": alias, "name": alias, "description": alias, "links": []any{},
			"namespace": "http://docs.openstack.org/compute/ext/fake_xml", "updated": "2014-12-03T00:00:00Z"})
	}
	return wire.OK(wire.Object{"extensions": views})
}

// use is what the project's servers take up.
type use struct{ servers, cores, ram, groups int }

func used(state *cloud.State) use {
	u := use{servers: len(state.Servers), groups: len(state.ServerGroups)}
	for _, server := range state.Servers {
		u.cores += server.Flavor.VCPUs
		u.ram += server.Flavor.RAM
	}
	return u
}

// limitNames are what the limits call the quotas' resources.
var limitNames = map[string]string{"maxTotalInstances": "instances", "maxTotalCores": "cores", "maxTotalRAMSize": "ram",
	"maxServerMeta": "metadata_items", "maxTotalKeypairs": "key_pairs", "maxServerGroups": "server_groups",
	"maxServerGroupMembers": "server_group_members"}

func (s *Service) limits(r *http.Request) (wire.Answer, error) {
	absolute := wire.Object{}
	s.store.View(func(state *cloud.State) {
		u := used(state)
		absolute["totalRAMUsed"], absolute["totalCoresUsed"] = u.ram, u.cores
		absolute["totalInstancesUsed"], absolute["totalServerGroupsUsed"] = u.servers, u.groups
		for name, resource := range limitNames {
			absolute[name] = state.Limit(resource)
		}
	})
	if !since(r, 36) {
		for _, name := range []string{"maxTotalFloatingIps", "maxSecurityGroups", "maxSecurityGroupRules"} {
			absolute[name] = cloud.Unlimited
		}
		absolute["totalFloatingIpsUsed"], absolute["totalSecurityGroupsUsed"] = 0, 0
	}
	if !since(r, 39) {
		absolute["maxImageMeta"] = 128
	}
	if !since(r, 57) {
		absolute["maxPersonality"], absolute["maxPersonalitySize"] = 0, 0
	}
	return wire.OK(wire.Object{"limits": wire.Object{"rate": []any{}, "absolute": absolute}})
}
