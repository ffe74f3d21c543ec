package openstack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// awaitBoot waits until the server id, made from spec, is ACTIVE. A run that was
// killed right after it sent a create may leave one that the next run's look
// came too early for; the list that tells of the new server's progress then
// shows both. The older one is kept, and the new one, seconds old, deleted.
func (c *Cloud) awaitBoot(ctx context.Context, spec ServerSpec, id string, limit time.Duration, progress func(string)) (Server, error) {
	what := "server " + spec.Name + " to become ACTIVE"
	var older Server
	active := reached(progress, "ACTIVE")
	server, err := c.await(ctx, spec.Name, id, what, limit, func(s Server, there bool, all []Server) (bool, error) {
		if there {
			older = elder(s, all, spec.Metadata)
		}
		if older.ID != "" {
			return true, nil
		}
		return active(s, there, all)
	})
	if err != nil || older.ID == "" {
		return server, err
	}
	progress(fmt.Sprintf("%s was there already (%s); deleting its twin (%s)", spec.Name, older.ID, id))
	if err := c.DeleteServer(ctx, server, deleteLimit); err != nil {
		return older, fmt.Errorf("cannot delete the twin %s of server %s (%s): %w", id, spec.Name, older.ID, err)
	}
	return c.Await(ctx, spec.Name, older.ID, limit, progress, "ACTIVE")
}

// elder is a server that was made before s for the same place: of its name and
// with the rollout_ metadata asked for. One that failed or goes away is none.
func elder(s Server, all []Server, asked map[string]string) Server {
	marks := map[string]string{}
	for k, v := range asked {
		if strings.HasPrefix(k, "rollout_") {
			marks[k] = v
		}
	}
	before := func(x Server) bool {
		return x.ID != s.ID && x.Name == s.Name && x.carries(marks) &&
			(x.Status == "BUILD" || x.Status == "ACTIVE") && x.TaskState != "deleting" &&
			(x.Created.Before(s.Created) || x.Created.Equal(s.Created) && x.ID < s.ID)
	}
	i := slices.IndexFunc(all, before)
	if i < 0 || len(marks) == 0 {
		return Server{}
	}
	return all[i]
}
