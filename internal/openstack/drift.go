package openstack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Part is something that a server is made from: an image, a flavor, a network.
type Part struct {
	ID, Name string
	Gone     bool // deleted since
}

func (p Part) String() string {
	name := p.Name
	if name == "" {
		name = p.ID
	}
	if p.Gone {
		name += " (deleted since)"
	}
	return name
}

// Make is what a server is made from, as far as it cannot be changed on one
// that is there. Of a wish, empty fields mean any; of a server, unknown.
type Make struct {
	Image, Flavor Part
	Networks      []Part // in the order of the network cards
	FixedIPs      []string
	Ports         []string // ids
	KeyName       string
	Zones         []string // of a wish: any of these
	UserData      string   // its digest; see UserDataDigest
}

// What a difference needs to go away.
const (
	NeedsNothing = "nothing" // worth a note
	NeedsRebuild = "rebuild" // a new server in the place of this one
)

// Difference is one thing that a server is and that was asked for otherwise.
type Difference struct {
	Field    string // image, flavor, networks, key_name, availability_zone, user_data …
	Is, Want string
	Needs    string // NeedsNothing or NeedsRebuild
}

// String is the difference as a person reads it.
func (d Difference) String() string {
	name := strings.ReplaceAll(d.Field, "_", " ")
	if d.Is == "" {
		return name + " differs"
	}
	verb := "is"
	if strings.HasSuffix(name, "s") {
		verb = "are"
	}
	return fmt.Sprintf("%s %s %s, should be %s", name, verb, d.Is, d.Want)
}

// Rebuilds keeps the differences that only a new server makes go away.
func Rebuilds(all []Difference) []Difference {
	var out []Difference
	for _, d := range all {
		if d.Needs == NeedsRebuild {
			out = append(out, d)
		}
	}
	return out
}

// Differences compares a server with what was asked for. An image that was
// deleted since is worth a note only: it may have been replaced by a newer one
// of the same name, which is no reason to replace every server.
func Differences(is, want Make) []Difference {
	var out []Difference
	add := func(field, is, want string) {
		out = append(out, Difference{Field: field, Is: is, Want: want, Needs: NeedsRebuild})
	}
	if differ(is.Image.ID, want.Image.ID) {
		is, want := distinct(is.Image, want.Image)
		add("image", is, want)
	}
	if len(out) > 0 && is.Image.Gone {
		out[0].Needs = NeedsNothing
	}
	if differ(is.Flavor.ID, want.Flavor.ID) {
		is, want := distinct(is.Flavor, want.Flavor)
		add("flavor", is, want)
	}
	if len(want.Networks) > 0 && !slices.EqualFunc(cards(is.Networks), cards(want.Networks), sameCard) {
		add("networks", listed(is.Networks), listed(want.Networks))
	}
	if lacks(is.FixedIPs, want.FixedIPs) {
		add("fixed_ip", strings.Join(is.FixedIPs, ", "), strings.Join(want.FixedIPs, ", "))
	}
	if lacks(is.Ports, want.Ports) {
		add("ports", strings.Join(is.Ports, ", "), strings.Join(want.Ports, ", "))
	}
	if want.KeyName != "" && is.KeyName != want.KeyName {
		add("key_name", orNone(is.KeyName), want.KeyName)
	}
	if zone := strings.Join(is.Zones, ", "); zone != "" && len(want.Zones) > 0 && !slices.Contains(want.Zones, zone) {
		add("availability_zone", zone, strings.Join(want.Zones, " or "))
	}
	if differ(is.UserData, want.UserData) {
		add("user_data", "", "")
	}
	return out
}

// differ compares where both sides are known.
func differ(is, want string) bool { return is != "" && want != "" && is != want }

func lacks(is, want []string) bool {
	return slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(is, w) })
}

// distinct are two parts as texts; where their names are the same, with ids.
func distinct(is, want Part) (string, string) {
	if is.Name != want.Name || is.Gone {
		return is.String(), want.String()
	}
	return fmt.Sprintf("%s (%s)", is.Name, is.ID), fmt.Sprintf("%s (%s)", want.Name, want.ID)
}

// cards brings the cards of one network together: a server's addresses do not
// tell whether two cards of one network stand beside each other.
func cards(networks []Part) []Part {
	var out []Part
	for _, n := range networks {
		at := len(out)
		for i, have := range out {
			if sameCard(have, n) {
				at = i + 1
			}
		}
		out = slices.Insert(out, at, n)
	}
	return out
}

func sameCard(a, b Part) bool { return a.ID == b.ID }

func listed(networks []Part) string {
	names := make([]string, len(networks))
	for i, n := range networks {
		names[i] = n.String()
	}
	return orNone(strings.Join(names, ", "))
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// UserDataKey is the metadata that keeps the digest of a server's user data:
// who is not an admin can't read the user data itself.
const UserDataKey = "rollout_user_data"

// UserDataDigest is what stands under UserDataKey.
func UserDataDigest(data []byte) string {
	if len(data) == 0 {
		return "none"
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:8])
}

// MakeOf tells what a server was made from. want is what it will be compared
// with: where the names of networks are already the same, in the same order,
// nothing is asked of the cloud.
func (c *Cloud) MakeOf(ctx context.Context, s Server, want Make) (Make, error) {
	out := Make{KeyName: s.KeyName, UserData: s.Metadata[UserDataKey], FixedIPs: s.Fixed("")}
	if s.AvailabilityZone != "" {
		out.Zones = []string{s.AvailabilityZone}
	}
	var err error
	if out.Flavor, err = c.flavorPart(ctx, s); err != nil {
		return out, err
	}
	if out.Image, err = c.imagePart(ctx, s.ImageID, want.Image); err != nil {
		return out, err
	}
	if namesMatch(s, want) {
		out.Networks = want.Networks
		return out, nil
	}
	return out, c.attached(ctx, s, &out)
}

// flavorPart finds the flavor's id: newer versions of Nova's API show the
// flavor as it was, without one.
func (c *Cloud) flavorPart(ctx context.Context, s Server) (Part, error) {
	all, err := c.Flavors(ctx)
	if err != nil {
		return Part{}, err
	}
	name := s.Raw.Map("flavor").String("original_name")
	for _, f := range all {
		if f.ID == s.FlavorID || s.FlavorID == "" && f.Name == name {
			return Part{ID: f.ID, Name: f.Name}, nil
		}
	}
	if s.FlavorID == "" {
		return Part{ID: name, Name: name, Gone: true}, nil
	}
	return Part{ID: s.FlavorID, Gone: true}, nil
}

func (c *Cloud) imagePart(ctx context.Context, id string, want Part) (Part, error) {
	if id == "" || id == want.ID {
		return want, nil
	}
	image, err := c.imageByID(ctx, id)
	var none *NotFoundError
	if errors.As(err, &none) {
		return Part{ID: id, Gone: true}, nil
	}
	return Part{ID: id, Name: image.Name}, err
}

// namesMatch compares the networks by the names in a server's addresses. They
// may be old ones: a mismatch wants a closer look.
func namesMatch(s Server, want Make) bool {
	if len(want.Ports) > 0 {
		return false
	}
	var names []string
	for _, n := range want.Networks {
		names = append(names, n.Name)
	}
	var have []string
	for _, a := range s.Addresses {
		for range s.Fixed(a.Network) {
			have = append(have, a.Network)
		}
	}
	return slices.Equal(have, names)
}

// attached fills in the networks and ports of a server, in the order of its
// addresses; ports without an address come last.
func (c *Cloud) attached(ctx context.Context, s Server, out *Make) error {
	ports, err := c.ServerPorts(ctx, s.ID)
	if err != nil {
		return err
	}
	order := s.Fixed("")
	rank := func(p Port) int {
		for _, f := range p.FixedIPs {
			if i := slices.Index(order, f.IP); i >= 0 {
				return i
			}
		}
		return len(order)
	}
	slices.SortStableFunc(ports, func(a, b Port) int { return rank(a) - rank(b) })
	names, err := c.networkNames(ctx, ports)
	if err != nil {
		return err
	}
	for _, p := range ports {
		out.Ports = append(out.Ports, p.ID)
		out.Networks = append(out.Networks, Part{ID: p.NetworkID, Name: names[p.NetworkID]})
	}
	return nil
}

func (c *Cloud) networkNames(ctx context.Context, ports []Port) (map[string]string, error) {
	var ids []string
	for _, p := range ports {
		if !slices.Contains(ids, p.NetworkID) {
			ids = append(ids, p.NetworkID)
		}
	}
	networks, err := InParts(ids, func(part []string) ([]Network, error) {
		return c.Networks(ctx, url.Values{"id": part})
	})
	names := map[string]string{}
	for _, n := range networks {
		names[n.ID] = n.Name
	}
	return names, err
}
