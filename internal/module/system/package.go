package system

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

// packageModule takes what any of the package managers' modules takes; the one
// that is used then refuses what is not its own.
func packageModule() *module.Module {
	schema := module.Schema{Args: []module.Arg{
		{Name: "use", Default: "auto", Doc: "the module to use; default: that of the host's package manager"},
	}}
	for _, m := range []*module.Module{aptModule(), dnfModule()} {
		for _, a := range m.Args.Args {
			if _, known := schema.Find(a.Name); !known {
				schema.Args = append(schema.Args, module.Arg{Name: a.Name, Aliases: unknownTo(schema, a.Aliases), Type: module.Raw, Doc: a.Doc})
			}
		}
	}
	return &module.Module{
		Name:      "ansible.builtin.package",
		Aliases:   []string{"ansible.legacy.package"},
		Summary:   "Installs and removes packages with the host's package manager.",
		Args:      schema,
		NeedsHost: true,
		Run:       runPackage,
	}
}

func unknownTo(schema module.Schema, aliases []string) []string {
	var out []string
	for _, a := range aliases {
		if _, known := schema.Find(a); !known {
			out = append(out, a)
		}
	}
	return out
}

// findManager prints where the host's package manager is: others may be there,
// too, that don't have the packages of its system.
const findManager = `
if [ -e /etc/redhat-release ]; then set -- dnf yum; else set -- apt-get dnf yum; fi
for m in "$@" zypper apk pacman; do command -v $m && break; done 2>/dev/null; :`

func runPackage(ctx context.Context, call *module.Call) (module.Result, error) {
	use := call.Args.String("use")
	if use == "auto" {
		out, err := run(ctx, call, findManager, nil)
		if err != nil {
			return module.Result{}, err
		}
		found := strings.TrimSpace(string(out.Stdout))
		use = managerNames[found[strings.LastIndexByte(found, '/')+1:]]
	}
	if use == "" {
		return module.Fail(`Could not detect which package manager to use. Try setting the "use" option.`), nil
	}
	var manager *module.Module
	switch strings.TrimPrefix(strings.TrimPrefix(use, "ansible.builtin."), "ansible.legacy.") {
	case "apt":
		manager = aptModule()
	case "dnf":
		manager = dnfModule()
	case "yum":
		manager = yumModule()
	default:
		return module.Fail(fmt.Sprintf("Could not find a module for %s.", use)), nil
	}
	own := value.NewMap()
	for k, v := range call.Args.All() {
		if k != "use" {
			own.Set(k, v)
		}
	}
	args, err := manager.Args.Validate(own)
	if err != nil {
		return module.Fail(fmt.Sprintf("%s: %v", manager.Name, err)), nil
	}
	through := *call
	through.Args = args
	return manager.Run(ctx, &through)
}
