package openstack

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Flavor is a size of servers.
type Flavor struct {
	ID, Name   string
	VCPUs, RAM int // RAM in MiB
	Disk       int // GiB
	Raw        *value.Map
}

// cache keeps what was looked up during the run; each key is asked for once,
// however many ask at the same time. Failures are not kept.
type cache struct {
	mu    sync.Mutex
	slots map[string]*slot
}

type slot struct {
	turn  turn
	value any
}

func cached[T any](ctx context.Context, c *cache, key string, fetch func(context.Context) (T, error)) (T, error) {
	c.mu.Lock()
	if c.slots == nil {
		c.slots = map[string]*slot{}
	}
	s := c.slots[key]
	if s == nil {
		s = &slot{turn: newTurn()}
		c.slots[key] = s
	}
	c.mu.Unlock()
	var zero T
	if err := s.turn.take(ctx); err != nil {
		return zero, err
	}
	defer s.turn.release()
	if v, ok := s.value.(T); ok {
		return v, nil
	}
	v, err := fetch(ctx)
	if err != nil {
		return zero, err
	}
	s.value = v
	return v, nil
}

// forget drops all that is kept of a kind, after something of it was made,
// changed or deleted.
func (c *cache) forget(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.slots {
		if strings.HasPrefix(k, kind+"/") {
			delete(c.slots, k)
		}
	}
}

// Flavors returns all flavors, smallest first. Nova has no filter on names.
func (c *Cloud) Flavors(ctx context.Context) ([]Flavor, error) {
	return cached(ctx, &c.cache, "flavor/", func(ctx context.Context) ([]Flavor, error) {
		list, err := c.compute.list(ctx, "flavors/detail", nil, "flavors")
		if err != nil {
			return nil, fmt.Errorf("cannot list flavors: %w", err)
		}
		out := make([]Flavor, 0, len(list))
		for _, m := range list {
			out = append(out, Flavor{ID: m.String("id"), Name: m.String("name"), VCPUs: m.Int("vcpus"),
				RAM: m.Int("ram"), Disk: m.Int("disk"), Raw: m})
		}
		sort.SliceStable(out, func(i, j int) bool { return out[i].RAM < out[j].RAM })
		return out, nil
	})
}

// FindFlavor returns the flavor of that name or id.
func (c *Cloud) FindFlavor(ctx context.Context, nameOrID string) (Flavor, error) {
	all, err := c.Flavors(ctx)
	if err != nil {
		return Flavor{}, err
	}
	for _, f := range all {
		if f.Name == nameOrID || f.ID == nameOrID {
			return f, nil
		}
	}
	return Flavor{}, &NotFoundError{Kind: "flavor", Name: nameOrID,
		Hint: hintFrom(nameOrID, all, nil, func(f Flavor) string { return f.Name })}
}

// only returns the one element of list, or why there is no such one. hint is
// asked where there is none.
func only[T any](kind, name string, list []T, id func(T) string, hint func() string) (T, error) {
	var zero T
	switch len(list) {
	case 0:
		e := &NotFoundError{Kind: kind, Name: name}
		if hint != nil {
			e.Hint = hint()
		}
		return zero, e
	case 1:
		return list[0], nil
	}
	e := &AmbiguousError{Kind: kind, Name: name}
	for _, x := range list {
		e.IDs = append(e.IDs, id(x))
	}
	return zero, e
}

// hintFrom says what was probably meant, else what there is.
func hintFrom[T any](name string, all []T, err error, nameOf func(T) string) string {
	if err != nil || len(all) == 0 {
		return ""
	}
	var names []string
	for _, x := range all {
		names = append(names, nameOf(x))
	}
	if s := document.Suggest(name, names); s != "" {
		return s
	}
	sort.Strings(names)
	const most = 12
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return "there are: " + strings.Join(names, ", ")
}

// isID reports whether s is written as OpenStack writes ids: a UUID.
func isID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if r != '-' {
				return false
			}
		case !strings.ContainsRune("0123456789abcdefABCDEF", r):
			return false
		}
	}
	return true
}

// Forget drops what was looked up about networks, security groups and key
// pairs, for one who may not rely on what was true a while ago.
func (c *Cloud) Forget() {
	for _, kind := range []string{"network", "group", "keypair"} {
		c.cache.forget(kind)
	}
}
