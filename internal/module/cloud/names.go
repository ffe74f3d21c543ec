package cloud

import "rollout/internal/value"

// Records are returned as the cloud's services give them, which is what version
// 1 of the collection did with the SDK of its days, and with the names that
// newer SDKs and version 2 of the collection have for the same.

// named adds an attribute's other name: pairs of the service's name and the
// SDK's. A name that is taken is left alone.
func named(pairs []string, m *value.Map) *value.Map {
	if m == nil {
		return nil
	}
	out := m.Clone()
	for i := 0; i+1 < len(pairs); i += 2 {
		v, there := m.Get(pairs[i])
		if _, taken := out.Get(pairs[i+1]); there && !taken {
			out.Set(pairs[i+1], v)
		}
	}
	return out
}

func imageNames() []string {
	return []string{"protected", "is_protected", "os_hidden", "is_hidden", "owner", "owner_id", "os_hash_algo", "hash_algo",
		"os_hash_value", "hash_value"}
}

func networkNames() []string {
	return []string{"admin_state_up", "is_admin_state_up", "port_security_enabled", "is_port_security_enabled",
		"router:external", "is_router_external", "shared", "is_shared", "vlan_transparent", "is_vlan_transparent",
		"provider:network_type", "provider_network_type", "provider:physical_network", "provider_physical_network",
		"provider:segmentation_id", "provider_segmentation_id", "subnets", "subnet_ids",
		"ipv4_address_scope", "ipv4_address_scope_id", "ipv6_address_scope", "ipv6_address_scope_id"}
}

func subnetNames() []string {
	return []string{"enable_dhcp", "is_dhcp_enabled", "subnetpool_id", "subnet_pool_id",
		"use_default_subnetpool", "use_default_subnet_pool"}
}

func portNames() []string {
	return []string{"admin_state_up", "is_admin_state_up", "port_security_enabled", "is_port_security_enabled",
		"security_groups", "security_group_ids", "binding:host_id", "binding_host_id", "binding:profile", "binding_profile",
		"binding:vif_details", "binding_vif_details", "binding:vif_type", "binding_vif_type",
		"binding:vnic_type", "binding_vnic_type"}
}

func routerNames() []string {
	return []string{"admin_state_up", "is_admin_state_up", "distributed", "is_distributed", "ha", "is_ha"}
}

func ruleNames() []string { return []string{"ethertype", "ether_type"} }

func flavorNames() []string {
	return []string{"OS-FLV-EXT-DATA:ephemeral", "ephemeral", "OS-FLV-DISABLED:disabled", "is_disabled",
		"os-flavor-access:is_public", "is_public", "name", "original_name"}
}

func keyNames() []string { return []string{"name", "id"} }
