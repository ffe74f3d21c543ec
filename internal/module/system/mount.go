package system

import (
	"context"
	"slices"
	"strings"

	"rollout/internal/module"
)

func mountModule() *module.Module {
	return &module.Module{
		Name:    "ansible.posix.mount",
		Aliases: []string{"mount", "ansible.builtin.mount"},
		Summary: "Mounts and unmounts file systems, and keeps their lines in fstab.",
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "path", Aliases: []string{"name"}, Type: module.Path, Required: true, Doc: "the mount point"},
				{Name: "state", Required: true, Choices: []string{"absent", "absent_from_fstab", "ephemeral", "mounted", "present", "remounted", "unmounted"}, Doc: "what is to be so"},
				{Name: "src", Type: module.Path, Doc: "what is mounted there"},
				{Name: "fstype", Doc: "the type of its file system"},
				{Name: "opts", Doc: "mount's options; default: defaults"},
				{Name: "dump", Default: "0", Doc: "the fifth field of fstab"},
				{Name: "passno", Default: "0", Doc: "the sixth field of fstab"},
				{Name: "fstab", Doc: "the file that is kept; default: /etc/fstab"},
				{Name: "boot", Type: module.Bool, Default: true, Doc: "whether it is mounted at boot; if not, noauto is added to opts"},
				{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old fstab beside the new one"},
			},
			RequiredIf: []module.RequiredIf{
				{Arg: "state", Value: "mounted", Need: []string{"src", "fstype"}},
				{Arg: "state", Value: "present", Need: []string{"src", "fstype"}},
				{Arg: "state", Value: "ephemeral", Need: []string{"src", "fstype"}},
			},
		},
		NeedsHost: true,
		Run:       runMount,
	}
}

func runMount(ctx context.Context, call *module.Call) (module.Result, error) {
	args := call.Args
	opts, boot, warnings := bootOptions(args.String("opts"), args.Bool("boot"))
	fstab := args.String("fstab")
	if fstab == "" {
		fstab = "/etc/fstab"
	}
	a, err := ask(ctx, call, vars("path", args.String("path"), "state", args.String("state"), "src", args.String("src"),
		"fstype", args.String("fstype"), "opts", opts, "dump", args.String("dump"), "passno", args.String("passno"),
		"fstab", fstab, "backup", flag(args.Bool("backup")), "check", flag(call.Check))+saying+mountFunctions+fstabFunctions+mountProgram, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a["fail"]; msg != "" {
		return module.Fail(msg), nil
	}
	res := module.Result{Changed: a["changed"] == "1", Warnings: warnings}.Set("name", a["name"]).Set("opts", opts).
		Set("dump", args.String("dump")).Set("passno", args.String("passno")).Set("fstab", fstab).
		Set("boot", boot).Set("backup_file", a["backup_file"])
	for _, key := range []string{"src", "fstype"} {
		if _, given := args.Get(key); given {
			res = res.Set(key, a[key])
		}
	}
	return res, nil
}

// bootOptions are mount's options, with noauto for what is not mounted at boot,
// and what Ansible returns and warns of about it: where noauto or defaults is
// among the options, it leaves them alone.
func bootOptions(opts string, boot bool) (all, atBoot string, warnings []string) {
	if opts == "" {
		opts = "defaults"
	}
	list := strings.Split(opts, ",")
	switch {
	case slices.Contains(list, "noauto"):
		return opts, "yes", []string{"Ignore the 'boot' due to 'opts' contains 'noauto'."}
	case boot:
		return opts, "yes", nil
	case slices.Contains(list, "defaults"):
		return opts, "no", []string{"Ignore the 'boot' due to 'opts' contains 'defaults'."}
	}
	return opts + ",noauto", "no", nil
}
