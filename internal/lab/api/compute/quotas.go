package compute

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) quotaRoutes() {
	s.Handle("GET /v2.1/os-quota-sets/{project}", s.showQuota)
	s.Handle("GET /v2.1/os-quota-sets/{project}/defaults", s.defaultQuota)
	s.Handle("GET /v2.1/os-quota-sets/{project}/detail", s.detailQuota)
	s.Handle("PUT /v2.1/os-quota-sets/{project}", s.setQuota)
	s.Handle("DELETE /v2.1/os-quota-sets/{project}", s.resetQuota)
}

// Resources that Nova no longer limits, but shows to older clients.
var (
	networkResources = []string{"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}      // before 2.36
	fileResources    = []string{"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"} // before 2.57
)

// quota answers with what value makes of each resource. Only the one project's limits are its user's business.
func (s *Service) quota(r *http.Request, value func(state *cloud.State, name string, limit int) any) (wire.Answer, error) {
	view := wire.Object{}
	s.store.View(func(state *cloud.State) {
		if r.PathValue("project") != state.ProjectID {
			return
		}
		view["id"] = state.ProjectID
		for name := range cloud.ComputeQuotas() {
			view[name] = value(state, name, state.Limit(name))
		}
		for _, name := range networkResources {
			if !since(r, 36) {
				view[name] = value(state, name, cloud.Unlimited)
			}
		}
		for _, name := range fileResources {
			if !since(r, 57) {
				view[name] = value(state, name, 0)
			}
		}
	})
	if view["id"] == nil {
		return wire.Answer{}, policy("os-quota-sets:show")
	}
	return wire.OK(wire.Object{"quota_set": view})
}

func (s *Service) showQuota(r *http.Request) (wire.Answer, error) {
	return s.quota(r, func(_ *cloud.State, _ string, limit int) any { return limit })
}

func (s *Service) defaultQuota(r *http.Request) (wire.Answer, error) {
	defaults := cloud.ComputeQuotas()
	return s.quota(r, func(_ *cloud.State, name string, limit int) any {
		if first, known := defaults[name]; known {
			return first
		}
		return limit
	})
}

func (s *Service) detailQuota(r *http.Request) (wire.Answer, error) {
	return s.quota(r, func(state *cloud.State, name string, limit int) any {
		return wire.Object{"limit": limit, "in_use": inUse(state)[name], "reserved": 0}
	})
}

// inUse is how much of each limit is taken up. Nova doesn't count key pairs and members here.
func inUse(state *cloud.State) map[string]int {
	u := used(state)
	return map[string]int{"instances": u.servers, "cores": u.cores, "ram": u.ram, "server_groups": u.groups}
}

// setQuota sets limits. On most clouds that is an administrator's; here it is how "quota exceeded" is rehearsed.
func (s *Service) setQuota(r *http.Request) (wire.Answer, error) {
	var body struct {
		Set map[string]json.RawMessage `json:"quota_set"`
	}
	if err := wire.Read(r, &body); err != nil {
		return wire.Answer{}, err
	}
	force := string(body.Set["force"]) == "true"
	delete(body.Set, "force")
	limits, err := wantedLimits(body.Set)
	if err != nil {
		return wire.Answer{}, err
	}
	err = s.store.Update(func(state *cloud.State) error {
		if r.PathValue("project") != state.ProjectID {
			return policy("os-quota-sets:update")
		}
		taken := inUse(state)
		for _, name := range slices.Sorted(maps.Keys(limits)) {
			if limit := limits[name]; !force && limit != cloud.Unlimited && limit < taken[name] {
				return badRequest("Quota limit %d for %s must be greater than or equal to already used and reserved %d.", limit, name, taken[name])
			}
		}
		state.SetLimits(limits)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	answer, err := s.showQuota(r)
	if set, ok := answer.Body.(wire.Object)["quota_set"].(wire.Object); ok {
		delete(set, "id")
	}
	return answer, err
}

// wantedLimits reads limits, numbers or texts of them. What the practice cloud does not count has no limit to set.
func wantedLimits(asked map[string]json.RawMessage) (map[string]int, error) {
	limits, known := map[string]int{}, cloud.ComputeQuotas()
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		text := strings.Trim(string(asked[name]), `"`)
		limit, err := strconv.Atoi(text)
		_, there := known[name]
		switch {
		case err != nil:
			return nil, badRequest("Invalid input for field/attribute %s. Value: %s. '%s' does not match '^-?[0-9]+$'", name, text, text)
		case limit < cloud.Unlimited:
			return nil, badRequest("Invalid input for field/attribute %s. Value: %d. %d is less than the minimum of -1", name, limit, limit)
		case slices.Contains(networkResources, name) || slices.Contains(fileResources, name) || name == "metadata_items":
			return nil, badRequest("The practice cloud does not count %s: its limit can't be set.", name)
		case !there:
			return nil, badRequest("Invalid input for field/attribute quota_set. Value: {'%s': %d}. Additional properties are not allowed ('%s' was unexpected)", name, limit, name)
		}
		limits[name] = limit
	}
	return limits, nil
}

func (s *Service) resetQuota(r *http.Request) (wire.Answer, error) {
	err := s.store.Update(func(state *cloud.State) error {
		if r.PathValue("project") != state.ProjectID {
			return policy("os-quota-sets:delete")
		}
		state.ResetLimits(cloud.ComputeQuotas())
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Accepted(nil)
}
