package system_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

// apart is this machine with mounts of its own, which all that runs there share.
type apart struct {
	connection.Host
	pid int
}

func (a apart) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = fmt.Sprintf("exec nsenter -t %d -m --wd=/ sh -c %s", a.pid, connection.Quote(cmd.Script))
	return a.Host.Run(ctx, cmd)
}

func newApart(t *testing.T) apart {
	t.Helper()
	cmd := exec.Command("unshare", "-m", "sh", "-c", "mount -t tmpfs none /mnt && echo ready && exec cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("no mount namespaces here: %v", err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	if line, _ := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Skip("nothing can be mounted here")
	}
	return apart{connection.Local(), cmd.Process.Pid}
}

// in runs a program there, and returns what it prints.
func (a apart) in(t *testing.T, script string) string {
	t.Helper()
	out, err := a.Run(t.Context(), connection.Command{Script: script})
	if err != nil || out.Code != 0 {
		t.Fatalf("%s: %v %s", script, err, out.Stderr)
	}
	return string(out.Stdout)
}

// mountCase is a number of steps on one fstab. In both, @ is a folder.
type mountCase struct {
	name, fstab string
	steps       []string // JSON; each run in check mode, for real, and again
}

const oldTable = `# <file system> <mount point>
UUID=1234 /	ext4  errors=remount-ro 0 1

/dev/sdb1 @/data ext4 defaults 0 2
/dev/sdb2 @/four xfs noatime
/dev/sdb3 @/five xfs noatime 0
/dev/sda1 none swap sw 0 0
/dev/sda2 none swap sw 0 0
a b c
a b c d e f g
`

var mountCases = []mountCase{
	{"present, new", oldTable, []string{`{"path": "@/new", "src": "/dev/sdc1", "fstype": "ext4", "state": "present"}`}},
	{"present, as it is", oldTable, []string{`{"path": "@/data", "src": "/dev/sdb1", "fstype": "ext4", "passno": 2, "state": "present"}`}},
	{"present, changed", oldTable, []string{`{"name": "@/data", "src": "LABEL=data", "fstype": "xfs", "opts": "ro,noatime", "dump": "1", "state": "present"}`}},
	{"four fields", oldTable, []string{`{"path": "@/four", "src": "/dev/sdb2", "fstype": "xfs", "opts": "noatime", "state": "present"}`}},
	{"five fields", oldTable, []string{`{"path": "@/five", "src": "/dev/sdb3", "fstype": "xfs", "opts": "noatime", "state": "present"}`}},
	{"twice", "a @/x ext4 ro 0 0\nb @/y ext4 ro 0 0\na   @/x ext4 rw 0 0\n", []string{`{"path": "@/x", "src": "a", "fstype": "ext4", "opts": "rw", "state": "present"}`}},
	{"absent", oldTable, []string{`{"path": "@/data", "state": "absent"}`}},
	{"absent, four fields", oldTable, []string{`{"path": "@/four", "state": "absent"}`}},
	{"absent, not there", oldTable, []string{`{"path": "@/none", "state": "absent"}`}},
	{"absent from fstab", oldTable, []string{`{"path": "@/data", "state": "absent_from_fstab", "backup": true}`}},
	{"swap", oldTable, []string{
		`{"path": "none", "src": "/dev/sda2", "fstype": "swap", "opts": "sw,pri=1", "state": "present"}`,
		`{"path": "none", "src": "/dev/sda1", "fstype": "swap", "state": "absent"}`}},
	{"special characters", "", []string{
		`{"path": "@/a b&c", "src": "//host/a \\b", "fstype": "cifs", "opts": "user=a b", "state": "present"}`,
		`{"path": "@/a b&c", "state": "absent_from_fstab"}`}},
	{"boot", oldTable, []string{
		`{"path": "@/b1", "src": "x", "fstype": "ext4", "boot": false, "state": "present"}`,
		`{"path": "@/b2", "src": "x", "fstype": "ext4", "opts": "ro", "boot": false, "state": "present"}`,
		`{"path": "@/b3", "src": "x", "fstype": "ext4", "opts": "ro,noauto", "boot": false, "state": "present"}`}},
	{"no line end", "x @/x ext4 ro 0 0", []string{`{"path": "@/y", "src": "y", "fstype": "ext4", "state": "present"}`}},
	{"line ends", "x @/x ext4 ro 0 0\r\ny @/y ext4 ro 0 0\r\n", []string{`{"path": "@/y", "src": "z", "fstype": "ext4", "state": "present"}`}},
	{"tmpfs", "", []string{
		`{"path": "@/deep/down/t", "src": "tmpfs", "fstype": "tmpfs", "opts": "size=1m", "state": "mounted"}`,
		`{"path": "@/deep/down/t", "src": "tmpfs", "fstype": "tmpfs", "opts": "size=2m,ro", "state": "mounted", "backup": true}`,
		`{"path": "@/deep/down/t", "state": "unmounted"}`,
		`{"path": "@/deep/down/t", "src": "tmpfs", "fstype": "tmpfs", "opts": "size=2m,ro", "state": "mounted"}`,
		`{"path": "@/deep/down/t", "state": "absent"}`}},
	{"bind", "", []string{
		`{"path": "@/b", "src": "@", "fstype": "none", "opts": "bind", "state": "mounted"}`,
		`{"path": "@/b", "state": "unmounted"}`,
		`{"path": "@/b", "src": "@", "fstype": "none", "opts": "bind", "state": "mounted"}`,
		`{"path": "@/b", "state": "absent"}`}},
	{"remounted", "tmpfs @/r tmpfs size=1m 0 0\n", []string{
		`{"path": "@/r", "src": "tmpfs", "fstype": "tmpfs", "opts": "size=1m", "state": "mounted"}`,
		`{"path": "@/r", "state": "remounted"}`,
		`{"path": "@/r", "opts": "ro", "state": "remounted"}`,
		`{"path": "@/r", "opts": "no-such-option=3", "state": "remounted"}`}},
	{"remounted, not mounted", "", []string{`{"path": "@/r", "state": "remounted"}`}},
	{"ephemeral", "", []string{
		`{"path": "@/e", "src": "it", "fstype": "tmpfs", "opts": "size=1m", "state": "ephemeral"}`,
		`{"path": "@/e", "src": "other", "fstype": "tmpfs", "state": "ephemeral"}`}},
	{"cannot be mounted", "x @/x ext4 ro 0 0\n", []string{
		`{"path": "@/new/one", "src": "/dev/no-such-device", "fstype": "ext4", "state": "mounted"}`,
		`{"path": "@/new/one", "src": "x", "fstype": "tmpfs", "opts": "size=nonsense", "state": "ephemeral"}`}},
}

func (c mountCase) args(t *testing.T, step, dir string) *value.Map {
	t.Helper()
	v, err := value.FromJSON([]byte(strings.ReplaceAll(step, "@", dir)))
	if err != nil {
		t.Fatal(err)
	}
	args := v.(*value.Map)
	args.Set("fstab", dir+".tab/fstab")
	return args
}

// TestMountAsAnsible runs the cases with ansible-playbook and with the module,
// both with mounts of their own, and compares what each returned and left.
func TestMountAsAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("no ansible on this machine to compare with")
	}
	theirHost, ourHost, root := newApart(t), newApart(t), "/mnt/it"
	theirs := ansibleMounts(t, theirHost, root)
	n := 0
	for i, c := range mountCases {
		dir := fmt.Sprintf("%s/%d", root, i)
		prepareMounts(t, ourHost, c, dir)
		t.Run(c.name, func(t *testing.T) {
			for _, step := range c.steps {
				for _, mode := range []string{"check", "real", "again"} {
					res, err := try(t, "ansible.posix.mount", &module.Call{Host: ourHost, Check: mode == "check"}, pairs(c.args(t, step, dir))...)
					if err != nil {
						t.Fatal(err)
					}
					compareMount(t, step+", "+mode, theirs[n], res)
					n++
				}
			}
			look := "cd " + root + " && cat " + dir + ".tab/fstab; find " + dir + " | sort; ls -1 " + dir + ".tab | wc -l; findmnt -rno TARGET,FSTYPE,FSROOT,OPTIONS | grep '^" + dir + "/' | sed 's/,inode64//'; true"
			if a, b := theirHost.in(t, look), ourHost.in(t, look); a != b {
				t.Errorf("ansible leaves\n%s\nwe leave\n%s", a, b)
			}
		})
	}
}

func prepareMounts(t *testing.T, h apart, c mountCase, dir string) {
	t.Helper()
	h.in(t, "mkdir -p "+dir+" "+dir+".tab; printf %s "+connection.Quote(strings.ReplaceAll(c.fstab, "@", dir))+" > "+dir+".tab/fstab")
}

func pairs(m *value.Map) []any {
	var out []any
	for k, v := range m.All() {
		out = append(out, k, v)
	}
	return out
}

// ansibleMounts are the results of all steps of all cases in turn.
func ansibleMounts(t *testing.T, h apart, root string) []map[string]any {
	t.Helper()
	var tasks []any
	for i, c := range mountCases {
		dir := fmt.Sprintf("%s/%d", root, i)
		prepareMounts(t, h, c, dir)
		for _, step := range c.steps {
			for _, check := range []bool{true, false, false} {
				tasks = append(tasks, value.NewMap("ansible.posix.mount", c.args(t, step, dir), "check_mode", check, "ignore_errors", true))
			}
		}
	}
	play, err := value.ToJSON([]any{value.NewMap("hosts", "localhost", "gather_facts", false, "tasks", tasks)})
	if err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(t.TempDir(), "play.yml")
	if err := os.WriteFile(book, play, 0o600); err != nil {
		t.Fatal(err)
	}
	out := h.in(t, "ANSIBLE_STDOUT_CALLBACK=json ANSIBLE_LOCALHOST_WARNING=0 LC_ALL=C.UTF-8 ansible-playbook -i localhost, -c local "+book)
	var doc struct {
		Plays []struct {
			Tasks []struct{ Hosts map[string]map[string]any }
		}
	}
	if err := json.Unmarshal([]byte(out[strings.IndexByte(out, '{'):]), &doc); err != nil {
		t.Fatal(err)
	}
	var res []map[string]any
	for _, task := range doc.Plays[0].Tasks {
		res = append(res, task.Hosts["localhost"])
	}
	return res
}

func compareMount(t *testing.T, what string, want map[string]any, ours module.Result) {
	t.Helper()
	failed, _ := want["failed"].(bool)
	if failed != ours.Failed || !failed && want["changed"] != ours.Changed {
		t.Errorf("%s: ansible failed=%v changed=%v (%v), we failed=%v changed=%v (%s)", what, failed, want["changed"], want["msg"], ours.Failed, ours.Changed, ours.Msg)
		return
	}
	if failed {
		return
	}
	for _, key := range []string{"name", "src", "fstype", "opts", "dump", "passno", "boot", "fstab"} {
		if got := ours.Data.At(key); want[key] != got {
			t.Errorf("%s: %s: ansible %v, we %v", what, key, want[key], got)
		}
	}
	if theirs, _ := want["backup_file"].(string); (theirs == "") != (ours.Data.String("backup_file") == "") {
		t.Errorf("%s: backup_file: ansible %q, we %q", what, theirs, ours.Data.String("backup_file"))
	}
	if theirs, _ := want["warnings"].([]any); len(theirs) != len(ours.Warnings) || len(theirs) > 0 && theirs[0] != ours.Warnings[0] {
		t.Errorf("%s: ansible warns %v, we %v", what, theirs, ours.Warnings)
	}
}

// TestMountAnywhere has what Ansible's module gets wrong: a check that leaves no
// trace, and mounts whose names need escapes in the kernel's list.
func TestMountAnywhere(t *testing.T) {
	h := newApart(t)
	h.in(t, "mkdir -p '/mnt/home dir/from'")
	step(t, h, "ansible.posix.mount", true, "path", "/mnt/a b/c", "src", "/mnt/home dir/from", "fstype", "none", "opts", "bind", "state", "mounted", "fstab", "/mnt/new folder/tab")
	step(t, h, "ansible.posix.mount", true, "path", "/mnt/a b/c/", "state", "unmounted", "fstab", "/mnt/new folder/tab")
	c := &module.Call{Host: h, Check: true}
	if res, err := try(t, "ansible.posix.mount", c, "path", "/mnt/x", "src", "x", "fstype", "tmpfs", "state", "present", "fstab", "/mnt/none/tab"); err != nil || !res.Changed {
		t.Errorf("got %+v, %v", res, err)
	}
	c = &module.Call{Host: h, Env: map[string]string{"HOME": "/mnt/home dir", "WHERE": "w"}}
	res, err := try(t, "ansible.posix.mount", c, "path", "~/$WHERE${WHERE}$NOWHERE_", "src", "x", "fstype", "tmpfs", "state", "mounted", "fstab", "/mnt/tab")
	if err != nil || res.Data.String("name") != "/mnt/home dir/ww$NOWHERE_" {
		t.Errorf("got %+v, %v", res, err)
	}
	if got := h.in(t, "cd /mnt && ls -d none 2>/dev/null; cat tab 'new folder/tab'"); got != "x /mnt/home\\040dir/ww$NOWHERE_ tmpfs defaults 0 0\n/mnt/home\\040dir/from /mnt/a\\040b/c none bind 0 0\n" {
		t.Errorf("got %s", got)
	}
}
