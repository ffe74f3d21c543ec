package cloud

import (
	"context"
	"fmt"
	"slices"
	"sort"
	"strings"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
	"rollout/internal/value"
)

// metadata reads a dict, or "k=v,k=v"; Nova takes strings only.
func metadata(v any) (map[string]string, error) {
	out := map[string]string{}
	switch x := v.(type) {
	case nil:
	case string:
		for part := range strings.SplitSeq(x, ",") {
			k, val, ok := strings.Cut(part, "=")
			if !ok && part != "" {
				return nil, fmt.Errorf("argument \"meta\": %q is not k=v", part)
			}
			if ok {
				out[strings.TrimSpace(k)] = strings.TrimSpace(val)
			}
		}
	case *value.Map:
		for k, val := range x.All() {
			out[fmt.Sprint(k)] = metaText(val)
		}
	default:
		return nil, fmt.Errorf("argument \"meta\" must be a dict, or k=v,k=v")
	}
	return out, nil
}

// metaText writes a value as Python's str does for what metadata can hold.
func metaText(v any) string {
	switch x := v.(type) {
	case string:
		return x
	case bool:
		if x {
			return "True"
		}
		return "False"
	case nil:
		return ""
	case []any, *value.Map, value.Tuple:
		if b, err := value.ToJSON(x); err == nil {
			return string(b)
		}
	}
	return fmt.Sprint(v)
}

func sortedNames(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

// nic is a network card as the task writes it.
type nic struct{ netName, netID, portName, portID, fixedIP, tag string }

func (n nic) port() string { return n.portName + n.portID }

func parseNICs(list []any) ([]nic, error) {
	var out []nic
	for i, e := range list {
		switch x := e.(type) {
		case string:
			for part := range strings.SplitSeq(x, ",") {
				k, v, _ := strings.Cut(strings.TrimSpace(part), "=")
				n := nic{}
				if err := n.set(k, v); err != nil {
					return nil, fmt.Errorf("argument \"nics\", element %d: %w", i+1, err)
				}
				out = append(out, n)
			}
		case *value.Map:
			n := nic{}
			for k, v := range x.All() {
				if err := n.set(fmt.Sprint(k), fmt.Sprint(v)); err != nil {
					return nil, fmt.Errorf("argument \"nics\", element %d: %w", i+1, err)
				}
			}
			out = append(out, n)
		default:
			return nil, fmt.Errorf("argument \"nics\", element %d: must be a dict, or net-name=x", i+1)
		}
		if n := out[len(out)-1]; n.netName+n.netID+n.port() == "" {
			return nil, fmt.Errorf("argument \"nics\", element %d: names no network and no port", i+1)
		}
	}
	return out, nil
}

func (n *nic) set(key, val string) error {
	switch strings.ReplaceAll(key, "_", "-") {
	case "net-name":
		n.netName = val
	case "net-id":
		n.netID = val
	case "port-name":
		n.portName = val
	case "port-id":
		n.portID = val
	case "fixed-ip", "v4-fixed-ip", "v6-fixed-ip":
		n.fixedIP = val
	case "tag":
		n.tag = val
	default:
		return fmt.Errorf("unknown key %q; known: net-name, net-id, port-name, port-id, fixed_ip, tag", key)
	}
	return nil
}

// serverSpec reads what the task asks for, and looks up what it names.
func serverSpec(ctx context.Context, t *task, meta map[string]string) (openstack.ServerSpec, error) {
	spec := openstack.ServerSpec{
		Name: t.text("name"), KeyName: t.text("key_name"), UserData: []byte(t.text("userdata")),
		Metadata:         withDigest(meta, t.text("userdata")),
		SecurityGroups:   value.Strings(t.Args.List("security_groups")),
		AvailabilityZone: t.text("availability_zone"), Description: t.text("description"), ConfigDrive: t.on("config_drive"),
	}
	spec.Tags, _ = tagsAsked(t)
	if zones := value.Strings(t.Args.List("availability_zones")); len(zones) > 0 {
		spec.AvailabilityZone = zones[0]
	}
	if hints := t.Args.Map("scheduler_hints"); hints.Len() > 0 {
		spec.SchedulerHints = body(hints)
	}
	nics, err := parseNICs(t.Args.List("nics"))
	if err != nil {
		return spec, err
	}
	if n := t.text("network"); n != "" {
		nics = []nic{{netName: n}}
	}
	if err := lookUp(ctx, t, &spec, nics); err != nil {
		return spec, fmt.Errorf("cannot boot %s: %w", spec.Name, err)
	}
	return spec, nil
}

// lookUp finds image, flavor, key pair, networks, security groups and zones
// side by side, so that what is missing is said before anything is made. Each
// kind is one call per run, however many servers ask.
func lookUp(ctx context.Context, t *task, spec *openstack.ServerSpec, nics []nic) error {
	spec.NICs = make([]openstack.NIC, len(nics))
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		image, err := chooseImage(ctx, t)
		spec.ImageID = image.ID
		if err == nil && image.Status != "active" {
			return fmt.Errorf("image %s is %s, and servers are booted from active ones only (`openstack image set --activate %s`, or name another)",
				image.Name, image.Status, image.ID)
		}
		return err
	})
	g.Go(func() error {
		flavor, err := chooseFlavor(ctx, t)
		spec.FlavorID = flavor.ID
		return err
	})
	for i, n := range nics {
		g.Go(func() (err error) {
			spec.NICs[i], err = resolveNIC(ctx, t, n)
			return t.rehearse(err)
		})
	}
	if spec.KeyName != "" {
		g.Go(func() error {
			_, err := t.cloud.FindKeyPair(ctx, spec.KeyName)
			return t.rehearse(err)
		})
	}
	if slices.ContainsFunc(nics, func(n nic) bool { return n.port() == "" }) {
		lookUpGroups(ctx, g, t, spec.SecurityGroups)
	}
	for _, zone := range append(value.Strings(t.Args.List("availability_zones")), spec.AvailabilityZone) {
		if zone != "" {
			g.Go(func() error { return t.cloud.FindZone(ctx, zone) })
		}
	}
	return g.Wait()
}

// lookUpGroups finds security groups; default is one that every project has.
func lookUpGroups(ctx context.Context, g *errgroup.Group, t *task, names []string) {
	for _, name := range names {
		if name == "default" {
			continue
		}
		g.Go(func() error {
			_, err := t.cloud.FindSecurityGroup(ctx, name)
			return t.rehearse(err)
		})
	}
}

func chooseFlavor(ctx context.Context, t *task) (openstack.Flavor, error) {
	if name := t.text("flavor"); name != "" {
		return t.cloud.FindFlavor(ctx, name)
	}
	ram := t.Args.Int("flavor_ram")
	if ram == 0 {
		return openstack.Flavor{}, fmt.Errorf("flavor or flavor_ram is required where state is present")
	}
	all, err := t.cloud.Flavors(ctx)
	if err != nil {
		return openstack.Flavor{}, err
	}
	for _, f := range all { // smallest first
		if f.RAM >= ram && strings.Contains(f.Name, t.text("flavor_include")) {
			return f, nil
		}
	}
	return openstack.Flavor{}, fmt.Errorf("no flavor has %d MB of RAM and %q in its name", ram, t.text("flavor_include"))
}

func resolveNIC(ctx context.Context, t *task, n nic) (openstack.NIC, error) {
	out := openstack.NIC{NetworkID: n.netID, PortID: n.portID, FixedIP: n.fixedIP, Tag: n.tag}
	switch {
	case n.netName != "":
		network, err := t.cloud.FindNetwork(ctx, n.netName)
		out.NetworkID = network.ID
		return out, err
	case n.portName != "":
		port, err := t.cloud.FindPort(ctx, n.portName)
		out.PortID = port.ID
		return out, err
	}
	return out, nil
}

// plain turns values into what encoding/json writes.
func plain(v any) any {
	switch x := v.(type) {
	case *value.Map:
		out := map[string]any{}
		for k, e := range x.All() {
			out[fmt.Sprint(k)] = plain(e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = plain(e)
		}
		return out
	case value.Tuple:
		return plain([]any(x))
	}
	return v
}

// serverDict is a server as openstacksdk shows it: Nova's own answer, and the
// names that the SDK adds.
func serverDict(s openstack.Server) *value.Map {
	m := value.NewMap()
	m.Update(s.Raw)
	fixed, floating := s.Fixed(""), s.Floating()
	public, private := first(floating), first(fixed)
	m.Set("public_v4", public)
	m.Set("private_v4", private)
	access := s.Raw.String("accessIPv4")
	if access == "" {
		access = public
	}
	m.Set("access_ipv4", access)
	iface := public
	if iface == "" {
		iface = private
	}
	m.Set("interface_ip", iface)
	m.Set("public_v6", "")
	m.Set("task_state", s.Raw.At("OS-EXT-STS:task_state"))
	m.Set("vm_state", s.Raw.At("OS-EXT-STS:vm_state"))
	m.Set("power_state", s.Raw.At("OS-EXT-STS:power_state"))
	m.Set("az", s.AvailabilityZone)
	m.Set("availability_zone", s.AvailabilityZone)
	m.Set("created_at", s.Raw.At("created"))
	m.Set("project_id", s.Raw.At("tenant_id"))
	m.Set("volumes", s.Raw.At("os-extended-volumes:volumes_attached"))
	networks := value.NewMap()
	for _, a := range s.Addresses {
		var ips []any
		for _, addr := range a.Addresses {
			ips = append(ips, addr.IP)
		}
		networks.Set(a.Network, ips)
	}
	m.Set("networks", networks)
	return m
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
