package openstack

import (
	"fmt"
	"strings"

	"rollout/internal/value"
)

// shape1 shows servers as the collection's 1.x does, over what openstacksdk
// before 0.99 made of Nova's answers.
func (f *further) shape1(servers []*value.Map) []*value.Map {
	out := make([]*value.Map, len(servers))
	for i, s := range servers {
		m := f.normal(s)
		f.address(m)
		if f.query.Expand {
			f.expand1(m)
		}
		out[i] = m
	}
	return out
}

// shortNames are attributes that 1.x has twice: under Nova's name and without
// the name of Nova's extension.
func shortNames() []string {
	return []string{"OS-EXT-STS:power_state", "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-SRV-USG:launched_at",
		"OS-SRV-USG:terminated_at", "OS-EXT-SRV-ATTR:hypervisor_hostname", "OS-EXT-SRV-ATTR:instance_name", "OS-EXT-SRV-ATTR:user_data",
		"OS-EXT-SRV-ATTR:host", "OS-EXT-SRV-ATTR:hostname", "OS-EXT-SRV-ATTR:kernel_id", "OS-EXT-SRV-ATTR:launch_index",
		"OS-EXT-SRV-ATTR:ramdisk_id", "OS-EXT-SRV-ATTR:reservation_id", "OS-EXT-SRV-ATTR:root_device_name", "OS-SCH-HNT:scheduler_hints"}
}

// plainNames are attributes that 1.x takes over as they are.
func plainNames() []string {
	return []string{"id", "name", "accessIPv4", "accessIPv6", "addresses", "adminPass", "created", "description", "key_name", "metadata",
		"personality", "server_groups", "status", "updated", "user_id", "tags"}
}

// propertyNames are the attributes that 1.x also keeps under properties.
func propertyNames() []string {
	return append(shortNames(), "OS-DCF:diskConfig", "OS-EXT-AZ:availability_zone", "host_status", "locked", "max_count", "min_count",
		"os-extended-volumes:volumes_attached", "trusted_image_certificates")
}

func (f *further) normal(s *value.Map) *value.Map {
	m := value.NewMap()
	for _, name := range plainNames() {
		m.Set(name, s.At(name))
	}
	properties := value.NewMap()
	for _, name := range propertyNames() {
		properties.Set(name, s.At(name))
		m.Set(name, s.At(name))
	}
	for _, name := range shortNames() {
		_, short, _ := strings.Cut(name, ":")
		m.Set(short, s.At(name))
	}
	zone, project, drive := s.At("OS-EXT-AZ:availability_zone"), s.At("tenant_id"), s.At("config_drive")
	volumes := s.List("os-extended-volumes:volumes_attached")
	image := s.At("image")
	if embedded := s.Map("image"); embedded != nil {
		image = value.NewMap("id", embedded.At("id"))
	}
	m.Update(value.NewMap("properties", properties, "volumes", append([]any{}, volumes...), "image", image,
		"flavor", withoutLinks(s.Map("flavor")), "block_device_mapping", nil, "location", f.location(project, zone),
		"config_drive", drive, "has_config_drive", strings.EqualFold(fmt.Sprint(drive), "true"), "created_at", s.At("created"),
		"disk_config", s.At("OS-DCF:diskConfig"), "progress", s.Int("progress"), "host_id", s.At("hostId"), "hostId", s.At("hostId"),
		"project_id", project, "tenant_id", project, "security_groups", append([]any{}, s.List("security_groups")...),
		"networks", value.NewMap(), "trusted_image_certificates", s.At("trusted_image_certificates"),
		"az", zone, "region", f.cloud.origin.region, "cloud", f.cloud.name))
	if m.At("tags") == nil {
		m.Set("tags", []any{})
	}
	return m
}

func withoutLinks(m *value.Map) *value.Map {
	out := value.NewMap()
	out.Update(m)
	out.Delete("links")
	return out
}

// location says which cloud, region, zone and project a resource is in. Of the
// session's own project alone the names are known.
func (f *further) location(project, zone any) *value.Map {
	about := value.NewMap("id", project, "name", nil, "domain_id", nil, "domain_name", nil)
	if project == nil || project == "" || project == f.cloud.project {
		o := f.cloud.origin
		about = value.NewMap("id", f.cloud.project, "name", orNil(o.projectName), "domain_id", orNil(o.domainID),
			"domain_name", orNil(o.domainName))
	}
	return value.NewMap("cloud", f.cloud.name, "region_name", f.cloud.origin.region, "zone", zone, "project", about)
}

func orNil(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// expand1 adds what expand_hostvars asks for.
func (f *further) expand1(m *value.Map) {
	flavor := m.Map("flavor")
	if id := flavor.String("id"); id != "" {
		if name := f.flavorNames[id]; name != "" {
			flavor.Set("name", name)
		}
	} else if name := flavor.String("original_name"); name != "" {
		flavor.Set("name", name)
	}
	if image := m.Map("image"); image != nil {
		if name := f.imageNames[image.String("id")]; name != "" {
			image.Set("name", name)
		}
	} else {
		m.Set("image", value.NewMap("id", m.At("image")))
	}
	groups := []any{}
	for _, g := range objects(m.List("security_groups")) {
		groups = append(groups, f.groupsNamed(g.String("name"), m.String("tenant_id"))...)
	}
	m.Set("security_groups", groups)
	volumes := []any{}
	for _, v := range f.volumes {
		for _, a := range objects(v.List("attachments")) {
			if a.String("server_id") == m.String("id") {
				volumes = append(volumes, f.volume1(v))
			}
		}
	}
	m.Set("volumes", volumes)
}

// volume1 shows a volume with the device it is attached as.
func (f *further) volume1(v *value.Map) *value.Map {
	rest := value.NewMap()
	rest.Update(v)
	for _, gone := range []string{"id", "name", "description", "bootable", "encrypted", "multiattach", "availability_zone", "attachments",
		"status", "size", "migration_status", "replication_status", "snapshot_id", "created_at", "updated_at", "consistencygroup_id",
		"volume_type", "metadata", "links"} {
		rest.Delete(gone)
	}
	out := rest.Clone()
	project, truth := v.At("os-vol-tenant-attr:tenant_id"), func(key string) bool { return strings.EqualFold(fmt.Sprint(v.At(key)), "true") }
	out.Update(value.NewMap("location", f.location(project, v.At("availability_zone")), "id", v.At("id"), "name", v.At("name"),
		"description", v.At("description"), "size", v.Int("size"), "attachments", v.At("attachments"), "status", v.At("status"),
		"migration_status", v.At("migration_status"), "host", v.At("os-vol-host-attr:host"),
		"replication_driver", v.At("os-volume-replication:driver_data"), "replication_status", v.At("replication_status"),
		"replication_extended_status", v.At("os-volume-replication:extended_status"), "snapshot_id", v.At("snapshot_id"),
		"created_at", v.At("created_at"), "updated_at", v.At("updated_at"), "source_volume_id", v.At("source_volid"),
		"consistencygroup_id", v.At("consistencygroup_id"), "volume_type", v.At("volume_type"), "metadata", v.At("metadata"),
		"is_bootable", truth("bootable"), "is_encrypted", truth("encrypted"), "can_multiattach", truth("multiattach"),
		"properties", rest, "display_name", v.At("name"), "display_description", v.At("description"), "bootable", truth("bootable"),
		"encrypted", truth("encrypted"), "multiattach", truth("multiattach"), "availability_zone", v.At("availability_zone"),
		"source_volid", v.At("source_volid"), "user_id", v.At("user_id")))
	if first := objects(v.List("attachments")); len(first) > 0 {
		out.Set("device", first[0].At("device"))
	}
	return out
}

// groupsNamed are the security groups that a server's entry of that name means,
// with their incoming rules, as Nova tells them.
func (f *further) groupsNamed(name, project string) []any {
	var out []any
	for _, g := range f.groups {
		if g.String("name") != name || project != "" && g.String("project_id") != project {
			continue
		}
		rules := []any{}
		for _, r := range objects(g.List("security_group_rules")) {
			if r.String("direction") == "ingress" {
				rules = append(rules, f.rule1(r))
			}
		}
		out = append(out, value.NewMap("location", f.location(g.At("project_id"), nil), "id", g.At("id"), "name", name,
			"security_group_rules", rules, "description", g.At("description"), "properties", value.NewMap(), "stateful", true,
			"tenant_id", g.At("project_id"), "project_id", g.At("project_id")))
	}
	return out
}

func (f *further) rule1(r *value.Map) *value.Map {
	remote := value.NewMap()
	for _, g := range f.groups {
		if id := r.String("remote_group_id"); id != "" && g.String("id") == id {
			remote = value.NewMap("name", g.At("name"), "tenant_id", g.At("project_id"))
		}
	}
	return value.NewMap("id", r.At("id"), "direction", "ingress", "ethertype", "IPv4", "port_range_min", r.At("port_range_min"),
		"port_range_max", r.At("port_range_max"), "protocol", r.At("protocol"), "remote_ip_prefix", r.At("remote_ip_prefix"),
		"security_group_id", r.At("security_group_id"), "remote_group_id", nil, "location", f.location(nil, nil),
		"properties", value.NewMap("group", remote), "group", remote, "tenant_id", "", "project_id", "")
}
