package cleanup

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"rollout/internal/openstack"
)

// ClassScope says what of several owners' is to be deleted.
type ClassScope struct {
	Owners    []string
	NotActive bool          // only servers that are not ACTIVE
	OlderThan time.Duration // only servers made so long ago, by the cloud's clock
}

// PlanClass looks what a clean-up of several owners would delete, and changes
// nothing. However many they are, each kind of thing is listed once. Names begin
// with the owner and a dash; a server that carries another owner's name in its
// metadata is kept, whatever its own name.
func PlanClass(ctx context.Context, cloud *openstack.Cloud, what ClassScope) (Plan, error) {
	plan := Plan{cloud: cloud, Owners: what.Owners}
	if len(what.Owners) == 0 || slices.Contains(what.Owners, "") {
		return plan, ErrEmptyPrefix
	}
	all := Scope{Prefix: allNames(what.Owners), NotActive: what.NotActive, OlderThan: what.OlderThan}
	e, err := look(ctx, cloud, all)
	if err != nil {
		return plan, err
	}
	parts := e.divide(what.Owners)
	for _, part := range parts {
		plan.Rows = append(plan.Rows, part.rows()...)
	}
	return plan, nil
}

// allNames is what the names of all that the owners have begin with.
func allNames(owners []string) string {
	starts := make([]string, len(owners))
	for i, o := range owners {
		starts[i] = o + "-"
	}
	return openstack.CommonStart(starts)
}

// share is one owner's part of an estate. What is in use is judged by what all
// owners of the clean-up leave.
type share struct {
	*estate
	servers []openstack.Server
	own     map[string]string // names of servers, by id
	foreign []Row
}

func (e *estate) divide(owners []string) []share {
	var parts []share
	doomed := map[string]string{}
	for _, o := range owners {
		view := *e
		view.what.Prefix = o + "-"
		part := share{estate: &view, own: map[string]string{}}
		for _, s := range e.servers {
			if !strings.HasPrefix(s.Name, view.what.Prefix) {
				continue
			}
			if owner := s.Metadata["rollout_owner"]; owner != "" && owner != o {
				part.foreign = append(part.foreign, Row{Kind: "server", Name: s.Name, ID: s.ID, Action: Keep, Status: s.Status,
					Cause: "it is " + owner + "'s by its metadata"})
				continue
			}
			part.servers = append(part.servers, s)
			part.own[s.ID] = s.Name
		}
		maps.Copy(doomed, part.own)
		parts = append(parts, part)
	}
	stay := slices.Concat(e.others, keep(e.servers, func(s openstack.Server) bool { return doomed[s.ID] == "" }))
	for _, part := range parts {
		part.names, part.others = doomed, stay
	}
	return parts
}

func (s share) rows() []Row {
	ports := keep(s.ports, func(p openstack.Port) bool { return s.own[p.DeviceID] != "" })
	return slices.Concat(floatingRows(s.floating, ports, s.own, s.what), serverRows(s.servers, s.what), s.foreign,
		portRows(ports, s.own), s.lonePorts(), volumeRows(s.volumes, s.own, s.what), s.marked())
}
