package system_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/module/system"
	"rollout/internal/value"
)

func find(t *testing.T, name string) *module.Module {
	t.Helper()
	for _, m := range system.Modules() {
		if m.Name == name || m.Name == "ansible.builtin."+name {
			return m
		}
	}
	t.Fatalf("no module %s", name)
	return nil
}

func call(t *testing.T, name string, pairs ...any) module.Result {
	t.Helper()
	res, err := try(t, name, &module.Call{Host: connection.Local()}, pairs...)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func try(t *testing.T, name string, c *module.Call, pairs ...any) (module.Result, error) {
	t.Helper()
	m := find(t, name)
	args, err := m.Args.Validate(value.NewMap(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	c.Args = args
	return m.Run(t.Context(), c)
}

func TestPing(t *testing.T) {
	if res := call(t, "ping"); res.Data.String("ping") != "pong" {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "ping", "data", "crash"); !res.Failed {
		t.Errorf("got %+v", res)
	}
}

func TestWaitForPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's there")
	c := &module.Call{Host: connection.Local(), Progress: func(string) { _ = os.WriteFile(file, []byte("a\nready=7\n"), 0o600) }}
	if res, err := try(t, "wait_for", c, "path", file, "timeout", 20); err != nil || res.Failed {
		t.Errorf("got %+v, %v", res, err)
	}
	res := call(t, "wait_for", "path", file, "search_regex", `^ready=(?P<n>\d)$`)
	if res.Failed || res.Data.Map("match_groupdict").String("n") != "7" {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "wait_for", "path", file, "state", "absent", "timeout", 1, "msg", "still there"); !res.Failed || res.Msg != "still there" {
		t.Errorf("got %+v", res)
	}
	_ = os.Remove(file)
	if res := call(t, "wait_for", "path", file, "timeout", 1); res.Msg != "Timeout when waiting for "+file {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "wait_for", "path", file, "state", "absent"); res.Failed {
		t.Errorf("got %+v", res)
	}
}

func TestWaitForPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("SSH-2.0-OpenSSH_9\r\n"))
			_ = c.Close()
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	if res := call(t, "wait_for", "port", port, "search_regex", "OpenSSH"); res.Failed || res.Data.Int("port") != port {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "wait_for", "port", port, "state", "stopped", "timeout", 1); !res.Failed {
		t.Errorf("got %+v", res)
	}
	_ = l.Close()
	if res := call(t, "wait_for", "port", port, "state", "stopped"); res.Failed {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "wait_for", "port", port, "state", "drained", "exclude_hosts", []any{"127.0.0.1"}); res.Failed {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "wait_for", "port", port, "timeout", 1); !res.Failed || res.Msg != fmt.Sprintf("Timeout when waiting for 127.0.0.1:%d", port) {
		t.Errorf("got %+v", res)
	}
}

func TestWaitForConnection(t *testing.T) {
	tries := 0
	c := &module.Call{Connect: func(context.Context) (connection.Host, error) {
		if tries++; tries < 3 {
			return nil, &connection.UnreachableError{Host: "h", Err: errors.New("not yet")}
		}
		return connection.Local(), nil
	}}
	if res, err := try(t, "wait_for_connection", c, "sleep", 0); err != nil || res.Failed || tries != 3 {
		t.Errorf("got %+v, %v after %d tries", res, err, tries)
	}
	c.Connect = func(context.Context) (connection.Host, error) { return nil, errors.New("no route") }
	if res, err := try(t, "wait_for_connection", c, "sleep", 0, "timeout", 1); err != nil || !strings.Contains(res.Msg, "no route") {
		t.Errorf("got %+v, %v", res, err)
	}
	c.Connect = func(context.Context) (connection.Host, error) {
		return nil, &connection.UnreachableError{Host: "h", Err: &connection.HostKeyError{Address: "h:22"}}
	}
	if _, err := try(t, "wait_for_connection", c); err == nil {
		t.Error("a wrong host key was waited for")
	}
}

func TestURI(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/json":
			w.Header().Set("Content-Type", "application/json")
			http.SetCookie(w, &http.Cookie{Name: "c", Value: "1"})
			user, pass, _ := r.BasicAuth()
			fmt.Fprintf(w, `{"method": %q, "type": %q, "user": %q, "x": %q}`, r.Method, r.Header.Get("Content-Type"), user+pass, r.FormValue("a"))
		case "/away":
			http.Redirect(w, r, "/json", http.StatusFound)
		case "/slow":
			select {
			case <-r.Context().Done():
			case <-time.After(time.Minute):
			}
		default:
			http.Error(w, "lost", http.StatusNotFound)
		}
	}))
	defer srv.Close()
	res := call(t, "uri", "url", srv.URL+"/json", "method", "POST", "body_format", "form-urlencoded", "body", value.NewMap("a", "b c"),
		"user", "u", "password", "p", "return_content", true)
	j := res.Data.Map("json")
	if res.Failed || j.String("method") != "POST" || j.String("x") != "b c" || j.String("user") != "up" || res.Data.Int("status") != 200 ||
		res.Data.Map("cookies").String("c") != "1" || res.Data.String("content_type") != "application/json" {
		t.Errorf("got %+v %v", res, j)
	}
	if res := call(t, "uri", "url", srv.URL+"/away"); res.Failed || !res.Data.Bool("redirected") {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "uri", "url", srv.URL+"/away", "follow_redirects", "none", "status_code", []any{302}); res.Failed || res.Data.Int("status") != 302 {
		t.Errorf("got %+v", res)
	}
	res = call(t, "uri", "url", srv.URL+"/no")
	if !res.Failed || res.Msg != "Status code was 404 and not [200]: HTTP Error 404: Not Found" || res.Data.String("content") != "lost\n" {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "uri", "url", srv.URL+"/slow", "timeout", 1); !res.Failed || res.Data.Int("status") != -1 {
		t.Errorf("got %+v", res)
	}
	if res := call(t, "uri", "url", "http://127.0.0.1:1/"); !res.Failed || !strings.Contains(res.Msg, "refused") {
		t.Errorf("got %+v", res)
	}
	dir := t.TempDir()
	for i, changed := range []bool{true, false} {
		res := call(t, "uri", "url", srv.URL+"/json", "dest", dir)
		if res.Failed || res.Changed != changed || res.Data.String("path") != dir+"/json" {
			t.Errorf("%d: got %+v", i, res)
		}
	}
}

// TestFactsAsAnsible compares with what ansible itself finds on this machine.
func TestFactsAsAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible"); err != nil {
		t.Skip("no ansible on this machine to compare with")
	}
	cmd := exec.CommandContext(t.Context(), "ansible", "localhost", "-m", "setup", "-o")
	cmd.Env = append(os.Environ(), "ANSIBLE_PYTHON_INTERPRETER=auto_silent")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("ansible does not run here: %v", err)
	}
	_, text, _ := strings.Cut(string(out), "=> ")
	v, err := value.FromJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	theirs := v.(*value.Map).Map("ansible_facts")
	ours := call(t, "setup").Facts
	for _, k := range strings.Fields(`architecture default_ipv4 default_ipv6 distribution
		distribution_file_variety distribution_major_version distribution_release distribution_version dns domain
		fips hostname kernel kernel_version lo local machine machine_id memtotal_mb nodename os_family pkg_mgr processor
		processor_count processor_nproc processor_vcpus product_name real_user_id service_mgr swaptotal_mb system user_dir
		user_gid user_id user_shell user_uid userspace_architecture userspace_bits selinux apparmor`) {
		a, b := theirs.At("ansible_"+k), ours.At("ansible_"+k)
		if k == "lo" {
			for _, extra := range []string{"features", "hw_timestamp_filters", "timestamping"} {
				a.(*value.Map).Delete(extra)
			}
		}
		if !value.Equal(a, b) {
			x, _ := value.ToJSON(a)
			y, _ := value.ToJSON(b)
			t.Errorf("%s:\n  ansible %s\n  ours    %s", k, x, y)
		}
	}
}

func TestFactsChosen(t *testing.T) {
	facts := call(t, "setup", "gather_subset", []any{"!all"}, "filter", []any{"ansible_*_mb", "ansible_os*", "env"}).Facts
	if facts.At("ansible_os_family") == nil || facts.At("ansible_env") == nil || facts.Len() != 2 {
		t.Errorf("got %v", facts.Keys())
	}
	if res := call(t, "setup", "gather_subset", []any{"hardwear"}); !res.Failed {
		t.Error("an unknown subset was accepted")
	}
}
