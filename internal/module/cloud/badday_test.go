package cloud_test

import (
	"testing"
	"time"

	"rollout/internal/lab/api"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/value"
)

// session opens the bench's cloud, as its modules do.
func (b *bench) session() *openstack.Cloud {
	b.t.Helper()
	c, err := b.clouds.Open(b.t.Context(), clouds.Config{})
	if err != nil {
		b.t.Fatal(err)
	}
	return c
}

func serverArgs(name string, more ...any) []any {
	return append([]any{"name", name, "image", "docker-base", "flavor", "standard.xsmall", "network", "dmz-net", "auto_ip", false}, more...)
}

func marks(b *bench) []any {
	return []any{"meta", value.NewMap("rollout_app", "bad", "rollout_owner", b.prefix)}
}

// What does not exist is said, with what was probably meant, before anything is made.
func TestWhatIsMissingIsSaidFirst(t *testing.T) {
	b := newBench(t)
	for says, args := range map[string][]any{
		`cannot find image "docker-bse" (did you mean "docker-base"?)`: {"image", "docker-bse"},
		`cannot find flavor "standard.xsmal"`:                          {"flavor", "standard.xsmal"},
		`cannot find network "dmz-nt"`:                                 {"network", "dmz-nt"},
		`cannot find key pair "key-for-intrnal"`:                       {"key_name", "key-for-intrnal"},
		`cannot find security group "sg-all-from-consol"`:              {"security_groups", []any{"sg-all-from-consol"}},
		`cannot find availability zone "az7"`:                          {"availability_zone", "az7"},
		`cannot find availability zone "az8"`:                          {"availability_zones", []any{"az1", "az8"}},
	} {
		given := value.NewMap(serverArgs(b.prefix + "web-1")...)
		given.Update(value.NewMap(args...))
		var pairs []any
		for k, v := range given.All() {
			pairs = append(pairs, k, v)
		}
		b.fails(says, "openstack.cloud.server", pairs...)
	}
	if made, err := b.session().ListServers(t.Context(), openstack.Filter{NamePrefix: b.prefix}); err != nil || len(made) > 0 {
		t.Errorf("%d servers were made: %v", len(made), err)
	}
}

// Servers of that name that others made are neither changed nor doubled.
func TestServersOfOthersAreLeftAlone(t *testing.T) {
	b := newBench(t)
	c, name := b.session(), b.prefix+"web-1"
	foreign := b.ok("openstack.cloud.server", serverArgs(name)...).Data.String("id")
	b.fails("is there already, and rollout did not make it", "openstack.cloud.server", serverArgs(name, marks(b)...)...)
	if s, err := c.Server(t.Context(), foreign); err != nil || len(s.Metadata) > 0 {
		t.Errorf("it was changed: %v %v", s.Metadata, err)
	}
	network, err := c.FindNetwork(t.Context(), "dmz-net")
	if err != nil {
		t.Fatal(err)
	}
	var spec openstack.ServerSpec
	if spec, err = specOf(c, t, name); err != nil {
		t.Fatal(err)
	}
	spec.NICs = []openstack.NIC{{NetworkID: network.ID}}
	spec.Metadata = map[string]string{"rollout_app": "bad", "rollout_owner": b.prefix}
	if _, err := c.BootServer(t.Context(), spec, openstack.Boot{}); err != nil {
		t.Fatal(err)
	}
	b.fails("not made by this rollout: "+foreign, "openstack.cloud.server", serverArgs(name, marks(b)...)...)
}

func specOf(c *openstack.Cloud, t *testing.T, name string) (openstack.ServerSpec, error) {
	image, err := c.FindImage(t.Context(), "docker-base")
	if err != nil {
		return openstack.ServerSpec{}, err
	}
	flavor, err := c.FindFlavor(t.Context(), "standard.xsmall")
	return openstack.ServerSpec{Name: name, ImageID: image.ID, FlavorID: flavor.ID}, err
}

// An address on the network that another port has is Nova's to refuse; nothing is left.
func TestFixedAddressTaken(t *testing.T) {
	b := newBench(t)
	c := b.session()
	first := b.ok("openstack.cloud.server", serverArgs(b.prefix+"web-1")...)
	taken := first.Data.Map("server").String("private_v4")
	args := []any{"name", b.prefix + "web-2", "image", "docker-base", "flavor", "standard.xsmall", "auto_ip", false,
		"nics", []any{value.NewMap("net-name", "dmz-net", "fixed_ip", taken)}}
	b.fails(taken, "openstack.cloud.server", append(args, marks(b)...)...)
	if left, err := c.ServersNamed(t.Context(), b.prefix+"web-2"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %d %v", len(left), err)
	}
}

// A floating IP that leads elsewhere is not taken away from there.
func TestFloatingAddressTaken(t *testing.T) {
	b := newBench(t)
	b.ok("openstack.cloud.server", serverArgs(b.prefix+"web-1", marks(b)...)...)
	b.ok("openstack.cloud.server", serverArgs(b.prefix+"web-2", marks(b)...)...)
	ip := b.ok("openstack.cloud.floating_ip", "server", b.prefix+"web-1", "network", "Ext-Net", "reuse", false).Data.Map("floating_ip")
	b.fails("leads to server "+b.prefix+"web-1 (", "openstack.cloud.floating_ip", "server", b.prefix+"web-2",
		"network", "Ext-Net", "floating_ip_address", ip.String("floating_ip_address"))
	b.fails("another project's", "openstack.cloud.floating_ip", "server", b.prefix+"web-2", "network", "Ext-Net", "floating_ip_address", "203.0.113.77")
}

// A server that goes away while it is asked for is waited out, and made anew.
func TestServerThatIsBeingDeleted(t *testing.T) {
	b := newBench(t)
	if b.lab == nil {
		t.Skip("holds up a deletion, which only the practice cloud does on request")
	}
	name := b.prefix + "web-1"
	old := b.ok("openstack.cloud.server", serverArgs(name, marks(b)...)...).Data.String("id")
	b.lab.Order(t, api.Faults{Servers: []api.ServerFault{{Name: name, Fault: "deleting"}}})
	if err := b.session().StartDelete(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	b.fails("is being deleted, and is not gone yet", "openstack.cloud.server", serverArgs(name, append(marks(b), "timeout", 1)...)...)
	b.lab.Order(t, api.Faults{})
	res := b.ok("openstack.cloud.server", serverArgs(name, marks(b)...)...)
	if now := res.Data.String("id"); now == old {
		t.Error("it is the one that was deleted")
	}
}

// A server that is gone between two runs is made anew.
func TestServerGoneBetweenRuns(t *testing.T) {
	b := newBench(t)
	name := b.prefix + "web-1"
	old := b.ok("openstack.cloud.server", serverArgs(name, marks(b)...)...).Data.String("id")
	if err := b.session().DeleteServer(t.Context(), openstack.Server{ID: old, Name: name}, time.Minute); err != nil {
		t.Fatal(err)
	}
	res := b.ok("openstack.cloud.server", serverArgs(name, marks(b)...)...)
	if now := res.Data.String("id"); !res.Changed || now == old {
		t.Errorf("changed=%v, %s was %s", res.Changed, now, old)
	}
}

// Whatever state somebody put a server in, it is let through to be woken by its
// action, and awake after it.
func TestSleepingServersAreWoken(t *testing.T) {
	b := newBench(t)
	name := b.prefix + "web-1"
	b.ok("openstack.cloud.server", serverArgs(name, marks(b)...)...)
	for sleep, wake := range map[string]string{"stop": "start", "pause": "unpause", "suspend": "resume", "shelve": "unshelve"} {
		if b.lab != nil && sleep != "stop" {
			continue // the practice cloud refuses what a container can't do
		}
		t.Run(sleep, func(t *testing.T) {
			b.ok("openstack.cloud.server_action", "server", name, "action", sleep)
			res, err := b.call(t.Context(), "openstack.cloud.server", false, serverArgs(name, marks(b)...)...)
			if err != nil || res.Failed || res.Changed {
				t.Errorf("server: %v %s changed=%v", err, res.Msg, res.Changed)
			}
			woken := b.ok("openstack.cloud.server_action", "server", name, "action", wake)
			if status := woken.Data.Map("server").String("status"); status != "ACTIVE" {
				t.Errorf("it is %s", status)
			}
		})
	}
}
