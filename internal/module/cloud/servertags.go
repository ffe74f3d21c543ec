package cloud

import (
	"context"
	"slices"
	"strings"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

// tagsAsked are the tags that the task asks for, sorted, each once. An empty
// list asks for none; the argument left out asks for nothing.
func tagsAsked(t *task) ([]string, bool) {
	if _, asked := t.Args.At("tags").([]any); !asked {
		return nil, false
	}
	tags := append([]string{}, value.Strings(t.Args.List("tags"))...)
	slices.Sort(tags)
	return slices.Compact(tags), true
}

// tagsOf are the server's tags; nil where the task does not ask about them,
// since that takes a call of its own.
func tagsOf(ctx context.Context, t *task, s openstack.Server) ([]string, error) {
	if _, asked := tagsAsked(t); !asked {
		return nil, nil
	}
	return t.cloud.ServerTags(ctx, s.ID)
}

// tagged adds the tags to the server that a result holds.
func tagged(res module.Result, tags []string) module.Result {
	if tags == nil || res.Data == nil {
		return res
	}
	for _, key := range []string{"server", "openstack"} {
		if m := res.Data.Map(key); m != nil {
			m.Set("tags", value.List(tags))
		}
	}
	return res
}

func tagsText(tags []string) string {
	if len(tags) == 0 {
		return "none"
	}
	return strings.Join(tags, ",")
}
