package machine

import (
	"errors"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/engine"
	"rollout/internal/lab/image"
)

func testBackend(t *testing.T, privileged bool) *Backend {
	t.Helper()
	b, err := New(Config{Lab: "lab-test", Image: image.Name + ":1", Privileged: privileged,
		External: netip.MustParsePrefix("10.20.30.0/24"), Dir: t.TempDir()}, engine.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var web = backend.Machine{ID: "u1", Name: "Web_1", ImageRef: image.Name,
	NICs: []backend.NIC{{NetworkID: "n1", IP: "192.168.0.11"}, {NetworkID: "n2", IP: "172.16.10.11"}}}

func TestCreateArgs(t *testing.T) {
	got := strings.Join(testBackend(t, false).createArgs(web), " ")
	want := "create --name lab-test-vm-u1 --hostname web-1 --volume /var/lib/docker --log-driver json-file --log-opt max-size=16m " +
		"--cap-add ALL --cap-drop SYS_RESOURCE --security-opt seccomp=unconfined --security-opt apparmor=unconfined " +
		"--security-opt systempaths=unconfined --device-cgroup-rule a *:* rwm " +
		"--label rollout.lab=lab-test --label rollout.lab.machine=u1 --label rollout.lab.name=Web_1 " +
		"--network lab-test-net-n1 --ip 192.168.0.11 --network-alias web-1 rollout-lab/docker-base:1"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if args := testBackend(t, true).createArgs(web); !slices.Contains(args, "--privileged") || slices.Contains(args, "--cap-add") {
		t.Errorf("where --privileged works it must be all: %v", args)
	}
}

func TestAddressesOfTheExternalNetwork(t *testing.T) {
	c := Config{External: netip.MustParsePrefix("10.20.30.0/24")}
	got := []string{c.Host().String(), c.Router().String(), c.Registry().String()}
	if want := []string{"10.20.30.1", "10.20.30.2", "10.20.30.3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestHostAddressIsNotTheGateway(t *testing.T) {
	for _, test := range []struct{ prefix, gateway, want string }{
		{"192.168.0.0/24", "192.168.0.1", "192.168.0.254"},
		{"192.168.0.0/24", "192.168.0.254", "192.168.0.253"},
		{"172.16.0.0/20", "", "172.16.15.254"},
		{"10.0.0.128/25", "10.0.0.129", "10.0.0.254"},
	} {
		if got := hostAddress(netip.MustParsePrefix(test.prefix), test.gateway); got.String() != test.want {
			t.Errorf("%s: got %s, want %s", test.prefix, got, test.want)
		}
	}
}

func TestParseRoute(t *testing.T) {
	device, prefix, ok := parseRoute("eth1\t00024D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")
	if !ok || device != "eth1" || prefix.String() != "10.77.2.0/24" {
		t.Errorf("got %s %s %v", device, prefix, ok)
	}
	if _, _, ok := parseRoute("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"); ok {
		t.Error("the heading is taken for a route")
	}
}

func TestRecords(t *testing.T) {
	b := testBackend(t, false)
	var missing *MissingError
	if _, err := b.readRecord("u1"); !errors.As(err, &missing) || missing.ID != "u1" {
		t.Errorf("a machine that is not there: %v", err)
	}
	if err := b.writeRecord(web); err != nil {
		t.Fatal(err)
	}
	if _, err := b.changeRecord("u1", func(m *backend.Machine) { m.NICs = m.NICs[:1] }); err != nil {
		t.Fatal(err)
	}
	got, err := b.readRecord("u1")
	if err != nil || len(got.NICs) != 1 || got.Name != web.Name {
		t.Errorf("got %+v, %v", got, err)
	}
	if b.wasStopped("u1") {
		t.Error("it counts as stopped")
	}
	for _, stopped := range []bool{true, true, false, false} {
		if err := b.noteStopped("u1", stopped); err != nil || b.wasStopped("u1") != stopped {
			t.Errorf("noteStopped(%v): %v", stopped, err)
		}
	}
}
