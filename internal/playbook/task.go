package playbook

import (
	"slices"
	"strings"

	"rollout/internal/document"
)

// taskOldWords are the old names of keywords that tasks and blocks may have.
var taskOldWords = []string{"sudo", "sudo_user", "sudo_exe", "sudo_flags", "su", "su_user", "always_run"}

// taskOrImport reads a task; a static import becomes a block of what it loads.
func (r *reader) taskOrImport(n *document.Node, s scope) []Item {
	t := r.task(n, s)
	if t == nil {
		return nil
	}
	switch base(t.Action) {
	case "import_tasks":
		return r.importTasks(t, s)
	case "import_role":
		return r.importRole(t, s)
	case "include_tasks":
		r.includeTasks(t)
	case "include_role":
		r.includeRole(t)
	case "include":
		return r.oldInclude(t, s)
	}
	return []Item{t}
}

// task reads one task without following imports; nil after a mistake that
// leaves no task.
func (r *reader) task(n *document.Node, s scope) *Task {
	n = r.modernize(n, taskOldWords...)
	words := taskWords()
	if s.handlers {
		words = handlerWords()
	}
	if n.Get("include") != nil {
		words = append(words, "static")
	}
	t := &Task{
		Pos: n.Pos, Node: n, Path: s.path, Play: s.play, Role: s.role, Handler: s.handlers,
		Args:    &document.Node{Kind: document.Mapping, Pos: n.Pos},
		Rescued: s.rescued,
	}
	outer := s
	t.outer = &outer
	t.Keywords = r.inherit(n, s.Keywords, "Task")
	if own := r.varMappingsQuiet(n.Get("vars")); len(own) > 0 {
		t.OwnVars = mergeMappings(own)
	}
	r.text(n, "name", &t.Name)
	ok := r.action(n, t, words)
	r.loop(n, t)
	r.results(n, t)
	if !ok {
		return nil
	}
	r.moreArguments(n.Get("args"), t)
	r.checkArguments(t)
	return t
}

// varMappingsQuiet is varMappings for what was reported before.
func (r *reader) varMappingsQuiet(n *document.Node) []*document.Node {
	return slices.DeleteFunc(slices.Clone(listOf(n)), func(m *document.Node) bool { return m.Kind != document.Mapping })
}

// results reads the keywords about a task's outcome and its repetition.
func (r *reader) results(n *document.Node, t *Task) {
	t.ChangedWhen = r.outcome("changed_when", n.Get("changed_when"))
	t.FailedWhen = r.outcome("failed_when", n.Get("failed_when"))
	t.Until = r.outcome("until", n.Get("until"))
	for _, f := range []struct {
		name string
		at   **document.Node
		ok   check
	}{
		{"retries", &t.Retries, isInt},
		{"delay", &t.Delay, isNumber},
		{"async", &t.Async, isInt},
		{"poll", &t.Poll, isInt},
	} {
		if *f.at = n.Get(f.name); *f.at != nil && (*f.at).Kind == document.Scalar && (*f.at).Value == nil {
			*f.at = nil
		}
		r.literal(f.name, *f.at, f.ok)
	}
	if reg := n.Get("register"); reg != nil {
		t.Register = reg.Text
		if reg.Kind != document.Scalar || !isIdentifier(reg.Text) {
			r.errs.Add(reg.Pos, "invalid variable name in 'register' specified: '%s'", reg.Text)
		}
	}
	if t.Handler {
		t.Listen = r.words("listen", n.Get("listen"))
	}
}

// outcome reads conditions of which an empty list differs from none; a bare
// false is a condition like any other.
func (r *reader) outcome(name string, n *document.Node) []*document.Node {
	if n != nil && n.Kind == document.Scalar && n.Value == nil {
		return nil
	}
	return r.conditions(name, n)
}

// loop reads loop, with_* and loop_control.
func (r *reader) loop(n *document.Node, t *Task) {
	for _, e := range n.Entries {
		name := e.Name()
		with, isWith := strings.CutPrefix(name, "with_")
		if name != "loop" && !isWith {
			continue
		}
		switch {
		case t.Loop != nil:
			r.errs.Add(e.Key.Pos, "duplicate loop in task: %s", name)
		case e.Value.Kind == document.Scalar && e.Value.Value == nil:
			r.errs.Add(e.Key.Pos, "you must specify a value when using %s", name)
		default:
			t.Loop = &Loop{Pos: e.Key.Pos, With: with, Value: e.Value, Var: "item"}
			if !isWith {
				t.Loop.With = ""
			}
		}
	}
	control := n.Get("loop_control")
	if control == nil {
		return
	}
	if control.Kind != document.Mapping {
		r.errs.Add(control.Pos, "the `loop_control` value must be specified as a mapping and cannot be a variable itself")
		return
	}
	loop := t.Loop
	if loop == nil {
		loop = &Loop{} // checked all the same, then dropped
	}
	r.loopControl(control, loop)
}

func (r *reader) loopControl(n *document.Node, loop *Loop) {
	r.unknown(n, []string{"loop_var", "index_var", "label", "pause", "extended", "extended_allitems"}, "LoopControl")
	for _, f := range []struct {
		name string
		at   *string
	}{{"loop_var", &loop.Var}, {"index_var", &loop.IndexVar}} {
		v := n.Get(f.name)
		r.text(n, f.name, f.at)
		if v != nil && !isTemplate(v) && !isIdentifier(v.Text) {
			r.errs.Add(v.Pos, "the value of '%s' is not a valid variable name", f.name)
		}
	}
	loop.Label, loop.Pause = n.Get("label"), n.Get("pause")
	loop.Extended, loop.ExtendedAllItems = n.Get("extended"), n.Get("extended_allitems")
	r.literal("pause", loop.Pause, isNumber)
	r.literal("extended", loop.Extended, isBool)
	r.literal("extended_allitems", loop.ExtendedAllItems, isBool)
}
