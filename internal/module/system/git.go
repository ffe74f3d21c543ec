package system

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

func gitModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.git",
		Aliases: []string{"ansible.legacy.git"},
		Summary: "Checks out a git repository and keeps the checkout up to date.",
		Args: module.Schema{
			Args:              gitArgs(),
			MutuallyExclusive: [][]string{{"separate_git_dir", "bare"}, {"accept_hostkey", "accept_newhostkey"}},
		},
		NeedsHost: true,
		Run:       runGit,
	}
}

func gitArgs() []module.Arg {
	return []module.Arg{
		{Name: "repo", Aliases: []string{"name"}, Required: true, Doc: "where the repository is: an address or a path on the host"},
		{Name: "dest", Type: module.Path, Doc: "the folder of the checkout; may be missing only with clone=false"},
		{Name: "version", Default: "HEAD", Doc: "branch, tag or commit to check out"},
		{Name: "remote", Default: "origin", Doc: "what the checkout calls the repository"},
		{Name: "refspec", Doc: "what to fetch besides, as git fetch has it"},
		{Name: "reference", Doc: "a repository on the host to take objects from"},
		{Name: "force", Type: module.Bool, Default: false, Doc: "discard local changes to files of the repository"},
		{Name: "depth", Type: module.Int, Doc: "how many commits of history to fetch; default: all"},
		{Name: "clone", Type: module.Bool, Default: true, Doc: "clone where there is no checkout; otherwise only tell what would be"},
		{Name: "update", Type: module.Bool, Default: true, Doc: "fetch where there is a checkout"},
		{Name: "verify_commit", Type: module.Bool, Default: false, Doc: "the version must be signed by a key that the user's keyring has"},
		{Name: "gpg_whitelist", Type: module.List, Elements: module.Str, Doc: "with verify_commit: fingerprints of the keys that may sign"},
		{Name: "accept_hostkey", Type: module.Bool, Default: false, Doc: "accept any host key over SSH"},
		{Name: "accept_newhostkey", Type: module.Bool, Default: false, Doc: "accept host keys over SSH of hosts not seen before"},
		{Name: "key_file", Type: module.Path, Doc: "the private SSH key, on the host"},
		{Name: "ssh_opts", Doc: "options for ssh"},
		{Name: "executable", Type: module.Path, Doc: "the git program; default: found in PATH"},
		{Name: "bare", Type: module.Bool, Default: false, Doc: "a repository without a checkout"},
		{Name: "recursive", Type: module.Bool, Default: true, Doc: "submodules, too"},
		{Name: "single_branch", Type: module.Bool, Default: false, Doc: "clone only the history of the version"},
		{Name: "track_submodules", Type: module.Bool, Default: false, Doc: "submodules at the newest of their branch, not at what the repository names"},
		{Name: "umask", Type: module.Raw, Doc: "the umask for what is written, as quoted octal digits"},
		{Name: "archive", Type: module.Path, Doc: "also write the version's files to this archive (.zip, .tar, .tar.gz, .tgz)"},
		{Name: "archive_prefix", Doc: "a folder name before each path in the archive"},
		{Name: "separate_git_dir", Type: module.Path, Doc: "where to keep the repository apart from the checkout"},
	}
}

var octal = regexp.MustCompile(`^(0[oO])?[0-7]+$`)

// gitMistake says what is wrong with arguments that the schema cannot tell.
func gitMistake(args *value.Map) string {
	_, prefix := args.Get("archive_prefix")
	_, archive := args.Get("archive")
	if prefix && !archive {
		return "missing parameter(s) required by 'archive_prefix': archive"
	}
	if args.String("dest") == "" && args.Bool("clone") {
		return "the destination directory must be specified unless clone=no"
	}
	mask, given := args.Get("umask")
	text, isText := mask.(string)
	switch {
	case !given:
		return ""
	case !isText:
		return "umask must be defined as a quoted octal integer"
	case !octal.MatchString(text):
		return "umask must be an octal integer"
	}
	return ""
}

// gitVars are the program's assignments. Paths, and as Ansible has it the
// repository, may begin with ~ and name variables of the host.
func gitVars(call *module.Call) string {
	args := call.Args
	var b strings.Builder
	for _, name := range []string{"repo", "dest", "reference", "key_file", "executable", "archive", "separate_git_dir"} {
		b.WriteString(name + "=" + module.Expanding(args.String(name)) + "\n")
	}
	for _, name := range []string{"version", "remote", "refspec", "ssh_opts", "archive_prefix"} {
		b.WriteString(vars(name, args.String(name)))
	}
	for _, name := range []string{"force", "clone", "update", "verify_commit", "accept_hostkey", "accept_newhostkey",
		"bare", "recursive", "single_branch", "track_submodules"} {
		b.WriteString(vars(name, flag(args.Bool(name))))
	}
	depth, mask := "", strings.TrimLeft(args.String("umask"), "0oO")
	if n := args.Int("depth"); n != 0 {
		depth = castText(n)
	}
	if _, given := args.Get("umask"); given {
		mask = "0" + mask
	}
	b.WriteString(vars("depth", depth, "mask", mask, "keys", strings.Join(value.Strings(args.List("gpg_whitelist")), " "),
		"check", flag(call.Check), "diff", flag(call.Diff)))
	return b.String()
}

func runGit(ctx context.Context, call *module.Call) (module.Result, error) {
	if msg := gitMistake(call.Args); msg != "" {
		return module.Fail(msg), nil
	}
	out, err := run(ctx, call, gitVars(call)+gitFunctions+gitSubmodules+gitSteps, nil)
	if err != nil {
		return module.Result{}, err
	}
	a := blocks(out)
	if msg, failed := a["fail"]; failed {
		return gitFailure(a, msg), nil
	}
	return gitResult(a), nil
}

// blocks are the answers of a program whose values may have several lines:
// each is said as "key=line", and the lines of a key belong together.
func blocks(out connection.Output) answers {
	a := answers{}
	for line := range strings.SplitSeq(string(out.Stdout), "\n") {
		if k, v, ok := strings.Cut(line, "="); ok {
			a[k] += v + "\n"
		}
	}
	if _, said := a["fail"]; out.Code != 0 && !said {
		a["fail"] = fmt.Sprintf("the program on the host ended with code %d: %s", out.Code, oneLine(string(out.Stderr)))
	}
	return a
}

// login is the name and password in an address.
var login = regexp.MustCompile(`(://[^/@:\s']*):[^/@\s']+@`)

// withoutPassword is what Ansible makes of git's output and command lines.
func withoutPassword(s string) string { return login.ReplaceAllString(s, "$1:********@") }

func (a answers) one(key string) string { return strings.TrimSuffix(a[key], "\n") }

func (a answers) warnings() []string {
	if a["warn"] == "" {
		return nil
	}
	return strings.Split(a.one("warn"), "\n")
}

func gitFailure(a answers, msg string) module.Result {
	res := module.Fail(withoutPassword(strings.TrimRight(msg, "\n")))
	res.Warnings = a.warnings()
	for _, key := range []string{"cmd", "details"} {
		if text, said := a[key]; said {
			res = res.Set(key, withoutPassword(strings.TrimSuffix(text, "\n")))
		}
	}
	if rc, err := strconv.Atoi(a.one("rc")); err == nil {
		res = res.Set("rc", rc)
		for _, key := range []string{"stdout", "stderr"} {
			text := withoutPassword(a[key])
			res = res.Set(key, text).Set(key+"_lines", module.Lines(text))
		}
	}
	if _, said := a["before"]; said {
		res = res.Set("before", a.one("before"))
	}
	return res
}

func gitResult(a answers) module.Result {
	res := module.Result{Changed: a.one("changed") == "1", Msg: a.one("msg"), Warnings: a.warnings()}.Set("before", nil)
	for _, key := range []string{"before", "after", "git_dir_before", "git_dir_now"} {
		if _, said := a[key]; said {
			res = res.Set(key, a.one(key))
		}
	}
	for _, key := range []string{"remote_url_changed", "submodules_changed"} {
		if _, said := a[key]; said {
			res = res.Set(key, a.one(key) == "1")
		}
	}
	if text, said := a["diff"]; said {
		if strings.HasPrefix(text, ">> ") {
			text = strings.TrimSuffix(text, "\n")
		}
		res.Diff = []module.Diff{{Prepared: text}}
	}
	return res
}
