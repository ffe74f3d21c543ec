package cloud

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/openstack"
)

// chooseImage finds the image to boot: that of the name or id, or the newest
// that fits it as a pattern. One whose name holds image_exclude is none.
func chooseImage(ctx context.Context, t *task) (openstack.Image, error) {
	name, exclude := t.text("image"), t.text("image_exclude")
	image, err := t.cloud.FindImage(ctx, name)
	none, _ := missing(err)
	switch {
	case err == nil && !excluded(image.Name, exclude):
		return image, nil
	case err == nil:
		return image, &openstack.NotFoundError{Kind: "image", Name: name,
			Hint: fmt.Sprintf("its name holds %q, which image_exclude leaves out", exclude)}
	case !none || !strings.ContainsAny(name, "*?["):
		return image, err
	}
	found, matchErr := t.cloud.MatchImages(ctx, name)
	if matchErr != nil {
		return image, matchErr
	}
	for _, i := range found { // newest first
		if i.Status == "active" && !excluded(i.Name, exclude) {
			return i, nil
		}
	}
	return image, err
}

func excluded(name, exclude string) bool { return exclude != "" && strings.Contains(name, exclude) }
