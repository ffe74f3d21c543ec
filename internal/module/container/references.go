package container

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/docker"
)

// observeLinks finds out which links of the container are dead: those whose
// target was made anew since, so that the container holds the address and the
// environment of one that is gone. Links on networks that somebody made are
// names, which the engine looks up when they are used.
func (j *job) observeLinks(ctx context.Context) error {
	i := slices.IndexFunc(j.spec.Settings, func(s docker.Setting) bool { return s.Option == "links" })
	if i < 0 {
		return nil
	}
	links, _ := j.spec.Settings[i].Want.([]any)
	if len(links) == 0 {
		return nil
	}
	targets := make([]string, len(links))
	for k, link := range links {
		targets[k], _ = cutListed(link)
	}
	names, err := j.engine.Names(ctx, targets)
	if err != nil {
		return err
	}
	for _, t := range targets {
		if names[t] == nil && !j.call.Check { // check mode has not made it
			return fmt.Errorf("cannot link container %s to %s: there is no container %s on %s (make it first)",
				j.spec.Name, t, t, j.engine.HostName())
		}
	}
	if j.have != nil {
		j.seen = j.have.WithoutLinks(func(link any) bool {
			target, alias := cutListed(link)
			return !slices.Contains(names[target], alias)
		})
	}
	return nil
}

// cutListed splits a link as the engine lists it, /target:/consumer/alias, into
// the target and the name that it gives the target.
func cutListed(link any) (target, name string) {
	target, name, _ = strings.Cut(fmt.Sprint(link), ":")
	return strings.TrimPrefix(target, "/"), strings.TrimPrefix(name, "/")
}

// resolveNamespaces turns container:NAME into container:ID, the form in which
// the engine keeps it.
func (j *job) resolveNamespaces(ctx context.Context) error {
	for i, s := range j.spec.Settings {
		switch s.Path {
		case "HostConfig.NetworkMode", "HostConfig.IpcMode", "HostConfig.PidMode":
		default:
			continue
		}
		name, ok := strings.CutPrefix(fmt.Sprint(s.Want), "container:")
		if !ok {
			continue
		}
		other, err := j.engine.Container(ctx, name)
		if err != nil {
			return err
		}
		if other == nil {
			return fmt.Errorf("cannot make container %s: its %s names container %s, which is not on %s", j.spec.Name, s.Option, name, j.engine.HostName())
		}
		j.spec.Settings[i].Want = "container:" + other.ID()
	}
	return nil
}
