package openstack

import "testing"

func TestNetworksText(t *testing.T) {
	s := Server{Addresses: []Attachment{
		{Network: "dmz-net", Addresses: []Address{{IP: "192.168.0.5"}, {IP: "198.51.100.7", Floating: true}}},
		{Network: "app-net", Addresses: []Address{{IP: "172.16.10.5"}, {IP: "172.16.10.6"}}},
	}}
	if got, want := s.NetworksText(), "dmz-net=192.168.0.5; app-net=172.16.10.5, 172.16.10.6"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
