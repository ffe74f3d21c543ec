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
	s.Handle("GET /v2.1/os-quota-sets/{project}", s.showQuota)
	s.Handle("GET /v2.1/os-quota-sets/{project}/defaults", s.showQuota)
	s.Handle("GET /v2.1/os-quota-sets/{project}/detail", s.detailQuota)
	s.Handle("GET /v2.1/os-server-groups", s.listServerGroups)
	s.Handle("POST /v2.1/os-server-groups", s.createServerGroup)
	s.Handle("GET /v2.1/os-server-groups/{group}", s.showServerGroup)
	s.Handle("DELETE /v2.1/os-server-groups/{group}", s.deleteServerGroup)
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

const unlimited = -1

func (s *Service) limits(r *http.Request) (wire.Answer, error) {
	var u use
	s.store.View(func(state *cloud.State) { u = used(state) })
	absolute := wire.Object{"maxTotalInstances": unlimited, "maxTotalCores": unlimited, "maxTotalRAMSize": unlimited,
		"maxServerMeta": 128, "maxTotalKeypairs": unlimited, "maxServerGroups": unlimited, "maxServerGroupMembers": unlimited,
		"totalRAMUsed": u.ram, "totalCoresUsed": u.cores, "totalInstancesUsed": u.servers, "totalServerGroupsUsed": u.groups}
	if !since(r, 36) {
		for _, name := range []string{"maxTotalFloatingIps", "maxSecurityGroups", "maxSecurityGroupRules"} {
			absolute[name] = unlimited
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

// quota shows the limits; the host's memory is the one that counts, so none is enforced.
func (s *Service) quota(r *http.Request, value func(limit, used int) any) (wire.Answer, error) {
	view := wire.Object{}
	s.store.View(func(state *cloud.State) {
		if r.PathValue("project") != state.ProjectID {
			return
		}
		u := used(state)
		view["id"] = state.ProjectID
		view["instances"], view["cores"], view["ram"] = value(unlimited, u.servers), value(unlimited, u.cores), value(unlimited, u.ram)
		view["key_pairs"], view["metadata_items"] = value(unlimited, 0), value(128, 0)
		view["server_groups"], view["server_group_members"] = value(unlimited, u.groups), value(unlimited, 0)
	})
	if view["id"] == nil {
		return wire.Answer{}, policy("os-quota-sets:show")
	}
	if !since(r, 36) {
		for _, name := range []string{"fixed_ips", "floating_ips", "security_groups", "security_group_rules"} {
			view[name] = value(unlimited, 0)
		}
	}
	if !since(r, 57) {
		for _, name := range []string{"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"} {
			view[name] = value(0, 0)
		}
	}
	return wire.OK(wire.Object{"quota_set": view})
}

func (s *Service) showQuota(r *http.Request) (wire.Answer, error) {
	return s.quota(r, func(limit, _ int) any { return limit })
}

func (s *Service) detailQuota(r *http.Request) (wire.Answer, error) {
	return s.quota(r, func(limit, used int) any {
		return wire.Object{"limit": limit, "in_use": used, "reserved": 0}
	})
}

// serverGroupView has one policy from 2.64 on, a list of them before.
func serverGroupView(r *http.Request, state *cloud.State, group *cloud.ServerGroup) wire.Object {
	members := []string{}
	for _, id := range group.Members {
		if state.Servers[id] != nil {
			members = append(members, id)
		}
	}
	view := wire.Object{"id": group.ID, "name": group.Name, "members": members}
	if since(r, 13) {
		view["project_id"], view["user_id"] = state.ProjectID, state.UserID
	}
	if since(r, 64) {
		view["policy"], view["rules"] = group.Policy, wire.Object{}
	} else {
		view["policies"], view["metadata"] = []string{group.Policy}, wire.Object{}
	}
	return view
}

func (s *Service) listServerGroups(r *http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, group := range cloud.Sorted(state.ServerGroups) {
			views = append(views, serverGroupView(r, state, group))
		}
	})
	return wire.OK(wire.Object{"server_groups": views})
}

func (s *Service) createServerGroup(r *http.Request) (wire.Answer, error) {
	var asked struct {
		Group struct {
			Name, Policy string
			Policies     []string
		} `json:"server_group"`
	}
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	group := &cloud.ServerGroup{ID: wire.NewID(), Name: asked.Group.Name, Policy: asked.Group.Policy}
	if group.Policy == "" && len(asked.Group.Policies) > 0 {
		group.Policy = asked.Group.Policies[0]
	}
	if group.Name == "" || group.Policy == "" {
		return wire.Answer{}, badRequest("Invalid input for field/attribute server_group. A name and a policy are needed")
	}
	var view wire.Object
	err := s.store.Update(func(state *cloud.State) error {
		state.ServerGroups[group.ID] = group
		view = serverGroupView(r, state, group)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"server_group": view})
}

func (s *Service) showServerGroup(r *http.Request) (wire.Answer, error) {
	var view wire.Object
	s.store.View(func(state *cloud.State) {
		if group := state.ServerGroups[r.PathValue("group")]; group != nil {
			view = serverGroupView(r, state, group)
		}
	})
	if view == nil {
		return wire.Answer{}, missing("Instance group %s could not be found.", r.PathValue("group"))
	}
	return wire.OK(wire.Object{"server_group": view})
}

func (s *Service) deleteServerGroup(r *http.Request) (wire.Answer, error) {
	err := s.store.Update(func(state *cloud.State) error {
		id := r.PathValue("group")
		if state.ServerGroups[id] == nil {
			return missing("Instance group %s could not be found.", id)
		}
		delete(state.ServerGroups, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}
