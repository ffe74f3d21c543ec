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
		if b.allowsDuplicates(use) || m.roles[use.Key] != done {
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

// brought is what includes have brought to the play so far.
type brought struct {
	uses       []*playbook.RoleUse // roles whose variables stay with the play, with their dependencies
	duplicates map[string]bool     // by role key: whether the last include of it allows duplicates
}

// newBrought is what a play begins with.
func newBrought(p *playbook.Play) *brought {
	j := &brought{duplicates: map[string]bool{}}
	for _, use := range p.Imported {
		j.duplicates[use.Key] = use.AllowDuplicates
	}
	return j
}

func (b *batch) publicRoles() []*playbook.RoleUse {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	if b.brought == nil {
		return nil // the play is only listed
	}
	return b.brought.uses
}

// bring keeps what an include brought: a role that is public, and those that it
// imports, which always are.
func (b *batch) bring(use *playbook.RoleUse, public bool) {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	b.brought.duplicates[use.Key] = use.AllowDuplicates
	if public {
		b.brought.uses = append(slices.Clip(b.brought.uses), use.All()...)
	}
}

// allowsDuplicates tells whether a role may run again on hosts that ran it.
func (b *batch) allowsDuplicates(use *playbook.RoleUse) bool {
	b.run.publicMu.Lock()
	defer b.run.publicMu.Unlock()
	if allowed, ok := b.brought.duplicates[use.Key]; ok && use.Included {
		return allowed
	}
	return use.AllowDuplicates
}

// bringImported keeps the roles that items loaded at run time import.
func (b *batch) bringImported(items []playbook.Item) {
	for _, use := range playbook.ImportedRoles(items) {
		b.addHandlers(use)
		b.bring(use, true)
	}
}
