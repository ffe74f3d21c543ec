package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// drifted adds to a result what a server is made from otherwise than the task
// asks for. Nothing of it is changed here: that takes a new server, which only
// the person asks for.
func drifted(ctx context.Context, t *task, res module.Result, s openstack.Server, meta map[string]string) (module.Result, error) {
	want, missing, err := wanted(ctx, t)
	if err != nil {
		return res, err
	}
	res.Warnings = append(res.Warnings, missing...)
	is, err := t.cloud.MakeOf(ctx, s, want)
	if err != nil {
		return res, err
	}
	if is.Image.Gone {
		res.Plan = append(res.Plan, module.Operation{Kind: module.Note, Thing: "server " + s.Name,
			Cause: "its image " + is.Image.String() + "; it counts as up to date"})
	}
	all := openstack.Rebuilds(openstack.Differences(is, want))
	if len(all) == 0 {
		return res, nil
	}
	list, causes := []any{}, []string{}
	for _, d := range all {
		list = append(list, value.NewMap("field", d.Field, "is", d.Is, "want", d.Want))
		causes = append(causes, d.String())
	}
	cause := strings.Join(causes, "; ")
	replacing := t.replacing(ctx)
	what := "server " + s.Name
	res.Plan = append(res.Plan, module.Operation{Kind: module.Replace, Thing: what, Do: "replace " + what, Cause: cause, Held: !replacing})
	if !replacing {
		res.Warnings = append(res.Warnings, fmt.Sprintf("%s differs: %s: %s", s.Name, cause, howToReplace(meta)))
	}
	return res.Set("differs", list), nil
}

// replacing reports whether the playbook was asked to replace such servers. The
// module itself never does; the question decides what it says.
func (t *task) replacing(ctx context.Context) bool {
	if t.Render == nil {
		return false
	}
	yes, err := t.Render(ctx, "rollout_replace", "{{ rollout_replace | default(false) | bool }}", nil)
	return err == nil && yes == "True"
}

// howToReplace is the next thing to type.
func howToReplace(meta map[string]string) string {
	switch tier := meta["rollout_tier"]; tier {
	case "":
		return "delete it to have it booted anew"
	case "all":
		return "replace it with rollout --replace playbooks/all_in_one.yml"
	default:
		return "replace it with rollout --replace -e target=" + tier
	}
}

// wanted looks up what the task asks for. What is not there, or not anymore, is
// no reason to fail for a server that is: it is told, and not compared.
func wanted(ctx context.Context, t *task) (want openstack.Make, missing []string, err error) {
	want = openstack.Make{KeyName: t.text("key_name"), UserData: openstack.UserDataDigest([]byte(t.text("userdata"))),
		Zones: value.Strings(t.Args.List("availability_zones"))}
	if zone := t.text("availability_zone"); zone != "" {
		want.Zones = append(want.Zones, zone)
	}
	look := func(err error) error {
		var none *openstack.NotFoundError
		var several *openstack.AmbiguousError
		if t.rehearse(err) != nil && (errors.As(err, &none) || errors.As(err, &several)) {
			missing = append(missing, fmt.Sprintf("servers that are there are kept, but none can be booted: %v", err))
			return nil
		}
		return t.rehearse(err)
	}
	image, err := t.cloud.FindImage(ctx, t.text("image"))
	if err := look(err); err != nil {
		return want, nil, err
	}
	want.Image = openstack.Part{ID: image.ID, Name: image.Name}
	if t.text("flavor") != "" || t.Args.Int("flavor_ram") > 0 {
		flavor, err := chooseFlavor(ctx, t)
		if err := look(err); err != nil {
			return want, nil, err
		}
		want.Flavor = openstack.Part{ID: flavor.ID, Name: flavor.Name}
	}
	return want, missing, wantedCards(ctx, t, &want, look)
}

// wantedCards looks up the networks and ports. Where one is not there, the
// networks are not compared at all.
func wantedCards(ctx context.Context, t *task, want *openstack.Make, look func(error) error) error {
	nics, err := parseNICs(t.Args.List("nics"))
	if err != nil {
		return err
	}
	if n := t.text("network"); n != "" {
		nics = []nic{{netName: n}}
	}
	cards, errs := make([]openstack.NIC, len(nics)), make([]error, len(nics))
	var g sync.WaitGroup
	for i, n := range nics { // side by side, so that they share one call
		g.Go(func() { cards[i], errs[i] = resolveNIC(ctx, t, n) })
	}
	g.Wait()
	known := true
	for i, n := range nics {
		card, err := cards[i], errs[i]
		known = known && err == nil
		if err := look(err); err != nil {
			return err
		}
		switch {
		case card.PortID != "":
			want.Ports = append(want.Ports, card.PortID)
		case n.netName != "":
			want.Networks = append(want.Networks, openstack.Part{ID: card.NetworkID, Name: n.netName})
		default:
			want.Networks = append(want.Networks, openstack.Part{ID: card.NetworkID})
		}
		if card.FixedIP != "" {
			want.FixedIPs = append(want.FixedIPs, card.FixedIP)
		}
	}
	if !known || len(want.Ports) > 0 {
		want.Networks = nil // cards made from ports are compared by their ports
	}
	return nil
}

// withDigest adds the digest of the user data to the metadata of a server of
// ours; that of others is theirs.
func withDigest(meta map[string]string, userData string) map[string]string {
	for k := range meta {
		if strings.HasPrefix(k, "rollout_") {
			out := maps.Clone(meta)
			out[openstack.UserDataKey] = openstack.UserDataDigest([]byte(userData))
			return out
		}
	}
	return meta
}
