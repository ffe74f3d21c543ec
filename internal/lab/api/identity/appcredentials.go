package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// askedCredential is the body of a new application credential, as far as it is understood here.
type askedCredential struct {
	Credential *struct {
		Name, Description, Secret string
		Expires                   string `json:"expires_at"`
		Unrestricted              bool
	} `json:"application_credential"`
}

func (s *Service) handleAppCredentials() {
	const all = "/v3/users/{user}/application_credentials"
	s.Handle("GET "+all, s.own(s.listAppCredentials))
	s.Handle("POST "+all, s.own(s.createAppCredential))
	s.Handle("GET "+all+"/{id}", s.own(s.showAppCredential))
	s.Handle("DELETE "+all+"/{id}", s.own(s.deleteAppCredential))
}

// own lets through what is about the caller.
func (s *Service) own(h wire.Handler) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		if r.PathValue("user") != wire.CallerOf(r).UserID {
			return wire.Answer{}, wire.Errorf(http.StatusForbidden, "",
				"You are not authorized to perform the requested action: identity:application_credential.")
		}
		return h(r)
	}
}

func credentialView(r *http.Request, state *cloud.State, c *cloud.AppCredential) wire.Object {
	var expires any
	if !c.Expires.IsZero() {
		expires = c.Expires.UTC().Format(stamp)
	}
	return wire.Object{"id": c.ID, "name": c.Name, "description": c.Description, "project_id": state.ProjectID,
		"user_id": state.UserID, "expires_at": expires, "unrestricted": c.Unrestricted, "roles": roles(state), "system": nil,
		"links": wire.Object{"self": wire.Root(r, "identity") + "/v3/users/" + state.UserID + "/application_credentials/" + c.ID}}
}

func (s *Service) listAppCredentials(r *http.Request) (wire.Answer, error) {
	found := []wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, c := range state.AppCredentials {
			if name := r.URL.Query().Get("name"); name == "" || name == c.Name {
				found = append(found, credentialView(r, state, c))
			}
		}
	})
	slices.SortFunc(found, func(a, b wire.Object) int { return strings.Compare(a["name"].(string), b["name"].(string)) })
	return list(r, "application_credentials", found)
}

func (s *Service) createAppCredential(r *http.Request) (wire.Answer, error) {
	var body askedCredential
	if err := wire.Read(r, &body); err != nil {
		return wire.Answer{}, err
	}
	asked := body.Credential
	if asked == nil || asked.Name == "" {
		return wire.Answer{}, wire.Errorf(http.StatusBadRequest, "", "'name' is a required property")
	}
	expires, err := expiry(asked.Expires)
	if err != nil {
		return wire.Answer{}, err
	}
	if asked.Secret == "" {
		asked.Secret = wire.NewHexID() + wire.NewHexID()
	}
	sum := sha256.Sum256([]byte(asked.Secret))
	made := &cloud.AppCredential{ID: wire.NewHexID(), Name: asked.Name, Description: asked.Description, SecretSum: sum[:],
		Unrestricted: asked.Unrestricted, Expires: expires}
	var view wire.Object
	err = s.store.Update(func(state *cloud.State) error {
		if err := mayManage(state, r, s.now()); err != nil {
			return err
		}
		for _, c := range state.AppCredentials {
			if c.Name == made.Name {
				return wire.Errorf(http.StatusConflict, "", "Conflict occurred attempting to store application_credential - Duplicate entry found with name %s.", made.Name)
			}
		}
		if state.AppCredentials == nil {
			state.AppCredentials = map[string]*cloud.AppCredential{}
		}
		state.AppCredentials[made.ID] = made
		view = credentialView(r, state, made)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	view["secret"] = asked.Secret // this once
	return wire.Created(wire.Object{"application_credential": view})
}

func expiry(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05.999999", time.RFC3339Nano} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, wire.Errorf(http.StatusBadRequest, "", "Invalid input for field 'expires_at': %s is not a date-time", text)
}

// mayManage keeps who logged in with an application credential from making and deleting others, unless it says otherwise.
func mayManage(state *cloud.State, r *http.Request, now time.Time) error {
	t, _ := open(state, wire.CallerOf(r).Token, now)
	if c := state.AppCredentials[t.AppCredential]; t.AppCredential != "" && (c == nil || !c.Unrestricted) {
		return wire.Errorf(http.StatusForbidden, "", "Using method 'application_credential' is not allowed for managing additional application credentials.")
	}
	return nil
}

func missingCredential(id string) error {
	return wire.Errorf(http.StatusNotFound, "", "Could not find Application Credential: %s.", id)
}

func (s *Service) showAppCredential(r *http.Request) (wire.Answer, error) {
	var view wire.Object
	s.store.View(func(state *cloud.State) {
		if c := state.AppCredentials[r.PathValue("id")]; c != nil {
			view = credentialView(r, state, c)
		}
	})
	if view == nil {
		return wire.Answer{}, missingCredential(r.PathValue("id"))
	}
	return wire.OK(wire.Object{"application_credential": view})
}

func (s *Service) deleteAppCredential(r *http.Request) (wire.Answer, error) {
	err := s.store.Update(func(state *cloud.State) error {
		id := r.PathValue("id")
		if state.AppCredentials[id] == nil {
			return missingCredential(id)
		}
		if err := mayManage(state, r, s.now()); err != nil {
			return err
		}
		delete(state.AppCredentials, id) // and with it the tokens that were got by it
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

// byAppCredential finds the one that a log-in names, if its secret is right.
func (s *Service) byAppCredential(state *cloud.State, asked appCredential) (*cloud.AppCredential, bool) {
	c := state.AppCredentials[asked.ID]
	if asked.ID == "" && s.isUser(state, asked.User.ID, asked.User.Name, asked.User.Domain) {
		for _, other := range state.AppCredentials {
			if other.Name == asked.Name {
				c = other
			}
		}
	}
	if c == nil || !c.Expires.IsZero() && !s.now().Before(c.Expires) {
		return nil, false
	}
	sum := sha256.Sum256([]byte(asked.Secret))
	return c, subtle.ConstantTimeCompare(sum[:], c.SecretSum) == 1
}
