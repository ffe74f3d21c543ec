package image

import (
	"crypto/md5"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"rollout/internal/lab/api/cloud"
	"rollout/internal/lab/api/wire"
)

// What an image's Status may be, besides empty for active.
const (
	queued      = "queued"
	deactivated = "deactivated"
)

// refProperty names the Docker image that machines boot from.
const refProperty = "owner_specified.docker.ref"

func (s *Service) changeRoutes() {
	s.Handle("POST /v2/images", s.create)
	s.Handle("PATCH /v2/images/{image}", s.patch)
	s.Handle("DELETE /v2/images/{image}", s.remove)
	s.HandleStream("PUT /v2/images/{image}/file", s.upload)
	s.Handle("GET /v2/images/{image}/file", s.fetch)
	s.Handle("POST /v2/images/{image}/actions/deactivate", s.turn(deactivated))
	s.Handle("POST /v2/images/{image}/actions/reactivate", s.turn(""))
	s.Handle("PUT /v2/images/{image}/tags/{tag}", s.tag(true))
	s.Handle("DELETE /v2/images/{image}/tags/{tag}", s.tag(false))
}

func forbidden(format string, args ...any) error {
	return wire.Errorf(http.StatusForbidden, "", format, args...)
}

func notInSchema(format string, args ...any) error {
	return wire.Errorf(http.StatusBadRequest, "", "Provided object does not match schema 'image': "+format, args...)
}

// own finds an image that the project may change. The seeded one belongs to another project, as on most clouds.
func own(state *cloud.State, id string) (*cloud.Image, error) {
	image := state.Images[id]
	if image == nil {
		return nil, wire.Errorf(http.StatusNotFound, "", "No image found with ID %s", id)
	}
	if image.ProjectID != state.ProjectID {
		return nil, forbidden("You do not own this image")
	}
	return image, nil
}

func (s *Service) create(r *http.Request) (wire.Answer, error) {
	var asked map[string]json.RawMessage
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	var shown wire.Object
	err := s.store.Update(func(state *cloud.State) error {
		image := &cloud.Image{Common: cloud.NewCommon("", state.ProjectID, s.now()), Status: queued, Visibility: "shared"}
		if raw, there := asked["id"]; there {
			if json.Unmarshal(raw, &image.ID) != nil || len(image.ID) != 36 {
				return notInSchema("%s is not an id", raw)
			}
			if state.Images[image.ID] != nil {
				return wire.Errorf(http.StatusConflict, "", "Image ID %s already exists!", image.ID)
			}
			delete(asked, "id")
		}
		for name, raw := range asked {
			if err := set(image, name, raw); err != nil {
				return err
			}
		}
		state.Images[image.ID] = image
		shown = view(image)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.Answer{Status: http.StatusCreated, Body: shown,
		Header: http.Header{"Location": {wire.Root(r, "image") + shown["self"].(string)}}}, nil
}

// readOnly are Glance's own to change.
var readOnly = []string{"id", "status", "size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value", "created_at",
	"updated_at", "self", "file", "schema", "direct_url", "locations", "owner"}

// The formats that Glance knows.
var (
	diskFormats      = []string{"ami", "ari", "aki", "vhd", "vhdx", "vmdk", "raw", "qcow2", "vdi", "iso", "ploop"}
	containerFormats = []string{"ami", "ari", "aki", "bare", "ovf", "ova", "docker", "compressed"}
	visibilities     = []string{"public", "private", "shared", "community"}
)

// set gives an image an attribute; one that Glance doesn't know is a property, and a text.
func set(image *cloud.Image, name string, raw json.RawMessage) error {
	switch name {
	case "name":
		return decode(raw, "string", &image.Name)
	case "tags":
		err := decode(raw, "array", &image.Tags)
		slices.Sort(image.Tags)
		image.Tags = slices.Compact(image.Tags)
		return err
	case "min_disk":
		return decode(raw, "integer", &image.MinDisk)
	case "min_ram":
		return decode(raw, "integer", &image.MinRAM)
	case "protected":
		return decode(raw, "boolean", &image.Protected)
	case "os_hidden":
		return decode(raw, "boolean", &image.Hidden)
	case "disk_format":
		return oneOf(raw, &image.DiskFormat, diskFormats)
	case "container_format":
		return oneOf(raw, &image.Container, containerFormats)
	case "visibility":
		if err := oneOf(raw, &image.Visibility, visibilities); err != nil {
			return err
		}
		if image.Visibility == "public" {
			return forbidden("You are not authorized to complete publicize_image action.")
		}
		return nil
	case refProperty:
		return decode(raw, "string", &image.Ref)
	}
	if slices.Contains(readOnly, name) {
		return forbidden("Attribute '%s' is read-only.", name)
	}
	var text string
	if err := decode(raw, "string", &text); err != nil {
		return err
	}
	if image.Properties == nil {
		image.Properties = map[string]string{}
	}
	image.Properties[name] = text
	return nil
}

func decode[T any](raw json.RawMessage, kind string, into *T) error {
	if err := json.Unmarshal(raw, into); err != nil {
		return notInSchema("%s is not of type '%s'", strings.ReplaceAll(string(raw), `"`, "'"), kind)
	}
	return nil
}

func oneOf(raw json.RawMessage, into *string, known []string) error {
	if err := decode(raw, "string", into); err != nil {
		return err
	}
	if !slices.Contains(known, *into) {
		return notInSchema("'%s' is not one of ['%s']", *into, strings.Join(known, "', '"))
	}
	return nil
}

// patchType is the body of a PATCH: a list of operations on attributes.
const patchType = "application/openstack-images-v2.1-json-patch"

func (s *Service) patch(r *http.Request) (wire.Answer, error) {
	if kind := r.Header.Get("Content-Type"); kind != patchType {
		return wire.Answer{}, unsupported(kind)
	}
	var asked []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if err := wire.Read(r, &asked); err != nil {
		return wire.Answer{}, err
	}
	var shown wire.Object
	err := s.store.Update(func(state *cloud.State) error {
		image, err := own(state, r.PathValue("image"))
		if err != nil {
			return err
		}
		for _, change := range asked {
			name := strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(change.Path, "/"))
			if err := apply(image, change.Op, name, change.Value); err != nil {
				return err
			}
		}
		image.Touch(s.now())
		shown = view(image)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.OK(shown)
}

func unsupported(kind string) error {
	return wire.Errorf(http.StatusUnsupportedMediaType, "", "The request media type %s is not supported by this server.", kind)
}

// apply does one operation: what is replaced or removed must be there.
func apply(image *cloud.Image, op, name string, value json.RawMessage) error {
	_, there := view(image)[name]
	if op != "add" && !there {
		return wire.Errorf(http.StatusConflict, "", "There was a conflict when trying to complete your request.")
	}
	switch op {
	case "add", "replace":
		return set(image, name, value)
	case "remove":
		if name == refProperty {
			image.Ref = ""
			return nil
		}
		if _, property := image.Properties[name]; !property {
			return forbidden("Property %s may not be removed.", name)
		}
		delete(image.Properties, name)
		return nil
	}
	return wire.Errorf(http.StatusBadRequest, "", "Invalid operation: `%s`. It must be one of the following: add, remove, replace.", op)
}

func (s *Service) remove(r *http.Request) (wire.Answer, error) {
	id := r.PathValue("image")
	err := s.store.Update(func(state *cloud.State) error {
		if state.Images[id] == nil {
			return wire.Errorf(http.StatusNotFound, "", "Failed to find image %s to delete", id)
		}
		image, err := own(state, id)
		if err != nil {
			return err
		}
		if image.Protected {
			return forbidden("Image %s is protected and cannot be deleted.", id)
		}
		for _, server := range state.Servers {
			if server.ImageID == id {
				return wire.Errorf(http.StatusConflict, "", "Image %s could not be deleted because it is in use: the practice cloud's machines need theirs.", id)
			}
		}
		delete(state.Images, id)
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

// upload sums up what is sent, whatever its length.
func (s *Service) upload(r *http.Request) (wire.Answer, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/octet-stream" {
		return wire.Answer{}, unsupported(r.Header.Get("Content-Type"))
	}
	if err := s.awaits(r.PathValue("image")); err != nil {
		return wire.Answer{}, err
	}
	short, long := md5.New(), sha512.New()
	size, err := io.Copy(io.MultiWriter(short, long), r.Body)
	if err != nil {
		return wire.Answer{}, wire.Errorf(http.StatusBadRequest, "", "cannot read the upload: %s", err)
	}
	err = s.store.Update(func(state *cloud.State) error {
		image, err := own(state, r.PathValue("image"))
		if err != nil {
			return err
		}
		if image.Status != queued {
			return alreadyThere(image)
		}
		image.Status, image.Size = "", size
		image.Checksum, image.SHA512 = hex.EncodeToString(short.Sum(nil)), hex.EncodeToString(long.Sum(nil))
		image.Touch(s.now())
		return nil
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

// awaits refuses an upload early to an image that does not wait for one.
func (s *Service) awaits(id string) error {
	var err error
	s.store.View(func(state *cloud.State) {
		var image *cloud.Image
		if image, err = own(state, id); err != nil {
			return
		}
		switch {
		case image.DiskFormat == "" || image.Container == "":
			err = wire.Errorf(http.StatusBadRequest, "", "Properties disk_format, container_format must be set prior to saving data.")
		case image.Status != queued:
			err = alreadyThere(image)
		}
	})
	return err
}

func alreadyThere(image *cloud.Image) error {
	return wire.Errorf(http.StatusConflict, "", "Image status transition from %s to saving is not allowed", or(image.Status, "active"))
}

// fetch has nothing to give: Docker images are pulled from the lab's registry, and what was uploaded is not kept.
func (s *Service) fetch(r *http.Request) (wire.Answer, error) {
	var err error
	s.store.View(func(state *cloud.State) {
		image := state.Images[r.PathValue("image")]
		switch {
		case image == nil:
			err = wire.Errorf(http.StatusNotFound, "", "No image found with ID %s", r.PathValue("image"))
		case image.Status != queued:
			err = forbidden("The practice cloud does not keep what images hold.")
		}
	})
	if err != nil {
		return wire.Answer{}, err
	}
	return wire.NoContent()
}

// turn deactivates an image, or activates it again.
func (s *Service) turn(into string) wire.Handler {
	word := map[string]string{deactivated: "deactivate", "": "reactivate"}[into]
	return func(r *http.Request) (wire.Answer, error) {
		err := s.store.Update(func(state *cloud.State) error {
			image, err := own(state, r.PathValue("image"))
			if err != nil {
				return err
			}
			if image.Status == queued {
				return forbidden("Not allowed to %s image in status '%s'", word, image.Status)
			}
			image.Status = into
			image.Touch(s.now())
			return nil
		})
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.NoContent()
	}
}

// tag adds a tag, or takes it off.
func (s *Service) tag(add bool) wire.Handler {
	return func(r *http.Request) (wire.Answer, error) {
		err := s.store.Update(func(state *cloud.State) error {
			image, err := own(state, r.PathValue("image"))
			if err != nil {
				return err
			}
			name := r.PathValue("tag")
			at, there := slices.BinarySearch(image.Tags, name)
			switch {
			case add && !there:
				image.Tags = slices.Insert(image.Tags, at, name)
			case !add && there:
				image.Tags = slices.Delete(image.Tags, at, at+1)
			case !add:
				return wire.Errorf(http.StatusNotFound, "", "Could not find tag %s", name)
			}
			image.Touch(s.now())
			return nil
		})
		if err != nil {
			return wire.Answer{}, err
		}
		return wire.NoContent()
	}
}
