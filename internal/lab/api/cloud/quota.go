package cloud

import (
	"fmt"
	"net/http"
	"strings"

	"rollout/internal/lab/api/wire"
)

// Unlimited is the limit of what has none. The host's memory is the limit that counts, so none is set at first.
const Unlimited = -1

// MetadataItems is how many items a server's metadata may have.
const MetadataItems = 128

// ComputeQuotas are the limits of Nova's that a new cloud has.
func ComputeQuotas() map[string]int {
	return map[string]int{"instances": Unlimited, "cores": Unlimited, "ram": Unlimited, "key_pairs": Unlimited,
		"metadata_items": MetadataItems, "server_groups": Unlimited, "server_group_members": Unlimited}
}

// NetworkQuotas are the limits of Neutron's that a new cloud has.
func NetworkQuotas() map[string]int {
	return map[string]int{"network": Unlimited, "subnet": Unlimited, "subnetpool": Unlimited, "port": Unlimited,
		"router": Unlimited, "floatingip": Unlimited, "rbac_policy": Unlimited, "security_group": Unlimited,
		"security_group_rule": Unlimited}
}

// Limit is a resource's limit: the one that was set, else the one that a new cloud has.
func (s *State) Limit(resource string) int {
	for _, limits := range []map[string]int{s.Quotas, ComputeQuotas(), NetworkQuotas()} {
		if limit, known := limits[resource]; known {
			return limit
		}
	}
	return Unlimited
}

// Exceeds tells whether more of a resource would be too much.
func (s *State) Exceeds(resource string, used, more int) bool {
	limit := s.Limit(resource)
	return limit != Unlimited && used+more > limit
}

// NetworkUse is how much the project has of what Neutron limits.
func (s *State) NetworkUse() map[string]int {
	use := map[string]int{"network": 0, "subnet": 0, "subnetpool": 0, "port": 0, "router": len(s.Routers),
		"floatingip": len(s.FloatingIPs), "rbac_policy": 0, "security_group": len(s.SecurityGroups), "security_group_rule": len(s.Rules)}
	for _, network := range s.Networks {
		if network.ProjectID == s.ProjectID {
			use["network"]++
		}
	}
	for _, subnet := range s.Subnets {
		if subnet.ProjectID == s.ProjectID {
			use["subnet"]++
		}
	}
	for _, port := range s.Ports {
		if port.ProjectID == s.ProjectID {
			use["port"]++
		}
	}
	return use
}

// RoomFor refuses, in Neutron's words, one more of a resource than its limit allows.
func (s *State) RoomFor(resource string) error {
	if !s.Exceeds(resource, s.NetworkUse()[resource], 1) {
		return nil
	}
	return wire.Errorf(http.StatusConflict, "OverQuota", "Quota exceeded for resources: ['%s'].", resource)
}

// RoomForServers refuses, in Nova's words, servers that instances, cores or memory do not suffice for.
func (s *State) RoomForServers(flavor *Flavor, count int) error {
	used := map[string]int{"instances": len(s.Servers)}
	for _, server := range s.Servers {
		used["cores"] += server.Flavor.VCPUs
		used["ram"] += server.Flavor.RAM
	}
	more := map[string]int{"instances": count, "cores": count * flavor.VCPUs, "ram": count * flavor.RAM}
	var over, asked, has, allowed []string
	for _, resource := range []string{"cores", "instances", "ram"} {
		if s.Exceeds(resource, used[resource], more[resource]) {
			over = append(over, resource)
			asked = append(asked, fmt.Sprint(more[resource]))
			has = append(has, fmt.Sprint(used[resource]))
			allowed = append(allowed, fmt.Sprint(s.Limit(resource)))
		}
	}
	if over == nil {
		return nil
	}
	list := func(texts []string) string { return strings.Join(texts, ", ") }
	return wire.Errorf(http.StatusForbidden, "", "Quota exceeded for %s: Requested %s, but already used %s of %s %s",
		list(over), list(asked), list(has), list(allowed), list(over))
}

// SetLimits keeps limits of the project's.
func (s *State) SetLimits(limits map[string]int) {
	for resource, limit := range limits {
		s.Quotas[resource] = limit
	}
}

// ResetLimits goes back to the limits of a new cloud for these resources, and tells whether any had been set.
func (s *State) ResetLimits(resources map[string]int) bool {
	set := false
	for resource := range resources {
		_, there := s.Quotas[resource]
		set = set || there
		delete(s.Quotas, resource)
	}
	return set
}
