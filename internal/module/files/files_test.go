package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/connection/sshtest"
	"rollout/internal/module"
	"rollout/internal/module/files"
	"rollout/internal/value"
)

// sources are the control machine's files.
type sources string

func (s sources) Open(kind, name string) (fs.File, string, error) {
	p := filepath.Join(string(s), kind, name)
	if filepath.IsAbs(name) {
		p = name
	}
	f, err := os.Open(p)
	return f, p, err
}

// busybox is this machine seen through busybox's shell and tools.
type busybox struct {
	connection.Host
	tools string
}

func (b busybox) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = "PATH=" + b.tools + "; export PATH; exec " + b.tools + "/ash -c " + connection.Quote(cmd.Script)
	return b.Host.Run(ctx, cmd)
}

// hosts are the shells that every program must work in.
func hosts(t *testing.T) map[string]connection.Host {
	t.Helper()
	out := map[string]connection.Host{"sh": connection.Local(), "ssh": sshtest.Start(t, "").Host()}
	if bin, err := exec.LookPath("busybox"); err == nil {
		dir := t.TempDir()
		if b, err := exec.Command(bin, "--install", "-s", dir).CombinedOutput(); err != nil {
			t.Fatalf("%s", b)
		}
		out["busybox"] = busybox{connection.Local(), dir}
	} else {
		t.Log("no busybox on this machine: its shell is not tested")
	}
	return out
}

func run(t *testing.T, h connection.Host, name string, check bool, src string, args *value.Map) module.Result {
	t.Helper()
	for _, m := range files.Modules() {
		if m.Name != "ansible.builtin."+name {
			continue
		}
		valid, err := m.Args.Validate(args)
		if err != nil {
			t.Fatal(err)
		}
		res, err := m.Run(t.Context(), &module.Call{Args: valid, HostName: "h", Host: h, Check: check, Diff: true, Files: sources(src),
			Render: func(_ context.Context, _, text string, _ *value.Map) (string, error) {
				return strings.TrimSuffix(strings.ReplaceAll(text, "{{ who }}", "world"), "\n"), nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	t.Fatalf("no module %s", name)
	return module.Result{}
}

// scenario is one task on one starting state. $D is the case's own folder.
type scenario struct {
	name, module string
	setup        string // sh, run in $D
	args         string // JSON
	again        bool   // a rerun changes something once more
}

const tree = "mkdir -p a/b/c .h; echo one >a/one.txt; echo two >a/b/two.txt; printf 'x\\r\\nthree\\n' >a/b/c/three; echo >.h/hid; echo >a/.dot; " +
	"ln -s b a/l; : >a/empty; touch -d '2020-01-01 00:00' a/one.txt; mkdir 'a/b/new\nline'; echo >'a/b/new\nline/f'; "

const parts = "mkdir p; printf 'one\n' >p/10; printf two >p/2; printf 'three\n' >p/.3; mkdir p/d; printf 'four' >'p/3 x'; "

const three = "printf 'a=1\\nb=2\\nc=3\\n' >f; "

var scenarios = []scenario{
	{"new text", "copy", "", `{"content": "x\n", "dest": "$D/f"}`, false},
	{"with mode", "copy", "", `{"content": "x\n", "dest": "$D/f", "mode": "0600"}`, false},
	{"same text", "copy", "printf 'x\\n' >f", `{"content": "x\n", "dest": "$D/f"}`, false},
	{"same text, other mode", "copy", "printf 'x\\n' >f", `{"content": "x\n", "dest": "$D/f", "mode": "u=rw,g=r,o="}`, false},
	{"other text keeps the mode", "copy", "echo y >f; chmod 751 f", `{"content": "x\n", "dest": "$D/f"}`, false},
	{"not forced", "copy", "echo y >f", `{"content": "x\n", "dest": "$D/f", "force": false}`, false},
	{"a dict as text", "copy", "", `{"content": {"a": [1, "b"]}, "dest": "$D/f"}`, false},
	{"no folder", "copy", "", `{"content": "x", "dest": "$D/no/f"}`, false},
	{"text into a folder", "copy", "mkdir f", `{"content": "x", "dest": "$D/f"}`, false},
	{"file into a folder", "copy", "mkdir d", `{"src": "one.txt", "dest": "$D/d"}`, false},
	{"file into a new folder", "copy", "", `{"src": "one.txt", "dest": "$D/d/"}`, false},
	{"file with quotes in its name", "copy", "", `{"src": "it's \"two\".txt", "dest": "$D/it's here"}`, false},
	{"link replaced", "copy", "echo y >t; ln -s t f", `{"content": "x\n", "dest": "$D/f"}`, false},
	{"link followed", "copy", "echo y >t; ln -s t f", `{"content": "x\n", "dest": "$D/f", "follow": true}`, false},
	{"validated", "copy", "", `{"content": "x\n", "dest": "$D/f", "validate": "grep -q x %s"}`, false},
	{"not valid", "copy", "", `{"content": "y\n", "dest": "$D/f", "validate": "grep -q x %s"}`, false},
	{"folder", "copy", "", `{"src": "tree", "dest": "$D"}`, false},
	{"folder's content", "copy", "mkdir d", `{"src": "tree/", "dest": "$D/d", "mode": "0640", "directory_mode": "0750"}`, false},
	{"folder again", "copy", "mkdir -p tree/sub; echo 1 >tree/sub/deep; echo 2 >tree/top", `{"src": "tree", "dest": "$D"}`, false},
	{"on the host", "copy", "echo y >t", `{"src": "$D/t", "dest": "$D/f", "remote_src": true}`, false},
	{"folder on the host", "copy", "mkdir -p t/u; echo y >t/u/v", `{"src": "$D/t/", "dest": "$D/f", "remote_src": true}`, false},
	{"not on the host", "copy", "", `{"src": "$D/t", "dest": "$D/f", "remote_src": true}`, false},
	{"unknown owner", "copy", "", `{"content": "x", "dest": "$D/f", "owner": "nobody-knows"}`, false},

	{"folder made", "file", "", `{"path": "$D/a/b/c", "state": "directory", "mode": "0711"}`, false},
	{"folder there", "file", "mkdir -m 755 a", `{"path": "$D/a", "state": "directory", "mode": "0755"}`, false},
	{"folder is a file", "file", "echo >a", `{"path": "$D/a", "state": "directory"}`, false},
	{"all below", "file", "mkdir -p a/b; echo >a/b/c; chmod 600 a/b/c", `{"path": "$D/a", "state": "directory", "recurse": true, "mode": "u=rwX,g=rX,o="}`, false},
	{"removed", "file", "mkdir -p a/b", `{"path": "$D/a", "state": "absent"}`, false},
	{"removed already", "file", "", `{"path": "$D/a", "state": "absent"}`, false},
	{"touch new", "file", "", `{"path": "$D/a", "state": "touch", "mode": "0640"}`, true},
	{"touch and keep", "file", "echo >a", `{"path": "$D/a", "state": "touch", "access_time": "preserve", "modification_time": "preserve"}`, false},
	{"mode", "file", "echo >a; chmod 644 a", `{"path": "$D/a", "mode": "g+w,o-r"}`, false},
	{"mode as number", "file", "echo >a; chmod 644 a", `{"path": "$D/a", "mode": 384}`, false},
	{"mode of nothing", "file", "", `{"path": "$D/a", "mode": "0600"}`, false},
	{"link", "file", "echo >t", `{"path": "$D/l", "src": "$D/t", "state": "link"}`, false},
	{"link there", "file", "echo >t; ln -s \"$D/t\" l", `{"path": "$D/l", "src": "$D/t", "state": "link"}`, false},
	{"link moved", "file", "echo >t; ln -s no l", `{"path": "$D/l", "src": "$D/t", "state": "link"}`, false},
	{"link relative", "file", "echo >t", `{"path": "$D/l", "src": "t", "state": "link"}`, false},
	{"link to nothing", "file", "", `{"path": "$D/l", "src": "$D/t", "state": "link"}`, false},
	{"link to nothing, forced", "file", "", `{"path": "$D/l", "src": "$D/t", "state": "link", "force": true}`, false},
	{"link for a file", "file", "echo >t; echo >l", `{"path": "$D/l", "src": "$D/t", "state": "link"}`, false},
	{"link for a file, forced", "file", "echo >t; echo >l", `{"path": "$D/l", "src": "$D/t", "state": "link", "force": true}`, false},
	{"hard link", "file", "echo >t", `{"path": "$D/l", "src": "$D/t", "state": "hard"}`, false},
	{"hard link there", "file", "echo >t; ln t l", `{"path": "$D/l", "src": "$D/t", "state": "hard"}`, false},

	{"line added", "lineinfile", three, `{"path": "$D/f", "line": "d=4"}`, false},
	{"line there", "lineinfile", three, `{"path": "$D/f", "line": "b=2"}`, false},
	{"line replaced", "lineinfile", three, `{"path": "$D/f", "regexp": "^b=", "line": "b=9"}`, false},
	{"line with groups", "lineinfile", three, `{"path": "$D/f", "regexp": "^(b)=(\\d)", "line": "\\1=$\\2\\2", "backrefs": true}`, false},
	{"no match, no change", "lineinfile", three, `{"path": "$D/f", "regexp": "^(x)=", "line": "\\1", "backrefs": true}`, false},
	{"after", "lineinfile", three, `{"path": "$D/f", "line": "n", "insertafter": "^a"}`, false},
	{"before", "lineinfile", three, `{"path": "$D/f", "line": "n", "insertbefore": "^c"}`, false},
	{"first", "lineinfile", three, `{"path": "$D/f", "line": "n", "insertbefore": "BOF"}`, false},
	{"no line end", "lineinfile", "printf 'a\\nb' >f", `{"path": "$D/f", "line": "c"}`, false},
	{"lines removed", "lineinfile", three, `{"path": "$D/f", "regexp": "^[ab]=", "state": "absent"}`, false},
	{"nothing removed", "lineinfile", three, `{"path": "$D/f", "line": "z", "state": "absent"}`, false},
	{"no file", "lineinfile", "", `{"path": "$D/f", "line": "z"}`, false},
	{"file made", "lineinfile", "", `{"path": "$D/f", "line": "z", "create": true, "mode": "0600"}`, false},
	{"search", "lineinfile", three, `{"path": "$D/f", "search_string": "=2", "line": "b=[2]"}`, false},

	{"line with look-ahead", "lineinfile", three, `{"path": "$D/f", "regexp": "^(?!a).=(?P<n>\\d)$", "line": "x=\\g<n>", "backrefs": true}`, false},

	{"replaced", "replace", three, `{"path": "$D/f", "regexp": "^([ab])=(\\d)$", "replace": "\\1: \\2"}`, false},
	{"replaced in all lines", "replace", three, `{"path": "$D/f", "regexp": "\\n", "replace": ";"}`, false},
	{"replaced after", "replace", three, `{"path": "$D/f", "after": "a=1", "regexp": "=", "replace": ": "}`, false},
	{"replaced between", "replace", three, `{"path": "$D/f", "after": "a=1", "before": "c=3", "regexp": "=", "replace": ": "}`, false},
	{"nothing between", "replace", three, `{"path": "$D/f", "after": "z", "regexp": "=", "replace": ": "}`, false},
	{"nothing to replace", "replace", three, `{"path": "$D/f", "regexp": "z"}`, false},
	{"replaced, with mode", "replace", three, `{"path": "$D/f", "regexp": "b", "replace": "bb", "mode": "0600"}`, true},
	{"replaced in no file", "replace", "", `{"path": "$D/f", "regexp": "z"}`, false},
	{"a bad expression", "replace", three, `{"path": "$D/f", "regexp": "(", "replace": "x"}`, false},

	{"block added", "blockinfile", three, `{"path": "$D/f", "block": "x\ny"}`, false},
	{"block there", "blockinfile", three + `printf '# BEGIN ANSIBLE MANAGED BLOCK\nx\n# END ANSIBLE MANAGED BLOCK\nz\n' >>f`, `{"path": "$D/f", "block": "x\n"}`, false},
	{"block changed", "blockinfile", three + `printf '# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nz\n' >>f`, `{"path": "$D/f", "block": "x\n"}`, false},
	{"block removed", "blockinfile", three + `printf '# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nz\n' >>f`, `{"path": "$D/f", "state": "absent"}`, false},
	{"empty block", "blockinfile", three + `printf '# BEGIN ANSIBLE MANAGED BLOCK\nold\n# END ANSIBLE MANAGED BLOCK\nz\n' >>f`, `{"path": "$D/f", "block": ""}`, false},
	{"block after", "blockinfile", three, `{"path": "$D/f", "block": "x", "insertafter": "^a", "marker": "<!-- {mark} -->", "marker_begin": "from", "marker_end": "to"}`, false},
	{"block before", "blockinfile", three, `{"path": "$D/f", "block": "x", "insertbefore": "^c"}`, false},
	{"block first", "blockinfile", three, `{"path": "$D/f", "block": "x", "insertbefore": "BOF"}`, false},
	{"block after several lines", "blockinfile", three, `{"path": "$D/f", "block": "x", "insertafter": "(?m)a=1\nb=2"}`, false},
	{"block of a new file", "blockinfile", "", `{"path": "$D/f", "block": "x", "create": true, "mode": "0640"}`, false},
	{"block of no file", "blockinfile", "", `{"path": "$D/f", "block": "x"}`, false},
	{"no block of no file", "blockinfile", "", `{"path": "$D/f", "state": "absent"}`, false},
	{"block behind a line without end", "blockinfile", "printf 'a\\nb' >f", `{"path": "$D/f", "block": "c"}`, false},

	{"stat of a file", "stat", "echo x >f; chmod 4750 f", `{"path": "$D/f"}`, false},
	{"stat of a folder", "stat", "mkdir -m 1777 f", `{"path": "$D/f"}`, false},
	{"stat of a link", "stat", "echo >t; ln -s t f", `{"path": "$D/f"}`, false},
	{"stat through a link", "stat", "echo >t; ln -s t f", `{"path": "$D/f", "follow": true, "checksum_algorithm": "sha256"}`, false},
	{"stat of a variable's folder", "stat", "", `{"path": "${HOME}/../$NOBODY_SET_THIS"}`, false},
	{"stat of the home", "stat", "", `{"path": "$HOME", "get_mime": false}`, false},
	{"stat of nothing", "stat", "", `{"path": "$D/f"}`, false},
	{"stat of a device", "stat", "", `{"path": "/dev/null", "get_mime": false}`, false},
	{"find", "find", tree, `{"paths": "$D"}`, false},
	{"find below", "find", tree, `{"paths": ["$D/", "$D//a/../a/b"], "recurse": true}`, false},
	{"find hidden", "find", tree, `{"paths": "$D", "recurse": true, "hidden": true, "file_type": "any"}`, false},
	{"find by patterns", "find", tree, `{"paths": "$D", "recurse": true, "patterns": "*.txt,[!a-s]*", "excludes": "two*"}`, false},
	{"find by expressions", "find", tree, `{"paths": "$D", "recurse": true, "use_regex": true, "patterns": ["^t(wo|h).*", "e"], "excludes": ["empty$"]}`, false},
	{"find by a bad expression", "find", tree, `{"paths": ["$D", "$D/a"], "use_regex": true, "patterns": ["("]}`, false},
	{"find folders", "find", tree, `{"paths": "$D", "recurse": true, "file_type": "directory", "get_checksum": true}`, false},
	{"find links", "find", tree, `{"paths": "$D", "recurse": true, "file_type": "link"}`, false},
	{"find through links", "find", tree, `{"paths": "$D", "recurse": true, "follow": true}`, false},
	{"find to a depth", "find", tree, `{"paths": "$D", "recurse": true, "depth": 2, "file_type": "any"}`, false},
	{"find to a depth, not below", "find", tree, `{"paths": "$D", "depth": 2, "file_type": "any"}`, false},
	{"find to no depth", "find", tree, `{"paths": "$D", "recurse": true, "depth": -1}`, false},
	{"find the old", "find", tree, `{"paths": "$D", "recurse": true, "age": "1d"}`, false},
	{"find the new", "find", tree, `{"paths": "$D", "recurse": true, "age": "-1w", "age_stamp": "ctime"}`, false},
	{"find of no age", "find", tree, `{"paths": "$D", "age": "1y"}`, false},
	{"find the large", "find", tree, `{"paths": "$D", "recurse": true, "size": "2b"}`, false},
	{"find the small", "find", tree, `{"paths": "$D", "recurse": true, "size": "-0"}`, false},
	{"find a line", "find", tree, `{"paths": "$D", "recurse": true, "contains": "t(wo|hree)\\n", "get_checksum": true}`, false},
	{"find in the whole", "find", tree, `{"paths": "$D", "recurse": true, "contains": "^x\\nth", "read_whole_file": true}`, false},
	{"find in what is no text", "find", "printf 'a\\nb\\377' >f", `{"paths": "$D", "contains": "a"}`, false},
	{"find nowhere", "find", tree, `{"paths": ["$D/none", "$D/a"]}`, false},

	{"assembled", "assemble", parts, `{"src": "$D/p", "dest": "$D/f", "mode": "0640"}`, false},
	{"assembled already", "assemble", parts + "printf 'one\\ntwo' >f", `{"src": "$D/p/", "dest": "$D/f", "regexp": "^\\d+$"}`, false},
	{"assembled with a delimiter", "assemble", parts, `{"src": "$D/p", "dest": "$D/f", "delimiter": "-\\x2d\\\\-", "ignore_hidden": true}`, false},
	{"assembled with a line between", "assemble", parts, `{"src": "$D/p", "dest": "$D/f", "delimiter": "--\\n"}`, false},
	{"assembled from here", "assemble", "", `{"src": "tree", "dest": "$D/f", "remote_src": false}`, false},
	{"assembled from here with a line between", "assemble", "", `{"src": "parts", "dest": "$D/f", "remote_src": false, "delimiter": "--\\n"}`, false},
	{"assembled, not valid", "assemble", parts, `{"src": "$D/p", "dest": "$D/f", "validate": "grep -q nothing %s"}`, false},
	{"assembled from nothing", "assemble", "", `{"src": "$D/p", "dest": "$D/f"}`, false},
	{"assembled from a file", "assemble", "echo >p", `{"src": "$D/p", "dest": "$D/f"}`, false},
	{"assembled by a bad expression", "assemble", parts, `{"src": "$D/p", "dest": "$D/f", "regexp": "("}`, false},

	{"slurp", "slurp", "head -c 5000 /dev/zero >f", `{"src": "$D/f"}`, false},
	{"slurp nothing", "slurp", "", `{"src": "$D/f"}`, false},
	{"template", "template", "", `{"src": "t.j2", "dest": "$D/f", "mode": "0644"}`, false},
}

func makeSources(t *testing.T) string {
	dir := t.TempDir()
	for name, text := range map[string]string{"files/one.txt": "one\n", `files/it's "two".txt`: "two\n", "files/tree/top": "2\n",
		"files/tree/sub/deep": "1\n", "files/parts/b": "b", "files/parts/a": "a\n", "files/parts/c": "c\n", "templates/t.j2": "hello {{ who }}\n\n"} {
		p := filepath.Join(dir, name)
		_ = os.MkdirAll(filepath.Dir(p), 0o755)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// prepare makes a scenario's folder and its arguments.
func (s scenario) prepare(t *testing.T, dir string) *value.Map {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "umask 022; "+s.setup)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "D="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %s", s.name, out)
	}
	v, err := value.FromJSON([]byte(strings.ReplaceAll(s.args, "$D", dir)))
	if err != nil {
		t.Fatal(err)
	}
	return v.(*value.Map)
}

// state is everything below a folder: names, modes, kinds, links, contents.
func state(t *testing.T, dir string) string {
	t.Helper()
	cmd := exec.Command("sh", "-c", `find . -printf '%P %m %y %n %l\n' | sed "s|$PWD|D|" | sort; find . -type f -print0 | sort -z | xargs -0 -r sh -c 'for f do echo "$f:"; cat "$f"; done' sh`)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestCheckModeTellsWhatARunDoes(t *testing.T) {
	src := makeSources(t)
	for shell, h := range hosts(t) {
		for _, s := range scenarios {
			t.Run(shell+"/"+s.module+"/"+s.name, func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), "d")
				args := s.prepare(t, dir)
				before := state(t, dir)
				would := run(t, h, s.module, true, src, args)
				if after := state(t, dir); after != before {
					t.Errorf("check mode changed something:\n%s\nto\n%s", before, after)
				}
				did := run(t, h, s.module, false, src, args)
				// What a validating command says of a file is known only where there is the file.
				if would.Skipped != (s.module == "assemble") {
					t.Errorf("check mode: %+v", would)
				}
				if !would.Skipped && s.name != "not valid" && (would.Changed != did.Changed || would.Failed != did.Failed) {
					t.Errorf("check mode says changed=%v failed=%v %s, the run changed=%v failed=%v %s", would.Changed, would.Failed, would.Msg, did.Changed, did.Failed, did.Msg)
				}
				if changed := state(t, dir) != before; changed && !did.Changed && !did.Failed {
					t.Error("something changed, but the run does not say so")
				}
				if did.Failed {
					return
				}
				if again := run(t, h, s.module, false, src, args); again.Changed != s.again || again.Failed {
					t.Errorf("a rerun: %+v", again)
				}
			})
		}
	}
}

// TestAsAnsible runs the scenarios through ansible-playbook and compares what
// is there afterwards and what was returned.
func TestAsAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("no ansible on this machine to compare with")
	}
	src, root := makeSources(t), t.TempDir()
	var tasks []any
	for i, s := range scenarios {
		args := s.prepare(t, fmt.Sprintf("%s/them/%d/d", root, i))
		tasks = append(tasks, value.NewMap("name", s.name, "ansible.builtin."+s.module, args, "ignore_errors", true))
	}
	play, err := value.ToJSON([]any{value.NewMap("hosts", "localhost", "gather_facts", false, "vars", value.NewMap("who", "world"), "tasks", tasks)})
	if err != nil {
		t.Fatal(err)
	}
	book := filepath.Join(src, "play.yml")
	if err := os.WriteFile(book, play, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "ansible-playbook", "-i", "localhost,", "-c", "local", book)
	cmd.Env = append(os.Environ(), "ANSIBLE_STDOUT_CALLBACK=json", "ANSIBLE_DEPRECATION_WARNINGS=0", "ANSIBLE_LOCALHOST_WARNING=0", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("ansible-playbook does not run here: %v", err)
	}
	theirs := ansibleResults(t, out)
	for i, s := range scenarios {
		t.Run(s.module+"/"+s.name, func(t *testing.T) {
			dir := fmt.Sprintf("%s/we__/%d/d", root, i)
			args := s.prepare(t, dir)
			ours := run(t, connection.Local(), s.module, false, src, args)
			ours = ours.Set("changed", ours.Changed)
			want := theirs[i]
			compareResults(t, want, ours, dir)
			theirDir := fmt.Sprintf("%s/them/%d/d", root, i)
			// Ansible leaves a file behind whose owner it then cannot set.
			if a, b := state(t, theirDir), state(t, dir); a != b && s.name != "unknown owner" {
				t.Errorf("ansible leaves\n%s\nwe leave\n%s", a, b)
			}
		})
	}
}

func ansibleResults(t *testing.T, out []byte) []map[string]any {
	t.Helper()
	var doc struct {
		Plays []struct {
			Tasks []struct {
				Hosts map[string]map[string]any
			}
		}
	}
	if i := bytes.IndexByte(out, '{'); i > 0 {
		out = out[i:]
	}
	if err := json.Unmarshal(out, &doc); err != nil {
		t.Fatal(err)
	}
	var res []map[string]any
	for _, task := range doc.Plays[0].Tasks {
		res = append(res, task.Hosts["localhost"])
	}
	return res
}

// unlike are the values that two runs cannot have in common, or that are of
// Ansible's own way of working.
var unlike = map[string]bool{"invocation": true, "diff": true, "src": true, "backup_file": true, "backup": true, "msg": true, "ansible_facts": true, "warnings": true,
	"exception": true, "_ansible_no_log": true, "action": true, "dest": true, "path": true, "md5sum": true, "failed": true, "stat": true,
	"source": true, "exit_status": true, "stdout": true, "stderr": true, "stdout_lines": true, "stderr_lines": true, "module_stdout": true,
	"files": true, "skipped_paths": true, "module_stderr": true, "rc": true, "unreachable": true, "cmd": true}

func compareResults(t *testing.T, want map[string]any, ours module.Result, dir string) {
	t.Helper()
	if failed, _ := want["failed"].(bool); failed != ours.Failed {
		t.Errorf("ansible failed=%v (%v), we %v (%s)", failed, want["msg"], ours.Failed, ours.Msg)
	}
	if ours.Failed {
		return
	}
	compare := func(theirs map[string]any, ours *value.Map, skip map[string]bool) {
		for k, v := range theirs {
			if skip[k] {
				continue
			}
			a, _ := json.Marshal(v)
			b, _ := value.ToJSON(ours.At(k))
			if strings.ReplaceAll(string(a), ",", ", ") != strings.ReplaceAll(string(b), ",", ", ") && string(a) != string(b) {
				t.Errorf("%s: ansible %s, we %s", k, a, b)
			}
		}
	}
	compare(want, ours.Data, unlike)
	ofOneRun := map[string]bool{"atime": true, "mtime": true, "ctime": true, "inode": true, "path": true,
		"version": true, "attributes": true, "attr_flags": true, "lnk_source": true}
	if st, ok := want["stat"].(map[string]any); ok {
		compare(st, ours.Data.Map("stat"), ofOneRun)
	}
	if list, ok := want["files"].([]any); ok {
		byPath := map[string]*value.Map{}
		for _, f := range ours.Data.List("files") {
			byPath[strings.TrimPrefix(f.(*value.Map).String("path"), dir)] = f.(*value.Map)
		}
		if len(list) != len(ours.Data.List("files")) {
			t.Errorf("ansible finds %d, we %d: %v", len(list), len(byPath), byPath)
		}
		for _, f := range list {
			theirs := f.(map[string]any)
			_, path, _ := strings.Cut(strings.TrimPrefix(theirs["path"].(string), strings.TrimSuffix(dir, "/d")), "/d")
			if byPath[path] == nil {
				t.Errorf("ansible finds %q, we don't", path)
				continue
			}
			compare(theirs, byPath[path], ofOneRun)
		}
	}
}

func TestDiffs(t *testing.T) {
	dir := t.TempDir()
	_ = os.WriteFile(dir+"/f", []byte("old\n"), 0o600)
	res := run(t, connection.Local(), "copy", true, "", value.NewMap("content", "new\n", "dest", dir+"/f"))
	if len(res.Diff) != 1 || res.Diff[0].Before != "old\n" || res.Diff[0].After != "new\n" {
		t.Errorf("got %+v", res.Diff)
	}
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	_ = os.WriteFile(dir+"/f", []byte("old\n"), 0o600)
	res := run(t, connection.Local(), "copy", false, "", value.NewMap("content", "new\n", "dest", dir+"/f", "backup", true))
	if data, err := os.ReadFile(res.Data.String("backup_file")); err != nil || string(data) != "old\n" {
		t.Errorf("got %+v, %v", res, err)
	}
}

func TestLargeFile(t *testing.T) {
	dir := t.TempDir()
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<18)
	_ = os.Mkdir(dir+"/files", 0o700)
	_ = os.WriteFile(dir+"/files/big", big, 0o600)
	for i, changed := range []bool{true, false} {
		res := run(t, connection.Local(), "copy", false, dir, value.NewMap("src", "big", "dest", dir+"/there"))
		if got, _ := os.ReadFile(dir + "/there"); res.Changed != changed || !bytes.Equal(got, big) {
			t.Errorf("%d: %+v", i, res)
		}
	}
}

func TestFetchAndTempfile(t *testing.T) {
	for shell, h := range hosts(t) {
		dir := t.TempDir()
		tmp := run(t, h, "tempfile", false, "", value.NewMap("path", dir, "prefix", "p.", "suffix", ".s")).Data.String("path")
		if !strings.HasPrefix(tmp, dir+"/p.") || !strings.HasSuffix(tmp, ".s") {
			t.Fatalf("%s: tempfile made %q", shell, tmp)
		}
		_ = os.WriteFile(tmp, []byte("\x00\xffdata"), 0o600)
		for i, changed := range []bool{true, false} {
			res := run(t, h, "fetch", false, "", value.NewMap("src", tmp, "dest", dir+"/here"))
			if data, err := os.ReadFile(dir + "/here/h" + tmp); err != nil || string(data) != "\x00\xffdata" || res.Changed != changed {
				t.Errorf("%s %d: %+v, %v", shell, i, res, err)
			}
		}
		if res := run(t, h, "fetch", false, "", value.NewMap("src", dir+"/none", "dest", dir, "fail_on_missing", false)); res.Failed || res.Changed {
			t.Errorf("%s: %+v", shell, res)
		}
	}
}
