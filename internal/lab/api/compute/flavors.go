package compute

import (
	"cmp"
	"net/http"
	"slices"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) flavorRoutes() {
	s.Handle("GET /v2.1/flavors", s.listFlavors(false))
	s.Handle("GET /v2.1/flavors/detail", s.listFlavors(true))
	s.Handle("GET /v2.1/flavors/{flavor}", s.showFlavor)
	s.Handle("GET /v2.1/flavors/{flavor}/os-extra_specs", s.showSpecs)
	s.Handle("POST /v2.1/flavors", forbidRoute("os-flavor-manage:create"))
}

func flavorView(r *http.Request, flavor *cloud.Flavor) wire.Object {
	view := wire.Object{"id": flavor.ID, "name": flavor.Name, "ram": flavor.RAM, "disk": flavor.DiskGB, "vcpus": flavor.VCPUs,
		"swap": "", "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "os-flavor-access:is_public": true,
		"rxtx_factor": 1.0, "links": links(r, "flavors", flavor.ID)}
	if since(r, 55) {
		view["description"] = nil
	}
	if since(r, 61) {
		view["extra_specs"] = wire.Object{}
	}
	if since(r, 75) {
		view["swap"] = 0
	}
	return view
}

func (s *Service) listFlavors(detail bool) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		var flavors []*cloud.Flavor
		s.store.View(func(state *cloud.State) { flavors = cloud.Sorted(state.Flavors) })
		slices.SortStableFunc(flavors, func(a, b *cloud.Flavor) int { return cmp.Compare(a.RAM, b.RAM) })
		query := r.URL.Query()
		page, more, err := wire.Page(flavors, func(flavor *cloud.Flavor) string { return flavor.ID }, query, mostItems)
		if err != nil {
			return wire.Answer{}, err
		}
		views := []wire.Object{}
		for _, flavor := range page {
			view := flavorView(r, flavor)
			if !detail {
				view = wire.Object{"id": flavor.ID, "name": flavor.Name, "links": view["links"]}
				if since(r, 55) {
					view["description"] = nil
				}
			}
			views = append(views, view)
		}
		body := wire.Object{"flavors": views}
		if more {
			body["flavors_links"] = []wire.Object{{"rel": "next",
				"href": wire.Root(r, "compute") + r.URL.Path + "?" + wire.NextQuery(query, page[len(page)-1].ID)}}
		}
		return wire.OK(body)
	}
}

// flavor finds the flavor of the path. Flavors do not change once they are there, so it may be kept.
func (s *Service) flavor(r *http.Request) (*cloud.Flavor, error) {
	var found *cloud.Flavor
	s.store.View(func(state *cloud.State) { found = state.Flavors[r.PathValue("flavor")] })
	if found == nil {
		return nil, missing("Flavor %s could not be found.", r.PathValue("flavor"))
	}
	return found, nil
}

func (s *Service) showFlavor(r *http.Request) (wire.Answer, error) {
	flavor, err := s.flavor(r)
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"flavor": flavorView(r, flavor)})
}

func (s *Service) showSpecs(r *http.Request) (wire.Answer, error) {
	if _, err := s.flavor(r); err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"extra_specs": wire.Object{}})
}

// listImages answers what is left of Nova's own image API, which old clients use to find an image by name.
func (s *Service) listImages(r *http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	s.store.View(func(state *cloud.State) {
		for _, image := range cloud.ByAge(state.Images) {
			views = append(views, wire.Object{"id": image.ID, "name": image.Name, "links": links(r, "images", image.ID)})
		}
	})
	return wire.OK(wire.Object{"images": views})
}
