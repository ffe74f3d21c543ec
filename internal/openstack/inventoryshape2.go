package openstack

import (
	"strconv"

	"rollout/internal/value"
)

// field is one attribute of a resource as openstacksdk, and so the collection's
// 2.x, names it: its name there, that in the API, and what it is where the API
// has none.
type field struct {
	name, from string
	absent     any
}

// serverFields is openstacksdk's compute server.
func serverFields() []field {
	return []field{
		{name: "id", from: "id"}, {name: "name", from: "name"}, {name: "status", from: "status"},
		{name: "access_ipv4", from: "accessIPv4"}, {name: "access_ipv6", from: "accessIPv6"}, {name: "addresses", from: "addresses"},
		{name: "admin_password", from: "adminPass"}, {name: "availability_zone", from: "OS-EXT-AZ:availability_zone"},
		{name: "block_device_mapping", from: "block_device_mapping_v2"}, {name: "compute_host", from: "OS-EXT-SRV-ATTR:host"},
		{name: "config_drive", from: "config_drive"}, {name: "created_at", from: "created"}, {name: "description", from: "description"},
		{name: "disk_config", from: "OS-DCF:diskConfig"}, {name: "fault", from: "fault"}, {name: "flavor_id", from: "flavorRef"},
		{name: "has_config_drive", from: "config_drive"}, {name: "host", from: "host"}, {name: "host_id", from: "hostId"},
		{name: "host_status", from: "host_status"}, {name: "hostname", from: "OS-EXT-SRV-ATTR:hostname"},
		{name: "hypervisor_hostname", from: "OS-EXT-SRV-ATTR:hypervisor_hostname"}, {name: "image_id", from: "imageRef"},
		{name: "instance_name", from: "OS-EXT-SRV-ATTR:instance_name"}, {name: "is_locked", from: "locked"},
		{name: "kernel_id", from: "OS-EXT-SRV-ATTR:kernel_id"}, {name: "key_name", from: "key_name"},
		{name: "launch_index", from: "OS-EXT-SRV-ATTR:launch_index"}, {name: "launched_at", from: "OS-SRV-USG:launched_at"},
		{name: "links", from: "links"}, {name: "locked_reason", from: "locked_reason"}, {name: "max_count", from: "max_count"},
		{name: "metadata", from: "metadata"}, {name: "min_count", from: "min_count"}, {name: "networks", from: "networks"},
		{name: "personality", from: "personality"}, {name: "pinned_availability_zone", from: "pinned_availability_zone"},
		{name: "power_state", from: "OS-EXT-STS:power_state"}, {name: "progress", from: "progress"}, {name: "project_id", from: "tenant_id"},
		{name: "ramdisk_id", from: "OS-EXT-SRV-ATTR:ramdisk_id"}, {name: "reservation_id", from: "OS-EXT-SRV-ATTR:reservation_id"},
		{name: "root_device_name", from: "OS-EXT-SRV-ATTR:root_device_name"}, {name: "scheduler_hints", from: "OS-SCH-HNT:scheduler_hints"},
		{name: "security_groups", from: "security_groups"}, {name: "server_groups", from: "server_groups"},
		{name: "tags", from: "tags", absent: []any{}}, {name: "task_state", from: "OS-EXT-STS:task_state"},
		{name: "terminated_at", from: "OS-SRV-USG:terminated_at"}, {name: "trusted_image_certificates", from: "trusted_image_certificates"},
		{name: "updated_at", from: "updated"}, {name: "user_data", from: "OS-EXT-SRV-ATTR:user_data"}, {name: "user_id", from: "user_id"},
		{name: "vm_state", from: "OS-EXT-STS:vm_state"},
	}
}

// flavorFields is openstacksdk's flavor, as a server embeds it.
func flavorFields() []field {
	return []field{
		{name: "description", from: "description"}, {name: "disk", from: "disk", absent: 0}, {name: "ephemeral", from: "ephemeral", absent: 0},
		{name: "extra_specs", from: "extra_specs", absent: value.NewMap()}, {name: "is_disabled", from: "OS-FLV-DISABLED:disabled"},
		{name: "is_public", from: "os-flavor-access:is_public", absent: true}, {name: "location"},
		{name: "original_name", from: "original_name"}, {name: "ram", from: "ram", absent: 0}, {name: "rxtx_factor", from: "rxtx_factor"},
		{name: "swap", from: "swap", absent: 0}, {name: "vcpus", from: "vcpus", absent: 0},
	}
}

// imageNames are the attributes of openstacksdk's image. A server's answer has
// but the id.
func imageNames() []string {
	return []string{"architecture", "checksum", "container_format", "created_at", "direct_url", "disk_format", "file",
		"has_auto_disk_config", "hash_algo", "hash_value", "hw_cpu_cores", "hw_cpu_policy", "hw_cpu_sockets", "hw_cpu_thread_policy",
		"hw_cpu_threads", "hw_disk_bus", "hw_machine_type", "hw_qemu_guest_agent", "hw_rng_model", "hw_scsi_model",
		"hw_serial_port_count", "hw_video_model", "hw_video_ram", "hw_vif_model", "hw_watchdog_action", "hypervisor_type", "id",
		"instance_type_rxtx_factor", "instance_uuid", "is_hidden", "is_hw_boot_menu_enabled", "is_hw_vif_multiqueue_enabled",
		"is_protected", "kernel_id", "location", "locations", "metadata", "min_disk", "min_ram", "name", "needs_config_drive",
		"needs_secure_boot", "os_admin_user", "os_command_line", "os_distro", "os_require_quiesce", "os_shutdown_timeout", "os_type",
		"os_version", "owner", "owner_id", "properties", "ramdisk_id", "schema", "size", "status", "store", "updated_at", "url",
		"virtual_size", "visibility", "vm_mode", "vmware_adaptertype", "vmware_ostype"}
}

// attachmentFields is openstacksdk's volume attachment, as a server embeds it.
func attachmentFields() []field {
	return []field{{name: "attachment_id", from: "attachment_id"}, {name: "bdm_id", from: "bdm_uuid"},
		{name: "delete_on_termination", from: "delete_on_termination"}, {name: "device", from: "device"}, {name: "id", from: "id"},
		{name: "location"}, {name: "name", from: "name"}, {name: "tag", from: "tag"}, {name: "volume_id", from: "volumeId"}}
}

// volumeFields is openstacksdk's volume.
func volumeFields() []field {
	return []field{
		{name: "attachments", from: "attachments"}, {name: "availability_zone", from: "availability_zone"},
		{name: "consistency_group_id", from: "consistencygroup_id"}, {name: "created_at", from: "created_at"},
		{name: "description", from: "description"}, {name: "extended_replication_status", from: "os-volume-replication:extended_status"},
		{name: "group_id", from: "group_id"}, {name: "host", from: "os-vol-host-attr:host"}, {name: "id", from: "id"},
		{name: "image_id", from: "imageRef"}, {name: "is_bootable", from: "bootable"}, {name: "is_encrypted", from: "encrypted"},
		{name: "is_multiattach", from: "multiattach"}, {name: "metadata", from: "metadata"},
		{name: "migration_id", from: "os-vol-mig-status-attr:name_id"}, {name: "migration_status", from: "os-vol-mig-status-attr:migstat"},
		{name: "name", from: "name"}, {name: "project_id", from: "os-vol-tenant-attr:tenant_id"}, {name: "provider_id", from: "provider_id"},
		{name: "replication_driver_data", from: "os-volume-replication:driver_data"}, {name: "replication_status", from: "replication_status"},
		{name: "scheduler_hints", from: "OS-SCH-HNT:scheduler_hints"}, {name: "size", from: "size"}, {name: "snapshot_id", from: "snapshot_id"},
		{name: "source_volume_id", from: "source_volid"}, {name: "status", from: "status"}, {name: "updated_at", from: "updated_at"},
		{name: "user_id", from: "user_id"}, {name: "volume_image_metadata", from: "volume_image_metadata"}, {name: "volume_type", from: "volume_type"},
	}
}

// take copies a resource's fields under openstacksdk's names.
func take(fields []field, m *value.Map) *value.Map {
	out := value.NewMap()
	for _, f := range fields {
		v, ok := m.Get(f.from)
		if !ok || v == nil && f.absent != nil {
			v = value.Copy(f.absent)
		}
		out.Set(f.name, v)
	}
	return out
}

// shape2 shows servers as the collection's 2.x does.
func (f *further) shape2(servers []*value.Map) []*value.Map {
	fields, flavor, image, attachment := serverFields(), flavorFields(), imageNames(), attachmentFields()
	volumes := f.volumes2()
	out := make([]*value.Map, len(servers))
	for i, s := range servers {
		m := take(fields, s)
		m.Set("flavor", flavor2(flavor, s.Map("flavor")))
		m.Set("image", image2(image, s.Map("image")))
		attached := []any{}
		for _, a := range objects(s.List("os-extended-volumes:volumes_attached")) {
			attached = append(attached, take(attachment, a))
		}
		m.Set("attached_volumes", attached)
		m.Set("volumes", value.Copy(attached))
		if f.query.Expand {
			m.Set("volumes", volumes.of(s.String("id")))
		}
		place := value.NewMap("name", f.cloud.name)
		if f.cloud.origin.region != "" {
			place.Set("region", f.cloud.origin.region)
		}
		m.Set("cloud", place)
		out[i] = m
	}
	return out
}

// flavor2 takes name and id from one another: a server embeds the name only, or,
// in old versions, the id only.
func flavor2(fields []field, m *value.Map) *value.Map {
	out := take(fields, m)
	first := func(keys ...string) any {
		for _, k := range keys {
			if s := m.String(k); s != "" {
				return s
			}
		}
		return nil
	}
	out.Set("name", first("name", "original_name"))
	out.Set("id", first("id", "name", "original_name"))
	return out
}

// image2 keeps what a server says of its image beyond the id under properties.
func image2(names []string, m *value.Map) *value.Map {
	out := value.NewMap()
	for _, n := range names {
		out.Set(n, nil)
	}
	out.Set("tags", []any{})
	properties := value.NewMap()
	properties.Update(m.Map("properties"))
	for key, v := range m.All() {
		switch key {
		case "id":
			out.Set("id", v)
		case "properties":
		default:
			properties.Set(key, v)
		}
	}
	if properties.Len() > 0 {
		out.Set("properties", properties)
	}
	return out
}

// volumesByServer are volumes as shown, under the ids of their servers.
type volumesByServer map[string][]any

func (v volumesByServer) of(server string) []any {
	if list := v[server]; list != nil {
		return list
	}
	return []any{}
}

func (f *further) volumes2() volumesByServer {
	out := volumesByServer{}
	fields := volumeFields()
	for _, v := range f.volumes {
		shown := take(fields, v)
		for _, key := range []string{"is_bootable", "is_encrypted"} {
			if b, err := strconv.ParseBool(shown.String(key)); err == nil {
				shown.Set(key, b)
			}
		}
		for _, server := range fieldOf(v.List("attachments"), "server_id") {
			out[server] = append(out[server], shown)
		}
	}
	return out
}
