package api

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/compute"
)

// Seed is what a new practice cloud comes with.
type Seed struct {
	Networks  []SeedNetwork // tenant networks; the first is the one that Ext-Router and the console are on
	External  netip.Prefix  // of Ext-Net; floating IPs are its addresses .100 to .220
	ImageName string
	ImageRef  string // of the Docker image; a later one replaces it
	ImageSize int64  // in bytes
	KeyName   string
	PublicKey string // in the form of authorized_keys
}

// SeedNetwork is a tenant network with its one subnet.
type SeedNetwork struct {
	Name string
	CIDR string
}

// flavors are the exercise's.
var flavors = []cloud.Flavor{
	{ID: "1", Name: "standard.xsmall", VCPUs: 1, RAM: 1024, DiskGB: 10},
	{ID: "2", Name: "standard.small", VCPUs: 1, RAM: 2048, DiskGB: 20},
	{ID: "3", Name: "standard.medium", VCPUs: 2, RAM: 4096, DiskGB: 40},
}

// plant fills a cloud that has nothing yet, and puts the current image behind its name.
func (seed Seed) plant(state *cloud.State, now time.Time) error {
	seed.image(state, now)
	if len(state.Networks) > 0 || len(state.Routers) > 0 || len(state.Flavors) > 0 {
		return nil
	}
	for _, flavor := range flavors {
		flavor.Created = now
		state.Flavors[flavor.ID] = &flavor
	}
	pair, err := compute.NewKeyPair(state, seed.KeyName, seed.PublicKey)
	if err != nil {
		return fmt.Errorf("cannot seed the key pair %s: %w", seed.KeyName, err)
	}
	pair.Created = now
	return seed.networks(state, now)
}

func (seed Seed) image(state *cloud.State, now time.Time) {
	for _, image := range state.Images {
		if image.Name == seed.ImageName {
			if image.Ref != seed.ImageRef {
				image.Ref, image.Size = seed.ImageRef, seed.ImageSize
				image.Touch(now)
			}
			return
		}
	}
	image := &cloud.Image{Common: cloud.NewCommon(seed.ImageName, state.AdminID, now), Ref: seed.ImageRef, Size: seed.ImageSize}
	state.Images[image.ID] = image
}

func (seed Seed) networks(state *cloud.State, now time.Time) error {
	external := &cloud.Network{Common: cloud.NewCommon("Ext-Net", state.AdminID, now), External: true, Shared: true, MTU: 1500}
	state.Networks[external.ID] = external
	first := seed.External.Masked().Addr().Next()
	addSubnet(state, external, "Ext-Subnet", seed.External, first.String(), floatingPool(seed.External), now)

	router := &cloud.Router{Common: cloud.NewCommon("Ext-Router", state.ProjectID, now)}
	state.Routers[router.ID] = router
	if err := state.SetGateway(router, external.ID, now); err != nil {
		return fmt.Errorf("cannot seed Ext-Router: %w", err)
	}
	for i, n := range seed.Networks {
		prefix, err := netip.ParsePrefix(n.CIDR)
		if err != nil {
			return fmt.Errorf("cannot seed network %s: %w", n.Name, err)
		}
		subnet := seed.network(state, n.Name, prefix, i == 0, now)
		if i > 0 {
			continue
		}
		if _, err := state.AddInterface(router, subnet.ID, "", now); err != nil {
			return fmt.Errorf("cannot seed Ext-Router: %w", err)
		}
	}
	return seed.groups(state, now)
}

// network makes a tenant network; only a routed one has a gateway, so that a machine has one default route.
func (seed Seed) network(state *cloud.State, name string, prefix netip.Prefix, routed bool, now time.Time) *cloud.Subnet {
	network := &cloud.Network{Common: cloud.NewCommon(name, state.ProjectID, now), MTU: 1500}
	state.Networks[network.ID] = network
	gateway := ""
	if routed {
		gateway = prefix.Masked().Addr().Next().String()
	}
	return addSubnet(state, network, strings.TrimSuffix(name, "-net")+"-subnet", prefix, gateway, cloud.DefaultPools(prefix, gateway), now)
}

func addSubnet(state *cloud.State, network *cloud.Network, name string, prefix netip.Prefix, gateway string, pools []cloud.Pool, now time.Time) *cloud.Subnet {
	subnet := &cloud.Subnet{Common: cloud.NewCommon(name, network.ProjectID, now), NetworkID: network.ID,
		CIDR: prefix.Masked().String(), Gateway: gateway, Pools: pools, NoDHCP: network.External}
	state.Subnets[subnet.ID] = subnet
	return subnet
}

// floatingPool is .100 to .220 of a /24, and all that a smaller network has.
func floatingPool(prefix netip.Prefix) []cloud.Pool {
	base := prefix.Masked().Addr().As4()
	from, to := base, base
	from[3], to[3] = 100, 220
	start, end := netip.AddrFrom4(from), netip.AddrFrom4(to)
	if prefix.Bits() > 24 || !prefix.Contains(end) {
		return cloud.DefaultPools(prefix, prefix.Masked().Addr().Next().String())
	}
	return []cloud.Pool{{Start: start.String(), End: end.String()}}
}

// groups are the exercise's. The console is this machine, which is on the first network.
func (seed Seed) groups(state *cloud.State, now time.Time) error {
	type rule struct {
		protocol string
		port     int
		from     string
	}
	wanted := map[string][]rule{"sg-web-from-internet": {{"tcp", 80, "0.0.0.0/0"}, {"tcp", 443, "0.0.0.0/0"}}}
	for i, n := range seed.Networks {
		if i == 0 {
			wanted["sg-all-from-console"] = []rule{{from: n.CIDR}}
			continue
		}
		wanted["sg-all-from-"+n.Name] = []rule{{from: n.CIDR}}
	}
	for name, rules := range wanted {
		group := state.AddGroup(name, now)
		for _, r := range rules {
			added := &cloud.Rule{Common: cloud.NewCommon("", state.ProjectID, now), GroupID: group.ID, Direction: "ingress",
				Ethertype: "IPv4", Protocol: r.protocol, RemotePrefix: r.from}
			if r.port != 0 {
				added.PortMin, added.PortMax = &r.port, &r.port
			}
			if err := state.AddRule(added); err != nil {
				return fmt.Errorf("cannot seed security group %s: %w", name, err)
			}
		}
	}
	return nil
}
