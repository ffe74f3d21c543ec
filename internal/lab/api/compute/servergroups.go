package compute

import (
	"net/http"
	"slices"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) serverGroupRoutes() {
	s.Handle("GET /v2.1/os-server-groups", s.listServerGroups)
	s.Handle("POST /v2.1/os-server-groups", s.createServerGroup)
	s.Handle("GET /v2.1/os-server-groups/{group}", s.showServerGroup)
	s.Handle("DELETE /v2.1/os-server-groups/{group}", s.deleteServerGroup)
}

// living are the members of a group that are still there.
func living(state *cloud.State, group *cloud.ServerGroup) []string {
	members := []string{}
	for _, id := range group.Members {
		if state.Servers[id] != nil {
			members = append(members, id)
		}
	}
	return members
}

// serverGroupView has one policy from 2.64 on, a list of them before.
func serverGroupView(r *http.Request, state *cloud.State, group *cloud.ServerGroup) wire.Object {
	view := wire.Object{"id": group.ID, "name": group.Name, "members": living(state, group)}
	if since(r, 13) {
		view["project_id"], view["user_id"] = state.ProjectID, state.UserID
	}
	if !since(r, 64) {
		view["policies"], view["metadata"] = []string{group.Policy}, wire.Object{}
		return view
	}
	rules := wire.Object{}
	if group.MaxPerHost > 0 {
		rules["max_server_per_host"] = group.MaxPerHost
	}
	view["policy"], view["rules"] = group.Policy, rules
	return view
}

func (s *Service) listServerGroups(r *http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, group := range cloud.Sorted(state.ServerGroups) {
			views = append(views, serverGroupView(r, state, group))
		}
	})
	return wire.OK(wire.Object{"server_groups": views})
}

// groupRequest is the body of a POST: policies before 2.64, a policy and its rules from then on.
type groupRequest struct {
	Name     string
	Policy   string
	Policies []string
	Rules    *struct {
		MaxPerHost *anyInt `json:"max_server_per_host"`
	}
}

func (s *Service) createServerGroup(r *http.Request) (wire.Answer, error) {
	var asked struct {
		Group groupRequest `json:"server_group"`
	}
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	group, err := asked.Group.group(r)
	if err != nil {
		return wire.Answer{}, err
	}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if state.Exceeds("server_groups", len(state.ServerGroups), 1) {
			return wire.Errorf(http.StatusForbidden, "", "Quota exceeded, too many server groups.")
		}
		state.ServerGroups[group.ID] = group
		view = serverGroupView(r, state, group)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"server_group": view})
}

// group checks what was asked for by the rules of the request's microversion.
func (q groupRequest) group(r *http.Request) (*cloud.ServerGroup, error) {
	policies := []string{"anti-affinity", "affinity"}
	if since(r, 15) {
		policies = append(policies, "soft-anti-affinity", "soft-affinity")
	}
	policy, attribute, needed := q.Policy, "policy", "policy"
	if !since(r, 64) {
		attribute, needed = "0", "policies"
		if policy = ""; len(q.Policies) == 1 {
			policy = q.Policies[0]
		}
		if q.Policy != "" || q.Rules != nil {
			return nil, badRequest("Invalid input for field/attribute server_group. Additional properties are not allowed")
		}
	} else if q.Policies != nil {
		return nil, badRequest("Invalid input for field/attribute server_group. Additional properties are not allowed ('policies' was unexpected)")
	}
	switch {
	case !plainName.MatchString(q.Name) || len(q.Name) > 255:
		return nil, badRequest("Invalid input for field/attribute name. Value: %s. It must have 1 to 255 characters, not all of them blanks", q.Name)
	case policy == "":
		return nil, badRequest("Invalid input for field/attribute server_group. '%s' is a required property", needed)
	case !slices.Contains(policies, policy):
		return nil, badRequest("Invalid input for field/attribute %s. Value: %s. '%s' is not one of ['%s']", attribute, policy, policy, strings.Join(policies, "', '"))
	}
	group := &cloud.ServerGroup{ID: wire.NewID(), Name: q.Name, Policy: policy}
	if q.Rules == nil || q.Rules.MaxPerHost == nil {
		return group, nil
	}
	if policy != "anti-affinity" {
		return nil, badRequest("Only anti-affinity policy supports rules.")
	}
	if group.MaxPerHost = int(*q.Rules.MaxPerHost); group.MaxPerHost < 1 {
		return nil, badRequest("Invalid input for field/attribute max_server_per_host. Value: %d. %d is less than the minimum of 1", group.MaxPerHost, group.MaxPerHost)
	}
	return group, nil
}

func (s *Service) showServerGroup(r *http.Request) (wire.Answer, error) {
	var view wire.Object
	s.store.View(func(state *cloud.State) {
		if group := state.ServerGroups[r.PathValue("group")]; group != nil {
			view = serverGroupView(r, state, group)
		}
	})
	if view == nil {
		return wire.Answer{}, missing("Instance group %s could not be found.", r.PathValue("group"))
	}
	return wire.OK(wire.Object{"server_group": view})
}

func (s *Service) deleteServerGroup(r *http.Request) (wire.Answer, error) {
	err := s.store.Update(func(state *cloud.State) error {
		id := r.PathValue("group")
		if state.ServerGroups[id] == nil {
			return missing("Instance group %s could not be found.", id)
		}
		delete(state.ServerGroups, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}
