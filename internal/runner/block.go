package runner

import (
	"cmp"
	"context"
	"strings"

	"rollout/internal/playbook"
	"rollout/internal/value"
)

// items runs items one after the other on those hosts that are still in. Each
// is run on all hosts before the next begins; a strategy that lets hosts run
// ahead calls it for one host at a time.
func (b *batch) items(ctx context.Context, items []playbook.Item, hosts []*member, f frame) error {
	for i, item := range items {
		if err := ctx.Err(); err != nil {
			return err
		}
		live := live(hosts)
		if len(live) == 0 || b.broken || b.ended {
			return nil
		}
		f.next = f.follows(items[i+1:])
		var err error
		switch item := item.(type) {
		case *playbook.Task:
			err = b.task(ctx, item, live, f)
		case *playbook.Block:
			err = b.block(ctx, item, live, f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// live returns the hosts that are still in the play.
func live(hosts []*member) []*member {
	out := make([]*member, 0, len(hosts))
	for _, m := range hosts {
		if !m.failed && !m.out {
			out = append(out, m)
		}
	}
	return out
}

// block runs a block: rescue on the hosts that failed in it, always on all that
// entered it and can still be reached.
func (b *batch) block(ctx context.Context, blk *playbook.Block, hosts []*member, f frame) error {
	items := blk.Block
	if blk.Uses != nil {
		items, hosts = b.enterRole(blk, hosts)
	}
	if err := b.items(ctx, items, hosts, f.into(blk, inTasks)); err != nil || b.broken {
		return err
	}
	if blk.Uses != nil {
		leaveRole(blk.Uses, hosts)
	}
	if len(blk.Rescue) > 0 {
		if err := b.rescue(ctx, blk, hosts, f.into(blk, inRescue)); err != nil || b.broken {
			return err
		}
	}
	if len(blk.Always) > 0 {
		return b.always(ctx, blk, hosts, f.into(blk, inAlways))
	}
	return nil
}

func (b *batch) rescue(ctx context.Context, blk *playbook.Block, hosts []*member, f frame) error {
	var failed []*member
	for _, m := range hosts {
		if m.failed && !m.out {
			m.failed = false
			failed = append(failed, m)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return b.items(ctx, blk.Rescue, failed, f)
}

func (b *batch) always(ctx context.Context, blk *playbook.Block, hosts []*member, f frame) error {
	back := setAside(hosts)
	err := b.items(ctx, blk.Always, hosts, f)
	back()
	return err
}

// setAside lets hosts that failed do what is always done. back makes them failed
// again, but for those that meta: clear_host_errors forgave meanwhile.
func setAside(hosts []*member) (back func()) {
	pardons := map[*member]int{}
	for _, m := range hosts {
		if m.failed && !m.lost {
			m.failed = false
			pardons[m] = m.pardons
		}
	}
	return func() {
		for m, before := range pardons {
			if m.pardons == before {
				m.failed = true
			}
		}
	}
}

// keepFailure puts what a rescue section may ask for: which task failed, how.
func (b *batch) keepFailure(m *member, t *playbook.Task, o *outcome) {
	name := cmp.Or(o.name, t.Name)
	if t.Role != nil {
		name = strings.TrimPrefix(name, t.Role.Role.Name+" : ")
	}
	task := value.NewMap("name", name, "action", t.Action, "path", t.Pos.String(), "args", t.Args.Decode())
	b.run.state.set(m.name, "ansible_failed_task", task)
	b.run.state.set(m.name, "ansible_failed_result", o.data)
}
