package cloud

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// keepServer brings a server that is there to what the task asks for.
func keepServer(ctx context.Context, t *task, s openstack.Server, meta map[string]string) (module.Result, error) {
	name := t.text("name")
	var res module.Result
	switch s.Status {
	case "ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "SHELVED", "SHELVED_OFFLOADED":
	case "ERROR", "BUILD":
		if s.Status == "ERROR" && !ours(s, meta) {
			return res, fmt.Errorf("server %s is there but in ERROR: %s (delete it, or give it the metadata of this task, to have it replaced)", name, s.Fault)
		}
		if s.Status == "ERROR" {
			res = t.changed("server "+name, change{"replace server " + name, "it is in ERROR: " + s.Fault})
		}
		if t.Check || s.Status == "BUILD" && !t.on("wait") {
			return withServer(res, s), nil
		}
		finished, err := finish(ctx, t, s, meta)
		if err != nil {
			return res, err
		}
		res.Changed = res.Changed || finished.ID != s.ID
		s = finished
	default:
		settled, err := settle(ctx, t, s)
		if err != nil {
			return res, err
		}
		s = settled
	}
	return updateServer(ctx, t, res, s, meta)
}

// finish waits for a server on its way, or replaces one that failed.
func finish(ctx context.Context, t *task, s openstack.Server, meta map[string]string) (openstack.Server, error) {
	if !ours(s, meta) {
		return t.cloud.Await(ctx, s.Name, s.ID, t.limit(), t.progress, "ACTIVE")
	}
	spec, err := serverSpec(ctx, t, meta)
	if err != nil {
		return s, err
	}
	return t.cloud.FinishBoot(ctx, s, spec, t.boot())
}

// update is what is to change on a server that needs no new server.
type update struct {
	meta        map[string]string // to be set
	add, remove []string          // security groups
	tags        []string          // all that it shall have; nil leaves them
	changes     []change
}

// decideUpdate compares a server with what the task asks for.
func decideUpdate(t *task, s openstack.Server, meta map[string]string, tags []string) update {
	u := update{meta: map[string]string{}}
	for _, k := range sortedNames(meta) {
		if got, ok := s.Metadata[k]; !ok || got != meta[k] {
			u.meta[k] = meta[k]
			cause := fmt.Sprintf("it is %q, not %q", got, meta[k])
			if !ok {
				cause = "not on the server"
			}
			u.changes = append(u.changes, change{fmt.Sprintf("set metadata %s=%s", k, meta[k]), cause})
		}
	}
	u.add, u.remove = groupChanges(t, s)
	for _, g := range u.add {
		u.changes = append(u.changes, change{"add security group " + g, "not on the server"})
	}
	for _, g := range u.remove {
		u.changes = append(u.changes, change{"remove security group " + g, "not asked for"})
	}
	if want, asked := tagsAsked(t); asked && !slices.Equal(want, tags) {
		u.tags = want
		u.changes = append(u.changes, change{"set tags " + tagsText(want), "they are " + tagsText(tags)})
	}
	return u
}

// updateServer changes what differs, and ends the module.
func updateServer(ctx context.Context, t *task, res module.Result, s openstack.Server, meta map[string]string) (module.Result, error) {
	res, err := drifted(ctx, t, res, s, meta)
	if err != nil {
		return res, err
	}
	tags, err := tagsOf(ctx, t, s)
	if err != nil {
		return res, err
	}
	u := decideUpdate(t, s, meta, tags)
	if len(u.changes) == 0 {
		res, err = addressed(ctx, t, res, s)
		return tagged(res, tags), err
	}
	diff := t.changed("server "+s.Name, u.changes...)
	res = and(res, diff)
	if t.Check {
		return tagged(withServer(res, s), tags), nil
	}
	if s, err = applyUpdate(ctx, t, s, u); err != nil {
		return res, err
	}
	if u.tags != nil {
		tags = u.tags
	}
	res, err = addressed(ctx, t, res, s)
	return tagged(res, tags), err
}

// applyUpdate does what was decided, and looks at the server anew.
func applyUpdate(ctx context.Context, t *task, s openstack.Server, u update) (openstack.Server, error) {
	if len(u.meta) > 0 {
		if err := t.cloud.SetMetadata(ctx, s.ID, u.meta); err != nil {
			return s, err
		}
	}
	if err := applyGroups(ctx, t, s.ID, u.add, u.remove); err != nil {
		return s, err
	}
	if u.tags != nil {
		if err := t.cloud.SetServerTags(ctx, s.ID, u.tags); err != nil {
			return s, err
		}
	}
	return t.cloud.Server(ctx, s.ID)
}

// groupChanges compares security groups. Cards made from ports bring groups of
// their own, so that nothing is compared there.
func groupChanges(t *task, s openstack.Server) (add, remove []string) {
	nics, err := parseNICs(t.Args.List("nics"))
	if err != nil || slices.ContainsFunc(nics, func(n nic) bool { return n.port() != "" }) {
		return nil, nil
	}
	want := value.Strings(t.Args.List("security_groups"))
	if len(want) == 0 {
		want = []string{"default"} // as Nova has it
	}
	for _, g := range want {
		if !slices.Contains(s.SecurityGroups, g) {
			add = append(add, g)
		}
	}
	for _, g := range s.SecurityGroups {
		if !slices.Contains(want, g) {
			remove = append(remove, g)
		}
	}
	return add, remove
}

func applyGroups(ctx context.Context, t *task, id string, add, remove []string) error {
	for _, g := range add {
		if err := t.cloud.Action(ctx, id, "addSecurityGroup", map[string]any{"name": g}); err != nil {
			return err
		}
	}
	for _, g := range remove {
		if err := t.cloud.Action(ctx, id, "removeSecurityGroup", map[string]any{"name": g}); err != nil {
			return err
		}
	}
	return nil
}
