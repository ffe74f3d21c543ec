package runner

import (
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
)

// moduleGroups are the groups of modules that module_defaults may name, as the
// meta/runtime.yml of Ansible and of its collections have them. Each stands for
// those modules of rollout whose full names begin so; "-" is a group with none.
var moduleGroups = map[string]string{
	"openstack.cloud.openstack": "openstack.cloud.", "openstack.cloud.os": "openstack.cloud.", "os": "openstack.cloud.",
	"community.docker.docker": "community.docker.", "docker": "community.docker.",
	"community.postgresql.all": "community.postgresql.",

	"acme": "-", "aws": "-", "azure": "-", "cpm": "-", "gcp": "-", "k8s": "-", "ovirt": "-", "vmware": "-",
	"amazon.aws.aws": "-", "awx.awx.controller": "-", "azure.azcollection.all": "-", "cisco.aci.all": "-",
	"cisco.mso.mso": "-", "cisco.mso.ndo": "-", "cisco.mso.all": "-", "cloudscale_ch.cloud.cloudscale": "-",
	"community.aws.aws": "-", "community.crypto.acme": "-", "community.digitalocean.all": "-",
	"community.dns.hetzner": "-", "community.dns.hosttech": "-", "community.grafana.grafana": "-",
	"community.hashi_vault.vault": "-", "community.hrobot.robot": "-", "community.okd.okd": "-",
	"community.routeros.api": "-", "community.vmware.vmware": "-", "community.zabbix.zabbix": "-", "google.cloud.gcp": "-",
	"kubernetes.core.helm": "-", "kubernetes.core.k8s": "-", "netbox.netbox.netbox": "-", "ngine_io.cloudstack.cloudstack": "-",
	"ngine_io.exoscale.exoscale": "-", "ngine_io.vultr.vultr": "-", "ovirt.ovirt.ovirt": "-",
	"t_systems_mms.icinga_director.icinga": "-", "theforeman.foreman.foreman": "-", "vultr.cloud.vultr": "-", "wti.remote.cpm": "-",
}

// moduleGroup returns the name of the group that an entry of module_defaults
// means; isGroup is false for that of a module.
func moduleGroup(entry string) (name string, isGroup bool) {
	name, isGroup = strings.CutPrefix(entry, "group/")
	return strings.TrimPrefix(strings.TrimPrefix(name, builtin), legacy), isGroup
}

// groupNames lists the groups, for suggestions.
func groupNames() []string {
	var out []string
	for name := range moduleGroups {
		out = append(out, "group/"+name)
	}
	slices.Sort(out)
	return out
}

// defaultsOf picks what module_defaults says for a module, weakest first: of
// each entry the innermost, those of groups before the module's own.
func (c callables) defaultsOf(sets []*document.Node, module string, collections []string) []*document.Node {
	full := c.full(module, collections)
	var order []string
	entries := map[string]*document.Node{}
	for _, set := range sets {
		for _, e := range set.Entries {
			key := c.full(e.Name(), collections)
			if group, isGroup := moduleGroup(e.Name()); isGroup {
				key = "group/" + group
				if !strings.HasPrefix(full, moduleGroups[group]) {
					continue
				}
			} else if key != full {
				continue
			}
			if entries[key] == nil && key != full {
				order = append(order, key)
			}
			entries[key] = e.Value
		}
	}
	var out []*document.Node
	for _, key := range append(order, full) {
		if n := entries[key]; n != nil {
			out = append(out, n)
		}
	}
	return out
}

// managersDefaults refuses a task of package that Ansible would give the
// defaults of the package manager's module, which is known on the host only.
func (c *checker) managersDefaults(t *playbook.Task, mod *module.Module) {
	if mod == nil || mod.Name != builtin+"package" {
		return
	}
	for _, set := range t.ModuleDefaults {
		for _, e := range set.Entries {
			switch full := c.run.callables.full(e.Name(), t.Collections); full {
			case builtin + "apt", builtin + "dnf", builtin + "yum":
				c.errs.AddHint(t.ActionPos, "call "+strings.TrimPrefix(full, builtin)+", or give the defaults to package",
					"package cannot use the module_defaults of %s", e.Name())
			}
		}
	}
}
