package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestProxyCountsAndKeepsTheClient(t *testing.T) {
	var service *httptest.Server
	service = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"next": "`+service.URL+r.URL.Path+`?marker=2"}`)
	}))
	defer service.Close()
	var log bytes.Buffer
	b := &booth{log: &log, pairs: []string{service.URL, "http://booth"}}
	front := httptest.NewServer(b.before(service.URL))
	defer front.Close()

	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, front.URL+"/servers?limit=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(body), `{"next": "http://booth/servers?marker=2"}`; got != want {
		t.Errorf("the client got %s, want %s", got, want)
	}
	if n := strings.Count(log.String(), "GET "+service.URL+"/servers?limit=1\n"); n != 1 {
		t.Errorf("the call was counted %d times:\n%s", n, log.String())
	}
}

func TestTimeSeesStatusAndCPU(t *testing.T) {
	var r row
	status, err := r.run(t.Context(), []string{"sh", "-c", "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"}, filepath.Join(t.TempDir(), "out"))
	if err != nil || status != 3 {
		t.Fatalf("status %d, %v; want 3", status, err)
	}
	if r.CPU <= 0 || r.Wall <= 0 || r.Peak <= 0 {
		t.Errorf("nothing was measured: %+v", r)
	}
}

func TestCancelledCommandEnds(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var r row
	if status, err := r.run(ctx, []string{"sleep", "600"}, ""); err == nil && status == 0 {
		t.Error("a command that was cut off counts as done")
	}
}

func TestMarkdownComparesPerServer(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results.tsv")
	for _, r := range []row{
		{What: "c", Who: bare, Count: 50, Wall: 60 * time.Second},
		{What: "c", Who: bare, Count: 50, Wall: 50 * time.Second},
		{What: "c", Who: bare, Count: 50, Wall: 40 * time.Second},
		{What: "c", Who: "loop", Count: 10, Wall: 70 * time.Second},
		{What: "c", Who: "broken", Count: 10, Wall: time.Second, Status: 2},
	} {
		if err := r.append(file); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := readRows(file)
	if err != nil {
		t.Fatal(err)
	}
	if m := median(rows[:3]); m.Wall != 50*time.Second || m.spread != " (40.00–60.00)" {
		t.Errorf("median is %+v", m)
	}
	all := []row{median(rows[:3]), rows[3], rows[4]}
	for i, want := range []string{"| 1.00 |", "| loop | 10 | 70.00 s | 7.00 |", "| broken (failed: 2) | 10 | 1.00 s |  |"} {
		if got := all[i].markdown(all); !strings.Contains(got, want) {
			t.Errorf("row %s lacks %q", got, want)
		}
	}
}
