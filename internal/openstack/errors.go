package openstack

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
)

// NoServiceError says that the catalog lacks a service.
type NoServiceError struct {
	Type, Interface, Region string
	Has                     []string // regions that do have it
}

func (e *NoServiceError) Error() string {
	where := ""
	if e.Region != "" {
		where = " in region " + e.Region
	}
	hint := "check region_name and interface"
	if len(e.Has) > 0 {
		hint = "there is one in: " + strings.Join(e.Has, ", ")
	}
	return fmt.Sprintf("the catalog has no %s endpoint of the %s service%s (%s)", e.Interface, e.Type, where, hint)
}

// APIError is an answer of a service that says no.
type APIError struct {
	Service string // compute, network, image, identity
	Method  string
	URL     string
	Status  int           // HTTP status
	Kind    string        // the service's own name of the error, where it gives one
	Message string        // the service's own words
	Tries   int           // how often it was asked
	Took    time.Duration // from the first try to the last answer
	Later   string        // its Retry-After, where that was too long to wait for
}

func (e *APIError) Error() string {
	s := fmt.Sprintf("%s says: %s (HTTP %d", serviceName(e.Service), e.Message, e.Status)
	advice := e.advice()
	if e.Tries > 1 && advice != "" {
		s += fmt.Sprintf("; asked %d times in %s", e.Tries, e.Took.Round(100*time.Millisecond))
	}
	return s + ")" + advice
}

// advice is what to do, where the service's words don't say it.
func (e *APIError) advice() string {
	switch {
	case e.Status == http.StatusTooManyRequests && e.Later != "":
		return fmt.Sprintf("; it wants to be asked again after %s: rerun then, or with fewer forks", e.Later)
	case e.Status == http.StatusTooManyRequests:
		return "; rerun later, or with fewer forks"
	case e.Status >= 500 && e.Status != http.StatusNotImplemented:
		return "; rerun when it is well again: what is done stays done"
	}
	return ""
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
	Service     string
	Method, URL string
	Err         error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the answer of %s to %s %s was lost: %v; rerun: what came of it is found then", serviceName(e.Service), e.Method, e.URL, e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// UnreachableError says that a service gave no answer that can be used, however
// often it was asked.
type UnreachableError struct {
	Service     string
	Method, URL string
	Tries       int
	Took        time.Duration
	Err         error
}

func (e *UnreachableError) Error() string {
	advice := "rerun when it is there again: what is done stays done"
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(e.Err, &untrusted):
		advice = "give the authority that signed its certificate as cacert, or accept any with verify: false"
	case refusedTLS(e.Err):
		advice = "is its address one of http://?"
	case e.Service == "identity":
		advice = "check auth_url, and that it is running"
	}
	asked := "once"
	if e.Tries > 1 {
		asked = fmt.Sprintf("%d times in %s", e.Tries, e.Took.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("%s can't be reached: %v; asked %s with %s %s (%s)", serviceName(e.Service), e.Err, asked, e.Method, e.URL, advice)
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// TokenError says that the token is no longer taken and another one can't be had.
type TokenError struct{ Err error }

func (e *TokenError) Error() string {
	if e.Err == nil {
		return "the token is not valid any more, and a token can't be had anew without a password " +
			"(log in anew, or use a password or an application credential)"
	}
	return fmt.Sprintf("the token is not valid any more, and a new one was refused: %v", e.Err)
}

// Unwrap returns the cause.
func (e *TokenError) Unwrap() error { return e.Err }

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

// tidy turns gophercloud's errors into ours, and tells those of the transport
// which service they are of.
func tidy(kind string, err error) error {
	var after *gophercloud.ErrErrorAfterReauthentication
	if errors.As(err, &after) {
		return tidy(kind, after.ErrOriginal)
	}
	var login *gophercloud.ErrUnableToReauthenticate
	if errors.As(err, &login) {
		return &TokenError{tidy("identity", login.ErrReauth)}
	}
	var lost *LostError
	if errors.As(err, &lost) {
		return &LostError{kind, lost.Method, lost.URL, lost.Err}
	}
	var none *UnreachableError
	if errors.As(err, &none) {
		return &UnreachableError{kind, none.Method, none.URL, none.Tries, none.Took, none.Err}
	}
	var code gophercloud.ErrUnexpectedResponseCode
	if errors.As(err, &code) {
		return refusal(kind, code)
	}
	return err
}

func refusal(kind string, code gophercloud.ErrUnexpectedResponseCode) error {
	if code.Actual == http.StatusUnauthorized && kind != "identity" {
		return &TokenError{}
	}
	how := attemptOf(code.ResponseHeader)
	e := &APIError{Service: kind, Method: code.Method, URL: code.URL, Status: code.Actual, Tries: how.tries, Took: how.took}
	e.Kind, e.Message = apiMessage(code.Body)
	if e.Message == "" {
		e.Message = http.StatusText(code.Actual)
	}
	e.Later = code.ResponseHeader.Get("Retry-After")
	if n, err := strconv.Atoi(e.Later); err == nil {
		e.Later = ""
		if n > 0 {
			e.Later = (time.Duration(n) * time.Second).String()
		}
	}
	return e
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
	out := []rune(html.UnescapeString(strings.Join(strings.Fields(b.String()), " ")))
	if len(out) > 300 {
		out = append(out[:300], '…')
	}
	return string(out)
}

// isStatus reports whether err is an answer with that HTTP status.
// IsStatus reports whether the cloud answered with this HTTP status.
func IsStatus(err error, status int) bool {
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
