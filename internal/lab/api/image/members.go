package image

import (
	"net/http"
	"slices"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

func (s *Service) memberRoutes() {
	s.Handle("GET /v2/images/{image}/members", s.listMembers)
	s.Handle("POST /v2/images/{image}/members", s.addMember)
	s.Handle("GET /v2/images/{image}/members/{member}", s.showMember)
	s.Handle("PUT /v2/images/{image}/members/{member}", s.updateMember)
	s.Handle("DELETE /v2/images/{image}/members/{member}", s.removeMember)
}

func memberView(image *cloud.Image, m *cloud.ImageMember) wire.Object {
	return wire.Object{"member_id": m.ProjectID, "image_id": image.ID, "status": m.Status, "created_at": stamp(m.Created),
		"updated_at": stamp(m.Updated), "schema": "/v2/schemas/member"}
}

// shared finds an image that can have members.
func shared(state *cloud.State, r *http.Request, word string) (*cloud.Image, error) {
	image, err := own(state, r.PathValue("image"))
	if err != nil {
		return nil, err
	}
	if image.Visibility != "shared" {
		return nil, forbidden("Not allowed to %s members for image %s: Only shared images have members.", word, image.ID)
	}
	return image, nil
}

func (s *Service) listMembers(r *http.Request) (wire.Answer, error) {
	views := []wire.Object{}
	var err error
	s.store.View(func(state *cloud.State) {
		var image *cloud.Image
		if image, err = shared(state, r, "list"); err != nil {
			return
		}
		for _, member := range cloud.Sorted(image.Members) {
			views = append(views, memberView(image, member))
		}
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(wire.Object{"members": views, "schema": "/v2/schemas/members"})
}

func (s *Service) addMember(r *http.Request) (wire.Answer, error) {
	var asked struct{ Member string }
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	return s.member(r, "add", asked.Member, func(image *cloud.Image, have *cloud.ImageMember) (*cloud.ImageMember, error) {
		if have != nil {
			return nil, wire.Errorf(http.StatusConflict, "", "Member %s is duplicated for image %s", asked.Member, image.ID)
		}
		if image.Members == nil {
			image.Members = map[string]*cloud.ImageMember{}
		}
		now := s.now()
		member := &cloud.ImageMember{ProjectID: asked.Member, Status: "pending", Created: now, Updated: now}
		image.Members[asked.Member] = member
		return member, nil
	})
}

func (s *Service) showMember(r *http.Request) (wire.Answer, error) {
	return s.member(r, "show", r.PathValue("member"), there)
}

func there(_ *cloud.Image, have *cloud.ImageMember) (*cloud.ImageMember, error) {
	if have == nil {
		return nil, wire.Errorf(http.StatusNotFound, "", "The resource could not be found.")
	}
	return have, nil
}

// updateMember accepts or rejects, which is the member's; here owner and member are one user.
func (s *Service) updateMember(r *http.Request) (wire.Answer, error) {
	var asked struct{ Status string }
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	if !slices.Contains([]string{"pending", "accepted", "rejected"}, asked.Status) {
		return wire.Answer{}, wire.Errorf(http.StatusBadRequest, "", "Invalid status: %s", asked.Status)
	}
	return s.member(r, "update", r.PathValue("member"), func(image *cloud.Image, have *cloud.ImageMember) (*cloud.ImageMember, error) {
		if have != nil {
			have.Status, have.Updated = asked.Status, s.now()
		}
		return there(image, have)
	})
}

func (s *Service) removeMember(r *http.Request) (wire.Answer, error) {
	_, err := s.member(r, "remove", r.PathValue("member"), func(image *cloud.Image, have *cloud.ImageMember) (*cloud.ImageMember, error) {
		if have != nil {
			delete(image.Members, have.ProjectID)
		}
		return there(image, have)
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

// member lets do change one member of an image, and answers with it.
func (s *Service) member(r *http.Request, word, id string, do func(*cloud.Image, *cloud.ImageMember) (*cloud.ImageMember, error)) (wire.Answer, error) {
	var view wire.Object
	err := s.store.Update(func(state *cloud.State) error {
		image, err := shared(state, r, word)
		if err != nil {
			return err
		}
		member, err := do(image, image.Members[id])
		if err != nil {
			return err
		}
		view = memberView(image, member)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(view)
}
