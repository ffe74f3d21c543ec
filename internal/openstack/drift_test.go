package openstack_test

import (
	"strings"
	"testing"

	"rollout/internal/openstack"
)

func TestDifferences(t *testing.T) {
	part := func(id, name string) openstack.Part { return openstack.Part{ID: id, Name: name} }
	dmz, app, dbs := part("n1", "dmz-net"), part("n2", "app-net"), part("n3", "dbs-net")
	is := openstack.Make{Image: part("i1", "docker-base"), Flavor: part("f1", "small"), Networks: []openstack.Part{dmz, app},
		FixedIPs: []string{"10.0.0.5"}, Ports: []string{"p1", "p2"}, KeyName: "key", Zones: []string{"az1"}, UserData: "sha256:aa"}
	for _, c := range []struct {
		name   string
		change func(is, want *openstack.Make)
		says   string
		needs  string
	}{
		{name: "the same", change: func(is, want *openstack.Make) { *want = *is }},
		{name: "anything will do", change: func(is, want *openstack.Make) {}},
		{name: "flavor", change: func(_, want *openstack.Make) { want.Flavor = part("f2", "large") },
			says: "flavor is small, should be large"},
		{name: "a newer image of the same name", change: func(_, want *openstack.Make) { want.Image = part("i2", "docker-base") },
			says: "image is docker-base (i1), should be docker-base (i2)"},
		{name: "an image that was deleted", change: func(is, want *openstack.Make) {
			is.Image = openstack.Part{ID: "i1", Gone: true}
			want.Image = part("i2", "docker-base")
		}, says: "image is i1 (deleted since), should be docker-base", needs: openstack.NeedsNothing},
		{name: "a network more", change: func(_, want *openstack.Make) { want.Networks = []openstack.Part{dmz, app, dbs} },
			says: "networks are dmz-net, app-net, should be dmz-net, app-net, dbs-net"},
		{name: "another order of the cards", change: func(_, want *openstack.Make) { want.Networks = []openstack.Part{app, dmz} },
			says: "networks are dmz-net, app-net, should be app-net, dmz-net"},
		{name: "a renamed network", change: func(_, want *openstack.Make) { want.Networks = []openstack.Part{part("n1", "new"), app} }},
		{name: "two cards of one network, apart", change: func(is, want *openstack.Make) {
			is.Networks, want.Networks = []openstack.Part{dmz, dmz, app}, []openstack.Part{dmz, app, dmz}
		}},
		{name: "fixed address", change: func(_, want *openstack.Make) { want.FixedIPs = []string{"10.0.0.6"} },
			says: "fixed ip is 10.0.0.5, should be 10.0.0.6"},
		{name: "port", change: func(_, want *openstack.Make) { want.Ports = []string{"p3"} }, says: "ports are p1, p2, should be p3"},
		{name: "key", change: func(_, want *openstack.Make) { want.KeyName = "other" }, says: "key name is key, should be other"},
		{name: "no key", change: func(is, want *openstack.Make) { is.KeyName, want.KeyName = "", "key" }, says: "key name is none, should be key"},
		{name: "zone", change: func(_, want *openstack.Make) { want.Zones = []string{"az2", "az3"} },
			says: "availability zone is az1, should be az2 or az3"},
		{name: "one of several zones", change: func(_, want *openstack.Make) { want.Zones = []string{"az2", "az1"} }},
		{name: "user data", change: func(_, want *openstack.Make) { want.UserData = "sha256:bb" }, says: "user data differs"},
		{name: "user data of which nothing is known", change: func(is, want *openstack.Make) { is.UserData, want.UserData = "", "sha256:bb" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, want := is, openstack.Make{}
			c.change(&have, &want)
			var says []string
			for _, d := range openstack.Differences(have, want) {
				says = append(says, d.String())
				if c.needs != "" && d.Needs != c.needs || c.needs == "" && d.Needs != openstack.NeedsRebuild {
					t.Errorf("needs %s", d.Needs)
				}
			}
			if got := strings.Join(says, "; "); got != c.says {
				t.Errorf("says %q, not %q", got, c.says)
			}
		})
	}
}

func TestUserDataDigest(t *testing.T) {
	if a, b := openstack.UserDataDigest([]byte("a")), openstack.UserDataDigest([]byte("b")); a == b || len(a) > 40 {
		t.Errorf("digests %q and %q", a, b)
	}
	if got := openstack.UserDataDigest(nil); got != "none" {
		t.Errorf("no user data is %q", got)
	}
}
