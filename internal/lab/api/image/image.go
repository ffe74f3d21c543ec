// Package image answers as Glance v2 does. Machines boot from Docker images: an image made here takes uploads, sums them
// up and forgets them, and boots where its property owner_specified.docker.ref names a Docker image.
// Source: https://docs.openstack.org/api-ref/image/v2/
package image

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// mostItems is how many images one page holds at most; 25 is what it holds when no limit is asked for.
const (
	mostItems = 1000
	pageItems = 25
)

// Authenticate finds out who makes a request.
type Authenticate func(r *http.Request) (*http.Request, error)

// Service is Glance.
type Service struct {
	wire.Service
	store *cloud.Store
	now   func() time.Time
}

// New makes the service.
func New(store *cloud.Store, authenticate Authenticate, challenge func(http.ResponseWriter, *http.Request), now func() time.Time) *Service {
	s := &Service{store: store, now: now}
	s.Render = func(w http.ResponseWriter, r *http.Request, err *wire.Error) { render(w, r, err, challenge) }
	s.Before = func(_ http.ResponseWriter, r *http.Request, public bool) (*http.Request, error) {
		if public {
			return r, nil
		}
		return authenticate(r)
	}
	s.HandlePublic("GET /{$}", versions(http.StatusMultipleChoices))
	s.HandlePublic("GET /versions", versions(http.StatusOK))
	s.Handle("GET /v2/images", s.list)
	s.Handle("GET /v2/images/{image}", s.show)
	s.Handle("GET /v2/schemas/image", schema)
	s.changeRoutes()
	s.memberRoutes()
	return s
}

// render is Glance's shape of an error: a page of HTML.
func render(w http.ResponseWriter, r *http.Request, err *wire.Error, challenge func(http.ResponseWriter, *http.Request)) {
	if err.Status == http.StatusUnauthorized {
		challenge(w, r)
	}
	title := fmt.Sprintf("%d %s", err.Status, http.StatusText(err.Status))
	w.Header().Set("Content-Type", "text/html; charset=UTF-8")
	w.WriteHeader(err.Status)
	_, _ = fmt.Fprintf(w, "<html>\n <head>\n  <title>%[1]s</title>\n </head>\n <body>\n  <h1>%[1]s</h1>\n  %[2]s<br /><br />\n\n\n\n </body>\n</html>",
		title, html.EscapeString(err.Message)) // the caller has gone when this fails
}

func versions(status int) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		list := []wire.Object{}
		for i, id := range []string{"v2.9", "v2.8", "v2.7", "v2.6", "v2.5", "v2.4", "v2.3", "v2.2", "v2.1", "v2.0"} {
			state := "SUPPORTED"
			if i == 0 {
				state = "CURRENT"
			}
			list = append(list, wire.Object{"id": id, "status": state,
				"links": []wire.Object{{"rel": "self", "href": wire.Root(r, "image") + "/v2/"}}})
		}
		return wire.Answer{Status: status, Body: wire.Object{"versions": list}}, nil
	}
}

// schema is the part of the image schema that clients look at: no field of their own.
func schema(*http.Request) (wire.Answer, error) {
	return wire.OK(wire.Object{"name": "image", "properties": wire.Object{"id": wire.Object{"type": "string"},
		"name": wire.Object{"type": []string{"null", "string"}}}, "additionalProperties": wire.Object{"type": "string"}})
}

func view(image *cloud.Image) wire.Object {
	v := wire.Object{
		"id": image.ID, "name": image.Name, "status": or(image.Status, "active"), "visibility": or(image.Visibility, "public"),
		"protected": image.Protected, "container_format": or(image.Container, "docker"), "disk_format": or(image.DiskFormat, "raw"),
		"size": image.Size, "virtual_size": nil, "min_disk": image.MinDisk, "min_ram": image.MinRAM,
		"checksum": orNull(image.Checksum), "os_hash_algo": nil, "os_hash_value": orNull(image.SHA512), "os_hidden": image.Hidden,
		"owner": image.ProjectID, "tags": append([]string{}, image.Tags...),
		"created_at": stamp(image.Created), "updated_at": stamp(image.Updated),
		"self": "/v2/images/" + image.ID, "file": "/v2/images/" + image.ID + "/file", "schema": "/v2/schemas/image",
	}
	if image.SHA512 != "" {
		v["os_hash_algo"] = "sha512"
	}
	if image.Status == queued {
		v["size"] = nil
	}
	if image.Ref != "" {
		v[refProperty] = image.Ref
	}
	for name, value := range image.Properties {
		v[name] = value
	}
	return v
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func (s *Service) list(r *http.Request) (wire.Answer, error) {
	query := r.URL.Query()
	views := []wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, image := range slices.Backward(cloud.ByAge(state.Images)) {
			if v := view(image); matches(v, query) {
				views = append(views, v)
			}
		}
	})
	limit, err := wire.Limit(query)
	if err != nil {
		return wire.Answer{}, err
	}
	most := mostItems
	if limit == 0 {
		most = pageItems
	}
	page, more, err := wire.Page(views, func(v wire.Object) string { return v["id"].(string) }, query, most)
	if err != nil {
		return wire.Answer{}, err
	}
	body := wire.Object{"images": page, "schema": "/v2/schemas/images", "first": "/v2/images"}
	if more {
		body["next"] = "/v2/images?" + wire.NextQuery(query, page[len(page)-1]["id"].(string))
	}
	return wire.OK(body)
}

// matches applies the filters of a query: any attribute, "in:a,b" for several values.
func matches(v wire.Object, query url.Values) bool {
	for name, wanted := range query {
		switch name {
		case "limit", "marker", "sort", "sort_key", "sort_dir", "os_hidden", "member_status":
			continue
		case "visibility":
			if wanted[0] == "all" {
				continue
			}
		}
		have := fmt.Sprint(v[name])
		for _, want := range wanted {
			if list, several := strings.CutPrefix(want, "in:"); several {
				if !slices.Contains(strings.Split(list, ","), have) {
					return false
				}
				continue
			}
			if want != have {
				return false
			}
		}
	}
	return true
}

func (s *Service) show(r *http.Request) (wire.Answer, error) {
	var found wire.Object
	s.store.View(func(state *cloud.State) {
		if image := state.Images[r.PathValue("image")]; image != nil {
			found = view(image)
		}
	})
	if found == nil {
		return wire.Answer{}, wire.Errorf(http.StatusNotFound, "", "No image found with ID %s", r.PathValue("image"))
	}
	return wire.OK(found)
}
