package docker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"rollout/internal/value"
)

// Image is what an engine says of an image: `docker image inspect`'s answer.
type Image struct{ Raw *value.Map }

// ID is the image's id, with its "sha256:".
func (i *Image) ID() string { return i.Raw.String("Id") }

// Tags are the names it has.
func (i *Image) Tags() []string { return value.Strings(i.Raw.List("RepoTags")) }

// Digests are the names by content it has in registries.
func (i *Image) Digests() []string { return value.Strings(i.Raw.List("RepoDigests")) }

// Size is its size in bytes.
func (i *Image) Size() int { return i.Raw.Int("Size") }

// Image inspects an image by name or id; nil where there is none.
func (e *Engine) Image(ctx context.Context, name string) (*Image, error) {
	_, raw, err := e.inspectImage(ctx, name)
	err = e.failed(ctx, err, "inspect image %s", name)
	if IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := decodeMap(raw)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect image %s on %s: %w", name, e.host, err)
	}
	return &Image{Raw: m}, nil
}

func (e *Engine) inspectImage(ctx context.Context, name string) (image.InspectResponse, []byte, error) {
	var raw bytes.Buffer
	resp, err := e.api.ImageInspect(ctx, name, client.ImageInspectWithRawResponse(&raw))
	return resp, raw.Bytes(), err
}

// FamiliarName writes an image's name in full, as the engine compares it:
// "nginx" becomes "nginx:latest", "docker.io/library/nginx" too. An id stays.
func FamiliarName(name string) string {
	ref, err := reference.ParseNormalizedNamed(name)
	if err != nil {
		return name
	}
	return reference.FamiliarString(reference.TagNameOnly(ref))
}

// IsImageID reports whether a name is an id rather than a name.
func IsImageID(name string) bool { return strings.HasPrefix(name, "sha256:") }

// ListedImage is one line of a list of images.
type ListedImage struct {
	ID   string
	Tags []string
	Size int64 // bytes
}

// Images lists the images that carry every given label.
func (e *Engine) Images(ctx context.Context, labels ...string) ([]ListedImage, error) {
	args := filters.NewArgs()
	for _, l := range labels {
		args.Add("label", l)
	}
	list, err := e.api.ImageList(ctx, image.ListOptions{Filters: args})
	if err != nil {
		return nil, e.failed(ctx, err, "list images")
	}
	out := make([]ListedImage, 0, len(list))
	for _, i := range list {
		out = append(out, ListedImage{ID: i.ID, Tags: i.RepoTags, Size: i.Size})
	}
	return out, nil
}

// Pull fetches an image from its registry (or the engine's mirror), telling
// progress in a few words.
func (e *Engine) Pull(ctx context.Context, name, platform string, progress func(string)) error {
	stream, err := e.api.ImagePull(ctx, FamiliarName(name), image.PullOptions{Platform: platform})
	if err != nil {
		return e.failed(ctx, err, "pull image %s", name)
	}
	_, err = e.follow(ctx, stream, progress)
	return e.failed(ctx, err, "pull image %s", name)
}

// Push sends an image to the registry its name says, which must
// ask for no credentials.
func (e *Engine) Push(ctx context.Context, name string, progress func(string)) error {
	// An empty JSON object is how a client says it has no credentials.
	stream, err := e.api.ImagePush(ctx, FamiliarName(name), image.PushOptions{RegistryAuth: "e30="})
	if err != nil {
		return e.failed(ctx, err, "push image %s", name)
	}
	_, err = e.follow(ctx, stream, progress)
	return e.failed(ctx, err, "push image %s", name)
}

// Load reads images out of a tar file as `docker save` writes it and returns
// the names or ids of what was loaded.
func (e *Engine) Load(ctx context.Context, tar io.Reader, progress func(string)) ([]string, error) {
	resp, err := e.api.ImageLoad(ctx, tar)
	if err != nil {
		return nil, e.failed(ctx, err, "load images")
	}
	said, err := e.follow(ctx, resp.Body, progress)
	if err != nil {
		return nil, e.failed(ctx, err, "load images")
	}
	return loaded(said), nil
}

// loaded finds the names in the engine's answer to a load, which has no other
// form than lines of text.
func loaded(said []string) []string {
	var names []string
	for _, line := range said {
		for _, prefix := range []string{"Loaded image: ", "Loaded image ID: "} {
			if name, ok := strings.CutPrefix(strings.TrimSpace(line), prefix); ok {
				names = append(names, name)
			}
		}
	}
	return names
}

// Tag gives an image a further name.
func (e *Engine) Tag(ctx context.Context, name, as string) error {
	return e.failed(ctx, e.api.ImageTag(ctx, name, as), "tag image %s as %s", name, as)
}

// Untag removes a name of an image, and the image with its last name.
func (e *Engine) Untag(ctx context.Context, name string, force bool) error {
	_, err := e.api.ImageRemove(ctx, name, image.RemoveOptions{Force: force, PruneChildren: true})
	return e.failed(ctx, err, "remove image %s", name)
}

// message is one line of the engine's progress stream.
type message struct {
	Stream   string `json:"stream"`
	Status   string `json:"status"`
	ID       string `json:"id"`
	Error    string `json:"error"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
}

// follow reads a progress stream to its end, and closes it. What went wrong in
// the engine comes as a message in the stream.
func (e *Engine) follow(ctx context.Context, stream io.ReadCloser, progress func(string)) ([]string, error) {
	defer stream.Close()
	dec := json.NewDecoder(stream)
	layers := newLayers()
	var said []string
	for {
		var m message
		err := dec.Decode(&m)
		switch {
		case errors.Is(err, io.EOF):
			return said, nil
		case ctx.Err() != nil:
			return said, ctx.Err()
		case err != nil:
			return said, fmt.Errorf("the engine's progress broke off: %w", err)
		case m.Error != "":
			return said, errors.New(m.Error)
		}
		if m.Stream != "" {
			said = append(said, strings.Split(m.Stream, "\n")...)
		}
		if text := layers.note(m); text != "" && progress != nil {
			progress(text)
		}
	}
}

// layers adds up the progress of an image's layers.
type layers struct {
	current, total map[string]int64
	shown          int64
}

func newLayers() *layers {
	return &layers{current: map[string]int64{}, total: map[string]int64{}}
}

// note takes in a message and returns a new text once a further tenth of the
// bytes known so far has arrived.
func (l *layers) note(m message) string {
	if m.ID == "" || m.Progress.Total == 0 {
		return ""
	}
	key := m.Status + m.ID
	l.current[key], l.total[key] = m.Progress.Current, m.Progress.Total
	var current, total int64
	for k := range l.total {
		current, total = current+l.current[k], total+l.total[k]
	}
	if tenth := current * 10 / total; tenth != l.shown {
		l.shown = tenth
		return fmt.Sprintf("%s %d of %d MB", strings.ToLower(m.Status), current/1e6, total/1e6)
	}
	return ""
}
