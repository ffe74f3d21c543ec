// Package network answers as Neutron v2.0 does: networks, subnets, ports, routers, floating IPs and security groups of
// the one project. What changes for machines is handed to a Fabric once the state has it.
// Source: https://docs.openstack.org/api-ref/network/v2/
package network

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// Fabric is told what changed; it brings machines and Docker networks in line before it returns.
type Fabric interface {
	// EnsureNetwork makes the network run as the state has it; one that is not in the state, or has no subnet, ends.
	EnsureNetwork(id string) error
	// Apply puts security groups and floating IPs in force.
	Apply()
}

// Authenticate finds out who makes a request.
type Authenticate func(r *http.Request) (*http.Request, error)

// Service is Neutron.
type Service struct {
	wire.Service
	store  *cloud.Store
	fabric Fabric
	now    func() time.Time
}

// New makes the service.
func New(store *cloud.Store, fabric Fabric, authenticate Authenticate, challenge func(http.ResponseWriter, *http.Request), now func() time.Time) *Service {
	s := &Service{store: store, fabric: fabric, now: now}
	s.Render = func(w http.ResponseWriter, r *http.Request, err *wire.Error) { render(w, r, err, challenge) }
	s.Before = func(_ http.ResponseWriter, r *http.Request, public bool) (*http.Request, error) {
		if public {
			return r, nil
		}
		return authenticate(r)
	}
	s.HandlePublic("GET /{$}", versions)
	s.Handle("GET /v2.0", resources)
	s.networkRoutes()
	s.subnetRoutes()
	s.portRoutes()
	s.routerRoutes()
	s.floatingRoutes()
	s.groupRoutes()
	s.tagRoutes()
	s.otherRoutes()
	return s
}

// render is Neutron's shape of an error; the one for a missing token comes from Keystone's middleware.
func render(w http.ResponseWriter, r *http.Request, err *wire.Error, challenge func(http.ResponseWriter, *http.Request)) {
	if err.Status == http.StatusUnauthorized {
		challenge(w, r)
		wire.WriteJSON(w, err.Status, wire.Object{"error": wire.Object{"code": err.Status, "title": "Unauthorized", "message": err.Message}})
		return
	}
	kind := err.Type
	if kind == "" {
		kind = "HTTPInternalServerError"
	}
	wire.WriteJSON(w, err.Status, wire.Object{"NeutronError": wire.Object{"type": kind, "message": err.Message, "detail": ""}})
}

func versions(r *http.Request) (wire.Answer, error) {
	return wire.OK(wire.Object{"versions": []wire.Object{{"id": "v2.0", "status": "CURRENT",
		"links": []wire.Object{{"rel": "self", "href": wire.Root(r, "network") + "/v2.0/"}}}}})
}

func resources(r *http.Request) (wire.Answer, error) {
	var list []wire.Object
	for _, name := range []string{"networks", "subnets", "ports", "routers", "floatingips", "security-groups", "security-group-rules"} {
		list = append(list, wire.Object{"name": name, "collection": name,
			"links": []wire.Object{{"rel": "self", "href": wire.Root(r, "network") + "/v2.0/" + name}}})
	}
	return wire.OK(wire.Object{"resources": list})
}

// badRequest is Neutron's answer to a body that it does not take.
func badRequest(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "HTTPBadRequest", format, args...)
}

// disallowed is the answer to a change of what belongs to another project.
func disallowed(rule string) error {
	return wire.Errorf(http.StatusForbidden, "PolicyNotAuthorized", "rule:%s is disallowed by policy", rule)
}

// fields are the attributes of a request's body, still encoded, so that "not there" differs from null.
type fields map[string]json.RawMessage

// read takes the one object out of {"network": {…}} and refuses attributes that are not known.
func read(r *http.Request, kind string, known ...string) (fields, error) {
	var body map[string]fields
	if err := wire.Read(r, &body); err != nil {
		return nil, err
	}
	object, ok := body[kind]
	if !ok || object == nil {
		return nil, badRequest("Failed to parse request. Body should have a '%s'", kind)
	}
	nameless := kind == "floatingip" || kind == "security_group_rule"
	allowed := map[string]bool{"name": !nameless, "description": true, "tenant_id": true, "project_id": true}
	for _, name := range known {
		allowed[name] = true
	}
	for _, name := range sortedNames(object) {
		if !allowed[name] {
			return nil, badRequest("Unrecognized attribute(s) '%s'", name)
		}
	}
	return object, object.ours(r, kind)
}

// ours refuses what is meant for another project: that is an administrator's.
func (f fields) ours(r *http.Request, kind string) error {
	own := wire.CallerOf(r).ProjectID
	tenant, project := own, own
	if err := first(take(f, "tenant_id", &tenant), take(f, "project_id", &project)); err != nil {
		return err
	}
	if tenant != own || project != own {
		return disallowed(kind + ":project_id")
	}
	return nil
}

// expected refuses a change that If-Match ties to another revision of the record than it has now.
// Source: https://docs.openstack.org/api-ref/network/v2/#revisions
func expected(r *http.Request, record *cloud.Common) error {
	wanted, conditional := strings.CutPrefix(r.Header.Get("If-Match"), "revision_number=")
	if !conditional || wanted == strconv.Itoa(record.Revision) {
		return nil
	}
	return wire.Errorf(http.StatusPreconditionFailed, "RevisionNumberConstraintFailed",
		"Constrained to %s, but current revision is %d", wanted, record.Revision)
}

// take decodes one attribute, if it is there and not null. What was there before stays as it is for whoever still has it.
func take[T any](f fields, name string, into *T) error {
	raw, there := f[name]
	if !there || string(raw) == "null" {
		return nil
	}
	var fresh T
	if err := json.Unmarshal(raw, &fresh); err != nil {
		return badRequest("Invalid input for %s. Reason: %s is not valid.", name, raw)
	}
	*into = fresh
	return nil
}

// without refuses attributes that Neutron knows and the practice cloud does nothing with, unless they ask for nothing.
func (f fields) without(names ...string) error {
	nothing := []string{"null", "false", `""`, "[]", "{}", `"normal"`}
	for _, name := range names {
		if f.has(name) && !slices.Contains(nothing, string(f[name])) {
			return badRequest("Invalid input for %s. Reason: the practice cloud does not have it; only an empty value is taken.", name)
		}
	}
	return nil
}

// has tells whether an attribute is in the body, null or not.
func (f fields) has(name string) bool { _, there := f[name]; return there }

// null tells whether an attribute is in the body as null.
func (f fields) null(name string) bool { return string(f[name]) == "null" }

// require refuses a body without an attribute.
func (f fields) require(names ...string) error {
	for _, name := range names {
		if !f.has(name) || f.null(name) {
			return badRequest("Failed to parse request. Required attribute '%s' not specified", name)
		}
	}
	return nil
}

// first returns the first error: decoding attributes reads as a list that way.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// describe takes what every record has.
func (s *Service) describe(f fields, record *cloud.Common) error {
	err := first(take(f, "name", &record.Name), take(f, "description", &record.Description))
	record.Touch(s.now())
	return err
}
