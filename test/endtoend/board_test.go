// Package endtoend rolls the bulletin board out on the practice cloud and looks
// at what is there afterwards: servers by the API, the page by HTTP. It needs a
// cloud that is up (rollout lab up) with the board's images pushed, and
// ROLLOUT_E2E=1, because it takes minutes.
package endtoend

import (
	"context"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestTiersOneByOneThenNothingToDo(t *testing.T) {
	b := newBoard(t, "e2eone")
	for _, target := range []string{"dbs", "app", "web"} {
		b.rollout("-e", "target="+target)
	}
	b.wantServers("e2eone-app-1", "e2eone-dbs-1", "e2eone-web-1")
	b.wantPageKeepsMessages()

	out := b.rollout()
	if n := strings.Count(out, "changed=0"); n != 4 { // three VMs and localhost
		t.Errorf("a rerun changed something (%d hosts with changed=0):\n%s", n, out)
	}

	t.Run("a changed env recreates that container only", func(t *testing.T) {
		b := b.with(t)
		before := b.containers()
		b.edit(`ports: ["5555:5555"]`, "ports: [\"5555:5555\"]\n        env: {COLOUR: blue}")
		b.rollout()
		after := b.containers()
		if before["app"] == after["app"] {
			t.Error("app was not recreated")
		}
		if before["dbs"] != after["dbs"] {
			t.Error("dbs was recreated")
		}
		b.wantPageKeepsMessages()
	})

	t.Run("a VM deleted behind our back is booted again", func(t *testing.T) {
		b := b.with(t)
		b.deleteServer("e2eone-app-1")
		b.rollout()
		b.wantServers("e2eone-app-1", "e2eone-dbs-1", "e2eone-web-1")
		b.wantPageKeepsMessages()
	})

	t.Run("the two steps alone", func(t *testing.T) {
		b := b.with(t)
		b.rollout("playbooks/create_docker_vm.yml", "-e", "target=dbs")
		b.rollout("playbooks/do_docker_run.yml", "-e", "target=dbs", "-e", "docker_user=rollout")
	})

	t.Run("check mode tells the truth and changes nothing", func(t *testing.T) {
		b := b.with(t)
		b.deleteServer("e2eone-web-1")
		out := b.rollout("--check")
		if !strings.Contains(out, "e2eone-web-1") || strings.Contains(recapOf(out, "e2eone-web-1"), "changed=0") {
			t.Errorf("check mode does not see the missing VM:\n%s", out)
		}
		b.wantServers("e2eone-app-1", "e2eone-dbs-1")
	})

	t.Run("clean-up takes ours and nobody else's", func(t *testing.T) {
		b := b.with(t)
		other := newBoard(t, "e2eonex") // a prefix that begins like ours
		other.rollout("playbooks/create_docker_vm.yml", "-e", "target=dbs")
		out := b.run("cleanup", "--prefix", "e2eone-", "--yes")
		if !strings.Contains(out, "Deleting e2eone-dbs-1") {
			t.Errorf("no line for the deletion:\n%s", out)
		}
		b.wantServers()
		other.wantServers("e2eonex-dbs-1")
		if _, err := b.try("cleanup", "--prefix", "", "--yes"); err == nil {
			t.Error("an empty prefix was accepted")
		}
	})
}

func TestEverythingOnOneVM(t *testing.T) {
	b := newBoard(t, "e2eall")
	b.rollout("playbooks/all_in_one.yml")
	b.wantServers("e2eall-board-all")
	b.wantPageKeepsMessages()
	if out := b.rollout("playbooks/all_in_one.yml"); !strings.Contains(out, "changed=0") {
		t.Errorf("a rerun changed something:\n%s", out)
	}
	b.run("cleanup", "--prefix", "e2eall-", "--yes")
	b.wantServers()
}

// The number of kills is ROLLOUT_E2E_KILLS, 3 by default; the seed is printed.
func TestKilledRunsConverge(t *testing.T) {
	kills := 3
	if n, err := strconv.Atoi(os.Getenv("ROLLOUT_E2E_KILLS")); err == nil {
		kills = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBoard(t, "e2ekill")
	start := time.Now()
	b.rollout()
	whole := time.Since(start)
	b.run("cleanup", "--prefix", "e2ekill-", "--yes")
	for i := range kills {
		for range 1 + random.IntN(3) {
			after := time.Duration(random.Int64N(int64(whole)))
			t.Logf("kill %d after %s of %s", i+1, after, whole)
			b.killed(after)
		}
		b.rollout()
		b.wantServers("e2ekill-app-1", "e2ekill-dbs-1", "e2ekill-web-1")
		b.wantPageKeepsMessages()
		if out := b.rollout(); strings.Count(out, "changed=0") != 4 {
			t.Fatalf("the run after the healing one changed something:\n%s", out)
		}
		b.run("cleanup", "--prefix", "e2ekill-", "--yes")
		b.wantServers()
	}
}

// wantPageKeepsMessages posts text that needs escaping and reads it back, newest
// first.
func (b *board) wantPageKeepsMessages() {
	b.t.Helper()
	page := strings.TrimSpace(b.run("status", "--url"))
	old, text := "first "+time.Now().Format(time.RFC3339Nano), "掲示板 <b>&\" "+time.Now().Format(time.RFC3339Nano)
	for _, message := range []string{old, text} {
		b.post(page, message)
	}
	body := b.get(page)
	at := strings.Index(body, html.EscapeString(text))
	if at < 0 {
		at = strings.Index(body, strings.NewReplacer("&#34;", "&quot;").Replace(html.EscapeString(text)))
	}
	if at < 0 || at > strings.Index(body, old) {
		b.t.Fatalf("the newest message is not first on the page:\n%s", body)
	}
}

func (b *board) post(page, message string) {
	b.t.Helper()
	b.request(http.MethodPost, page, url.Values{"text": {message}})
}

func (b *board) get(page string) string {
	b.t.Helper()
	return b.request(http.MethodGet, page, nil)
}

func (b *board) request(method, page string, form url.Values) string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, page, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, page, err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%s %s: %s %v\n%s", method, page, resp.Status, err, body)
	}
	return string(body)
}
