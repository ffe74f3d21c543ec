package openstack

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"rollout/internal/value"
)

// Image is a disk image.
type Image struct {
	ID, Name, Status string // queued, active, deactivated …
	Checksum         string // MD5 of what it holds; empty before it holds anything
	Raw              *value.Map
}

// FindImage returns the image of that name or id. Of several active ones of
// that name, none is chosen.
func (c *Cloud) FindImage(ctx context.Context, nameOrID string) (Image, error) {
	return cached(ctx, &c.cache, "image/"+nameOrID, func(ctx context.Context) (Image, error) {
		list, err := c.images(ctx, nameOrID)
		if err != nil {
			return Image{}, err
		}
		if len(list) == 0 && isID(nameOrID) {
			return c.imageByID(ctx, nameOrID)
		}
		return only("image", nameOrID, list, func(i Image) string { return i.ID }, func() string {
			all, err := c.images(ctx, "")
			return hintFrom(nameOrID, all, err, func(i Image) string { return i.Name })
		})
	})
}

// Images returns all images that the project can see.
func (c *Cloud) Images(ctx context.Context) ([]Image, error) { return c.images(ctx, "") }

func (c *Cloud) images(ctx context.Context, name string) ([]Image, error) {
	list, err := c.image.list(ctx, "images", query("name", name), "images")
	if err != nil {
		return nil, fmt.Errorf("cannot list images: %w", err)
	}
	var out []Image
	for _, m := range list {
		if name == "" || m.String("name") == name {
			out = append(out, imageFrom(m))
		}
	}
	return out, nil
}

func imageFrom(m *value.Map) Image {
	return Image{ID: m.String("id"), Name: m.String("name"), Status: m.String("status"), Checksum: m.String("checksum"), Raw: m}
}

func (c *Cloud) imageByID(ctx context.Context, id string) (Image, error) {
	return cached(ctx, &c.cache, "image/id/"+id, func(ctx context.Context) (Image, error) {
		m, err := c.image.get(ctx, "images/"+id, "")
		if IsStatus(err, http.StatusNotFound) {
			return Image{}, &NotFoundError{Kind: "image", Name: id}
		}
		if err != nil {
			return Image{}, fmt.Errorf("cannot look at image %s: %w", id, err)
		}
		return imageFrom(m), nil
	})
}

// ImagesNamed returns the images of exactly that name, whatever their status.
func (c *Cloud) ImagesNamed(ctx context.Context, name string) ([]Image, error) {
	return c.images(ctx, name)
}

// Image looks at an image anew.
func (c *Cloud) Image(ctx context.Context, id string) (Image, error) {
	c.cache.forget("image")
	return c.imageByID(ctx, id)
}

// MatchImages returns the images whose name or id is nameOrID, or fits it as a
// pattern such as ubuntu-*, the newest first.
func (c *Cloud) MatchImages(ctx context.Context, nameOrID string) ([]Image, error) {
	all, err := cached(ctx, &c.cache, "image//all", c.Images)
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, i := range all {
		fits := func(s string) bool {
			ok, err := path.Match(nameOrID, s)
			return s == nameOrID || err == nil && ok
		}
		if fits(i.Name) || fits(i.ID) {
			out = append(out, i)
		}
	}
	return out, nil
}

// CreateImage makes an image that awaits its upload; attrs are Glance's. Its id
// is chosen here where attrs have none, so that a repeated request is refused
// and not doubled.
func (c *Cloud) CreateImage(ctx context.Context, attrs map[string]any) (Image, error) {
	defer c.cache.forget("image")
	all := map[string]any{"id": newID()}
	for k, v := range attrs {
		all[k] = v
	}
	id := fmt.Sprint(all["id"])
	m, err := c.image.one(repeatable(ctx), http.MethodPost, "images", all, "", nil)
	if IsStatus(err, http.StatusConflict) && attrs["id"] == nil {
		return c.Image(ctx, id) // a repeated request whose first answer was lost
	}
	if err != nil {
		return Image{}, fmt.Errorf("cannot create image %v: %w", attrs["name"], err)
	}
	return imageFrom(m), nil
}

// newID makes a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// UpdateImage sets attributes and properties of an image.
func (c *Cloud) UpdateImage(ctx context.Context, i Image, attrs *value.Map) (Image, error) {
	defer c.cache.forget("image")
	var ops []map[string]any
	for k, v := range attrs.All() {
		op := "add"
		if _, there := i.Raw.Get(k); there {
			op = "replace"
		}
		ops = append(ops, map[string]any{"op": op, "path": "/" + pointer(fmt.Sprint(k)), "value": v})
	}
	headers := map[string]string{"Content-Type": "application/openstack-images-v2.1-json-patch"}
	m, err := c.image.one(repeatable(ctx), http.MethodPatch, "images/"+i.ID, ops, "", headers)
	if err != nil {
		return i, fmt.Errorf("cannot change image %s: %w", i.Name, err)
	}
	return imageFrom(m), nil
}

// pointer escapes a name for a JSON pointer (RFC 6901).
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// ActivateImage lets servers boot from an image again, or, where on is false,
// keeps them from it.
func (c *Cloud) ActivateImage(ctx context.Context, i Image, on bool) error {
	defer c.cache.forget("image")
	action := "deactivate"
	if on {
		action = "reactivate"
	}
	if _, err := c.image.call(repeatable(ctx), http.MethodPost, "images/"+i.ID+"/actions/"+action, nil, nil); err != nil {
		return fmt.Errorf("cannot %s image %s: %w", action, i.Name, err)
	}
	return nil
}

// DeleteImage deletes an image.
func (c *Cloud) DeleteImage(ctx context.Context, id string) error {
	defer c.cache.forget("image")
	if err := c.image.delete(ctx, "images/"+id); err != nil {
		return fmt.Errorf("cannot delete image %s: %w", id, err)
	}
	return nil
}

// AwaitImage waits until an image is in one of the states.
func (c *Cloud) AwaitImage(ctx context.Context, i Image, limit time.Duration, states ...string) (Image, error) {
	what := "image " + i.Name + " to become " + states[0]
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for wait := time.Second / 4; ; wait = min(2*wait, 5*time.Second) {
		now, err := c.Image(ctx, i.ID)
		if err != nil {
			return i, err
		}
		for _, s := range states {
			if now.Status == s {
				return now, nil
			}
		}
		if now.Status == "killed" || now.Status == "deleted" || now.Status == "error" {
			return now, fmt.Errorf("image %s ended in %s", i.Name, now.Status)
		}
		switch err := Sleep(waiting, wait); {
		case ctx.Err() != nil:
			return now, &CancelledError{What: what, Last: now.Status, Err: ctx.Err()}
		case err != nil:
			return now, &DeadlineError{What: what, Limit: limit, Last: now.Status}
		}
	}
}
