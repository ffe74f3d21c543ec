package openstack_test

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
)

// These stop services of a test bed while servers boot there, for some seconds
// each. ROLLOUT_TEST_OPENSTACK_SVC names the program that does it: "svc stop
// nova-api", and start, restart, pause, continue. Everybody who uses the bed
// feels it.

// services returns what stops and starts them.
func services(t *testing.T) func(action, name string) {
	t.Helper()
	program := os.Getenv("ROLLOUT_TEST_OPENSTACK_SVC")
	if program == "" || os.Getenv("ROLLOUT_TEST_CLOUD") == "" {
		t.Skip("stops services of a test bed: set ROLLOUT_TEST_OPENSTACK_SVC to the program that can")
	}
	return func(action, name string) {
		if out, err := exec.CommandContext(sweepContext(t), program, action, name).CombinedOutput(); err != nil {
			t.Errorf("%s %s: %v: %s", action, name, err, out)
		}
	}
}

// bootThrough boots two servers, makes trouble when the first of them says this,
// and wants both, once each, all the same.
func bootThrough(t *testing.T, says string, trouble func()) {
	t.Helper()
	c, p := openTestCloud(t), prefix(t)
	t.Cleanup(c.Close)
	sweep(t, c, p)
	base := spec(t, c, "", "conf")
	var once sync.Once
	var g errgroup.Group
	start := time.Now()
	for _, name := range []string{p + "web-1", p + "app-1"} {
		g.Go(func() error {
			s := base
			s.Name = name
			_, err := c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit, Progress: func(text string) {
				t.Logf("%s %s", time.Since(start).Round(time.Second/10), text)
				if strings.Contains(text, says) {
					once.Do(func() { g.Go(func() error { trouble(); return nil }) })
				}
			}})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
	all := must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: p}))
	if len(all) != 2 || all[0].Status != "ACTIVE" || all[1].Status != "ACTIVE" {
		t.Errorf("there are %+v", all)
	}
}

// Servers stay in BUILD while no hypervisor takes them, and go on from there.
func TestHypervisorIsAway(t *testing.T) {
	do := services(t)
	t.Cleanup(func() { do("start", "nova-compute-fake1") })
	do("stop", "nova-compute-fake1")
	bootThrough(t, "BUILD", func() { do("start", "nova-compute-fake1") })
}

func TestNovaRestartsWhileServersBoot(t *testing.T) {
	do := services(t)
	t.Cleanup(func() { do("start", "nova-api") })
	bootThrough(t, "is on its way", func() { do("restart", "nova-api") })
}

func TestNeutronHangsWhileServersBoot(t *testing.T) {
	do := services(t)
	t.Cleanup(func() { do("continue", "neutron-server") })
	bootThrough(t, "is on its way", func() {
		do("pause", "neutron-server")
		time.Sleep(10 * time.Second) // the trouble itself
		do("continue", "neutron-server")
	})
}
