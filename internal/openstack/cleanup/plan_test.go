package cleanup

import (
	"strings"
	"testing"

	"rollout/internal/openstack"
)

func TestOwnerOf(t *testing.T) {
	owned := map[string]string{"rollout_owner": "student07"}
	for _, tc := range []struct {
		name, prefix string
		meta         map[string]string
		want         string
	}{
		{"student07-web-1", "student07-", owned, "student07"},
		{"student10-web-1", "student1", nil, "student10"},
		{"student1-web-1", "student1", nil, "student1"},
		{"student1", "student1", nil, "student1"},
		{"student07-app-1", "student07-app-", nil, "student07"},
		{"student07-app-1", "s", nil, "student07"},
	} {
		if got := ownerOf(openstack.Server{Name: tc.name, Metadata: tc.meta}, tc.prefix); got != tc.want {
			t.Errorf("%s with %q is owned by %s, not %s", tc.name, tc.prefix, got, tc.want)
		}
	}
}

func TestFloatingAndVolumeRows(t *testing.T) {
	ports := []openstack.Port{{ID: "p1", DeviceID: "s1"}}
	names := map[string]string{"s1": "student07-web-1"}
	what := Scope{Prefix: "student07-"}
	ips := []openstack.FloatingIP{
		{ID: "1", Address: "198.51.100.1", PortID: "p1", Description: "rollout: student07"},
		{ID: "2", Address: "198.51.100.2", PortID: "p1", Description: "by hand"},
		{ID: "3", Address: "198.51.100.3", Description: "rollout: student07"},
		{ID: "4", Address: "198.51.100.4", Description: "rollout: student08"},
		{ID: "5", Address: "198.51.100.5", PortID: "p9", Description: "rollout: student07"},
		{ID: "6", Address: "198.51.100.6"},
	}
	var got []string
	for _, r := range floatingRows(ips, ports, names, what) {
		got = append(got, r.ID+" "+r.Action)
	}
	if s := strings.Join(got, ", "); s != "1 release, 2 disassociate, 3 release" {
		t.Errorf("floating IPs: %s", s)
	}
	volumes := []openstack.Volume{
		{ID: "a", Name: "student07-data", Servers: []string{"s1"}}, {ID: "b", Servers: []string{"s1"}},
		{ID: "c", Name: "thesis", Servers: []string{"s1"}}, {ID: "d", Name: "student07-old"}, {ID: "e", Name: "student08-old"},
	}
	got = nil
	for _, r := range volumeRows(volumes, names, what) {
		got = append(got, r.ID+" "+r.Action)
	}
	if s := strings.Join(got, ", "); s != "b delete, a delete, d delete, c keep" {
		t.Errorf("volumes: %s", s)
	}
}
