package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// Lifetime is how long a token is good for.
const Lifetime = 24 * time.Hour

// token is what a token says. It is signed, not kept: tokens outlive a restart of the lab.
type token struct {
	ID        string   `json:"id"` // Keystone's audit id
	Methods   []string `json:"methods"`
	ProjectID string   `json:"project,omitempty"` // empty: unscoped
	// AppCredential is the id of the one that it was got by; with that, it is gone.
	AppCredential string    `json:"credential,omitempty"`
	Issued        time.Time `json:"issued"`
	Expires       time.Time `json:"expires"`
}

var encoding = base64.RawURLEncoding

func sign(key []byte, payload string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(payload))
	return encoding.EncodeToString(mac.Sum(nil))
}

// seal turns a token into the text that goes into X-Subject-Token.
func seal(key []byte, t token) (string, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return "", err
	}
	payload := encoding.EncodeToString(text)
	return payload + "." + sign(key, payload), nil
}

// open reads a token that this lab issued and that is still good.
func open(state *cloud.State, text string, now time.Time) (token, bool) {
	var t token
	payload, signature, found := strings.Cut(text, ".")
	if !found || !hmac.Equal([]byte(signature), []byte(sign(state.TokenKey, payload))) {
		return t, false
	}
	raw, err := encoding.DecodeString(payload)
	if err != nil || json.Unmarshal(raw, &t) != nil {
		return t, false
	}
	_, revoked := state.Revoked[t.ID]
	orphaned := t.AppCredential != "" && state.AppCredentials[t.AppCredential] == nil
	return t, !revoked && !orphaned && now.Before(t.Expires)
}

// newToken is a token for the lab's user.
func newToken(methods []string, projectID string, now time.Time) token {
	return token{ID: wire.NewHexID()[:22], Methods: methods, ProjectID: projectID,
		Issued: now.UTC(), Expires: now.UTC().Add(Lifetime)}
}
