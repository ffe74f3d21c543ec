// Package compute answers as Nova v2.1 does, microversions 2.1 to 2.93: servers, flavors, key pairs, and what clients
// ask around them. Machines are run by a Hypervisor; the state says which there are to be.
// Source: https://docs.openstack.org/api-ref/compute/
package compute

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollout/internal/lab/api/backend"
	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// The microversions that are understood.
const (
	oldest = 1
	newest = 93
)

// Hypervisor runs the machines. Boot, Delete and Power return at once; the state tells how they went.
type Hypervisor interface {
	Boot(id string)
	Delete(id string)
	Power(id string, action backend.Action, then string)
	Observe()
	Apply()
	Console(ctx context.Context, id string, lines int) (string, error)
	Attach(id string, nic backend.NIC) error
	Detach(id string, nic backend.NIC) error
}

// zones are the availability zones.
var zones = []string{"az1", "az2"}

// Service is Nova.
type Service struct {
	wire.Service
	store      *cloud.Store
	hypervisor Hypervisor
	now        func() time.Time
	actions    map[string]action
}

// Authenticate finds out who makes a request.
type Authenticate func(r *http.Request) (*http.Request, error)

// New makes the service.
func New(store *cloud.Store, hypervisor Hypervisor, authenticate Authenticate, challenge func(http.ResponseWriter, *http.Request), now func() time.Time) *Service {
	s := &Service{store: store, hypervisor: hypervisor, now: now}
	s.actions = s.serverActions()
	s.Render = func(w http.ResponseWriter, r *http.Request, err *wire.Error) { render(w, r, err, challenge) }
	s.Before = func(w http.ResponseWriter, r *http.Request, public bool) (*http.Request, error) {
		w.Header().Set("X-Compute-Request-Id", w.Header().Get("X-Openstack-Request-Id"))
		if !public {
			var err error
			if r, err = authenticate(r); err != nil {
				return nil, err
			}
		}
		return negotiate(w, r)
	}
	s.HandlePublic("GET /{$}", versions)
	s.HandlePublic("GET /v2.1", version)
	s.serverRoutes()
	s.partRoutes()
	s.flavorRoutes()
	s.keyPairRoutes()
	s.otherRoutes()
	return s
}

// faultNames are Nova's names of its errors.
var faultNames = map[int]string{400: "badRequest", 401: "unauthorized", 403: "forbidden", 404: "itemNotFound",
	405: "badMethod", 409: "conflictingRequest", 413: "overLimit", 415: "badMediaType", 429: "overLimit",
	501: "notImplemented", 503: "serviceUnavailable"}

// render is Nova's shape of an error; the one for a missing token comes from Keystone's middleware.
func render(w http.ResponseWriter, r *http.Request, err *wire.Error, challenge func(http.ResponseWriter, *http.Request)) {
	if err.Status == http.StatusUnauthorized {
		challenge(w, r)
		wire.WriteJSON(w, err.Status, wire.Object{"error": wire.Object{"code": err.Status, "title": "Unauthorized", "message": err.Message}})
		return
	}
	name := faultNames[err.Status]
	if name == "" {
		name = "computeFault"
	}
	wire.WriteJSON(w, err.Status, wire.Object{name: wire.Object{"code": err.Status, "message": err.Message}})
}

func badRequest(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "", format, args...)
}

func conflict(format string, args ...any) error {
	return wire.Errorf(http.StatusConflict, "", format, args...)
}

func missing(format string, args ...any) error {
	return wire.Errorf(http.StatusNotFound, "", format, args...)
}

func policy(rule string) error {
	return wire.Errorf(http.StatusForbidden, "", "Policy doesn't allow os_compute_api:%s to be performed.", rule)
}

type minorKey struct{}

var versionNumber = regexp.MustCompile(`^[1-9]\d*\.(?:0|[1-9]\d*)$`)

// negotiate finds the microversion that the caller wants, and echoes it in both headers.
func negotiate(w http.ResponseWriter, r *http.Request) (*http.Request, error) {
	wanted := asked(r.Header)
	minor := oldest
	switch {
	case wanted == "":
	case wanted == "latest":
		minor = newest
	case !versionNumber.MatchString(wanted):
		return nil, badRequest("API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", wanted)
	default:
		major, rest, _ := strings.Cut(wanted, ".")
		n, err := strconv.Atoi(rest)
		if major != "2" || err != nil || n < oldest || n > newest {
			echo(w, wanted)
			return nil, wire.Errorf(http.StatusNotAcceptable, "",
				"Version %s is not supported by the API. Minimum is 2.%d and maximum is 2.%d.", wanted, oldest, newest)
		}
		minor = n
	}
	echo(w, "2."+strconv.Itoa(minor))
	return r.WithContext(context.WithValue(r.Context(), minorKey{}, minor)), nil
}

// asked reads the newer header ahead of the older one.
func asked(header http.Header) string {
	for _, part := range strings.Split(header.Get("OpenStack-API-Version"), ",") {
		if fields := strings.Fields(part); len(fields) == 2 && fields[0] == "compute" {
			return fields[1]
		}
	}
	return header.Get("X-OpenStack-Nova-API-Version")
}

func echo(w http.ResponseWriter, version string) {
	w.Header().Set("Openstack-Api-Version", "compute "+version)
	w.Header().Set("X-Openstack-Nova-Api-Version", version)
	w.Header()["Vary"] = []string{"OpenStack-API-Version", "X-OpenStack-Nova-API-Version"}
}

// since tells whether the request's microversion is 2.minor or later.
func since(r *http.Request, minor int) bool {
	is, _ := r.Context().Value(minorKey{}).(int)
	return is >= minor
}

func describe(r *http.Request) wire.Object {
	return wire.Object{"id": "v2.1", "status": "CURRENT", "version": "2." + strconv.Itoa(newest), "min_version": "2.1",
		"updated": "2013-07-23T11:33:21Z", "links": []wire.Object{{"rel": "self", "href": wire.Root(r, "compute") + "/v2.1/"}}}
}

func versions(r *http.Request) (wire.Answer, error) {
	return wire.OK(wire.Object{"versions": []wire.Object{describe(r)}})
}

func version(r *http.Request) (wire.Answer, error) {
	view := describe(r)
	view["media-types"] = []wire.Object{{"base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1"}}
	return wire.OK(wire.Object{"version": view})
}

// links are those that Nova gives a thing.
func links(r *http.Request, kind, id string) []wire.Object {
	root := wire.Root(r, "compute")
	return []wire.Object{{"rel": "self", "href": root + "/v2.1/" + kind + "/" + id}, bookmark(r, kind, id)}
}

func bookmark(r *http.Request, kind, id string) wire.Object {
	return wire.Object{"rel": "bookmark", "href": wire.Root(r, "compute") + "/" + kind + "/" + id}
}

// stamp renders a time as servers' created and updated are.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// micros renders a time as launched_at and the like are: no zone.
func micros(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000") }

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// find returns a server of the path, or Nova's 404.
func find(state *cloud.State, r *http.Request) (*cloud.Server, error) {
	id := r.PathValue("id")
	if server := state.Servers[id]; server != nil {
		return server, nil
	}
	return nil, missing("Instance %s could not be found.", id)
}

// look answers with what view makes of the server of the path.
func (s *Service) look(r *http.Request, view func(*cloud.State, *cloud.Server) (any, error)) (wire.Answer, error) {
	var body any
	var err error
	s.store.View(func(state *cloud.State) {
		var server *cloud.Server
		if server, err = find(state, r); err == nil {
			body, err = view(state, server)
		}
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(body)
}

// change lets change change the server of the path.
func (s *Service) change(r *http.Request, change func(*cloud.State, *cloud.Server) error) error {
	return s.store.Update(func(state *cloud.State) error {
		server, err := find(state, r)
		if err != nil {
			return err
		}
		if err := change(state, server); err != nil {
			return err
		}
		server.Touch(s.now())
		return nil
	})
}
