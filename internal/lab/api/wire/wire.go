// Package wire carries the HTTP side that the practice cloud's services share: routes, bodies, answers and pages.
// A service brings its handlers and the shape of its errors; requests come in, answers as plain values go out.
package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// MaxBody is the most that a request's body may hold, in bytes: user data of 65,535 bytes fits with room to spare.
const MaxBody = 256 << 10

// Error is a request's unhappy end. Each service renders it in its own shape.
type Error struct {
	Status  int    // of HTTP
	Type    string // Neutron's name of the error; Nova and Keystone derive theirs from Status
	Message string
}

func (e *Error) Error() string { return e.Message }

// Errorf makes an Error.
func Errorf(status int, kind, format string, args ...any) *Error {
	return &Error{Status: status, Type: kind, Message: fmt.Sprintf(format, args...)}
}

// Answer is what a handler answers.
type Answer struct {
	Status int // 0: 200
	Header http.Header
	Body   any // rendered as JSON; nil for none
}

// OK answers 200 with the value.
func OK(body any) (Answer, error) { return Answer{Body: body}, nil }

// Created answers 201 with the value.
func Created(body any) (Answer, error) { return Answer{Status: http.StatusCreated, Body: body}, nil }

// Accepted answers 202; body may be nil.
func Accepted(body any) (Answer, error) {
	return Answer{Status: http.StatusAccepted, Body: body}, nil
}

// NoContent answers 204.
func NoContent() (Answer, error) { return Answer{Status: http.StatusNoContent}, nil }

// Handler answers one request, or ends it with an *Error; any other error becomes a 500.
type Handler func(r *http.Request) (Answer, error)

// Object is a JSON object in short.
type Object = map[string]any

// Service routes the requests of one API.
type Service struct {
	// Before sees every request ahead of its handler: it may put something into the context, set headers of the
	// answer, or end the request. Public routes see it too.
	Before func(w http.ResponseWriter, r *http.Request, public bool) (*http.Request, error)
	// Unguarded services say of a path that they don't have so to callers without a token, too.
	Unguarded bool
	// Render writes an error in the service's shape.
	Render func(w http.ResponseWriter, r *http.Request, err *Error)

	mux     http.ServeMux
	public  map[string]bool
	streams map[string]bool
}

// Handle adds a route for callers with a token. The pattern is one of net/http, below the service's root.
func (s *Service) Handle(pattern string, h Handler) { s.mux.Handle(pattern, s.answering(h)) }

// HandlePublic adds a route that needs no token.
func (s *Service) HandlePublic(pattern string, h Handler) {
	if s.public == nil {
		s.public = map[string]bool{}
	}
	s.public[pattern] = true
	s.Handle(pattern, h)
}

// HandleStream adds a route whose requests' bodies may have any length: its handler must not keep them.
func (s *Service) HandleStream(pattern string, h Handler) {
	if s.streams == nil {
		s.streams = map[string]bool{}
	}
	s.streams[pattern] = true
	s.Handle(pattern, h)
}

// ServeHTTP answers one request. A slash or ".json" at the path's end makes no difference.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := "req-" + NewID()
	w.Header().Set("X-Openstack-Request-Id", id)
	r = trimmed(r)
	handler, pattern := s.mux.Handler(r)
	if s.Before != nil {
		next, err := s.Before(w, r, s.public[pattern] || pattern == "" && s.Unguarded)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		r = next
	}
	if pattern == "" {
		s.fail(w, r, unrouted(w, r, handler))
		return
	}
	if !s.streams[pattern] {
		r.Body = http.MaxBytesReader(w, r.Body, MaxBody)
	}
	s.mux.ServeHTTP(w, r)
}

// unrouted tells a wrong method from a path that is not there; net/http keeps that to the handler that it answers with.
func unrouted(w http.ResponseWriter, r *http.Request, handler http.Handler) *Error {
	probe := &head{header: http.Header{}}
	handler.ServeHTTP(probe, r)
	if probe.status != http.StatusMethodNotAllowed {
		return Errorf(http.StatusNotFound, "HTTPNotFound", "The resource could not be found.")
	}
	w.Header().Set("Allow", probe.header.Get("Allow"))
	return Errorf(http.StatusMethodNotAllowed, "HTTPMethodNotAllowed", "The method %s is not allowed for this resource.", r.Method)
}

// head is an answer of which only the head counts.
type head struct {
	header http.Header
	status int
}

func (h *head) Header() http.Header            { return h.header }
func (h *head) Write(text []byte) (int, error) { return len(text), nil }
func (h *head) WriteHeader(status int)         { h.status = status }

func trimmed(r *http.Request) *http.Request {
	path := strings.TrimSuffix(strings.TrimRight(r.URL.Path, "/"), ".json")
	if path == "" {
		path = "/"
	}
	next := r.WithContext(r.Context())
	url := *r.URL
	url.Path, url.RawPath = path, ""
	next.URL = &url
	return next
}

func (s *Service) answering(h Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := h(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		write(w, answer)
	})
}

func (s *Service) fail(w http.ResponseWriter, r *http.Request, err error) {
	var known *Error
	if !errors.As(err, &known) {
		known = Errorf(http.StatusInternalServerError, "HTTPInternalServerError", "%s", err)
	}
	s.Render(w, r, known)
}

func write(w http.ResponseWriter, answer Answer) {
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	status := answer.Status
	if status == 0 {
		status = http.StatusOK
	}
	if answer.Body == nil {
		w.WriteHeader(status)
		return
	}
	WriteJSON(w, status, answer.Body)
}

// WriteJSON writes a value as the whole answer.
func WriteJSON(w http.ResponseWriter, status int, body any) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		http.Error(w, "cannot encode the answer: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(text.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the caller has gone when this fails
}

// Read decodes a request's JSON body.
func Read(r *http.Request, into any) error {
	text, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return Errorf(http.StatusRequestEntityTooLarge, "HTTPRequestEntityTooLarge", "Request is too large.")
	}
	if err != nil {
		return Errorf(http.StatusBadRequest, "HTTPBadRequest", "cannot read the request: %s", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return Errorf(http.StatusBadRequest, "HTTPBadRequest", "Malformed request body")
	}
	return nil
}

// Root is the address under which the caller reached a service, such as "http://127.0.0.1:8080/compute".
func Root(r *http.Request, service string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + "/" + service
}

// NewID makes a random UUID.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// NewHexID makes a random id as Keystone's are: 32 hexadecimal digits.
func NewHexID() string { return strings.ReplaceAll(NewID(), "-", "") }

// Caller is who makes a request.
type Caller struct {
	Token     string
	UserID    string
	UserName  string
	ProjectID string // empty for an unscoped token
}

type callerKey struct{}

// WithCaller keeps who makes the request.
func WithCaller(ctx context.Context, caller Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// CallerOf returns who makes the request.
func CallerOf(r *http.Request) Caller {
	caller, _ := r.Context().Value(callerKey{}).(Caller)
	return caller
}
