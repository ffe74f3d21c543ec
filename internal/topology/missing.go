package topology

import "slices"

// VM is a machine that the topology asks for.
type VM struct{ Name, Tier string }

// Missing lists the VMs that the topology asks for and the cloud lacks. Where
// the all-in-one VM is there none is missing: that is how it was wanted.
func (t *Topology) Missing(cloud []Instance) []VM {
	have := map[string]bool{}
	for _, i := range cloud {
		have[i.Name] = true
	}
	if have[t.AllInOneName()] {
		return nil
	}
	var out []VM
	for _, tier := range t.Tiers {
		for i := 1; i <= tier.Count; i++ {
			if name := t.VMName(tier.Name, i); !have[name] {
				out = append(out, VM{Name: name, Tier: tier.Name})
			}
		}
	}
	return out
}

// Rank is a tier's place in the link order; what is no tier comes last.
func (t *Topology) Rank(tier string) int {
	i := slices.IndexFunc(t.Tiers, func(have *Tier) bool { return have.Name == tier })
	if i < 0 {
		return len(t.Tiers)
	}
	return i
}
