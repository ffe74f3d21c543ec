package runner

import (
	"rollout/internal/playbook"
	"rollout/internal/vars"
)

// frame is what surrounds the items being run.
type frame struct {
	params   []vars.Layer // of the dynamic includes that led here, outermost first
	within   *section     // the innermost block's section; nil at the top of a play
	next     part         // what hosts come to after the item being run
	after    part         // what they come to after the whole list
	handlers bool         // they are handlers
	depth    int          // of dynamic includes
	// standing is set while a task runs under a strategy that lets hosts run
	// ahead: who is still in, as it was when the task began.
	standing func() standing
}

// part names the lists of a block.
type part int

const (
	inTasks part = iota
	inRescue
	inAlways
)

// section is one list of a block, with what the block has besides.
type section struct {
	outer          *section
	part           part
	rescue, always bool
}

// into is the frame of one of a block's lists.
func (f frame) into(blk *playbook.Block, in part) frame {
	f.after = f.next
	if in != inAlways && len(blk.Always) > 0 {
		f.after = opens(inAlways, blk.Always)
	}
	if blk.Uses == nil { // a role's tasks stand for themselves
		f.within = &section{outer: f.within, part: in, rescue: len(blk.Rescue) > 0, always: len(blk.Always) > 0}
	}
	return f
}

// included is the frame of tasks that joined the play in the place of an
// include: what surrounds the include does not see them as its own.
func (f frame) included() frame {
	f.after = f.next
	f.within = &section{outer: f.within}
	f.depth++
	return f
}

// follows is the part that hosts come to next, where rest is still to be run.
func (f frame) follows(rest []playbook.Item) part {
	if len(rest) == 0 {
		return f.after
	}
	if f.within == nil {
		return inTasks
	}
	return opens(f.within.part, rest)
}

// opens is the part in which the first of the items stands: a block begins with
// tasks of its own.
func opens(in part, items []playbook.Item) part {
	if _, isBlock := items[0].(*playbook.Block); isBlock {
		return inTasks
	}
	return in
}

// rescuable tells whether a rescue section waits around the items. Of handlers
// those do not count that wait at the top of the play: ansible-core looks only
// at blocks within.
func (f frame) rescuable() bool {
	for s := f.within; s != nil; s = s.outer {
		if s.part == inTasks && s.rescue && (!f.handlers || s.outer != nil) {
			return true
		}
	}
	return false
}

// caught tells whether a failure is no error of the play yet: it is not while
// the innermost block still has a rescue or always section to come, nor while
// one around it has a rescue section to come.
func (f frame) caught() bool {
	s := f.within
	if s == nil {
		return false
	}
	if s.part == inTasks && s.rescue || s.part != inAlways && s.always {
		return true
	}
	for s = s.outer; s != nil; s = s.outer {
		if s.part == inTasks && s.rescue {
			return true
		}
	}
	return false
}

// cleans tells whether an always section is still to come.
func (f frame) cleans() bool {
	for s := f.within; s != nil; s = s.outer {
		if s.part != inAlways && s.always {
			return true
		}
	}
	return false
}
