package system_test

import (
	"bytes"
	"context"
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

// gitWorld are the repositories and the checkout of one tool. Two of them are
// alike to the last commit.
const gitWorld = `
set -e
mkdir -p home
cd "$1"
git init -q -b main sub; cd sub; echo s >s; git add s; git commit -qm s; git checkout -q -b master; cd ..
git init -q -b main work; cd work
echo 1 >a; git add a; git commit -qm 1; git tag early; git branch side
echo 2 >a; git add a; git commit -qm 2; git tag -a -m v2 v2
git checkout -q side; echo 3 >b; git add b; git commit -qm 3; git checkout -q main
cd ..
git clone -q --bare work repo.git
git clone -q --bare work with-sub.git
git clone -q with-sub.git tmp; cd tmp; git submodule --quiet add ../sub sub; git commit -qm sub; git push -q; cd ..; rm -rf tmp
`

// onward adds a commit to a branch of repo.git.
const onward = `
set -e
cd "$1"
git clone -q repo.git tmp; cd tmp; git checkout -q "$2"; echo "$3" >>a; git add a; git commit -qm "$3"; git push -q; cd ..; rm -rf tmp
`

// gitEnv is the environment in which commits are the same each time.
func gitEnv(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine")
	}
	for k, v := range map[string]string{
		"HOME": t.TempDir(), "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "A",
		"GIT_COMMITTER_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "2024-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2024-01-01T00:00:00Z",
	} {
		t.Setenv(k, v)
	}
	sh(t, "git config --global protocol.file.allow always; git config --global advice.detachedHead false; git config --global init.defaultBranch main")
}

func sh(t *testing.T, script string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-c", script, "sh"}, args...)...)
	cmd.Dir = os.Getenv("HOME")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// gitState is what a person sees of a folder's checkout.
const gitState = `cd "$1" 2>/dev/null || { echo nothing; exit; }
for d in co bare; do
	[ -e $d ] || continue
	cd $d
	find . -name .git -prune -o -path './objects' -prune -o -path './hooks' -prune -o -name FETCH_HEAD -prune -o -name ORIG_HEAD -prune -o -type f -print | sort
	git status --porcelain -b 2>&1; git for-each-ref; git config --get-regexp 'remote|branch'; cat b a 2>/dev/null
	git rev-list --count HEAD; git symbolic-ref -q HEAD
	cd ..
done
ls -d sep* *.zip *.tar* 2>/dev/null; [ -d co/sub ] && git -C co/sub rev-parse HEAD
:`

type gitStep struct {
	before string // a shell program, run in both worlds
	args   []any
}

// gitStories are sequences of runs on one checkout; $W is the world's folder.
var gitStories = map[string][]gitStep{
	"head": {{"", nil}, {"", nil}, {"onward main 4", nil}, {"", []any{"version", "side"}}, {"onward side 5", []any{"version", "side"}},
		{"", []any{"version", "main"}}, {"", []any{"version", "early"}}, {"", []any{"version", "v2"}}, {"", nil}},
	"versions": {{"", []any{"version", "v2"}}, {"", []any{"version", "side"}}, {"", []any{"version", "refs/tags/early"}}, {"", []any{"version", "nowhere"}},
		{"", []any{"version", "SHA1"}}, {"", []any{"version", "origin/side"}}},
	"local": {{"", nil}, {"echo x >>$1/co/a", nil}, {"echo y >$1/co/unknown", []any{"force", true}}, {"", nil}},
	"depth": {{"", []any{"depth", 1}}, {"onward main 4", []any{"depth", 1}}, {"", []any{"depth", 1, "version", "side"}},
		{"", []any{"depth", 1, "version", "early"}}, {"", []any{"version", "SHA1"}}},
	"depth of a commit": {{"", []any{"depth", 1, "version", "SHA1"}}},
	"single":            {{"", []any{"single_branch", true, "version", "side"}}, {"", []any{"single_branch", true, "version", "side"}}},
	"bare":              {{"", []any{"bare", true, "dest", "$W/bare"}}, {"onward main 4", []any{"bare", true, "dest", "$W/bare"}}, {"", []any{"bare", true, "dest", "$W/bare", "remote", "other"}}},
	"bare remote":       {{"", []any{"bare", true, "dest", "$W/bare", "remote", "other"}}},
	"remote":            {{"", []any{"remote", "up"}}, {"onward main 4", []any{"remote", "up"}}, {"", []any{"remote", "no"}}},
	"moved":             {{"", nil}, {"git clone -q --bare $1/repo.git $1/new.git", []any{"repo", "$W/new.git"}}, {"", []any{"repo", "file://$W/new.git/"}}, {"", []any{"repo", "$W//new.git"}}},
	"apart": {{"", []any{"separate_git_dir", "$W/sep"}}, {"", []any{"separate_git_dir", "$W/sep"}}, {"", []any{"separate_git_dir", "$W/sep2"}}, {"", nil},
		{"mkdir $1/sep3", []any{"separate_git_dir", "$W/sep3"}}},
	"no update":    {{"", []any{"update", false}}, {"onward main 4", []any{"update", false}}, {"", []any{"update", false, "archive", "$W/x.tar"}}},
	"no clone":     {{"", []any{"clone", false}}, {"", []any{"clone", false, "update", false, "version", "side"}}, {"", []any{"clone", false, "version", "v2"}}},
	"archive":      {{"", []any{"archive", "$W/x.zip"}}, {"", []any{"archive", "$W/x.zip"}}, {"onward main 4", []any{"archive", "$W/x.zip"}}, {"", []any{"archive", "$W/y.tar.gz", "archive_prefix", "p/"}}, {"", []any{"archive", "$W/z.rar"}}},
	"submodules":   {{"", []any{"repo", "$W/with-sub.git"}}, {"", []any{"repo", "$W/with-sub.git"}}, {"cd $1/sub; echo t >t; git add t; git commit -qm t", []any{"repo", "$W/with-sub.git"}}, {"", []any{"repo", "$W/with-sub.git", "track_submodules", true}}},
	"no recursion": {{"", []any{"repo", "$W/with-sub.git", "recursive", false}}, {"", []any{"repo", "$W/with-sub.git"}}},
	"refspec":      {{"git -C $1/repo.git update-ref refs/changes/1 side", []any{"refspec", "refs/changes/1:refs/changes/1", "version", "refs/changes/1"}}, {"", []any{"refspec", "+refs/changes/*:refs/heads/c/*"}}},
	"wrong":        {{"", []any{"repo", "$W/none.git"}}, {"mkdir $1/co; touch $1/co/x", nil}, {"", []any{"umask", "8"}}, {"", []any{"umask", 22}}, {"rm $1/co/x; echo x >$1/co/.git", nil}},
	"masked":       {{"", []any{"umask", "077"}}},
	"reference":    {{"", []any{"reference", "$W/repo.git"}}},
	"unsigned":     {{"", []any{"verify_commit", true}}},
}

// TestGitAsAnsible runs each story with both, in worlds that are alike.
func TestGitAsAnsible(t *testing.T) {
	if testing.Short() {
		t.Skip("some sixty runs of two tools")
	}
	if ansiblePython() == "" {
		t.Skip("no ansible on this machine to compare with")
	}
	gitEnv(t)
	for name, story := range gitStories {
		t.Run(name, func(t *testing.T) {
			ours, theirs := t.TempDir(), t.TempDir()
			for _, w := range []string{ours, theirs} {
				sh(t, gitWorld, w)
			}
			for i, s := range story {
				for _, w := range []string{ours, theirs} {
					sh(t, "onward() { sh -c '"+onward+"' sh \"$W\" \"$@\"; }\nW=$1\n"+s.before, w)
				}
				// With --diff Ansible fetches all tags, even to a shallow clone.
				diff := !strings.HasPrefix(name, "depth")
				gitCompare(t, fmt.Sprintf("step %d %v", i+1, s.args), ours, theirs, s.args, diff)
			}
		})
	}
}

// ansiblePython is a Python that has ansible's modules.
func ansiblePython() string {
	for _, python := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(python, "-c", "import ansible.modules.git").Run() == nil {
			return python
		}
	}
	return ""
}

// busybox is this machine with busybox's programs and git's.
type busybox struct {
	connection.Host
	bin string
}

func (b busybox) Run(ctx context.Context, cmd connection.Command) (connection.Output, error) {
	cmd.Script = "PATH=" + b.bin + " exec " + b.bin + "/sh -c " + connection.Quote(cmd.Script)
	return b.Host.Run(ctx, cmd)
}

// TestGitWithBusybox is that the program needs no more than busybox and git.
func TestGitWithBusybox(t *testing.T) {
	gitEnv(t)
	b := busybox{connection.Local(), t.TempDir()}
	if out, err := exec.Command("busybox", "--install", "-s", b.bin).CombinedOutput(); err != nil {
		t.Skipf("no busybox here: %s", out)
	}
	sh(t, `ln -sf "$(command -v git)" "$1/git"`, b.bin)
	w := t.TempDir()
	sh(t, gitWorld, w)
	args := []any{"repo", w + "/with-sub.git", "dest", w + "/co"}
	step(t, b, "git", true, args...)
	step(t, b, "git", true, append(args, "version", "side", "archive", w+"/x.tar.gz")...)
	step(t, b, "git", true, append(args, "version", "v2")...)
	sh(t, "echo x >>$1/co/a", w)
	if res, err := try(t, "git", &module.Call{Host: b}, args...); err != nil || res.Msg != "Local modifications exist in the destination: "+w+"/co (force=no)." {
		t.Errorf("got %+v, %v", res, err)
	}
	step(t, b, "git", true, append(args, "force", true, "update", true)...)
	step(t, b, "git", true, append(args, "recursive", false, "version", "side", "separate_git_dir", w+"/apart")...)
}

func TestGitHidesPasswords(t *testing.T) {
	gitEnv(t)
	res := call(t, "git", "repo", "http://me:open-sesame@127.0.0.1:1/x.git", "dest", t.TempDir()+"/co")
	if b, err := value.ToJSON(res.Data); err != nil || !res.Failed || strings.Contains(string(b)+res.Msg, "sesame") {
		t.Errorf("got %s %s %v", res.Msg, b, err)
	}
}

// TestGitCallsSSH is how git is told to call ssh.
func TestGitCallsSSH(t *testing.T) {
	gitEnv(t)
	bin := t.TempDir()
	sh(t, `printf '#!/bin/sh\necho "$*" >&2; exit 255\n' >$1/ssh; chmod 755 $1/ssh`, bin)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	for _, c := range []struct {
		args []any
		want string
	}{
		{nil, "-o BatchMode=yes "},
		{[]any{"accept_hostkey", true}, "-o StrictHostKeyChecking=no -o BatchMode=yes "},
		{[]any{"ssh_opts", "-p 4 -o StrictHostKeyChecking=accept-new", "accept_hostkey", true}, "-p 4 -o StrictHostKeyChecking=accept-new -o BatchMode=yes "},
		{[]any{"key_file", "/k y", "ssh_opts", "-o BatchMode=yes"}, "-o BatchMode=yes -i /k y -o IdentitiesOnly=yes "},
	} {
		res := call(t, "git", append([]any{"repo", "me@nowhere.example:x.git", "dest", t.TempDir() + "/co"}, c.args...)...)
		if !res.Failed || !strings.HasPrefix(res.Data.String("stderr"), c.want) {
			t.Errorf("%v: got %q", c.args, res.Data.String("stderr"))
		}
	}
}

func gitCompare(t *testing.T, what, ours, theirs string, pairs []any, diff bool) {
	t.Helper()
	before := sh(t, gitState, ours)
	checked := gitOurs(t, ours, pairs, true, diff)
	if after := sh(t, gitState, ours); after != before {
		t.Errorf("%s: check mode changed\n%s to\n%s", what, before, after)
	}
	a, b := gitOurs(t, ours, pairs, false, diff), gitTheirs(t, theirs, pairs, diff)
	if checked.Changed != a.Changed && !a.Failed {
		t.Errorf("%s: check mode says changed=%v %+v", what, checked.Changed, checked)
	}
	mine := value.NewMap("changed", a.Changed, "failed", a.Failed)
	for k, v := range a.Data.All() {
		mine.Set(k, v)
	}
	if a.Msg != "" {
		mine.Set("msg", a.Msg)
	}
	if len(a.Diff) == 1 {
		mine.Set("diff", value.NewMap("prepared", a.Diff[0].Prepared))
	}
	if len(a.Warnings) > 0 {
		mine.Set("warnings", value.List(a.Warnings))
	}
	if x, y := plain(t, mine, ours), plain(t, b, theirs); x != y {
		t.Errorf("%s:\n  ansible %s\n  ours    %s", what, y, x)
	}
	if x, y := sh(t, gitState, ours), sh(t, gitState, theirs); strings.ReplaceAll(x, ours, "$W") != strings.ReplaceAll(y, theirs, "$W") {
		t.Errorf("%s: ansible leaves\n%s\nours\n%s", what, y, x)
	}
}

// plain is a result without what is of one world or one tool's own.
func plain(t *testing.T, m *value.Map, world string) string {
	t.Helper()
	for _, k := range []string{"invocation", "cmd", "details", "stdout_lines", "stderr_lines"} {
		m.Delete(k)
	}
	if msg := m.String("msg"); msg != "" {
		m.Set("msg", strings.Join(strings.Fields(msg), " "))
	}
	if len(m.List("warnings")) == 0 { // an empty list does not get as far as a playbook
		m.Delete("warnings")
	}
	keys := value.Strings(m.Keys())
	slices.Sort(keys)
	sorted := value.NewMap()
	for _, k := range keys {
		sorted.Set(k, m.At(k))
	}
	b, err := value.ToJSON(sorted)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), world, "$W")
}

func gitArguments(t *testing.T, world string, pairs []any) *value.Map {
	t.Helper()
	m := value.NewMap("repo", world+"/repo.git", "dest", world+"/co")
	for i := 0; i < len(pairs); i += 2 {
		v := pairs[i+1]
		if s, ok := v.(string); ok {
			v = strings.ReplaceAll(s, "$W", world)
			if s == "SHA1" {
				v = strings.TrimSpace(sh(t, "git -C $1/repo.git rev-parse early", world))
			}
		}
		m.Set(pairs[i], v)
	}
	return m
}

func gitOurs(t *testing.T, world string, pairs []any, check, diff bool) module.Result {
	t.Helper()
	mod := find(t, "git")
	args, err := mod.Args.Validate(gitArguments(t, world, pairs))
	if err != nil {
		t.Fatal(err)
	}
	res, err := mod.Run(t.Context(), &module.Call{Host: connection.Local(), Args: args, Check: check, Diff: diff})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func gitTheirs(t *testing.T, world string, pairs []any, diff bool) *value.Map {
	t.Helper()
	args := gitArguments(t, world, pairs)
	args.Set("_ansible_diff", diff)
	in, err := value.ToJSON(value.NewMap("ANSIBLE_MODULE_ARGS", args))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), ansiblePython(), "-m", "ansible.modules.git")
	cmd.Stdin, cmd.Dir = bytes.NewReader(in), filepath.Dir(world)
	out, _ := cmd.Output()
	v, err := value.FromJSON(bytes.TrimSpace(out))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	m := v.(*value.Map)
	if _, said := m.Get("failed"); !said {
		m.Set("failed", false)
	}
	if m.Bool("failed") {
		m.Set("changed", false)
	}
	return m
}
