package network

import (
	"encoding/json"
	"net/http"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) quotaRoutes() {
	s.Handle("GET /v2.0/quotas/{project}", s.showQuota)
	s.Handle("GET /v2.0/quotas/{project}/default", s.defaultQuota)
	s.Handle("GET /v2.0/quotas/{project}/details", s.detailQuota)
	s.Handle("PUT /v2.0/quotas/{project}", s.setQuota)
	s.Handle("DELETE /v2.0/quotas/{project}", s.resetQuota)
}

// quota answers with what value makes of each resource. Only the one project's limits are its user's business.
func (s *Service) quota(r *http.Request, value func(state *cloud.State, name string) any) (wire.Answer, error) {
	var view wire.Object
	s.store.View(func(state *cloud.State) {
		if r.PathValue("project") != state.ProjectID {
			return
		}
		view = wire.Object{}
		for name := range cloud.NetworkQuotas() {
			view[name] = value(state, name)
		}
	})
	if view == nil {
		return wire.Answer{}, disallowed("get_quota")
	}
	return wire.OK(wire.Object{"quota": view})
}

func (s *Service) showQuota(r *http.Request) (wire.Answer, error) {
	return s.quota(r, func(state *cloud.State, name string) any { return state.Limit(name) })
}

func (s *Service) defaultQuota(r *http.Request) (wire.Answer, error) {
	defaults := cloud.NetworkQuotas()
	return s.quota(r, func(_ *cloud.State, name string) any { return defaults[name] })
}

func (s *Service) detailQuota(r *http.Request) (wire.Answer, error) {
	return s.quota(r, func(state *cloud.State, name string) any {
		return wire.Object{"limit": state.Limit(name), "used": state.NetworkUse()[name], "reserved": 0}
	})
}

// setQuota sets limits. On most clouds that is an administrator's; here it is how "quota exceeded" is rehearsed.
func (s *Service) setQuota(r *http.Request) (wire.Answer, error) {
	var body struct {
		Quota map[string]json.RawMessage `json:"quota"`
	}
	if err := wire.Read(r, &body); err != nil {
		return wire.Answer{}, err
	}
	limits, known := map[string]int{}, cloud.NetworkQuotas()
	for _, name := range sortedNames(body.Quota) {
		if _, there := known[name]; !there {
			return wire.Answer{}, badRequest("Unrecognized attribute(s) '%s'", name)
		}
		var limit int
		if err := json.Unmarshal(body.Quota[name], &limit); err != nil {
			return wire.Answer{}, badRequest("Invalid input for %s. Reason: '%s' is not an integer.", name, body.Quota[name])
		}
		if limit < cloud.Unlimited {
			return wire.Answer{}, badRequest("Invalid input for %s. Reason: '%d' is too small - must be at least '-1'.", name, limit)
		}
		limits[name] = limit
	}
	err := s.store.Update(func(state *cloud.State) error {
		if r.PathValue("project") != state.ProjectID {
			return disallowed("update_quota")
		}
		state.SetLimits(limits)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return s.showQuota(r)
}

func (s *Service) resetQuota(r *http.Request) (wire.Answer, error) {
	project := r.PathValue("project")
	err := s.store.Update(func(state *cloud.State) error {
		if project != state.ProjectID {
			return disallowed("delete_quota")
		}
		if !state.ResetLimits(cloud.NetworkQuotas()) {
			return wire.Errorf(http.StatusNotFound, "TenantQuotaNotFound", "Quota for tenant %s could not be found.", project)
		}
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}
