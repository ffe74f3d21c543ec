package cloud_test

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/lab/api/apitest"
	"rollout/internal/module/cloud"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
)

// tally counts requests by kind, from the lines of the trace.
type tally struct {
	mu    sync.Mutex
	kinds map[string]int
}

var idInPath = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

func (c *tally) note(line string) {
	request, _, _ := strings.Cut(line, ": ")
	method, address, _ := strings.Cut(request, " ")
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kinds == nil {
		c.kinds = map[string]int{}
	}
	c.kinds[method+" "+idInPath.ReplaceAllString(u.Path, "ID")]++
}

func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for kind, n := range c.kinds {
		out = append(out, fmt.Sprintf("%4d %s", n, kind))
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

func countingBench(t *testing.T) (*bench, *tally) {
	t.Helper()
	b, count := newBench(t), &tally{}
	if b.lab == nil {
		t.Skip("counts the calls to the practice cloud: a real one takes longer, and so is asked more often")
	}
	b.clouds = openstack.NewPool(clouds.Config{Cloud: apitest.Cloud, Trace: count.note,
		Further: map[string]string{apitest.Cloud: b.lab.Clouds}, Getenv: func(string) string { return "" }})
	for _, m := range cloud.Modules(b.clouds) {
		b.modules[m.Name] = m
	}
	return b, count
}

// each runs a module for hosts 1 to n at once, as the linear strategy does.
func (b *bench) each(n int, name string, args func(host string) []any) {
	b.t.Helper()
	var g errgroup.Group
	for i := range n {
		g.Go(func() error {
			host := fmt.Sprintf("%sapp-%d", b.prefix, i+1)
			res, err := b.call(b.t.Context(), name, false, args(host)...)
			if err == nil && res.Failed {
				err = fmt.Errorf("%s: %s", host, res.Msg)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.t.Fatal(err)
	}
}

// Fifty hosts cost fifty creates of what each has for itself; everything that is
// looked up is looked up for all.
func TestFiftyServersShareTheirLookUps(t *testing.T) {
	const n = 50
	b, count := countingBench(t)
	server := func(host string) []any {
		return []any{"name", host, "image", "docker-base", "flavor", "standard.xsmall", "key_name", "key-for-internal",
			"nics", []any{"net-name=dmz-net", "net-name=app-net"}, "auto_ip", false, "timeout", 120, "availability_zone", "az1",
			"security_groups", []any{"sg-all-from-console", "sg-web-from-internet"},
			"meta", "rollout_app=calls,rollout_owner=" + b.prefix}
	}
	floating := func(host string) []any {
		return []any{"server", host, "network", "Ext-Net", "reuse", true, "wait", true, "timeout", 120}
	}
	start := time.Now()
	b.each(n, "openstack.cloud.server", server)
	b.each(n, "openstack.cloud.floating_ip", floating)
	made := count.String()
	intervals := int(time.Since(start) / (400 * time.Millisecond)) // the shortest there is between two lists
	most := map[string]int{
		"POST /identity/v3/auth/tokens": 1,
		"GET /image/v2/images":          1, "GET /compute/v2.1/flavors/detail": 1, "GET /compute/v2.1/os-keypairs": 1,
		"GET /compute/v2.1/os-availability-zone": 1,
		"GET /network/v2.0/networks":             3, "GET /network/v2.0/security-groups": 3,
		"GET /network/v2.0/ports": 4, "GET /network/v2.0/floatingips": 4, "GET /compute/v2.1/servers/detail": 4 + intervals,
		"POST /compute/v2.1/servers": n, "POST /network/v2.0/floatingips": n,
	}
	for kind, got := range count.kinds {
		if limit, expected := most[kind]; !expected || got > limit {
			t.Errorf("%d × %s, at most %d", got, kind, limit)
		}
	}
	if count.kinds["POST /compute/v2.1/servers"] != n || count.kinds["POST /network/v2.0/floatingips"] != n {
		t.Error("not every host has its server and its address")
	}
	t.Logf("calls:\n%s", made)

	clear(count.kinds)
	b.each(n, "openstack.cloud.server", server)
	b.each(n, "openstack.cloud.floating_ip", floating)
	total := 0
	for kind, got := range count.kinds {
		total += got
		if !strings.HasPrefix(kind, "GET ") {
			t.Errorf("the second run sent %d × %s", got, kind)
		}
	}
	if total > 12 {
		t.Errorf("the second run of %d hosts, which changes nothing, took %d calls:\n%s", n, total, count)
	}
	t.Logf("calls of the second run:\n%s", count)
}
