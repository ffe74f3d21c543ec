package runner

import (
	"slices"

	"rollout/internal/playbook"
)

// progress is how far a host has come with a role. A role without duplicates is
// done once it was gone through and at least one of its tasks ran.
type progress int

const (
	began progress = iota + 1 // one of its tasks ran
	done
)

// ran notes that a task ran that belongs to a role.
func (m *member) ran(t *playbook.Task) {
	if t.Role != nil && m.roles[t.Role.Key] == 0 {
		m.roles[t.Role.Key] = began
	}
}

// enterRole returns what a role's block runs, and those hosts that have not run
// the role yet.
func (b *batch) enterRole(blk *playbook.Block, hosts []*member) ([]playbook.Item, []*member) {
	use := blk.Uses
	var fresh []*member
	for _, m := range hosts {
		if use.AllowDuplicates || m.roles[use.Key] != done {
			fresh = append(fresh, m)
		}
	}
	items := blk.Block
	if check := b.specTask(use); check != nil {
		items = slices.Insert(slices.Clone(items), len(use.Dependencies), playbook.Item(check))
	}
	return items, fresh
}

// leaveRole notes that hosts came to the end of a role.
func leaveRole(use *playbook.RoleUse, hosts []*member) {
	for _, m := range live(hosts) {
		if m.roles[use.Key] == began {
			m.roles[use.Key] = done
		}
	}
}

// publicRoles are roles included with public: true, whose variables and
// handlers stay with the play.
type publicRoles struct {
	uses map[string][]*playbook.RoleUse // by host
}

func (b *batch) publicRoles(host string) []*playbook.RoleUse {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	return b.public.uses[host]
}

func (b *batch) makePublic(use *playbook.RoleUse, hosts []*member) {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	if b.public.uses == nil {
		b.public.uses = map[string][]*playbook.RoleUse{}
	}
	for _, m := range hosts {
		b.public.uses[m.name] = append(b.public.uses[m.name], use.All()...)
	}
}
