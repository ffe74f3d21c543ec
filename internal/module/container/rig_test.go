package container

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/docker"
	"rollout/internal/docker/enginetest"
	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/value"
)

// rig runs modules against the machine's engine and counts their requests.
type rig struct {
	t       *testing.T
	engine  *enginetest.Engine
	image   string
	host    connection.Host
	calls   *atomic.Int64
	modules map[string]*module.Module
}

func newRig(t *testing.T) *rig {
	t.Helper()
	e := enginetest.Start(t)
	r := &rig{t: t, engine: e, image: e.Image("1"), calls: &atomic.Int64{}}
	r.host = r.counted()
	r.modules = newModules(t)
	return r
}

// newModules are the modules as a run has them.
func newModules(t *testing.T) map[string]*module.Module {
	pool := docker.NewPool()
	t.Cleanup(func() { _ = pool.Close() })
	out := map[string]*module.Module{}
	for _, m := range Modules(pool) {
		out[strings.TrimPrefix(m.Name, "community.docker.")] = m
	}
	return out
}

// counted is this machine with a proxy before its engine that counts requests,
// apart from the one that asks for its version.
func (r *rig) counted() connection.Host {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: "docker"}) },
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", docker.Socket)
		}},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // a test that ends cancels its last request
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if !strings.HasSuffix(req.URL.Path, "/_ping") {
			r.calls.Add(1)
		}
		proxy.ServeHTTP(w, req)
	}))
	r.t.Cleanup(server.Close)
	return countingHost{Host: connection.Local(), address: server.Listener.Addr().String()}
}

type countingHost struct {
	connection.Host
	address string
}

func (h countingHost) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return h.Host.Dial(ctx, "tcp", h.address)
}

// args reads arguments as a playbook has them, with IMAGE and names as
// NAME(part) filled in.
func (r *rig) args(yaml string) *value.Map {
	r.t.Helper()
	yaml = strings.ReplaceAll(yaml, "IMAGE", r.image)
	for {
		before, rest, ok := strings.Cut(yaml, "NAME(")
		if !ok {
			break
		}
		part, after, _ := strings.Cut(rest, ")")
		yaml = before + r.engine.Name(part) + after
	}
	nodes, err := document.Parse("args.yml", []byte(yaml))
	if err != nil {
		r.t.Fatalf("%s: %v", yaml, err)
	}
	m, ok := nodes.Decode().(*value.Map)
	if !ok {
		r.t.Fatalf("not a mapping: %s", yaml)
	}
	return m
}

// mode is how a module is run.
type mode struct{ check, diff bool }

// try runs a module.
func (r *rig) try(name string, m mode, yaml string) (module.Result, error) {
	r.t.Helper()
	mod := r.modules[name]
	args, err := mod.Args.Validate(r.args(yaml))
	if err != nil {
		return module.Result{}, err
	}
	return mod.Run(r.t.Context(), &module.Call{Args: args, HostName: "web-1", Host: r.host, Check: m.check, Diff: m.diff,
		Progress: func(string) {}})
}

// must runs a module, which must not fail.
func (r *rig) must(name, yaml string) module.Result {
	r.t.Helper()
	res, err := r.try(name, mode{}, yaml)
	if err != nil || res.Failed {
		r.t.Fatalf("%s\n%s: %v %s", yaml, name, err, res.Msg)
	}
	return res
}

// check runs a module in check mode, which must not fail.
func (r *rig) check(name, yaml string) module.Result {
	r.t.Helper()
	res, err := r.try(name, mode{check: true}, yaml)
	if err != nil || res.Failed {
		r.t.Fatalf("check mode: %s\n%s: %v %s", yaml, name, err, res.Msg)
	}
	return res
}

// container is must of docker_container.
func (r *rig) container(yaml string) module.Result {
	r.t.Helper()
	return r.must("docker_container", yaml)
}

// inspect is what the engine itself says of a container.
func (r *rig) inspect(name string) *value.Map {
	r.t.Helper()
	return r.object("/containers/" + r.engine.Name(name) + "/json")
}

func (r *rig) object(path string) *value.Map {
	r.t.Helper()
	v, err := value.FromJSON(r.engine.Do("GET", path, nil))
	if err != nil {
		r.t.Fatal(err)
	}
	m, _ := v.(*value.Map)
	return m
}

// asJSON is a value as JSON, which is YAML too.
func asJSON(v any) string {
	raw, err := value.ToJSON(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// failure is how a module that must fail says so.
func (r *rig) failure(name, yaml string) string {
	r.t.Helper()
	res, err := r.try(name, mode{}, yaml)
	switch {
	case err != nil:
		return err.Error()
	case res.Failed:
		return res.Msg
	}
	r.t.Fatalf("%s did not fail: %s", name, yaml)
	return ""
}

func wants(t *testing.T, got string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(got, p) {
			t.Errorf("%q does not say %q", got, p)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
