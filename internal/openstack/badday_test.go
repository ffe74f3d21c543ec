package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api"
	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// openFaultyLab starts a practice cloud with faults, for what can't be ordered of a real one.
func openFaultyLab(t *testing.T, faults api.Faults) (*apitest.Lab, *openstack.Cloud) {
	t.Helper()
	if os.Getenv("ROLLOUT_TEST_CLOUD") != "" {
		t.Skip("orders its faults from the practice cloud")
	}
	lab := apitest.Start(t)
	lab.Order(t, faults)
	return lab, openLab(t, lab)
}

func serverFaults(list ...api.ServerFault) api.Faults { return api.Faults{Servers: list} }

func TestNextZoneIsTried(t *testing.T) {
	_, c := openFaultyLab(t, serverFaults(api.ServerFault{Name: "*", Zone: "az1", Fault: "error"}))
	s := spec(t, c, prefix(t)+"web-1", "conf")
	got, err := c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit, Zones: []string{"az1", "az2"}})
	if err != nil || got.AvailabilityZone != "az2" {
		t.Errorf("%s in %s: %v", got.Status, got.AvailabilityZone, err)
	}
	s.Name += "0"
	_, err = c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit, Zones: []string{"az1"}, Tries: 2})
	if err == nil || !strings.Contains(err.Error(), "tried 2 times (az1, then az1)") {
		t.Errorf("%v", err)
	}
}

// One that an earlier run left in ERROR is replaced in the zone after its own.
func TestFailedOneIsReplacedInTheNextZone(t *testing.T) {
	lab, c := openFaultyLab(t, serverFaults(api.ServerFault{Name: "*", Zone: "az2", Fault: "error"}))
	s := spec(t, c, prefix(t)+"web-1", "conf")
	s.AvailabilityZone = "az2"
	id := must[string](t)(c.CreateServer(t.Context(), s))
	found := must[openstack.Server](t)(c.AwaitServer(t.Context(), openstack.Server{ID: id, Name: s.Name}, "ERROR", time.Minute,
		func(s openstack.Server) bool { return s.Status == "ERROR" }))
	lab.Order(t, serverFaults(api.ServerFault{Name: "*", Zone: "az2", Fault: "error"}))
	got, err := c.FinishBoot(t.Context(), found, s, openstack.Boot{Limit: bootLimit, Zones: []string{"az1", "az2", "az3"}})
	if err == nil || !strings.Contains(err.Error(), "zone is not available") { // az3 comes after az2, and is none
		t.Errorf("%+v %v", got, err)
	}
	got, err = c.FinishBoot(t.Context(), mustBoot(t, c, s, "az2"), s, openstack.Boot{Limit: bootLimit, Zones: []string{"az1", "az2"}})
	if err != nil || got.AvailabilityZone != "az1" {
		t.Errorf("%+v %v", got, err)
	}
}

// mustBoot asks for a server in a zone and returns it as it ends up.
func mustBoot(t *testing.T, c *openstack.Cloud, s openstack.ServerSpec, zone string) openstack.Server {
	t.Helper()
	s.AvailabilityZone = zone
	id := must[string](t)(c.CreateServer(t.Context(), s))
	return must[openstack.Server](t)(c.AwaitServer(t.Context(), openstack.Server{ID: id, Name: s.Name}, "an end", time.Minute,
		func(s openstack.Server) bool { return s.Status != "BUILD" }))
}

func TestLastWordsAreShown(t *testing.T) {
	_, c := openFaultyLab(t, serverFaults(api.ServerFault{Name: "*", Fault: "crash", Message: "the disk is full"}))
	s := spec(t, c, prefix(t)+"web-1", "conf")
	_, err := c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit, Tries: 1})
	for _, want := range []string{"the disk is full", "its console ends with:\n  booting " + s.Name, "nothing is left behind", "tried once"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said: %v", want, err)
		}
	}
}

// A quota that a server fails by would fail the next one too.
func TestQuotaFaultsAreNotRetried(t *testing.T) {
	_, c := openFaultyLab(t, serverFaults(api.ServerFault{Name: "*", Fault: "error", Message: "Quota exceeded for ports.", Code: 413}))
	_, err := c.BootServer(t.Context(), spec(t, c, prefix(t)+"web-1", "conf"), openstack.Boot{Limit: bootLimit})
	var failed *openstack.BootError
	if !errors.As(err, &failed) || failed.Tries != 1 || !strings.Contains(err.Error(), "Quota exceeded for ports.") {
		t.Errorf("%v", err)
	}
}

// A quota hit midway: what was made stays, each refusal is said once, and a
// second run makes the rest.
func TestQuotaMidway(t *testing.T) {
	const n, allowed = 20, 12
	_, c := openFaultyLab(t, api.Faults{})
	ctx, p := t.Context(), prefix(t)
	limit := func(instances int) {
		if err := c.SetQuota(ctx, openstack.ComputeQuota, c.ProjectID(), value.NewMap("instances", instances)); err != nil {
			t.Fatal(err)
		}
	}
	limit(allowed)
	boot := func() (made int, refused []error) {
		results := bootMany(t, c, p, n)
		for _, err := range results {
			if err == nil {
				made++
				continue
			}
			refused = append(refused, err)
		}
		return made, refused
	}
	before := c.Calls()
	made, refused := boot()
	if made != allowed || len(refused) != n-allowed {
		t.Errorf("%d were made, %d refused", made, len(refused))
	}
	for _, err := range refused {
		if !strings.Contains(err.Error(), "Quota exceeded") {
			t.Errorf("%v", err)
		}
	}
	if calls := c.Calls() - before; calls > n+30 {
		t.Errorf("%d servers took %d calls", n, calls)
	}
	limit(-1)
	if made, refused := boot(); made != n {
		t.Errorf("the second run has %d: %v", made, refused)
	}
	if all := must[[]openstack.Server](t)(c.ListServers(ctx, openstack.Filter{NamePrefix: p})); len(all) != n {
		t.Errorf("there are %d servers", len(all))
	}
}

// bootMany boots p1 … pn at once as a run does: looking first.
func bootMany(t *testing.T, c *openstack.Cloud, p string, n int) []error {
	t.Helper()
	return bootLike(t, c, spec(t, c, "", "conf"), p, n)
}

func bootLike(t *testing.T, c *openstack.Cloud, base openstack.ServerSpec, p string, n int) []error {
	t.Helper()
	out := make([]error, n)
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			s := base
			s.Name = fmt.Sprintf("%s%d", p, i+1)
			found, err := c.ServersNamed(t.Context(), s.Name)
			switch {
			case err != nil:
			case len(found) == 0:
				_, err = c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit})
			default:
				_, err = c.FinishBoot(t.Context(), found[0], s, openstack.Boot{Limit: bootLimit})
			}
			out[i] = err
			return nil
		})
	}
	_ = g.Wait() // each error has its place
	return out
}

// Fifty creates at once, of which many answers are lost after the request was
// carried out, and some before: fifty servers.
func TestLostAnswersAtFiftyCreates(t *testing.T) {
	const n = 50
	_, c := openFaultyLab(t, api.Faults{Answers: []api.AnswerFault{
		{Method: "POST", Path: "/compute/v2.1/servers", Cut: "after", Count: 20},
		{Method: "POST", Path: "/compute/v2.1/servers", Cut: "before", Count: 10}}})
	p := prefix(t)
	for i, err := range bootMany(t, c, p, n) {
		if err != nil {
			t.Errorf("%d: %v", i+1, err)
		}
	}
	names := map[string]int{}
	for _, s := range must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: p})) {
		names[s.Name]++
	}
	for name, times := range names {
		if times != 1 {
			t.Errorf("%d × %s", times, name)
		}
	}
	if len(names) != n {
		t.Errorf("%d servers", len(names))
	}
}

// A run that was killed may have left a create under way that the next run's
// look came too early for.
func TestTwinOfAKilledRunIsRemoved(t *testing.T) {
	c := openTestCloud(t)
	p := prefix(t)
	sweep(t, c, p)
	s := spec(t, c, p+"web-1", "conf")
	first := must[string](t)(c.CreateServer(t.Context(), s))
	got, err := c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit})
	if err != nil || got.Status != "ACTIVE" {
		t.Errorf("%s %s, the first was %s: %v", got.ID, got.Status, first, err)
	}
	if all := must[[]openstack.Server](t)(c.ServersNamed(t.Context(), s.Name)); len(all) != 1 || all[0].ID != got.ID {
		t.Errorf("%d servers of one name", len(all))
	}
}

// A server that somebody deletes while it is waited for is not fought for.
func TestDeletedBehindOurBack(t *testing.T) {
	c, flavorOf := openWithFaults(t)
	p := prefix(t)
	sweep(t, c, p)
	flavor, err := flavorOf("fault.stuck")
	if err != nil {
		t.Skip(err)
	}
	s := spec(t, c, p+"fault-stuck", "conf")
	s.FlavorID = flavor.ID
	var once bool
	_, err = c.BootServer(t.Context(), s, openstack.Boot{Limit: bootLimit, Progress: func(string) {
		if once {
			return
		}
		once = true
		for _, found := range must[[]openstack.Server](t)(c.ListServers(t.Context(), openstack.Filter{NamePrefix: s.Name})) {
			if err := c.StartDelete(t.Context(), found.ID); err != nil {
				t.Error(err)
			}
		}
	}})
	var gone *openstack.NotFoundError
	if !errors.As(err, &gone) || !strings.Contains(err.Error(), "it was deleted while it was waited for") {
		t.Errorf("%v", err)
	}
}

// A failed server that can't be deleted is named, in bounded time.
func TestStuckInDeleting(t *testing.T) {
	lab, c := openFaultyLab(t, serverFaults(api.ServerFault{Name: "*", Fault: "error"}, api.ServerFault{Name: "*", Fault: "deleting"}))
	_, err := c.BootServer(t.Context(), spec(t, c, prefix(t)+"web-1", "conf"), openstack.Boot{Limit: bootLimit, Clear: time.Second})
	var failed *openstack.BootError
	if !errors.As(err, &failed) || len(failed.Left) != 1 || !strings.Contains(err.Error(), "to be gone after 1s; last seen ERROR (deleting)") {
		t.Errorf("%v", err)
	}
	lab.Order(t, api.Faults{})
}

// What is left behind by Ctrl-C is told while the run still speaks.
func TestStoppedBootSaysWhatItLeft(t *testing.T) {
	c, flavorOf := openWithFaults(t)
	p := prefix(t)
	sweep(t, c, p)
	flavor, err := flavorOf("fault.stuck")
	if err != nil {
		t.Skip(err)
	}
	s := spec(t, c, p+"fault-stuck", "conf")
	s.FlavorID = flavor.ID
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var told []string
	_, err = c.BootServer(ctx, s, openstack.Boot{Limit: bootLimit, Progress: func(text string) {
		told = append(told, text)
		if strings.Contains(text, "is BUILD") {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run this again to go on with it") {
		t.Errorf("%v", err)
	}
	found := must[[]openstack.Server](t)(c.ServersNamed(t.Context(), s.Name))
	if len(found) != 1 {
		t.Fatalf("%d servers are there", len(found))
	}
	if want := fmt.Sprintf("%s (%s) is on its way", s.Name, found[0].ID); told[0] != want {
		t.Errorf("told first %q, not %q", told[0], want)
	}
	last := told[len(told)-1]
	if !strings.HasPrefix(last, fmt.Sprintf("%s (%s) was left in BUILD", s.Name, found[0].ID)) {
		t.Errorf("told last %q", last)
	}
}

// A create that is under way when the run is stopped is heard out, and one that
// is not asked for yet is not asked for.
func TestStoppedWhileCreating(t *testing.T) {
	lab, c := openFaultyLab(t, api.Faults{})
	s := spec(t, c, prefix(t)+"web-1", "conf")
	lab.Order(t, api.Faults{Answers: []api.AnswerFault{{Method: "POST", Path: "/compute/v2.1/servers", Delay: 500, Count: 1}}})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var told string
	_, err := c.BootServer(ctx, s, openstack.Boot{Limit: bootLimit, Progress: func(text string) { told = text }})
	found := must[[]openstack.Server](t)(c.ServersNamed(t.Context(), s.Name))
	if err == nil || len(found) != 1 || !strings.HasPrefix(told, fmt.Sprintf("%s (%s) was left in", s.Name, found[0].ID)) {
		t.Errorf("%d servers, told %q: %v", len(found), told, err)
	}
	s.Name += "0"
	_, err = c.BootServer(ctx, s, openstack.Boot{Progress: func(text string) { told = text }})
	if err == nil || told != s.Name+" was not asked for yet" {
		t.Errorf("told %q: %v", told, err)
	}
}
