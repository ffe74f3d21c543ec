package system

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

func dnfModule() *module.Module {
	return &module.Module{
		Name:      "ansible.builtin.dnf",
		Aliases:   []string{"ansible.legacy.dnf"},
		Summary:   "Installs and removes RPM packages with dnf.",
		Args:      dnfSchema(),
		NeedsHost: true,
		Run:       runDnf,
	}
}

// yumModule is dnf's under its old name: yum 3, of before 2018, is not used.
func yumModule() *module.Module {
	schema := dnfSchema()
	schema.Args = append(schema.Args, module.Arg{Name: "use_backend", Aliases: []string{"use"}, Default: "auto", Choices: []string{"auto", "dnf", "yum4"}, Doc: "always dnf"})
	return &module.Module{
		Name:      "ansible.builtin.yum",
		Aliases:   []string{"ansible.legacy.yum"},
		Summary:   "Installs and removes RPM packages, where yum is dnf.",
		Args:      schema,
		NeedsHost: true,
		Run:       runDnf,
	}
}

func dnfSchema() module.Schema {
	list := func(name, doc string, aliases ...string) module.Arg {
		return module.Arg{Name: name, Aliases: aliases, Type: module.List, Elements: module.Str, Default: []any{}, Doc: doc}
	}
	yes := func(name, doc string, ordinary bool) module.Arg {
		return module.Arg{Name: name, Type: module.Bool, Default: ordinary, Doc: doc}
	}
	update := yes("update_cache", "read the repositories anew first", false)
	update.Aliases = []string{"expire-cache"}
	return module.Schema{
		Args: []module.Arg{
			list("name", "packages, as name, name-version, name.arch or pattern", "pkg"),
			{Name: "state", Choices: []string{"absent", "installed", "latest", "present", "removed"}, Doc: "what is to be so; default: present, or absent with autoremove"},
			update, list("enablerepo", "repositories to use, too"), list("disablerepo", "repositories not to use"),
			list("exclude", "packages to leave alone"),
			yes("allow_downgrade", "install the version asked for where a newer one is there", false),
			yes("allowerasing", "remove what is in the way", false),
			yes("autoremove", "remove what nothing needs any more", false),
			yes("disable_gpg_check", "take packages whose signature is not checked", false),
			yes("download_only", "download, and don't install", false),
			yes("install_weak_deps", "also install what is recommended", true),
			yes("nobest", "take an older version where the newest can't be had", false),
			yes("skip_broken", "leave out what can't be installed", false),
		},
		RequiredOneOf: [][]string{{"name", "update_cache", "autoremove"}},
	}
}

// commaList are the texts of a list whose elements may be lists with commas.
func commaList(args *value.Map, name string) []string {
	var out []string
	for _, item := range value.Strings(args.List(name)) {
		for part := range strings.SplitSeq(item, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

func runDnf(ctx context.Context, call *module.Call) (module.Result, error) {
	args := call.Args
	names, state := commaList(args, "name"), args.String("state")
	for _, n := range names {
		if why := notDnfName(n); why != "" {
			return module.Fail(fmt.Sprintf("cannot use %q as a package: %s", n, why)), nil
		}
	}
	autoremove := args.Bool("autoremove")
	switch state {
	case "":
		state = "present"
		if autoremove {
			state = "absent"
		}
	case "installed":
		state = "present"
	case "removed":
		state = "absent"
	}
	if autoremove && state != "absent" {
		return module.Fail("Autoremove should be used alone or with state=absent").Set("results", []any{}), nil
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = connection.Quote(n)
	}
	out, err := run(ctx, call, vars("state", state, "update", flag(args.Bool("update_cache")), "autoremove", flag(autoremove),
		"downgrade", flag(args.Bool("allow_downgrade")), "download", flag(args.Bool("download_only")),
		"nobest", flag(args.Bool("nobest")), "all", flag(state == "latest" && slices.Equal(names, []string{"*"})), "check", flag(call.Check))+
		"set -- "+strings.Join(quoted, " ")+"\n"+saying+strings.ReplaceAll(dnfProgram, "@OPTIONS@", dnfOptions(args)), nil)
	if err != nil {
		return module.Result{}, err
	}
	return dnfResult(call, out), nil
}

// notDnfName says why a text is not taken as the name of a package.
func notDnfName(n string) string {
	switch {
	case strings.HasPrefix(n, "-"):
		return "it begins with a dash"
	case strings.HasPrefix(n, "@"):
		return "groups and modules are not supported"
	case strings.Contains(n, "/") || strings.HasSuffix(n, ".rpm"):
		return "files and addresses are not supported: copy the file to a repository of the host's, or use command"
	case strings.ContainsAny(n, " \t\n"):
		return "several packages are a list, or separated by commas"
	}
	return ""
}

func dnfOptions(args *value.Map) string {
	var opts []string
	add := func(option string, names []string) {
		for _, n := range names {
			opts = append(opts, connection.Quote(option+n))
		}
	}
	add("--disablerepo=", commaList(args, "disablerepo"))
	add("--enablerepo=", commaList(args, "enablerepo"))
	add("--exclude=", commaList(args, "exclude"))
	set := func(name string, on bool) {
		opts = append(opts, "--setopt="+name+"="+map[bool]string{true: "True", false: "False"}[on])
	}
	checked := !args.Bool("disable_gpg_check")
	set("gpgcheck", checked)
	set("localpkg_gpgcheck", checked)
	set("clean_requirements_on_remove", args.Bool("autoremove"))
	set("install_weak_deps", args.Bool("install_weak_deps"))
	if args.Bool("skip_broken") {
		set("strict", false)
	}
	if args.Bool("allowerasing") {
		opts = append(opts, "--allowerasing")
	}
	if args.Bool("download_only") {
		opts = append(opts, "--downloadonly")
	}
	return strings.Join(opts, " ")
}

// dnfResult reads what the program said, as Ansible's module returns it.
func dnfResult(call *module.Call, out connection.Output) module.Result {
	results, failures, said := []any{}, []any{}, answers{}
	for line := range strings.SplitSeq(string(out.Stdout), "\n") {
		k, v, _ := strings.Cut(line, "=")
		switch k {
		case "":
		case "result":
			results = append(results, v)
		case "missing":
			failures = append(failures, "No package "+v+" available.")
		default:
			said[k] = v
		}
	}
	switch {
	case out.Code != 0:
		return module.Fail(fmt.Sprintf("the program on the host ended with code %d: %s", out.Code, oneLine(string(out.Stderr)))).Set("rc", 1).Set("results", []any{})
	case len(failures) > 0:
		return module.Fail("Failed to install some of the specified packages").Set("failures", failures).Set("rc", 1).Set("results", []any{})
	case said["fail"] != "":
		return module.Fail(said["fail"]).Set("rc", 1).Set("results", []any{})
	}
	res := module.Result{Changed: said["changed"] == "1", Msg: said["msg"]}
	switch {
	case res.Msg != "":
	case !res.Changed:
		res.Msg = "Nothing to do"
	case call.Check:
		res.Msg = "Check mode: No changes made, but would have if not in check mode"
	}
	return res.Set("results", results).Set("rc", 0)
}
