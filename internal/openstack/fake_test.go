package openstack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
)

// faulty is the least cloud that a server can be booted on, with a switch for
// each fault. What a cloud does when all is well is tested on real ones.
type faulty struct {
	mu       sync.Mutex
	url      string
	servers  []map[string]any
	made     int            // servers created so far
	logins   int            // tokens issued so far
	requests map[string]int // "GET /servers/detail" → how often

	// before is asked before each request; one that returns true has answered.
	before func(w http.ResponseWriter, r *http.Request, n int) bool
	// born says in which state the n-th server starts (from 1).
	born func(n int) map[string]any
}

// open starts the fake and logs in, with waits short enough for tests.
func (f *faulty) open(t *testing.T) *openstack.Cloud {
	t.Helper()
	f.requests = map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(server.Close)
	f.url = server.URL
	c, err := openstack.Open(t.Context(), clouds.Config{
		Auth:   map[string]string{"auth_url": server.URL + "/v3", "username": "u", "password": "secret", "project_name": "p"},
		Retry:  clouds.Retry{First: time.Millisecond, Max: 5 * time.Millisecond, Tries: 5},
		Getenv: func(string) string { return "" },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *faulty) count(request string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests[request]
}

func (f *faulty) serve(w http.ResponseWriter, r *http.Request) {
	r.URL.Path = strings.TrimPrefix(r.URL.Path, "/v2.1")
	key := r.Method + " " + r.URL.Path
	f.mu.Lock()
	f.requests[key]++
	n := f.requests[key]
	f.mu.Unlock()
	if f.before != nil && f.before(w, r, n) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case key == "POST /v3/auth/tokens":
		f.login(w)
	case key == "GET /servers/detail", key == "GET /servers":
		f.list(w, r.URL.Query().Get("name"))
	case key == "POST /servers":
		f.create(w, r)
	case r.Method == http.MethodDelete:
		f.remove(w, strings.TrimPrefix(r.URL.Path, "/servers/"))
	case r.Method == http.MethodGet:
		f.show(w, strings.TrimPrefix(r.URL.Path, "/servers/"))
	case strings.HasSuffix(r.URL.Path, "/action"):
		answer(w, 200, map[string]any{"output": "starting\nkernel panic\n"})
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

func (f *faulty) login(w http.ResponseWriter) {
	f.logins++
	w.Header().Set("X-Subject-Token", fmt.Sprintf("token-%d", f.logins))
	entry := func(typ string) map[string]any {
		return map[string]any{"type": typ, "name": typ, "endpoints": []any{map[string]any{"interface": "public", "region": "R", "url": f.url}}}
	}
	answer(w, 201, map[string]any{"token": map[string]any{
		"expires_at": "2099-01-01T00:00:00.000000Z", "project": map[string]any{"id": "p1", "name": "p"},
		"catalog": []any{entry("compute"), entry("network"), entry("image")}}})
}

func (f *faulty) list(w http.ResponseWriter, pattern string) {
	re := regexp.MustCompile(pattern)
	out := []any{}
	for _, s := range f.servers {
		if re.MatchString(s["name"].(string)) {
			out = append(out, s)
		}
	}
	answer(w, 200, map[string]any{"servers": out})
}

func (f *faulty) create(w http.ResponseWriter, r *http.Request) {
	var body struct{ Server map[string]any }
	_ = json.NewDecoder(r.Body).Decode(&body)
	f.made++
	s := map[string]any{"id": fmt.Sprintf("id-%d", f.made), "name": body.Server["name"], "status": "ACTIVE", "metadata": body.Server["metadata"]}
	if f.born != nil {
		for k, v := range f.born(f.made) {
			s[k] = v
		}
	}
	f.servers = append(f.servers, s)
	answer(w, 202, map[string]any{"server": map[string]any{"id": s["id"]}})
}

func (f *faulty) show(w http.ResponseWriter, id string) {
	for _, s := range f.servers {
		if s["id"] == id {
			answer(w, 200, map[string]any{"server": s})
			return
		}
	}
	answer(w, 404, map[string]any{"itemNotFound": map[string]any{"message": "no such server", "code": 404}})
}

func (f *faulty) remove(w http.ResponseWriter, id string) {
	for i, s := range f.servers {
		if s["id"] == id {
			f.servers = append(f.servers[:i], f.servers[i+1:]...)
			w.WriteHeader(204)
			return
		}
	}
	f.show(w, id)
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}
