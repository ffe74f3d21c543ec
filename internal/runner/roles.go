package runner

import (
	"rollout/internal/playbook"
)

// enterRole returns what a role's block runs, and those hosts that have not run
// the role yet.
func (b *batch) enterRole(blk *playbook.Block, hosts []*member) ([]playbook.Item, []*member) {
	use := blk.Uses
	var fresh []*member
	for _, m := range hosts {
		if use.AllowDuplicates || !m.roles[use.Key] {
			fresh = append(fresh, m)
		}
	}
	items := blk.Block
	if check := b.specTask(use); check != nil {
		items = append([]playbook.Item{check}, items...)
	}
	return items, fresh
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
