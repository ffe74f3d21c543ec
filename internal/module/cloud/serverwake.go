package cloud

import (
	"context"
	"fmt"

	"rollout/internal/openstack"
)

// settle waits for a server that something is done with, and says what to do
// about one that somebody left in the middle of something.
func settle(ctx context.Context, t *task, s openstack.Server) (openstack.Server, error) {
	switch s.Status {
	case "REBOOT", "HARD_REBOOT", "REBUILD", "MIGRATING", "PASSWORD", "RESIZE":
		if t.Check {
			return s, nil
		}
		return t.cloud.Await(ctx, s.Name, s.ID, t.limit(), t.progress, "ACTIVE", "SHUTOFF")
	case "RESCUE":
		return s, fmt.Errorf("server %s is in RESCUE: somebody repairs it (end that with `openstack server unrescue %s`, then run this again)", s.Name, s.ID)
	case "VERIFY_RESIZE":
		return s, fmt.Errorf("server %s is in VERIFY_RESIZE: somebody resized it (`openstack server resize confirm %s`, or `revert`, then run this again)", s.Name, s.ID)
	}
	return s, fmt.Errorf("server %s is there but %s, which is neither ACTIVE nor a state it is left in (look at it with `openstack server show %s`)", s.Name, s.Status, s.ID)
}
