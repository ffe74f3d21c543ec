package topology

import (
	"slices"
	"strings"

	"rollout/internal/document"
)

func (d *decoder) checkLinks() {
	var names []string
	for _, t := range d.top.Tiers {
		for _, c := range t.Containers {
			names = append(names, c.Name)
		}
	}
	for _, t := range d.top.Tiers {
		for _, c := range t.Containers {
			d.checkLinksOf(t, c, names)
		}
	}
}

func (d *decoder) checkLinksOf(t *Tier, c *Container, names []string) {
	aliases := map[string]bool{}
	for _, l := range c.Links {
		p := d.top.Container(l.Provider)
		switch {
		case p == nil:
			d.errs.AddHint(l.Pos, document.Suggest(l.Provider, names), "container %s links %q, which is no container here", c.Name, l.Provider)
			continue
		case p == c:
			d.errs.Add(l.Pos, "container %s links itself", c.Name)
		case p.Tier != t.Name && sharedNetwork(d.top.Tier(p.Tier).Machine, t.Machine) == "":
			d.errs.Add(l.Pos, "container %s links %s, but tiers %s and %s share no network", c.Name, p.Name, t.Name, p.Tier)
		case p.Tier != t.Name && len(p.Ports) == 0:
			d.errs.Add(l.Pos, "container %s links %s on another VM, but %s publishes no port", c.Name, p.Name, p.Name)
		}
		if aliases[l.Alias] {
			d.errs.Add(l.Pos, "container %s has two links called %s", c.Name, l.Alias)
		}
		aliases[l.Alias] = true
	}
}

// sharedNetwork is the network on which consumer reaches provider: the
// provider's own tier network before the management network.
func sharedNetwork(provider, consumer Machine) string {
	best := ""
	for _, n := range provider.Networks {
		if !slices.Contains(consumer.Networks, n) {
			continue
		}
		if n != provider.ManagementNetwork {
			return n
		}
		best = n
	}
	return best
}

// tierNetwork is the network a tier is known by: its first besides the
// management network, or that.
func tierNetwork(m Machine) string {
	for _, n := range m.Networks {
		if n != m.ManagementNetwork {
			return n
		}
	}
	return m.ManagementNetwork
}

// orderByLinks sorts tiers, and containers within a tier, so that a provider
// comes before its consumers; otherwise the file's order is kept.
func (d *decoder) orderByLinks() {
	d.reportCycles()
	if d.errs.Len() > 0 {
		return
	}
	t := d.top
	t.Tiers = stableOrder(t.Tiers, func(tier *Tier) []*Tier {
		var needs []*Tier
		for _, c := range tier.Containers {
			for _, l := range c.Links {
				if p := t.Tier(t.Container(l.Provider).Tier); p != tier {
					needs = append(needs, p)
				}
			}
		}
		return needs
	})
	for _, tier := range t.Tiers {
		tier.Containers = stableOrder(tier.Containers, func(c *Container) []*Container {
			var needs []*Container
			for _, l := range c.Links {
				if p := t.Container(l.Provider); p.Tier == tier.Name {
					needs = append(needs, p)
				}
			}
			return needs
		})
	}
}

// stableOrder is a depth-first topological order; there is no cycle.
func stableOrder[T comparable](items []T, needs func(T) []T) []T {
	out := make([]T, 0, len(items))
	var visit func(T)
	visit = func(item T) {
		if slices.Contains(out, item) {
			return
		}
		for _, n := range needs(item) {
			visit(n)
		}
		out = append(out, item)
	}
	for _, item := range items {
		visit(item)
	}
	return out
}

// reportCycles finds cycles between containers, and between tiers whose
// containers form none (a1→b1, b2→a2): VMs of a tier start together.
func (d *decoder) reportCycles() {
	byContainer := graph{}
	byTier := graph{}
	for _, t := range d.top.Tiers {
		for _, c := range t.Containers {
			for _, l := range c.Links {
				byContainer.add(c.Name, l.Provider, l.Pos)
				if p := d.top.Container(l.Provider); p.Tier != t.Name {
					byTier.add(t.Name, p.Tier, l.Pos)
				}
			}
		}
	}
	if path, pos := byContainer.cycle(); path != nil {
		d.errs.Add(pos, "the links form a cycle: %s", strings.Join(path, " → "))
		return
	}
	if path, pos := byTier.cycle(); path != nil {
		d.errs.Add(pos, "the links between tiers form a cycle: %s", strings.Join(path, " → "))
	}
}

type edge struct {
	to  string
	pos document.Position
}

// graph is who needs whom, and where the file says so.
type graph map[string][]edge

func (g graph) add(from, to string, pos document.Position) {
	g[from] = append(g[from], edge{to, pos})
}

// cycle returns the names along one cycle and the place of the link that
// closes it, or nil.
func (g graph) cycle() ([]string, document.Position) {
	done := map[string]bool{}
	var path []string
	var visit func(string) ([]string, document.Position)
	visit = func(name string) ([]string, document.Position) {
		path = append(path, name)
		defer func() { path = path[:len(path)-1] }()
		for _, e := range g[name] {
			if i := slices.Index(path, e.to); i >= 0 {
				return append(slices.Clone(path[i:]), e.to), e.pos
			}
			if done[e.to] {
				continue
			}
			if found, pos := visit(e.to); found != nil {
				return found, pos
			}
		}
		done[name] = true
		return nil, document.Position{}
	}
	names := make([]string, 0, len(g))
	for name := range g {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if found, pos := visit(name); found != nil {
			return found, pos
		}
	}
	return nil, document.Position{}
}
