package cloud

import (
	"context"
	"net/url"

	"rollout/internal/module"
	"rollout/internal/openstack"
	"rollout/internal/value"
)

func projectArg() module.Arg {
	return module.Arg{Name: "project", Doc: "name or id of the project it belongs to; another than the session's own takes an administrator"}
}

// project returns the id of the project that the task names, or "" for the
// session's own.
func (t *task) project(ctx context.Context) (string, error) {
	name := t.text("project")
	if name == "" {
		return "", nil
	}
	id, err := t.cloud.FindProject(ctx, name, "")
	if id == t.cloud.ProjectID() {
		id = ""
	}
	return id, err
}

func setProject(a attributes, project string) {
	if project != "" {
		a.Set("project_id", project)
	}
}

// theirs finds a thing as find does, or, where project is not empty, among that
// project's.
func theirs[T any](ctx context.Context, t *task, kind, name, project string, find func(context.Context, string) (T, error),
	list func(context.Context, url.Values) ([]T, error), id func(T) string) (T, error) {
	if project == "" {
		return find(ctx, name)
	}
	var zero T
	found, err := list(ctx, url.Values{"name": {name}, "project_id": {project}})
	switch {
	case err != nil:
		return zero, err
	case len(found) == 0:
		return zero, &openstack.NotFoundError{Kind: kind, Name: name, Hint: "in project " + t.text("project")}
	case len(found) == 1:
		return found[0], nil
	}
	e := &openstack.AmbiguousError{Kind: kind, Name: name}
	for _, x := range found {
		e.IDs = append(e.IDs, id(x))
	}
	return zero, e
}

// unordered takes lists for sets: where those that are wanted are there, in
// whatever order and with whatever Neutron adds to each, what is there is
// wanted.
func unordered(want attributes, have *value.Map) attributes {
	out := value.NewMap()
	for k, v := range want.All() {
		got := have.At(k)
		if list, ok := v.([]any); ok {
			if there, ok := got.([]any); ok && covers(there, list) {
				v = got
			}
		}
		if m, ok := v.(*value.Map); ok {
			if there, ok := got.(*value.Map); ok && has(there, m) {
				v = got
			}
		}
		out.Set(k, v)
	}
	return out
}

// covers reports whether each wanted element is one of have, and no other is there.
func covers(have, want []any) bool {
	if len(have) != len(want) {
		return false
	}
	taken := make([]bool, len(have))
	for _, w := range want {
		found := false
		for i, h := range have {
			if !taken[i] && alike(h, w) {
				taken[i], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func alike(have, want any) bool {
	w, isMap := want.(*value.Map)
	h, both := have.(*value.Map)
	if isMap && both {
		return has(h, w)
	}
	return value.Equal(have, want)
}
