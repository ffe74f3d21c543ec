package endtoend

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// order has the practice cloud spoil what comes.
func (b *board) order(faults string) {
	b.t.Helper()
	base := ""
	for _, service := range b.cloud.Catalog() {
		if service.Type == "identity" {
			base = service.Endpoints[0].URL
		}
	}
	at, err := url.Parse(base)
	if err != nil || base == "" {
		b.t.Fatalf("the catalog has no identity service (%v)", err)
	}
	at.Path = "/lab/faults"
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, at.String(), strings.NewReader(faults))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("X-Auth-Token", b.cloud.Token())
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusNoContent {
		b.t.Fatalf("the faults were not taken: %s", resp.Status)
	}
}

func TestServersThatFailOrStickAreReplaced(t *testing.T) {
	b := newBoard(t, "e2efault")
	b.edit("defaults:\n", "defaults:\n  boot_timeout: 10s\n")
	b.order(`{"servers": [{"name": "e2efault-dbs-1", "fault": "error", "count": 1}, {"name": "e2efault-web-1", "fault": "stuck", "count": 1}]}`)
	defer b.order(`{}`)
	b.rollout()
	b.wantServers("e2efault-app-1", "e2efault-dbs-1", "e2efault-web-1")
	b.wantPageKeepsMessages()
}

func TestAServerThatAlwaysFailsEndsTheRunAndLeavesNothing(t *testing.T) {
	b := newBoard(t, "e2ebad")
	b.order(`{"servers": [{"name": "e2ebad-*", "fault": "error"}]}`)
	defer b.order(`{}`)
	out, err := b.try("playbooks/create_docker_vm.yml", "-e", "target=dbs")
	if err == nil || !strings.Contains(out, "No valid host was found") {
		t.Fatalf("%v\n%s", err, out)
	}
	b.wantServers()
	b.order(`{}`)
	b.rollout("playbooks/create_docker_vm.yml", "-e", "target=dbs")
	b.wantServers("e2ebad-dbs-1")
}

func TestAnAPIOnABadDay(t *testing.T) {
	b := newBoard(t, "e2eapi")
	b.order(`{"answers": [
		{"method": "POST", "path": "/compute/v2.1/servers", "cut": "after", "count": 1},
		{"method": "POST", "path": "/compute/v2.1/servers", "cut": "before", "count": 1},
		{"method": "POST", "path": "/network/v2.0/floatingips", "cut": "after", "count": 1},
		{"method": "GET", "path": "/compute/v2.1/servers*", "status": 503, "count": 3},
		{"method": "GET", "path": "/network*", "status": 429, "count": 2}]}`)
	defer b.order(`{}`)
	b.rollout()
	b.wantServers("e2eapi-app-1", "e2eapi-dbs-1", "e2eapi-web-1") // no twins
	b.wantPageKeepsMessages()
	out := b.run("cleanup", "--prefix", "e2eapi-", "--yes")
	if n := strings.Count(out, "Releasing "); n != 1 {
		t.Errorf("%d floating IPs were released: a lost answer made a twin\n%s", n, out)
	}
}
