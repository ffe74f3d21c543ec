package openstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// ErrNoClouds says that there is no clouds.yaml, and nothing else that names a
// cloud.
var ErrNoClouds = errors.New("there is no clouds.yaml")

// LoginError says that a session could not be opened, and where its
// credentials were taken from.
type LoginError struct {
	Cloud  string
	Source string
	Err    error
}

func (e *LoginError) Error() string {
	return fmt.Sprintf("cannot log in to cloud %s (%s): %v", e.Cloud, e.Source, e.Err)
}

// Unwrap returns the cause.
func (e *LoginError) Unwrap() error { return e.Err }

// NoServiceError says that the catalog lacks a service.
type NoServiceError struct{ Type, Interface, Region string }

func (e *NoServiceError) Error() string {
	where := ""
	if e.Region != "" {
		where = " in region " + e.Region
	}
	return fmt.Sprintf("the catalog has no %s endpoint of the %s service%s (check region_name and interface)", e.Interface, e.Type, where)
}

// APIError is an answer of a service that says no.
type APIError struct {
	Service string // compute, network, image, identity
	Method  string
	URL     string
	Status  int    // HTTP status
	Kind    string // the service's own name of the error, where it gives one
	Message string // the service's own words
}

func (e *APIError) Error() string {
	return fmt.Sprintf("%s says: %s (HTTP %d)", serviceName(e.Service), e.Message, e.Status)
}

func serviceName(kind string) string {
	switch kind {
	case "compute":
		return "Nova"
	case "network", "networking":
		return "Neutron"
	case "image":
		return "Glance"
	case "identity":
		return "Keystone"
	case "block-storage", "volumev3":
		return "Cinder"
	}
	return "the " + kind + " service"
}

// LostError says that a request was sent and its answer did not arrive, so
// that nothing is known of what became of it.
type LostError struct {
	Method, URL string
	Err         error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the answer to %s %s was lost: %v", e.Method, e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// NotFoundError says that nothing of that name or id exists.
type NotFoundError struct {
	Kind, Name string
	Hint       string // what there is instead, or what to do
}

func (e *NotFoundError) Error() string {
	s := fmt.Sprintf("cannot find %s %q", e.Kind, e.Name)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// AmbiguousError says that several things have one name.
type AmbiguousError struct {
	Kind, Name string
	IDs        []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("there are %d of %s %q: %s (name the one that is meant by its id)",
		len(e.IDs), e.Kind, e.Name, strings.Join(e.IDs, ", "))
}

// FailedError says that an awaited server ended in a state it does not leave.
type FailedError struct {
	Server  Server
	Console []string // last lines of its console log, where there are any
}

func (e *FailedError) Error() string {
	s := fmt.Sprintf("server %s ended in %s", e.Server.Name, e.Server.Status)
	if e.Server.Fault != "" {
		s += ": " + e.Server.Fault
	}
	if len(e.Console) > 0 {
		s += "; its console ends with:\n  " + strings.Join(e.Console, "\n  ")
	}
	return s
}

// DeadlineError says that a wait reached its limit.
type DeadlineError struct {
	What    string // "server x to become ACTIVE"
	Limit   time.Duration
	Last    string   // the last state seen
	Console []string // last lines of the console log, where there are any
}

func (e *DeadlineError) Error() string {
	s := fmt.Sprintf("gave up waiting for %s after %s; last seen %s", e.What, e.Limit.Round(time.Second/10), e.Last)
	if len(e.Console) > 0 {
		s += "; its console ends with:\n  " + strings.Join(e.Console, "\n  ")
	}
	return s
}

// CancelledError says that a wait was ended from outside.
type CancelledError struct {
	What string
	Last string
	Err  error
}

func (e *CancelledError) Error() string {
	return fmt.Sprintf("stopped waiting for %s; last seen %s: %v", e.What, e.Last, e.Err)
}

// Unwrap returns the cause.
func (e *CancelledError) Unwrap() error { return e.Err }

// tidy turns gophercloud's errors into ours.
func tidy(kind string, err error) error {
	var after *gophercloud.ErrErrorAfterReauthentication
	if errors.As(err, &after) {
		return tidy(kind, after.ErrOriginal)
	}
	var login *gophercloud.ErrUnableToReauthenticate
	if errors.As(err, &login) {
		return fmt.Errorf("the token expired and a new one was refused: %w", tidy("identity", login.ErrReauth))
	}
	var code gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &code) {
		e := &APIError{Service: kind, Method: code.Method, URL: code.URL, Status: code.Actual}
		e.Kind, e.Message = apiMessage(code.Body)
		if e.Message == "" {
			e.Message = http.StatusText(code.Actual)
		}
		return e
	}
	return err
}

// apiMessage finds the words in an error body: Nova's {"conflictingRequest":
// {"message"}}, Neutron's {"NeutronError": {"type", "message"}}, Keystone's
// {"error": {"message"}}; Glance sends a small HTML page, WSGI plain text.
func apiMessage(body []byte) (kind, message string) {
	var doc map[string]json.RawMessage
	if json.Unmarshal(body, &doc) != nil {
		return "", plainText(string(body))
	}
	for key, raw := range doc {
		var inner struct{ Type, Message string }
		if json.Unmarshal(raw, &inner) == nil && inner.Message != "" {
			if inner.Type == "" {
				inner.Type = key
			}
			return inner.Type, inner.Message
		}
		var text string
		if json.Unmarshal(raw, &text) == nil && (key == "message" || key == "NeutronError") {
			return key, text
		}
	}
	return "", ""
}

func plainText(s string) string {
	if i := strings.Index(s, "<body>"); i >= 0 {
		s = s[i:]
	}
	var b strings.Builder
	inTag := false
	for _, r := range s {
		switch {
		case r == '<':
			inTag = true
			b.WriteByte(' ')
		case r == '>':
			inTag = false
		case !inTag:
			b.WriteRune(r)
		}
	}
	out := []rune(strings.Join(strings.Fields(b.String()), " "))
	if len(out) > 300 {
		out = append(out[:300], '…')
	}
	return string(out)
}

// isStatus reports whether err is an answer with that HTTP status.
func isStatus(err error, status int) bool {
	var api *APIError
	return errors.As(err, &api) && api.Status == status
}

// unsure reports whether a request that changes something may have been
// carried out although it failed.
func unsure(err error) bool {
	var lost *LostError
	if errors.As(err, &lost) {
		return true
	}
	var api *APIError
	return errors.As(err, &api) && api.Status >= 500 && api.Status != http.StatusNotImplemented
}
