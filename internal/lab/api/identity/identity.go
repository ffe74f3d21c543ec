// Package identity answers as Keystone v3 does, for one project and its one user: tokens, the catalog, and what a
// member may ask about itself. Source: https://docs.openstack.org/api-ref/identity/v3/
package identity

import (
	"crypto/subtle"
	"net/http"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// The names of the one project, its user, its domain and the region.
const (
	ProjectName = "lab"
	UserName    = "student"
	DomainID    = "default"
	DomainName  = "Default"
	Region      = "RegionOne"
)

// Service is Keystone.
type Service struct {
	wire.Service
	store    *cloud.Store
	password string
	now      func() time.Time
}

// New makes the service; password is the user's.
func New(store *cloud.Store, password string, now func() time.Time) *Service {
	s := &Service{store: store, password: password, now: now}
	s.Render = render
	s.Unguarded = true
	s.Before = s.before
	s.HandlePublic("GET /{$}", s.versions)
	s.HandlePublic("GET /v3", s.version)
	s.HandlePublic("POST /v3/auth/tokens", s.authenticate)
	s.Handle("GET /v3/auth/tokens", s.show)
	s.Handle("HEAD /v3/auth/tokens", s.show)
	s.Handle("DELETE /v3/auth/tokens", s.revoke)
	s.Handle("GET /v3/auth/catalog", s.catalog)
	s.Handle("GET /v3/auth/projects", s.projects)
	s.Handle("GET /v3/projects", s.projects)
	s.Handle("GET /v3/users/{user}/projects", s.projects)
	s.Handle("GET /v3/projects/{project}", s.project)
	s.Handle("GET /v3/users/{user}", s.user)
	s.handleAppCredentials()
	s.Handle("GET /v3/auth/domains", none("domains"))
	s.Handle("GET /v3/regions", s.regions)
	for _, path := range []string{"users", "domains", "roles", "groups", "services", "endpoints", "role_assignments"} {
		s.Handle("GET /v3/"+path, forbidden(path))
	}
	return s
}

// Authenticate is the part of a request ahead of any other service: it finds who calls, by X-Auth-Token.
func (s *Service) Authenticate(r *http.Request) (*http.Request, error) {
	text := r.Header.Get("X-Auth-Token")
	if text == "" {
		return nil, unauthorized()
	}
	var caller wire.Caller
	good := false
	s.store.View(func(state *cloud.State) {
		var t token
		if t, good = open(state, text, s.now()); good {
			caller = wire.Caller{Token: text, UserID: state.UserID, UserName: UserName, ProjectID: t.ProjectID}
		}
	})
	if !good {
		return nil, unauthorized()
	}
	return r.WithContext(wire.WithCaller(r.Context(), caller)), nil
}

// AuthenticateScoped is Authenticate for services that work in a project.
func (s *Service) AuthenticateScoped(r *http.Request) (*http.Request, error) {
	r, err := s.Authenticate(r)
	if err != nil {
		return nil, err
	}
	if wire.CallerOf(r).ProjectID == "" {
		return nil, unauthorized()
	}
	return r, nil
}

func unauthorized() error {
	return wire.Errorf(http.StatusUnauthorized, "", "The request you have made requires authentication.")
}

func (s *Service) before(w http.ResponseWriter, r *http.Request, public bool) (*http.Request, error) {
	w.Header().Set("Vary", "X-Auth-Token")
	if public {
		return r, nil
	}
	return s.Authenticate(r)
}

// render is Keystone's shape of an error.
func render(w http.ResponseWriter, r *http.Request, err *wire.Error) {
	if err.Status == http.StatusUnauthorized {
		Challenge(w, r)
	}
	wire.WriteJSON(w, err.Status, wire.Object{"error": wire.Object{
		"code": err.Status, "message": err.Message, "title": http.StatusText(err.Status)}})
}

// Challenge tells a caller without a good token where to get one.
func Challenge(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Www-Authenticate", `Keystone uri="`+wire.Root(r, "identity")+`/v3"`)
}

func describe(r *http.Request) wire.Object {
	return wire.Object{
		"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
		"links":       []wire.Object{{"rel": "self", "href": wire.Root(r, "identity") + "/v3/"}},
		"media-types": []wire.Object{{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}},
	}
}

func (s *Service) versions(r *http.Request) (wire.Answer, error) {
	return wire.Answer{Status: http.StatusMultipleChoices,
		Header: http.Header{"Location": {wire.Root(r, "identity") + "/v3/"}},
		Body:   wire.Object{"versions": wire.Object{"values": []wire.Object{describe(r)}}}}, nil
}

func (s *Service) version(r *http.Request) (wire.Answer, error) {
	return wire.OK(wire.Object{"version": describe(r)})
}

// credentials is the body of POST /auth/tokens, as far as it is understood here.
type credentials struct {
	Auth struct {
		Identity *struct {
			Methods  []string
			Password struct {
				User struct {
					ID, Name, Password string
					Domain             named
				}
			}
			Token         struct{ ID string }
			AppCredential appCredential `json:"application_credential"`
		}
		Scope scope
	}
}

type named struct{ ID, Name string }

// appCredential is how an application credential logs in: by its id, or by its name and whose it is.
type appCredential struct {
	ID, Name, Secret string
	User             struct {
		ID, Name string
		Domain   named
	}
}

func (s *Service) authenticate(r *http.Request) (wire.Answer, error) {
	var asked credentials
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	if asked.Auth.Identity == nil || len(asked.Auth.Identity.Methods) == 0 {
		return wire.Answer{}, wire.Errorf(http.StatusBadRequest, "", "'identity' is a required property")
	}
	var body wire.Object
	var sealed string
	var err error
	s.store.View(func(state *cloud.State) {
		var t token
		if t, err = s.login(state, asked); err != nil {
			return
		}
		sealed, err = seal(state.TokenKey, t)
		body = s.view(r, state, t)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Answer{Status: http.StatusCreated, Header: http.Header{"X-Subject-Token": {sealed}}, Body: body}, nil
}

// forget drops revoked tokens that have expired by now.
func forget(state *cloud.State, now time.Time) {
	for id, expires := range state.Revoked {
		if now.After(expires) {
			delete(state.Revoked, id)
		}
	}
}

func (s *Service) login(state *cloud.State, asked credentials) (token, error) {
	identity := asked.Auth.Identity
	expires, credential := time.Time{}, ""
	for _, method := range identity.Methods {
		switch method {
		case "password":
			user := identity.Password.User
			if !s.isUser(state, user.ID, user.Name, user.Domain) ||
				subtle.ConstantTimeCompare([]byte(user.Password), []byte(s.password)) != 1 {
				return token{}, unauthorized()
			}
		case "token":
			before, good := open(state, identity.Token.ID, s.now())
			if !good {
				return token{}, unauthorized()
			}
			expires, credential = before.Expires, before.AppCredential
		case "application_credential":
			c, good := s.byAppCredential(state, identity.AppCredential)
			if !good {
				return token{}, unauthorized()
			}
			credential = c.ID
		default:
			return token{}, wire.Errorf(http.StatusUnauthorized, "", "Attempted to authenticate with an unsupported method.")
		}
	}
	projectID, err := asked.Auth.Scope.project(state)
	if err != nil {
		return token{}, err
	}
	t := newToken(identity.Methods, projectID, s.now())
	t.AppCredential = credential
	if !expires.IsZero() {
		t.Expires = expires // a token got by a token lives no longer
	}
	return t, nil
}

func (s *Service) isUser(state *cloud.State, id, name string, domain named) bool {
	if id != "" {
		return id == state.UserID
	}
	return name == UserName && domain.isDefault()
}

func (n named) isDefault() bool { return n.ID == DomainID || n.ID == "" && n.Name == DomainName }

func (s *Service) show(r *http.Request) (wire.Answer, error) {
	text := r.Header.Get("X-Subject-Token")
	var body wire.Object
	s.store.View(func(state *cloud.State) {
		if t, good := open(state, text, s.now()); good {
			body = s.view(r, state, t)
		}
	})
	if body == nil {
		return wire.Answer{}, wire.Errorf(http.StatusNotFound, "", "Could not find token.")
	}
	return wire.Answer{Header: http.Header{"X-Subject-Token": {text}}, Body: body}, nil
}

func (s *Service) revoke(r *http.Request) (wire.Answer, error) {
	err := s.store.Update(func(state *cloud.State) error {
		t, good := open(state, r.Header.Get("X-Subject-Token"), s.now())
		if !good {
			return wire.Errorf(http.StatusNotFound, "", "Could not find token.")
		}
		forget(state, s.now())
		state.Revoked[t.ID] = t.Expires
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}
