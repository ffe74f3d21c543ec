package topology

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/document"
)

// check finds what is wrong between parts that are each well formed.
func (d *decoder) check() {
	t := d.top
	if t.Owner == "" {
		d.errs.AddHint(document.Position{File: t.Path, Line: 1, Column: 1}, "add owner: NAME, or set STUDENT", "the topology has no owner")
	}
	if t.AllInOne == nil {
		d.defaultAllInOne()
	}
	d.checkNetworks()
	d.checkMachines()
	d.checkContainers()
	d.checkLinks()
	if d.errs.Len() == 0 {
		d.orderByLinks()
	}
}

// defaultAllInOne gives the one VM what all tiers have: the networks and
// security groups of each, and a floating IP where one of them has one.
func (d *decoder) defaultAllInOne() {
	m := d.machineOf(&document.Node{}, "all_in_one")
	m.Networks, m.SecurityGroups = nil, nil
	for _, tier := range d.top.Tiers {
		for _, g := range tier.Machine.SecurityGroups {
			if !slices.Contains(m.SecurityGroups, g) {
				m.SecurityGroups = append(m.SecurityGroups, g)
			}
		}
		if tier.Machine.FloatingIP != nil {
			m.FloatingIP = &FloatingIP{Pool: tier.Machine.FloatingIP.Pool, Address: tier.Machine.FloatingIP.Address}
		}
		if m.ManagementNetwork == "" {
			m.ManagementNetwork = tier.Machine.ManagementNetwork
		}
	}
	if m.ManagementNetwork != "" {
		m.Networks = []string{m.ManagementNetwork}
	}
	d.top.AllInOne = &m
}

func (d *decoder) checkNetworks() {
	nets := d.top.Networks
	for i, a := range nets {
		for _, b := range nets[i+1:] {
			if a.CIDR.Overlaps(b.CIDR) {
				d.errs.Add(b.Pos, "network %s (%s) overlaps network %s (%s) of line %d", b.Name, b.CIDR, a.Name, a.CIDR, a.Pos.Line)
			}
		}
	}
}

func (d *decoder) checkMachines() {
	for _, t := range d.top.Tiers {
		m := t.Machine
		for _, need := range []struct{ what, has string }{{"image", m.Image}, {"flavor", m.Flavor}} {
			if need.has == "" {
				d.errs.AddHint(t.Pos, "give it here or under defaults:", "tier %s has no %s", t.Name, need.what)
			}
		}
		if m.ReachByFloatingIP && m.FloatingIP == nil {
			d.errs.AddHint(t.Pos, "add floating_ip: true", "tier %s is to be reached by a floating IP and has none", t.Name)
		}
		if len(m.Networks) == 0 {
			d.errs.Add(t.Pos, "tier %s has no networks", t.Name)
		} else if !slices.Contains(m.Networks, m.ManagementNetwork) {
			d.errs.AddHint(t.Pos, "its networks are "+strings.Join(m.Networks, ", "),
				"tier %s is not on its management network %s", t.Name, m.ManagementNetwork)
		}
	}
}

func (d *decoder) checkContainers() {
	names := map[string]*Container{}
	ports := map[string]*Container{}
	for _, t := range d.top.Tiers {
		for _, c := range t.Containers {
			if first := names[c.Name]; first != nil {
				d.errs.Add(c.Pos, "two containers are called %s: tier %s has one in line %d", c.Name, first.Tier, first.Pos.Line)
				continue
			}
			names[c.Name] = c
			for _, p := range c.Ports {
				key := fmt.Sprintf("%d/%s", p.Host, p.Protocol)
				if first := ports[key]; first != nil && p.Host != 0 {
					d.errs.Add(p.Pos, "containers %s and %s both claim host port %s", first.Name, c.Name, key)
				}
				ports[key] = c
			}
		}
	}
}
