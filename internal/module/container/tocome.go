package container

import (
	"context"
	"fmt"

	"rollout/internal/module"
)

// containerToCome foretells, in check mode, a container on a host that cannot
// be looked at, because it is not there yet. It connects to nothing.
func containerToCome() *module.Module {
	return &module.Module{
		Name: "rollout.docker.container_to_come", Summary: "Foretell, in check mode, a container of a VM that is not there yet.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "name", Type: module.Str, Required: true, Doc: "its name"},
			{Name: "cause", Type: module.Str, Required: true, Doc: "why it is made without a look"},
		}},
		Run: func(_ context.Context, call *module.Call) (module.Result, error) {
			if !call.Check {
				return module.Fail("cannot foretell a container in a run that changes things: use community.docker.docker_container"), nil
			}
			thing := fmt.Sprintf("container %s on %s", call.Args.String("name"), call.HostName)
			op := module.Operation{Kind: module.Create, Thing: thing, Do: "create " + thing, Cause: call.Args.String("cause")}
			res := module.Result{Changed: true, Plan: []module.Operation{op}, Msg: op.Do + ": " + op.Cause}
			if call.Diff {
				res.Diff = []module.Diff{{BeforeHeader: thing, AfterHeader: thing, After: res.Msg + "\n"}}
			}
			return res, nil
		},
	}
}
