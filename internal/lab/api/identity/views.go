package identity

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// scope is what a token is asked for: a project, or nothing ("unscoped").
type scope struct {
	text    string
	Project *struct {
		ID, Name string
		Domain   named
	}
	Domain *named
	System *struct{ All bool }
}

// UnmarshalJSON takes the word "unscoped" as well as an object.
func (s *scope) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &s.text) == nil {
		return nil
	}
	type plain scope
	return json.Unmarshal(text, (*plain)(s))
}

// project returns the id of the project asked for. Without a scope it is the user's own, as Keystone does for users with
// a default project.
func (s scope) project(state *cloud.State) (string, error) {
	switch {
	case s.text == "unscoped":
		return "", nil
	case s.Domain != nil || s.System != nil:
		return "", unauthorized()
	case s.Project == nil:
		return state.ProjectID, nil
	case s.Project.ID == state.ProjectID:
		return state.ProjectID, nil
	case s.Project.ID == "" && s.Project.Name == ProjectName && s.Project.Domain.isDefault():
		return state.ProjectID, nil
	}
	return "", unauthorized()
}

const stamp = "2006-01-02T15:04:05.000000Z"

func domain() wire.Object { return wire.Object{"id": DomainID, "name": DomainName} }

func (s *Service) view(r *http.Request, state *cloud.State, t token) wire.Object {
	view := wire.Object{
		"methods": t.Methods, "audit_ids": []string{t.ID},
		"user":      wire.Object{"domain": domain(), "id": state.UserID, "name": UserName, "password_expires_at": nil},
		"issued_at": t.Issued.Format(stamp), "expires_at": t.Expires.Format(stamp),
	}
	if t.ProjectID != "" {
		view["project"] = wire.Object{"domain": domain(), "id": t.ProjectID, "name": ProjectName}
		view["is_domain"] = false
		view["roles"] = roles(state)
		view["catalog"] = catalog(r, state)
	}
	return wire.Object{"token": view}
}

// roles have ids made of the project's: they need no record of their own.
func roles(state *cloud.State) []wire.Object {
	return []wire.Object{{"id": derived(state, "reader"), "name": "reader"}, {"id": derived(state, "member"), "name": "member"}}
}

func derived(state *cloud.State, what string) string {
	sum := sha256.Sum256([]byte(state.ProjectID + "/" + what))
	return hex.EncodeToString(sum[:16])
}

// catalog names the services under the address that the caller came by. The network's has no version, the compute's has.
func catalog(r *http.Request, state *cloud.State) []wire.Object {
	services := []struct{ kind, name, path string }{
		{"identity", "keystone", "/v3"}, {"compute", "nova", "/v2.1"}, {"network", "neutron", ""}, {"image", "glance", ""},
	}
	var entries []wire.Object
	for _, service := range services {
		var endpoints []wire.Object
		for _, side := range []string{"public", "internal", "admin"} {
			endpoints = append(endpoints, wire.Object{"id": derived(state, service.kind+"/"+side), "interface": side,
				"region": Region, "region_id": Region, "url": wire.Root(r, service.kind) + service.path})
		}
		entries = append(entries, wire.Object{"id": derived(state, service.kind), "type": service.kind,
			"name": service.name, "endpoints": endpoints})
	}
	return entries
}

func list(r *http.Request, name string, items any) (wire.Answer, error) {
	return wire.OK(wire.Object{name: items, "links": wire.Object{
		"next": nil, "previous": nil, "self": wire.Root(r, "identity") + r.URL.Path}})
}

func none(name string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) { return list(r, name, []any{}) }
}

// forbidden is the answer to what only an administrator may ask.
func forbidden(what string) wire.Handler {
	return func(*http.Request) (wire.Answer, error) {
		return wire.Answer{}, wire.Errorf(http.StatusForbidden, "",
			"You are not authorized to perform the requested action: identity:list_%s.", what)
	}
}

func (s *Service) catalog(r *http.Request) (wire.Answer, error) {
	var entries []wire.Object
	s.store.View(func(state *cloud.State) { entries = catalog(r, state) })
	return wire.OK(wire.Object{"catalog": entries, "links": wire.Object{"self": wire.Root(r, "identity") + "/v3/auth/catalog"}})
}

func projectView(r *http.Request, id string) wire.Object {
	return wire.Object{"id": id, "name": ProjectName, "domain_id": DomainID, "description": "The practice cloud's project",
		"enabled": true, "parent_id": DomainID, "is_domain": false, "tags": []string{}, "options": wire.Object{},
		"links": wire.Object{"self": wire.Root(r, "identity") + "/v3/projects/" + id}}
}

func (s *Service) projectID() (id, userID string) {
	s.store.View(func(state *cloud.State) { id, userID = state.ProjectID, state.UserID })
	return id, userID
}

func (s *Service) projects(r *http.Request) (wire.Answer, error) {
	id, _ := s.projectID()
	projects := []wire.Object{}
	if name := r.URL.Query().Get("name"); name == "" || name == ProjectName {
		projects = append(projects, projectView(r, id))
	}
	return list(r, "projects", projects)
}

func (s *Service) project(r *http.Request) (wire.Answer, error) {
	id, _ := s.projectID()
	if r.PathValue("project") != id {
		return wire.Answer{}, wire.Errorf(http.StatusNotFound, "", "Could not find project: %s.", r.PathValue("project"))
	}
	return wire.OK(wire.Object{"project": projectView(r, id)})
}

func (s *Service) user(r *http.Request) (wire.Answer, error) {
	projectID, id := s.projectID()
	if r.PathValue("user") != id {
		return wire.Answer{}, wire.Errorf(http.StatusNotFound, "", "Could not find user: %s.", r.PathValue("user"))
	}
	return wire.OK(wire.Object{"user": wire.Object{"id": id, "name": UserName, "domain_id": DomainID, "enabled": true,
		"default_project_id": projectID, "options": wire.Object{}, "password_expires_at": nil,
		"links": wire.Object{"self": wire.Root(r, "identity") + "/v3/users/" + id}}})
}

func (s *Service) regions(r *http.Request) (wire.Answer, error) {
	return list(r, "regions", []wire.Object{{"id": Region, "description": "", "parent_region_id": nil,
		"links": wire.Object{"self": wire.Root(r, "identity") + "/v3/regions/" + Region}}})
}
