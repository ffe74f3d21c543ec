package topology

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/value"
	"rollout/inventory"
	"rollout/userdata"
)

// Instance is what the cloud has under the name of one of our VMs.
type Instance struct {
	ID         string
	Name       string
	Status     string
	Addresses  map[string]string // fixed address on each network
	FloatingIP string
}

// Inventory shows the topology as Ansible sees hosts: a group for each tier,
// in link order, a host for each VM. What the cloud has already gives the
// addresses; the rest is there for VMs that are still to be booted.
func (t *Topology) Inventory(cloud []Instance) (*inventory.Inventory, error) {
	have := map[string]Instance{}
	for _, i := range cloud {
		have[i.Name] = i
	}
	inv := inventory.New()
	all := inv.AddGroup("all").Vars
	all.Update(t.Vars)
	all.Update(t.common(have))
	one, err := t.allInOne(have[t.AllInOneName()])
	if err != nil {
		return nil, err
	}
	all.Update(one)
	for _, tier := range t.Tiers {
		inv.AddGroup(tier.Name).Vars.Update(tier.Vars)
		for i := 1; i <= tier.Count; i++ {
			name := t.VMName(tier.Name, i)
			vars, err := t.hostVars(tier, i, have)
			if err != nil {
				return nil, err
			}
			inv.AddHost(name, tier.Name).Vars.Update(vars)
		}
	}
	return inv, nil
}

// common are the variables of the group all.
func (t *Topology) common(have map[string]Instance) *value.Map {
	vars := value.NewMap("rollout_app", t.App, "rollout_owner", t.Owner, "rollout_cloud", t.Cloud)
	batches, order := []any{}, []any{}
	for _, tier := range t.Tiers {
		order = append(order, tier.Name)
		if tier.Count > 0 {
			batches = append(batches, tier.Count)
		}
		addresses := t.addresses(tier, tierNetwork(tier.Machine), have)
		vars.Set(tier.Name+"_addresses", value.List(addresses))
		if len(addresses) > 0 && addresses[0] != "" {
			vars.Set(tier.Name, addresses[0])
		}
	}
	vars.Set("tiers", order)
	vars.Set("tier_batches", batches)
	vars.Set("networks", t.networkVars())
	vars.Set("security_groups", t.securityGroupVars())
	vars.Set("key_pairs", t.keyPairVars())
	return vars
}

// addresses are those of a tier's VMs on a network, in order; "" for a VM that
// has none yet.
func (t *Topology) addresses(tier *Tier, network string, have map[string]Instance) []string {
	out := make([]string, tier.Count)
	for i := range out {
		out[i] = have[t.VMName(tier.Name, i+1)].Addresses[network]
	}
	return out
}

func (t *Topology) networkVars() []any {
	out := []any{}
	for _, n := range t.Networks {
		m := value.NewMap("name", n.Name, "cidr", n.CIDR.String(), "dns_nameservers", value.List(n.DNS))
		if n.Router != "" {
			m.Set("router", n.Router)
		}
		out = append(out, m)
	}
	return out
}

func (t *Topology) keyPairVars() []any {
	out := []any{}
	for _, k := range t.KeyPairs {
		m := value.NewMap("name", k.Name)
		for _, v := range []struct{ key, text string }{
			{"public_key", k.PublicKey}, {"public_key_file", k.PublicKeyFile}, {"private_key_file", k.PrivateKeyFile},
		} {
			if v.text != "" {
				m.Set(v.key, v.text)
			}
		}
		out = append(out, m)
	}
	return out
}

func (t *Topology) securityGroupVars() []any {
	out := []any{}
	for _, g := range t.SecurityGroups {
		rules := []any{}
		for _, r := range g.Rules {
			m := value.NewMap()
			if r.Protocol != "" {
				m.Set("protocol", r.Protocol)
			}
			if r.PortMin != 0 {
				m.Set("port_range_min", r.PortMin)
				m.Set("port_range_max", r.PortMax)
			}
			if r.RemoteIPPrefix != "" {
				m.Set("remote_ip_prefix", r.RemoteIPPrefix)
			}
			if r.RemoteGroup != "" {
				m.Set("remote_group", r.RemoteGroup)
			}
			rules = append(rules, m)
		}
		out = append(out, value.NewMap("name", g.Name, "rules", rules))
	}
	return out
}

func (t *Topology) hostVars(tier *Tier, index int, have map[string]Instance) (*value.Map, error) {
	name := t.VMName(tier.Name, index)
	doc, err := t.userData(tier.Machine, userdata.DockerRunning)
	if err != nil {
		return nil, fmt.Errorf("%s: tier %s: %w", tier.Pos, tier.Name, err)
	}
	vars := value.NewMap("tier", tier.Name, "index", index, "vm_name", name)
	vars.Set("server", t.serverVars(name, tier.Name, index, tier.Machine))
	vars.Set("user_data", doc)
	vars.Set("ansible_user", tier.Machine.User)
	if tier.Machine.KeyFile != "" {
		vars.Set("ansible_ssh_private_key_file", tier.Machine.KeyFile)
	}
	vars.Update(placeVars(tier.Machine, have[name]))
	containers := []any{}
	for _, c := range tier.Containers {
		containers = append(containers, t.containerVars(tier, c, have))
	}
	vars.Set("containers", containers)
	return vars, nil
}

// placeVars are the addresses under which a VM is reached, as far as known.
func placeVars(m Machine, i Instance) *value.Map {
	vars := value.NewMap("management_network", m.ManagementNetwork)
	if i.ID == "" {
		return vars
	}
	addresses := value.NewMap()
	for _, n := range m.Networks {
		addresses.Set(n, i.Addresses[n])
	}
	vars.Set("server_id", i.ID)
	vars.Set("server_status", i.Status)
	vars.Set("addresses", addresses)
	management := i.Addresses[m.ManagementNetwork]
	if management != "" {
		vars.Set("ansible_host", management)
		vars.Set("address", management)
	}
	if i.FloatingIP != "" {
		vars.Set("floating_ip_address", i.FloatingIP)
		vars.Set("address", i.FloatingIP)
	}
	if m.ReachByFloatingIP {
		vars.Delete("ansible_host")
		if i.FloatingIP != "" {
			vars.Set("ansible_host", i.FloatingIP)
		}
	}
	return vars
}

// serverVars is the VM's specification, named as openstack.cloud.server's
// arguments.
func (t *Topology) serverVars(name, tier string, index int, m Machine) *value.Map {
	nics := []any{}
	for _, n := range m.Networks {
		nics = append(nics, value.NewMap("net-name", n))
	}
	meta := m.Metadata.Clone()
	meta.Set("rollout_app", t.App)
	meta.Set("rollout_owner", t.Owner)
	meta.Set("rollout_tier", tier)
	meta.Set("rollout_index", fmt.Sprint(index))
	vars := value.NewMap("name", name, "image", m.Image, "flavor", m.Flavor, "nics", nics,
		"security_groups", value.List(m.SecurityGroups), "meta", meta, "timeout", m.BootTimeout)
	if m.KeyName != "" {
		vars.Set("key_name", m.KeyName)
	}
	if zones := zonesFor(index, m.AvailabilityZones); len(zones) > 0 {
		vars.Set("availability_zone", zones[0])
		if len(zones) > 1 {
			vars.Set("availability_zones", value.List(zones))
		}
	}
	if f := m.FloatingIP; f != nil {
		ip := value.NewMap()
		if f.Pool != "" {
			ip.Set("pool", f.Pool)
		}
		if f.Address != "" {
			ip.Set("address", f.Address)
		}
		vars.Set("floating_ip", ip)
	}
	return vars
}

// zonesFor are the zones that the index-th VM of a tier is tried in: VMs are
// spread by starting each one zone further.
func zonesFor(index int, zones []string) []string {
	if len(zones) < 2 {
		return zones
	}
	first := (index - 1) % len(zones)
	return append(slices.Clone(zones[first:]), zones[:first]...)
}

// userData joins what rollout needs at boot with the user's own document,
// which is given inline or as a file beside the topology.
func (t *Topology) userData(m Machine, own string) (string, error) {
	docs := []string{}
	if m.User == "root" {
		docs = append(docs, userdata.RootLogin)
	}
	docs = append(docs, userdata.HostKeys, own)
	if m.UserData != "" {
		doc := m.UserData
		if userdata.Type(doc) == "" && !strings.Contains(doc, "\n") {
			path := doc
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(t.Path), path)
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return "", fmt.Errorf("cannot read user_data: %w", err)
			}
			doc = string(data)
		}
		docs = append(docs, doc)
	}
	return userdata.Join(docs...)
}

// containerVars is one container as the role containers takes it: links on the
// same VM are Docker's own, links to other VMs are spelt out.
func (t *Topology) containerVars(tier *Tier, c *Container, have map[string]Instance) *value.Map {
	local, remote := []any{}, []any{}
	for _, l := range c.Links {
		p := t.Container(l.Provider)
		if p.Tier == tier.Name {
			local = append(local, l.Provider+":"+l.Alias)
			continue
		}
		from := t.Tier(p.Tier)
		var hosts []string
		for i := 1; i <= from.Count; i++ {
			hosts = append(hosts, t.VMName(from.Name, i))
		}
		addresses := t.addresses(from, sharedNetwork(from.Machine, tier.Machine), have)
		remote = append(remote, remoteLink(c, l, p, hosts, addresses))
	}
	vars := value.NewMap("name", c.Name, "options", c.Options, "env", c.Env, "links", local, "remote_links", remote)
	if r := c.Ready; r != nil {
		vars.Set("ready", readyVars(r))
	}
	return vars
}

// allInOne is the one VM that runs every tier: its containers are linked by
// Docker itself, and only those that none links publish their ports. The user
// data and the readiness checks are variables of their own because they are
// templates over all_in_one and over the address, which comes later.
func (t *Topology) allInOne(i Instance) (*value.Map, error) {
	linked := map[string]bool{}
	for _, tier := range t.Tiers {
		for _, c := range tier.Containers {
			for _, l := range c.Links {
				linked[l.Provider] = true
			}
		}
	}
	containers, ready := []any{}, []any{}
	for _, tier := range t.Tiers {
		for _, c := range tier.Containers {
			containers = append(containers, runVars(c, !linked[c.Name]))
			if c.Ready != nil {
				ready = append(ready, readyVars(c.Ready))
			}
		}
	}
	doc, err := t.userData(*t.AllInOne, userdata.AllInOne)
	if err != nil {
		return nil, fmt.Errorf("all_in_one: %w", err)
	}
	one := value.NewMap("server", t.serverVars(t.AllInOneName(), "all", 1, *t.AllInOne),
		"user", t.AllInOne.User, "containers", containers)
	one.Update(placeVars(*t.AllInOne, i))
	return value.NewMap("vm_name", t.AllInOneName(), "all_in_one", one, "all_in_one_user_data", doc, "all_in_one_ready", ready), nil
}

func readyVars(r *Ready) *value.Map {
	return value.NewMap("http", r.HTTP, "status", r.Status, "within", r.Within)
}

// AllInOneVars are the connection variables of the one VM.
func (t *Topology) AllInOneVars(i Instance) *value.Map {
	vars := placeVars(*t.AllInOne, i)
	vars.Set("ansible_user", t.AllInOne.User)
	if t.AllInOne.KeyFile != "" {
		vars.Set("ansible_ssh_private_key_file", t.AllInOne.KeyFile)
	}
	return vars
}

// runVars is one container as the all-in-one script runs it.
func runVars(c *Container, publish bool) *value.Map {
	links, ports := []any{}, []any{}
	for _, l := range c.Links {
		links = append(links, l.Provider+":"+l.Alias)
	}
	if publish {
		if p, ok := c.Options.At("ports").([]any); ok {
			ports = p
		}
	}
	return value.NewMap("name", c.Name, "image", c.Image, "links", links, "ports", ports, "env", c.Env, "options", c.Options)
}
