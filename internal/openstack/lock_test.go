package openstack_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rollout/internal/lab/api/apitest"
	"rollout/internal/openstack"
	"rollout/internal/openstack/clouds"
	"rollout/internal/openstack/lock"
)

// lockSession opens sessions of their own with one cloud: two runs share none.
func lockSession(t *testing.T) (open func() *openstack.Cloud) {
	t.Helper()
	if os.Getenv("ROLLOUT_TEST_CLOUD") != "" {
		return func() *openstack.Cloud { return openTestCloud(t) }
	}
	lab := apitest.Start(t)
	return func() *openstack.Cloud { return openLab(t, lab) }
}

func lockOf(owner, who string) lock.Request {
	return lock.Request{Owner: owner, Holder: lock.Holder{Who: who, PID: os.Getpid()}, Life: time.Minute}
}

// TestOneOfManyLocks starts five at once, again and again: one gets the lock,
// and while it has it no other does.
func TestOneOfManyLocks(t *testing.T) {
	open := lockSession(t)
	const contenders, rounds = 5, 20
	var clouds [contenders]*openstack.Cloud
	for i := range clouds {
		clouds[i] = open()
	}
	owner := strings.TrimSuffix(prefix(t), "-")
	for round := range rounds {
		var inside, won, refused atomic.Int32
		done := make(chan struct{}) // the winner stays inside until all others have their answer
		var all sync.WaitGroup
		for i, c := range clouds {
			all.Go(func() {
				err := lock.Hold(t.Context(), c, lockOf(owner, fmt.Sprintf("person%d@desk", i)), func(context.Context) error {
					if n := inside.Add(1); n > 1 {
						t.Errorf("round %d: %d inside at once", round, n)
					}
					defer inside.Add(-1)
					won.Add(1)
					<-done
					return nil
				})
				var held *lock.HeldError
				switch {
				case errors.As(err, &held):
					if refused.Add(1) == contenders-1 {
						close(done)
					}
				case err != nil:
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d had the lock", round, won.Load())
		}
	}
}

// Two look, put and look again at the same time, in a cloud that takes longer
// over a look than the first one waits in a fast one: it is not impatient before
// the second can have given way.
func TestOneLockInASlowCloud(t *testing.T) {
	t.Parallel()
	var looks, puts sync.WaitGroup
	looks.Add(2)
	puts.Add(2)
	var looked, put atomic.Int32
	slow, _ := between(t, nil, func(r *http.Response) error {
		path := r.Request.URL.Path
		switch {
		case r.Request.Method == http.MethodPut && strings.Contains(path, "/tags/") && put.Add(1) <= 2:
			puts.Done()
			puts.Wait()
		case r.Request.Method == http.MethodGet && strings.HasSuffix(path, "/security-groups") && looked.Add(1) <= 2:
			looks.Done()
			looks.Wait()
		case r.Request.Method == http.MethodGet && strings.HasSuffix(path, "/security-groups"):
			time.Sleep(5500 * time.Millisecond)
		}
		return nil
	})
	var won, refused atomic.Int32
	others := make(chan struct{})
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			err := lock.Hold(t.Context(), slow, lockOf("student07", fmt.Sprintf("person%d@desk", i)), func(context.Context) error {
				won.Add(1)
				<-others
				return nil
			})
			var held *lock.HeldError
			if errors.As(err, &held) && refused.Add(1) == 1 {
				close(others)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d had the lock", won.Load())
	}
}

// TestLocksWaitTheirTurn lets all contenders wait: each gets the lock once.
func TestLocksWaitTheirTurn(t *testing.T) {
	open := lockSession(t)
	owner := strings.TrimSuffix(prefix(t), "-")
	var inside, had atomic.Int32
	var all sync.WaitGroup
	for i := range 4 {
		c := open()
		all.Go(func() {
			req := lockOf(owner, fmt.Sprintf("person%d@desk", i))
			req.Wait = time.Minute
			err := lock.Hold(t.Context(), c, req, func(context.Context) error {
				if inside.Add(1) > 1 {
					t.Error("two inside at once")
				}
				had.Add(1)
				inside.Add(-1)
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if had.Load() != 4 {
		t.Errorf("%d of 4 had the lock", had.Load())
	}
}

func TestLockOfAnotherOwnerIsNoHindrance(t *testing.T) {
	c := lockSession(t)()
	owner := strings.TrimSuffix(prefix(t), "-")
	both := false
	err := lock.Hold(t.Context(), c, lockOf(owner+"1", "a@x"), func(ctx context.Context) error {
		return lock.Hold(ctx, c, lockOf(owner+"10", "b@y"), func(context.Context) error { both = true; return nil })
	})
	if err != nil || !both {
		t.Errorf("%v, both: %v", err, both)
	}
}

func TestLockSaysWhoHasIt(t *testing.T) {
	open := lockSession(t)
	mine, theirs := open(), open()
	owner := strings.TrimSuffix(prefix(t), "-")
	err := lock.Hold(t.Context(), mine, lockOf(owner, "taro@desk3.example.org"), func(ctx context.Context) error {
		return lock.Hold(ctx, theirs, lockOf(owner, "hanako@desk4"), func(context.Context) error { return errors.New("both have it") })
	})
	var held *lock.HeldError
	if !errors.As(err, &held) {
		t.Fatal(err)
	}
	if !strings.HasPrefix("taro@desk3-example-org", held.Who) || len(held.Who) < 15 || held.PID != os.Getpid() ||
		held.Expires.Sub(held.Since) != time.Minute {
		t.Errorf("%+v", held)
	}
}

// TestLockIsGivenBack ends runs in several ways; the next one starts at once.
func TestLockIsGivenBack(t *testing.T) {
	c := lockSession(t)()
	owner := strings.TrimSuffix(prefix(t), "-")
	broken := errors.New("broken")
	if err := lock.Hold(t.Context(), c, lockOf(owner, "a@x"), func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	ctx, interrupt := context.WithCancel(t.Context())
	err := lock.Hold(ctx, c, lockOf(owner, "a@x"), func(ctx context.Context) error {
		interrupt()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := lock.Hold(t.Context(), c, lockOf(owner, "b@y"), func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestLockIsRenewed holds a lock for longer than it lives without renewal.
func TestLockIsRenewed(t *testing.T) {
	open := lockSession(t)
	mine, theirs := open(), open()
	owner := strings.TrimSuffix(prefix(t), "-")
	req := lockOf(owner, "a@x")
	req.Life = 3 * time.Second
	err := lock.Hold(t.Context(), mine, req, func(ctx context.Context) error {
		other := lockOf(owner, "b@y")
		other.Wait = 2 * req.Life
		return lock.Hold(ctx, theirs, other, func(context.Context) error { return errors.New("both have it") })
	})
	var held *lock.HeldError
	if !errors.As(err, &held) {
		t.Error(err)
	}
}

// TestLockOfTheDead kills a process that has the lock: it is refused to others
// until it ends by itself.
func TestLockOfTheDead(t *testing.T) {
	if os.Getenv("ROLLOUT_LOCK_AND_DIE") != "" {
		lockAndDie(t)
		return
	}
	file, name := os.Getenv("OS_CLIENT_CONFIG_FILE"), os.Getenv("ROLLOUT_TEST_CLOUD")
	if name == "" {
		file, name = apitest.Start(t).Clouds, apitest.Cloud
	}
	owner := strings.TrimSuffix(prefix(t), "-")
	holder := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLockOfTheDead$")
	holder.Env = append(os.Environ(), "ROLLOUT_LOCK_AND_DIE="+owner, "OS_CLIENT_CONFIG_FILE="+file, "OS_CLOUD="+name)
	if out, err := holder.CombinedOutput(); err == nil || holder.ProcessState.ExitCode() != -1 {
		t.Fatalf("the holder was not killed: %v\n%s", err, out)
	}
	c := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Cloud: name,
		Getenv: func(key string) string { return map[string]string{"OS_CLIENT_CONFIG_FILE": file}[key] }}))
	nothing := func(context.Context) error { return nil }
	var held *lock.HeldError
	if err := lock.Hold(t.Context(), c, lockOf(owner, "b@y"), nothing); !errors.As(err, &held) || held.PID == os.Getpid() {
		t.Fatal(err)
	}
	patient := lockOf(owner, "b@y")
	patient.Wait = time.Minute
	if err := lock.Hold(t.Context(), c, patient, nothing); err != nil {
		t.Error(err)
	}
}

// TestLockOfTheDeadHere is the same on the machine of the dead, which knows that
// the process has ended: nobody waits. One that runs keeps its lock.
func TestLockOfTheDeadHere(t *testing.T) {
	open := lockSession(t)
	owner := strings.TrimSuffix(prefix(t), "-")
	me := lock.ThisProcess()
	if me.Machine == "" {
		t.Skip("this system doesn't tell its machine")
	}
	dead := exec.CommandContext(t.Context(), "true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	leave := func(pid int) {
		t.Helper()
		ctx, cancel := context.WithCancel(t.Context())
		ended := lock.Request{Owner: owner, Holder: me, Release: time.Nanosecond, Life: time.Minute}
		ended.PID = pid
		err := lock.Hold(ctx, open(), ended, func(context.Context) error { cancel(); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	next := lock.Request{Owner: owner, Holder: me, Life: time.Minute}
	take := func() error {
		return lock.Hold(t.Context(), open(), next, func(context.Context) error { return nil })
	}
	leave(dead.Process.Pid)
	if err := take(); err != nil {
		t.Errorf("the holder is dead, and yet: %v", err)
	}
	leave(os.Getppid())
	var held *lock.HeldError
	if err := take(); !errors.As(err, &held) {
		t.Errorf("the holder runs, and yet: %v", err)
	}
}

func lockAndDie(t *testing.T) {
	c := must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Cloud: os.Getenv("OS_CLOUD")}))
	req := lockOf(os.Getenv("ROLLOUT_LOCK_AND_DIE"), "a@x")
	req.Life = 5 * time.Second
	_ = lock.Hold(t.Context(), c, req, func(context.Context) error {
		self, err := os.FindProcess(os.Getpid())
		if err == nil {
			err = self.Kill()
		}
		time.Sleep(time.Minute) // the signal is on its way
		return err
	})
}

// between stands before the lab's API and changes what passes.
func between(t *testing.T, change http.Handler, answer func(*http.Response) error) (*openstack.Cloud, func() *openstack.Cloud) {
	t.Helper()
	lab := apitest.Start(t)
	target, err := url.Parse(lab.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // the catalog's addresses lead through here
	}, ModifyResponse: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change != nil {
			passed := &passing{ResponseWriter: w}
			change.ServeHTTP(passed, r)
			if passed.answered {
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	text := must[[]byte](t)(os.ReadFile(lab.Clouds))
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), lab.URL, server.URL)), 0o600); err != nil {
		t.Fatal(err)
	}
	through := func(file string) *openstack.Cloud {
		return must[*openstack.Cloud](t)(openstack.Open(t.Context(), clouds.Config{Cloud: apitest.Cloud,
			Further: map[string]string{apitest.Cloud: file}, Getenv: func(string) string { return "" },
			Retry: clouds.Retry{First: time.Millisecond, Max: 2 * time.Millisecond, Tries: 2}}))
	}
	return through(file), func() *openstack.Cloud { return through(lab.Clouds) }
}

// passing notes whether a request was answered.
type passing struct {
	http.ResponseWriter
	answered bool
}

func (p *passing) WriteHeader(code int) { p.answered = true; p.ResponseWriter.WriteHeader(code) }

// TestLockGoesByTheCloudsClock has one cloud's clock an hour behind, another's
// an hour ahead, of this machine's: that makes no lock live or dead.
func TestLockGoesByTheCloudsClock(t *testing.T) {
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		c, _ := between(t, nil, func(r *http.Response) error {
			r.Header.Set("Date", time.Now().Add(skew).UTC().Format(http.TimeFormat))
			return nil
		})
		err := lock.Hold(t.Context(), c, lockOf("student07", "a@x"), func(ctx context.Context) error {
			return lock.Hold(ctx, c, lockOf("student07", "b@y"), func(context.Context) error { return errors.New("both have it") })
		})
		var held *lock.HeldError
		if !errors.As(err, &held) || time.Until(held.Expires)-skew > time.Minute+time.Second {
			t.Errorf("skew %s: %v", skew, err)
		}
		if err := lock.Hold(t.Context(), c, lockOf("student07", "b@y"), func(context.Context) error { return nil }); err != nil {
			t.Errorf("skew %s, after the release: %v", skew, err)
		}
	}
}

// TestLostLockEndsTheRun cuts a holder off until somebody else has the lock.
func TestLostLockEndsTheRun(t *testing.T) {
	var cut atomic.Bool
	mine, direct := between(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cut.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}), nil)
	var said sayings
	req := lockOf("student07", "a@x")
	req.Life, req.Say = 3*time.Second, said.add
	theirs := direct()
	err := lock.Hold(t.Context(), mine, req, func(ctx context.Context) error {
		cut.Store(true)
		other := lockOf("student07", "b@y")
		other.Wait = time.Minute
		return lock.Hold(ctx, theirs, other, func(context.Context) error {
			cut.Store(false)
			<-ctx.Done()
			return ctx.Err()
		})
	})
	var lost *lock.LostError
	if !errors.As(err, &lost) || lost.By.Who != "b@y" {
		t.Error(err)
	}
	if !strings.Contains(said.text(), "the run goes on") {
		t.Errorf("said: %s", said.text())
	}
}

// TestNoPlaceForLocks runs without, and says so, where a cloud has no tags.
func TestNoPlaceForLocks(t *testing.T) {
	for _, status := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusNotImplemented} {
		c, _ := between(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.URL.Path, "/tags") {
				w.WriteHeader(status)
			}
		}), nil)
		var said sayings
		req := lockOf("student07", "a@x")
		req.Say = said.add
		ran := false
		if err := lock.Hold(t.Context(), c, req, func(context.Context) error { ran = true; return nil }); err != nil || !ran {
			t.Errorf("%d: %v, ran: %v", status, err, ran)
		}
		if len(said.lines) != 1 || !strings.Contains(said.text(), "no place for locks") {
			t.Errorf("%d: said %q", status, said.text())
		}
	}
}

type sayings struct {
	mu    sync.Mutex
	lines []string
}

func (s *sayings) add(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

func (s *sayings) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}
