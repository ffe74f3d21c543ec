package cloud

import (
	"rollout/internal/module"
	"rollout/internal/openstack/declared"
)

// departed are the operations that a plan tells of what is there otherwise than
// declared, and that no run does. Check mode alone looks for it.
func departed(all []declared.Departure) []module.Operation {
	var out []module.Operation
	for _, d := range all {
		kind := module.Left
		if d.Beyond {
			kind = module.Extra
		}
		out = append(out, module.Operation{Kind: kind, Thing: d.Thing, Cause: d.Cause})
	}
	return out
}
