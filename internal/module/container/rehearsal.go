package container

import (
	"slices"
	"sync"

	"rollout/internal/docker"
)

// rehearsal remembers which containers check mode would have removed or made
// anew, so that it also foretells what that does to those linked to them. A run
// of its own needs none: it sees the links gone.
type rehearsal struct {
	mu   sync.Mutex
	gone map[ofEngine]bool
}

type ofEngine struct {
	engine *docker.Engine
	name   string
}

func (r *rehearsal) note(e *docker.Engine, name string, plan docker.Plan) {
	if !slices.ContainsFunc(plan.Steps, func(s docker.Step) bool { return s.Do == docker.DoRemove }) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone == nil {
		r.gone = map[ofEngine]bool{}
	}
	r.gone[ofEngine{e, name}] = true
}

// without is the container as it would be: its links to those containers are
// dead.
func (r *rehearsal) without(e *docker.Engine, c *docker.Container) *docker.Container {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c == nil || len(r.gone) == 0 {
		return c
	}
	dead := func(link any) bool {
		target, _ := cutListed(link)
		return r.gone[ofEngine{e, target}]
	}
	return c.WithoutLinks(dead)
}
