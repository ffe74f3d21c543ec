package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
)

func fakeSpec(name string) openstack.ServerSpec {
	return openstack.ServerSpec{Name: name, ImageID: "i", FlavorID: "f", Metadata: map[string]string{"rollout_owner": "o"}}
}

// A create whose answer is lost is followed by a look, and makes no twin,
// whether the cloud had carried it out or not.
func TestLostAnswerMakesNoTwin(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		for _, how := range []string{"connection lost", "502"} {
			t.Run(fmt.Sprintf("%s arrived=%v", how, arrived), func(t *testing.T) {
				f := &faulty{}
				f.before = func(w http.ResponseWriter, r *http.Request, n int) bool {
					if r.Method != http.MethodPost || r.URL.Path != "/servers" || n > 1 {
						return false
					}
					if arrived {
						f.mu.Lock()
						f.create(httptest.NewRecorder(), r)
						f.mu.Unlock()
					}
					if how == "502" {
						w.WriteHeader(502)
					} else {
						hangUp(w)
					}
					return true
				}
				c := f.open(t)
				s, err := c.BootServer(t.Context(), fakeSpec("o-web-1"), openstack.Boot{Limit: time.Minute})
				if err != nil || s.Status != "ACTIVE" {
					t.Fatal(s, err)
				}
				if f.made != 1 || len(f.servers) != 1 {
					t.Errorf("%d servers were made, %d are there", f.made, len(f.servers))
				}
			})
		}
	}
}

// A lost answer to a login or a look is simply asked for again.
func TestReadsAreRepeated(t *testing.T) {
	for name, fault := range map[string]func(w http.ResponseWriter){
		"503":             func(w http.ResponseWriter) { w.WriteHeader(503) },
		"500":             func(w http.ResponseWriter) { w.WriteHeader(500) },
		"connection lost": hangUp,
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(429)
		},
		"answer cut off": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"servers": [`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := &faulty{before: func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n > 2 || r.Method == http.MethodPost && r.URL.Path == "/servers" {
					return false
				}
				fault(w)
				return true
			}}
			c := f.open(t)
			if _, err := c.ListServers(t.Context(), openstack.Filter{}); err != nil {
				t.Fatal(err)
			}
			if n := f.count("GET /servers/detail"); n != 3 {
				t.Errorf("asked %d times", n)
			}
			// net/http itself may repeat a GET on a connection it had kept open.
			if n := c.Calls(); n < 5 || n > 6 {
				t.Errorf("%d calls were counted, 6 were made", n)
			}
		})
	}
}

// 429 says that nothing was done, so that even a create is sent again.
func TestTooManyRequests(t *testing.T) {
	f := &faulty{before: func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.Method != http.MethodPost || r.URL.Path != "/servers" || n > 1 {
			return false
		}
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(429)
		return true
	}}
	c := f.open(t)
	start := time.Now()
	if _, err := c.CreateServer(t.Context(), fakeSpec("o-web-1")); err != nil {
		t.Fatal(err)
	}
	if f.made != 1 || time.Since(start) < time.Second {
		t.Errorf("%d servers after %s: Retry-After was not kept", f.made, time.Since(start))
	}
}

func TestRetriesEnd(t *testing.T) {
	f := &faulty{before: func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.Method == http.MethodPost {
			return false
		}
		answer(w, 503, map[string]any{"message": "down for today"})
		return true
	}}
	c := f.open(t)
	_, err := c.ListServers(t.Context(), openstack.Filter{})
	var api *openstack.APIError
	if !errors.As(err, &api) || api.Status != 503 || !strings.Contains(err.Error(), "Nova says: down for today") {
		t.Errorf("%v", err)
	}
	if n := f.count("GET /servers/detail"); n != 5 {
		t.Errorf("asked %d times", n)
	}
}

func TestExpiredToken(t *testing.T) {
	f := &faulty{before: func(w http.ResponseWriter, r *http.Request, n int) bool {
		if r.Header.Get("X-Auth-Token") != "token-1" || r.URL.Path != "/servers" {
			return false
		}
		w.WriteHeader(401)
		return true
	}}
	c := f.open(t)
	if _, err := c.CreateServer(t.Context(), fakeSpec("o-web-1")); err != nil {
		t.Fatal(err)
	}
	if f.logins != 2 || f.made != 1 {
		t.Errorf("%d log-ins, %d servers", f.logins, f.made)
	}
}

func TestFailedServersAreReplaced(t *testing.T) {
	sick := map[string]any{"status": "ERROR", "fault": map[string]any{"message": "No valid host was found."}}
	stuck := map[string]any{"status": "BUILD"}
	for name, tc := range map[string]struct {
		born  func(n int) map[string]any
		limit time.Duration
		says  string // of the error; empty for success
		made  int
	}{
		"ERROR, then well":       {func(n int) map[string]any { return pick(n == 1, sick) }, time.Minute, "", 2},
		"stuck, then well":       {func(n int) map[string]any { return pick(n == 1, stuck) }, time.Second, "", 2},
		"ERROR each time":        {func(int) map[string]any { return sick }, time.Minute, "No valid host was found.", 3},
		"stuck each time":        {func(int) map[string]any { return stuck }, 700 * time.Millisecond, "last seen BUILD", 2},
		"console is shown":       {func(int) map[string]any { return sick }, time.Minute, "kernel panic", 3},
		"says that nothing left": {func(int) map[string]any { return sick }, time.Minute, "nothing is left behind", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &faulty{born: tc.born}
			c := f.open(t)
			s, err := c.BootServer(t.Context(), fakeSpec("o-web-1"), openstack.Boot{Limit: tc.limit})
			if tc.says == "" && (err != nil || s.ID != "id-2") {
				t.Errorf("%+v %v", s, err)
			}
			if tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Errorf("%v", err)
			}
			if f.made != tc.made || tc.says != "" && len(f.servers) > 0 {
				t.Errorf("%d servers were made, %d are left", f.made, len(f.servers))
			}
		})
	}
}

func pick(yes bool, m map[string]any) map[string]any {
	if yes {
		return m
	}
	return nil
}

// What can't be deleted is named, with the command that deletes it.
func TestWhatIsLeftIsSaid(t *testing.T) {
	f := &faulty{
		born: func(int) map[string]any { return map[string]any{"status": "ERROR"} },
		before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
			if r.Method != http.MethodDelete {
				return false
			}
			answer(w, 403, map[string]any{"forbidden": map[string]any{"message": "it is locked"}})
			return true
		},
	}
	c := f.open(t)
	_, err := c.BootServer(t.Context(), fakeSpec("o-web-1"), openstack.Boot{Limit: time.Minute})
	var failed *openstack.BootError
	if !errors.As(err, &failed) || len(failed.Left) != 1 || !strings.Contains(err.Error(), "openstack server delete id-1") {
		t.Errorf("%v", err)
	}
	if f.made != 1 {
		t.Errorf("%d servers were made", f.made)
	}
}

func TestWaitEndsWhenCancelled(t *testing.T) {
	f := &faulty{born: func(int) map[string]any { return map[string]any{"status": "BUILD"} }}
	c := f.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := c.BootServer(ctx, fakeSpec("o-web-1"), openstack.Boot{Limit: time.Hour, Progress: func(string) { cancel() }})
	var cancelled *openstack.CancelledError
	if !errors.As(err, &cancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if len(f.servers) != 1 {
		t.Error("the server was deleted, though a rerun could have finished it")
	}
}

// One who is cancelled while asking for all doesn't end the others' wait.
func TestOthersWaitOn(t *testing.T) {
	release := make(chan struct{})
	f := &faulty{born: func(n int) map[string]any { return map[string]any{"status": "BUILD"} }}
	c := f.open(t)
	gone, cancel := context.WithCancel(t.Context())
	var g errgroup.Group
	for i := range 3 {
		id, err := c.CreateServer(t.Context(), fakeSpec(fmt.Sprintf("o-web-%d", i)))
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if i == 0 {
			ctx = gone
		}
		g.Go(func() error {
			_, err := c.Await(ctx, fmt.Sprintf("o-web-%d", i), id, time.Minute, nil, "ACTIVE")
			if i == 0 {
				close(release)
				return nil
			}
			return err
		})
	}
	cancel()
	<-release
	f.mu.Lock()
	for _, s := range f.servers {
		s["status"] = "ACTIVE"
	}
	f.mu.Unlock()
	if err := g.Wait(); err != nil {
		t.Error(err)
	}
}

// Waiting for many servers takes one list call per interval, not one each.
func TestOneCallForAllThatWait(t *testing.T) {
	f := &faulty{born: func(int) map[string]any { return map[string]any{"status": "ACTIVE"} }}
	c := f.open(t)
	var g errgroup.Group
	for i := range 50 {
		g.Go(func() error {
			_, err := c.BootServer(t.Context(), fakeSpec(fmt.Sprintf("o-web-%d", i)), openstack.Boot{Limit: time.Minute})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := f.count("GET /servers/detail"); n > 10 {
		t.Errorf("50 servers were awaited with %d list calls", n)
	}
}

func TestUnreachableCloud(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := openstack.Open(t.Context(), clouds.Config{
		Auth:   map[string]string{"auth_url": server.URL + "/v3", "username": "u", "password": "secret", "project_name": "p"},
		Retry:  clouds.Retry{First: time.Millisecond},
		Getenv: func(string) string { return "" },
	})
	var login *clouds.LoginError
	if !errors.As(err, &login) || strings.Contains(err.Error(), "secret") {
		t.Errorf("%v", err)
	}
}

// A refused log-in is said in Keystone's words, once, and without the password.
func TestRefusedLogin(t *testing.T) {
	f := &faulty{requests: map[string]int{}, before: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		answer(w, 401, map[string]any{"error": map[string]any{"message": "The request you have made requires authentication.", "code": 401}})
		return true
	}}
	server := httptest.NewServer(http.HandlerFunc(f.serve))
	defer server.Close()
	_, err := openstack.Open(t.Context(), clouds.Config{
		Auth:   map[string]string{"auth_url": server.URL + "/v3", "username": "u", "password": "hush", "project_name": "p"},
		Getenv: func(string) string { return "" },
	})
	if err == nil || !strings.Contains(err.Error(), "Keystone says: The request you have made requires authentication. (HTTP 401)") {
		t.Errorf("%v", err)
	}
	if strings.Contains(fmt.Sprint(err), "hush") || f.count("POST /v3/auth/tokens") != 1 {
		t.Errorf("asked %d times: %v", f.count("POST /v3/auth/tokens"), err)
	}
}
