package system_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// below is a system of its own in a folder.
type below struct {
	connection.Host
	root string
}

func (b below) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = "exec chroot " + connection.Quote(b.root) + " sh -c " + connection.Quote(cmd.Script)
	return b.Host.Run(ctx, cmd)
}

// makePackages builds a repository, the only one, and takes its packages off
// the system.
const makePackages = `
set -e
rm -rf /srv/repo /etc/yum.repos.d; mkdir -p /srv/repo /etc/yum.repos.d
cd /srv
mk() {
	printf '%s\n' "Name: $1" "Version: $2" 'Release: 1' 'Summary: test' 'License: MIT' 'BuildArch: noarch' "$3" '%description' 'test' '%files' "/opt/$1" \
		'%install' "mkdir -p %{buildroot}/opt; echo $2 >%{buildroot}/opt/$1" >it.spec
	rpmbuild -bb --quiet --define '_rpmdir /srv/repo' --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' it.spec 2>/dev/null
}
mk alpha 1.0
mk alpha 2.0
mk alpha 10.0
mk beta 1.0 'Requires: alpha
Recommends: gamma'
mk gamma 1.0 'Epoch: 3'
mk a-very-long-package-name-that-makes-the-table-wrap-its-lines-in-two 1.0
createrepo_c -q /srv/repo
mk delta 1.0 'Obsoletes: gamma'
mkdir -p more; rm -rf more/*; mv repo/delta* more
createrepo_c -q /srv/more
printf '%s\n' '[local]' name=local baseurl=file:///srv/repo gpgcheck=0 '[more]' name=more baseurl=file:///srv/more gpgcheck=0 enabled=0 >/etc/yum.repos.d/local.repo
rpm -qa | xargs -r rpm -e
dnf -q clean all
`

// dnfSteps are run in turn, each in check mode, for real, and again.
var dnfSteps = []string{
	`{"update_cache": true}`,
	`{"name": "alpha-1.0"}`,
	`{"name": "alpha"}`,
	`{"name": "alpha-2.0-1"}`,
	`{"name": "alpha-1.0-1", "state": "present"}`,
	`{"name": "alpha-1.0-1", "allow_downgrade": true}`,
	`{"name": "beta", "install_weak_deps": false}`,
	`{"name": "alpha,beta", "state": "latest", "update_cache": true}`,
	`{"name": ["alpha-2.0-1.noarch"], "state": "latest"}`,
	`{"name": "gam*", "state": "installed"}`,
	`{"name": "gamma-3:1.0-1"}`,
	`{"name": "no-such-package,alpha"}`,
	`{"name": "no-such-package", "state": "absent"}`,
	`{"name": "alpha", "state": "removed"}`,
	`{"name": "beta", "autoremove": true, "state": "absent"}`,
	`{"name": "gamma", "state": "absent"}`,
	`{"name": "beta", "download_only": true}`,
	`{"name": "beta"}`,
	`{"name": "a-very*,gamma", "disable_gpg_check": true}`,
	`{"name": "beta", "autoremove": true, "state": "absent"}`,
	`{"name": "a*", "state": "absent"}`,
	`{"name": "alpha", "exclude": "alpha-10*"}`,
	`{"name": "*", "state": "latest", "exclude": "alpha"}`,
	`{"name": "*", "state": "latest"}`,
	`{"name": "beta", "disablerepo": "local"}`,
	`{"name": "beta", "disablerepo": "*", "enablerepo": "local", "nobest": true, "skip_broken": true, "allowerasing": true}`,
	`{"name": "beta", "state": "absent"}`,
	`{"autoremove": true, "update_cache": true}`,
	`{"autoremove": true}`,
	`{"name": "gamma"}`,
	`{"name": "delta"}`,
	`{"name": "delta", "enablerepo": ["more"]}`,
}

// TestDnfAsAnsible runs the steps with ansible-playbook and with the module on
// the system in the folder that ROLLOUT_TEST_RPM_ROOT names: any with dnf, its
// Python binding, rpmbuild and createrepo_c, and no RPM packages.
func TestDnfAsAnsible(t *testing.T) {
	root := os.Getenv("ROLLOUT_TEST_RPM_ROOT")
	if _, err := exec.LookPath("ansible-playbook"); err != nil || root == "" {
		t.Skip("no ansible here, or ROLLOUT_TEST_RPM_ROOT names no system with dnf")
	}
	h := below{connection.Local(), root}
	reset := func() {
		out, err := h.Run(t.Context(), connection.Command{Script: makePackages})
		if err != nil || out.Code != 0 {
			t.Fatalf("%v %s", err, out.Stderr)
		}
	}
	installed := func() string {
		out, _ := h.Run(t.Context(), connection.Command{Script: "rpm -qa | sort"})
		return string(out.Stdout)
	}
	reset()
	theirs := ansibleDnf(t, root)
	left := installed()
	reset()
	n := 0
	for _, args := range dnfSteps {
		for _, mode := range []string{"check", "real", "again"} {
			v, err := value.FromJSON([]byte(args))
			if err != nil {
				t.Fatal(err)
			}
			res, err := try(t, "dnf", &module.Call{Host: h, Check: mode == "check"}, pairs(v.(*value.Map))...)
			if err != nil {
				t.Fatal(err)
			}
			if want, got := told(theirs[n]), toldOf(res); want != got {
				t.Errorf("%s, %s:\nansible %s\nwe      %s", args, mode, want, got)
			}
			n++
		}
	}
	if got := installed(); got != left {
		t.Errorf("ansible leaves\n%s\nwe leave\n%s", left, got)
	}
	step(t, h, "yum", true, "name", "beta")
	step(t, h, "package", true, "name", "beta", "state", "removed", "use", "dnf")
}

// told is what a result says: the verdict, and what was done in any order.
func told(r map[string]any) string {
	var did []string
	for _, key := range []string{"results", "failures"} {
		list, _ := r[key].([]any)
		for _, item := range list {
			did = append(did, fmt.Sprint(item))
		}
	}
	slices.Sort(did)
	failed, _ := r["failed"].(bool)
	changed, _ := r["changed"].(bool)
	return fmt.Sprintf("failed=%v changed=%v rc=%v %q %q", failed, changed && !failed, r["rc"], r["msg"], did)
}

func toldOf(res module.Result) string {
	r := map[string]any{"failed": res.Failed, "changed": res.Changed, "msg": res.Msg}
	for k, v := range res.Data.All() {
		r[fmt.Sprint(k)] = v
	}
	return told(r)
}

func ansibleDnf(t *testing.T, root string) []map[string]any {
	t.Helper()
	var tasks []any
	for _, step := range dnfSteps {
		for _, check := range []bool{true, false, false} {
			args, err := value.FromJSON([]byte(step))
			if err != nil {
				t.Fatal(err)
			}
			tasks = append(tasks, value.NewMap("ansible.builtin.dnf", args, "check_mode", check, "ignore_errors", true))
		}
	}
	play, err := value.ToJSON([]any{value.NewMap("hosts", "all", "gather_facts", false, "tasks", tasks)})
	if err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(t.TempDir(), "play.yml")
	if err := os.WriteFile(book, play, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ansible-playbook", "-i", root+",", "-c", "community.general.chroot", "-e", "ansible_python_interpreter=/usr/bin/python3", book)
	cmd.Env = append(os.Environ(), "ANSIBLE_STDOUT_CALLBACK=json", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var doc struct {
		Plays []struct {
			Tasks []struct{ Hosts map[string]map[string]any }
		}
	}
	if err := json.Unmarshal(out[strings.IndexByte(string(out), '{'):], &doc); err != nil {
		t.Fatal(err)
	}
	var res []map[string]any
	for _, task := range doc.Plays[0].Tasks {
		res = append(res, task.Hosts[root])
	}
	return res
}
