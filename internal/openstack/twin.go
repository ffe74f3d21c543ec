package openstack

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// awaitBoot waits until the server id, made from spec, is ACTIVE. A run that was
// killed right after it sent a create may leave one that the next run's look
// came too early for; the list that tells of the new server's progress then
// shows both. The eldest is kept, and the others, seconds old, are deleted, so
// that two runs which see the same also do the same.
func (c *Cloud) awaitBoot(ctx context.Context, spec ServerSpec, id string, limit time.Duration, progress func(string)) (Server, error) {
	what := "server " + spec.Name + " to become ACTIVE"
	var twins []Server
	active := reached(progress, "ACTIVE")
	wait := vigil{server: Server{ID: id, Name: spec.Name}, what: what, limit: limit, needs: detailed}
	wait.judge = func(s Server, there bool, all []Server) (bool, error) {
		if there {
			twins = alike(s, all, spec.Metadata)
		}
		if len(twins) > 1 {
			return true, nil
		}
		return active(s, there, all)
	}
	server, err := c.await(ctx, wait)
	if err != nil || len(twins) < 2 {
		return server, err
	}
	for _, twin := range twins[1:] {
		progress(fmt.Sprintf("%s was there already (%s); deleting its twin (%s)", spec.Name, twins[0].ID, twin.ID))
		if err := c.DeleteServer(ctx, twin, deleteLimit); err != nil {
			return twins[0], fmt.Errorf("cannot delete the twin %s of server %s (%s): %w", twin.ID, spec.Name, twins[0].ID, err)
		}
	}
	return c.Await(ctx, spec.Name, twins[0].ID, limit, progress, "ACTIVE")
}

// alike are s and what was made for the same place, eldest first: of its name
// and with the rollout_ metadata asked for. What failed or goes away is left out.
func alike(s Server, all []Server, asked map[string]string) []Server {
	marks := map[string]string{}
	for k, v := range asked {
		if strings.HasPrefix(k, "rollout_") {
			marks[k] = v
		}
	}
	if len(marks) == 0 {
		return nil
	}
	twins := keep(all, func(x Server) bool {
		return x.Name == s.Name && x.carries(marks) && (x.Status == "BUILD" || x.Status == "ACTIVE") && x.TaskState != "deleting"
	})
	slices.SortFunc(twins, func(a, b Server) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return twins
}
