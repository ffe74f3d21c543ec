package runner

import (
	"context"
	"errors"
	"fmt"

	"rollout/internal/playbook"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// loop runs the task once per item. The result holds all of theirs.
func (j *job) loop(ctx context.Context) (*outcome, error) {
	items, err := j.batch.loopItems(ctx, j.scope, j.task)
	if err != nil {
		// A loop over what does not exist is no failure where when is false.
		if ok, why, cerr := j.batch.conditions(ctx, j.scope, j.task.When); cerr == nil && !ok {
			return j.skipped(why), nil
		}
		return nil, err
	}
	if len(items) == 0 {
		o := j.skipped("")
		o.loop = true
		o.data = value.NewMap("changed", false, "skipped_reason", "No items in the list", "results", []any{})
		return o, nil
	}
	if err := j.nameLoop(); err != nil {
		return nil, err
	}
	sum := &outcome{data: value.NewMap(), loop: true, noLog: j.noLog, skipped: true}
	results := make([]any, 0, len(items))
	j.local = value.NewMap()
	for i, item := range items {
		o, err := j.item(ctx, items, i, item)
		if err != nil {
			return nil, err
		}
		results = append(results, o.data)
		sum.add(o)
	}
	sum.data.Set("results", results)
	sum.data.Set("msg", sum.verdict())
	sum.data.Set("changed", sum.changed)
	sum.data.Set("skipped", sum.skipped)
	return sum, nil
}

// nameLoop evaluates loop_var and index_var, which may be templates.
func (j *job) nameLoop() error {
	loop, task := *j.task.Loop, *j.task
	if !template.IsTemplate(loop.Var) && !template.IsTemplate(loop.IndexVar) {
		return nil
	}
	for _, name := range []*string{&loop.Var, &loop.IndexVar} {
		v, err := j.scope.Evaluate(*name)
		if err != nil {
			return fmt.Errorf("cannot tell the name of the loop's variable: %w", err)
		}
		*name = text(v)
	}
	task.Loop = &loop
	j.task = &task
	return nil
}

// add merges an item's outcome into the loop's.
func (o *outcome) add(item *outcome) {
	o.changed = o.changed || item.changed
	o.failed = o.failed || item.failed
	o.unreachable = o.unreachable || item.unreachable
	o.skipped = o.skipped && item.skipped
	o.effects = append(o.effects, item.effects...)
	o.includes = append(o.includes, item.includes...)
	o.noLog = o.noLog || item.noLog
	o.delegate, o.address = item.delegate, item.address
	if !item.skipped {
		o.skipped = false
		o.notify = append(o.notify, item.notify...)
		o.name = item.name
	}
}

func (o *outcome) verdict() string {
	switch {
	case o.unreachable:
		return "One or more items were unreachable"
	case o.failed:
		return "One or more items failed"
	case o.skipped:
		return "All items skipped"
	}
	return "All items completed"
}

// item runs the task for one item and tells how it ended.
func (j *job) item(ctx context.Context, items []any, i int, item any) (*outcome, error) {
	loop := j.task.Loop
	local := j.local.Clone()
	local.Set(loop.Var, item)
	local.Set("ansible_loop_var", loop.Var)
	if loop.IndexVar != "" {
		local.Set(loop.IndexVar, i)
		local.Set("ansible_index_var", loop.IndexVar)
	}
	s := j.scope.With(vars.Layer{Level: vars.Local, Values: local, Data: true})
	if err := j.extend(s, local, items, i); err != nil {
		return nil, err
	}
	if i > 0 {
		if err := j.pause(ctx, s); err != nil {
			return nil, err
		}
	}
	if err := j.secrecy(s); err != nil {
		return nil, err
	}
	o, err := j.one(ctx, s)
	switch {
	case errors.Is(err, template.ErrZeroDivision): // ends the item only, as in Ansible
		o = failure(err.Error())
		o.aborted = true
	case err != nil: // ends the loop; what the items before did is told
		return nil, err
	}
	j.remember(o)
	for _, inc := range o.includes {
		inc.params = local
		if inc.label, err = j.label(s, item); err != nil {
			inc.label = text(item)
		}
	}
	o.data.Set(loop.Var, item)
	o.data.Set("ansible_loop_var", loop.Var)
	if loop.IndexVar != "" {
		o.data.Set(loop.IndexVar, i)
		o.data.Set("ansible_index_var", loop.IndexVar)
	}
	o.sealed()
	return o, j.tellItem(s, o, item)
}

// remember lets later items see what this one set, as set_fact in a loop does.
func (j *job) remember(o *outcome) {
	for _, e := range o.effects {
		if e.fixed != nil {
			j.local.Update(e.fixed)
		}
		if e.facts != nil {
			j.local.Update(cleanFacts(e.facts))
		}
	}
}

// tellItem tells the observer of one item's end.
func (j *job) tellItem(s *vars.Scope, o *outcome, item any) error {
	if len(o.includes) > 0 && !o.failed {
		return nil
	}
	label, err := j.label(s, item)
	if err != nil {
		label = text(item)
	}
	if o.noLog {
		label = "None"
	}
	o.bare = j.isDebug()
	e := o.event(j.info, j.host.name)
	e.Item, e.Label = true, label
	if o.failed || o.unreachable {
		e.Ignored, _ = j.ignores(o) // a mistake in it is reported with the loop's result
	}
	j.tell.Lock()
	defer j.tell.Unlock()
	j.batch.run.tell(e)
	return nil
}

func (j *job) label(s *vars.Scope, item any) (string, error) {
	if j.task.Loop.Label == nil {
		return text(item), nil
	}
	v, err := evaluate(s, j.batch.run, j.task.Loop.Label)
	return text(v), err
}

// extend adds ansible_loop where loop_control asks for it.
func (j *job) extend(s *vars.Scope, local *value.Map, items []any, i int) error {
	extended, err := truth(s, j.task.Loop.Extended, "extended")
	if err != nil || !extended {
		return err
	}
	n := len(items)
	info := value.NewMap("index", i+1, "index0", i, "first", i == 0, "last", i == n-1,
		"length", n, "revindex", n-i, "revindex0", n-i-1)
	all := true
	if j.task.Loop.ExtendedAllItems != nil {
		if all, err = truth(s, j.task.Loop.ExtendedAllItems, "extended_allitems"); err != nil {
			return err
		}
	}
	if all {
		info.Set("allitems", items)
	}
	if i > 0 {
		info.Set("previtem", items[i-1])
	}
	if i < n-1 {
		info.Set("nextitem", items[i+1])
	}
	local.Set("ansible_loop", info)
	return nil
}

// pause waits between items where loop_control says so.
func (j *job) pause(ctx context.Context, s *vars.Scope) error {
	if j.task.Loop.Pause == nil {
		return nil
	}
	seconds, err := number(s, j.task.Loop.Pause, "pause")
	if err != nil {
		return err
	}
	return j.batch.run.sleep(ctx, seconds)
}

// loopItems evaluates what a task loops over.
func (b *batch) loopItems(ctx context.Context, s *vars.Scope, t *playbook.Task) ([]any, error) {
	l := t.Loop
	if l.With != "" {
		return b.lookupItems(ctx, s, l, t.Action)
	}
	v, err := evaluate(s, b.run, l.Value)
	if err != nil {
		return nil, err
	}
	items, ok := listOf(lists(v))
	if !ok {
		return nil, fmt.Errorf("cannot loop: 'loop' requires a list, got this instead: %s "+
			"(of a mapping take its items with dict2items; of a lookup ask with query)", text(v))
	}
	return items, nil
}

// lists makes every tuple a list: tasks know no tuples.
func lists(v any) any {
	switch x := v.(type) {
	case value.Tuple:
		return lists([]any(x))
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = lists(e)
		}
		return out
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			out.Set(k, lists(e))
		}
		return out
	}
	return v
}

func listOf(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case value.Tuple:
		return x, true
	}
	return nil, false
}
