package network

import (
	"net/http"
	"slices"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) tagRoutes() {
	for _, kind := range []string{"networks", "subnets", "ports", "routers", "floatingips", "security-groups"} {
		path := "/v2.0/" + kind + "/{id}/tags"
		s.Handle("GET "+path, s.listTags(kind))
		s.Handle("PUT "+path, s.replaceTags(kind))
		s.Handle("DELETE "+path, s.removeTags(kind))
		s.Handle("GET "+path+"/{tag}", s.hasTag(kind))
		s.Handle("PUT "+path+"/{tag}", s.addTag(kind))
		s.Handle("DELETE "+path+"/{tag}", s.removeTag(kind))
	}
}

// record finds what tags can be on.
func record(state *cloud.State, kind, id string) (*cloud.Common, error) {
	var found cloud.Record
	switch kind {
	case "networks":
		found = orNoRecord(state.Networks[id])
	case "subnets":
		found = orNoRecord(visibleSubnets(state)[id])
	case "ports":
		found = orNoRecord(visiblePorts(state)[id])
	case "routers":
		found = orNoRecord(state.Routers[id])
	case "floatingips":
		found = orNoRecord(state.FloatingIPs[id])
	case "security-groups":
		found = orNoRecord(state.SecurityGroups[id])
	}
	if found == nil {
		return nil, wire.Errorf(http.StatusNotFound, "TagResourceNotFound", "Resource %s %s could not be found.", kind, id)
	}
	return found.Base(), nil
}

// orNoRecord keeps a nil pointer from looking like a record.
func orNoRecord[T any, P interface {
	*T
	cloud.Record
}](p P) cloud.Record {
	if p == nil {
		return nil
	}
	return p
}

func (s *Service) lookTags(r *http.Request, kind string, look func(*cloud.Common) error) error {
	var err error
	s.store.View(func(state *cloud.State) {
		var found *cloud.Common
		if found, err = record(state, kind, r.PathValue("id")); err == nil {
			err = look(found)
		}
	})
	return err
}

func (s *Service) changeTags(r *http.Request, kind string, change func(*cloud.Common) error) error {
	return s.store.Update(func(state *cloud.State) error {
		found, err := record(state, kind, r.PathValue("id"))
		if err != nil {
			return err
		}
		if found.ProjectID != state.ProjectID {
			return disallowed("update_" + kind + "_tags")
		}
		found.Touch(s.now())
		return change(found)
	})
}

func noTag(tag string) error {
	return wire.Errorf(http.StatusNotFound, "TagNotFound", "Tag %s could not be found.", tag)
}

func (s *Service) listTags(kind string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		var have []string
		err := s.lookTags(r, kind, func(c *cloud.Common) error { have = slices.Clone(tags(c)); return nil })
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.OK(wire.Object{"tags": have})
	}
}

func (s *Service) hasTag(kind string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		tag := r.PathValue("tag")
		err := s.lookTags(r, kind, func(c *cloud.Common) error {
			if !slices.Contains(c.Tags, tag) {
				return noTag(tag)
			}
			return nil
		})
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.NoContent()
	}
}

func (s *Service) replaceTags(kind string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		var asked struct{ Tags []string }
		if err := wire.Read(r, &asked); err != nil {
			return wire.Answer{}, err
		}
		slices.Sort(asked.Tags)
		wanted := orEmpty(slices.Compact(asked.Tags))
		if err := s.changeTags(r, kind, func(c *cloud.Common) error { c.Tags = slices.Clone(wanted); return nil }); err != nil {
			return wire.Answer{}, err
		}
		return wire.OK(wire.Object{"tags": wanted})
	}
}

func (s *Service) removeTags(kind string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		if err := s.changeTags(r, kind, func(c *cloud.Common) error { c.Tags = nil; return nil }); err != nil {
			return wire.Answer{}, err
		}
		return wire.NoContent()
	}
}

func (s *Service) addTag(kind string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		tag := r.PathValue("tag")
		err := s.changeTags(r, kind, func(c *cloud.Common) error {
			if !slices.Contains(c.Tags, tag) {
				c.Tags = append(c.Tags, tag)
			}
			return nil
		})
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.Answer{Status: http.StatusCreated}, nil
	}
}

func (s *Service) removeTag(kind string) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		tag := r.PathValue("tag")
		err := s.changeTags(r, kind, func(c *cloud.Common) error {
			at := slices.Index(c.Tags, tag)
			if at < 0 {
				return noTag(tag)
			}
			c.Tags = slices.Delete(c.Tags, at, at+1) // views have copies
			return nil
		})
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.NoContent()
	}
}
