package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollout/internal/connection"
	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/report"
	"rollout/internal/runner/lookup"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// call is a task ready to run once: its arguments rendered and checked, the
// place to run it known.
type call struct {
	job      *job
	scope    *vars.Scope
	action   *action
	module   *module.Module
	args     *value.Map
	given    *value.Map // the arguments as they were given, before defaults and aliases
	free     string
	check    bool
	diff     bool
	env      map[string]string
	delegate string // "" for the host itself
	target   Target
	become   *connection.Become
	limit    time.Duration // timeout; 0 is none
	name     string        // the task's own, rendered
	notify   []notification
	async    background
}

// prepare renders what the task says.
func (j *job) prepare(ctx context.Context, s *vars.Scope) (*call, error) {
	b := j.batch
	c := &call{job: j, scope: s}
	var err error
	if j.task, err = called(s, j.task); err != nil {
		return nil, err
	}
	c.action, c.module = b.run.callables.find(j.task.Action, j.task.Collections)
	if c.action == nil && c.module == nil {
		return nil, &document.Error{Pos: j.task.ActionPos, Message: fmt.Sprintf("unknown module %q", j.task.Action)}
	}
	if c.check, err = b.taskCheckMode(s, j.task); err != nil {
		return nil, err
	}
	if c.diff, err = b.taskDiff(s, j.task); err != nil {
		return nil, err
	}
	if err := c.where(ctx); err != nil { // before the arguments, which may name the host's address
		return nil, err
	}
	if err := c.arguments(); err != nil {
		return nil, err
	}
	if c.env, err = b.environment(s, j.task); err != nil {
		return nil, err
	}
	if err := c.readAsync(); err != nil {
		return nil, err
	}
	if c.notify, err = c.notifications(); err != nil {
		return nil, err
	}
	if v, err := s.Evaluate(j.task.Name); err == nil {
		c.name = text(v)
	}
	if j.task.Timeout != nil {
		seconds, err := number(s, j.task.Timeout, "timeout")
		if err != nil {
			return nil, err
		}
		c.limit = time.Duration(seconds * float64(time.Second))
	} else {
		c.limit = time.Duration(b.run.opt.Settings.TaskTimeout) * time.Second
	}
	return c, nil
}

// schema is what the call accepts.
func (c *call) schema() module.Schema {
	if c.action != nil {
		return c.action.module.Args
	}
	return c.module.Args
}

// repeat runs the call until the task's until holds, retries times at most.
func (c *call) repeat(ctx context.Context) (*outcome, error) {
	t := c.job.task
	tries, err := c.tries()
	if err != nil {
		return nil, err
	}
	delay := 5.0
	if t.Delay != nil {
		if delay, err = number(c.scope, t.Delay, "delay"); err != nil {
			return nil, err
		}
	}
	for try := 1; ; try++ {
		o, s, err := c.once(ctx, try)
		if err != nil || len(t.Until) == 0 {
			return o, err
		}
		if tries == 1 {
			return o, nil
		}
		done, err := c.satisfied(ctx, s, o)
		if err != nil || done || o.unreachable {
			return o, err
		}
		if try == tries {
			o.data.Set("attempts", tries-1)
			o.data.Set("failed", true)
			if len(t.FailedWhen) == 0 { // failed_when has the last word on how the task is seen
				o.failed = true
			}
			return o, nil
		}
		c.tellRetry(o, try, tries)
		if err := c.job.batch.run.sleep(ctx, max(delay, 0)); err != nil {
			return nil, err
		}
	}
}

// tries counts the first run and the retries.
func (c *call) tries() (int, error) {
	t := c.job.task
	switch {
	case len(t.Until) == 0: // retries alone does nothing in ansible-core 2.14
		return 1, nil
	case t.Retries == nil:
		return 4, nil
	}
	n, err := whole(c.scope, t.Retries, "retries")
	return 1 + max(n, 0), err
}

func (c *call) satisfied(ctx context.Context, s *vars.Scope, o *outcome) (bool, error) {
	ok, _, err := c.job.batch.conditions(ctx, s, c.job.task.Until)
	return ok, err
}

func (c *call) tellRetry(o *outcome, try, tries int) {
	o.data.Set("retries", tries)
	e := report.Retry{Task: c.job.info, Host: c.job.host.name, Delegate: c.delegate, Address: c.target.Address, Left: tries - try, Data: o.shown()}
	if c.job.noLog {
		e.Data = value.NewMap("censored", censoredText)
	}
	c.job.tell.Lock()
	defer c.job.tell.Unlock()
	c.job.batch.run.tell(e)
}

// once runs the call for the try'th time and applies changed_when and
// failed_when, which see how often it ran where there is an until. The scope
// returned knows the result under its registered name.
func (c *call) once(ctx context.Context, try int) (*outcome, *vars.Scope, error) {
	o, err := c.execute(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !c.diff {
		o.diffs = nil
	}
	o.sealed()
	if len(c.job.task.Until) > 0 {
		o.data.Set("attempts", try)
	}
	s := c.scope.With(vars.Layer{Level: vars.Local, Values: c.visible(o), Data: true})
	if o.unreachable || o.skipped {
		return o, s, nil
	}
	if err := c.verdicts(ctx, s, o); err != nil {
		return nil, nil, err
	}
	return o, s, nil
}

// visible is what changed_when, failed_when and until see of the result.
func (c *call) visible(o *outcome) *value.Map {
	m := value.NewMap()
	for _, e := range o.effects {
		if e.fixed != nil {
			m.Update(e.fixed)
		}
		if e.facts != nil {
			m.Update(cleanFacts(e.facts))
		}
	}
	if c.job.task.Register != "" {
		m.Set(c.job.task.Register, o.data)
	}
	return m
}

// verdicts applies changed_when and failed_when. A condition that cannot be
// evaluated fails the task, whose result is kept.
func (c *call) verdicts(ctx context.Context, s *vars.Scope, o *outcome) error {
	t, b := c.job.task, c.job.batch
	if len(t.ChangedWhen) > 0 {
		ok, _, err := b.conditions(ctx, s, t.ChangedWhen)
		if err != nil {
			return o.undecided(ctx, "changed_when_result", err)
		}
		o.changed = ok
		o.data.Set("changed", ok)
	}
	if len(t.FailedWhen) > 0 {
		ok, _, err := b.conditions(ctx, s, t.FailedWhen)
		if err != nil {
			return o.undecided(ctx, "failed_when_result", err)
		}
		o.failed = ok
		o.data.Set("failed", ok)
		o.data.Set("failed_when_result", ok)
	}
	return nil
}

// execute runs the action or module. A host that can't be reached is an
// outcome, not an error.
func (c *call) execute(ctx context.Context) (*outcome, error) {
	if c.limit > 0 {
		limited, cancel := context.WithTimeout(ctx, c.limit)
		defer cancel()
		o, err := c.dispatch(limited)
		if limited.Err() != nil && ctx.Err() == nil {
			return failure(fmt.Sprintf("The %s action failed to execute in the expected time frame (%v) and was terminated", c.job.task.Action, c.limit.Seconds())), nil
		}
		return c.reached(o, err)
	}
	return c.reached(c.dispatch(ctx))
}

func (c *call) dispatch(ctx context.Context) (*outcome, error) {
	switch {
	case c.async.limit > 0:
		return c.inBackground(ctx)
	case c.action != nil:
		return c.action.run(ctx, c)
	}
	return c.runModule(ctx)
}

func (c *call) reached(o *outcome, err error) (*outcome, error) {
	var lost *connection.UnreachableError
	if errors.As(err, &lost) {
		o = &outcome{data: value.NewMap("changed", false, "msg", err.Error(), "unreachable", true), unreachable: true}
		c.job.batch.run.conns.drop(c.target)
		return o, nil
	}
	return o, err
}

// runModule connects, if the module needs it, and runs the module.
func (c *call) runModule(ctx context.Context) (*outcome, error) {
	mc, err := c.moduleCall(ctx)
	if err != nil {
		return nil, err
	}
	res, err := c.module.Run(ctx, mc)
	c.job.batch.run.tell(report.Progress{Host: c.job.host.name, Task: c.job.info.Name})
	if err != nil {
		var lost *connection.UnreachableError
		if errors.As(err, &lost) || ctx.Err() != nil {
			return nil, err
		}
		res.Failed = true
		res.Msg = err.Error()
	}
	c.job.batch.run.secrets.add(res.Secret...)
	o := newOutcome(res)
	c.delegateFacts(o)
	return o, nil
}

func (c *call) moduleCall(ctx context.Context) (*module.Call, error) {
	b := c.job.batch
	mc := &module.Call{Args: c.args, FreeForm: c.free, HostName: c.job.host.name, Env: c.env, Become: c.become,
		Check: c.check, Diff: c.diff, Verbose: b.run.opt.Verbosity}
	mc.Files = c.files()
	mc.Render = c.render
	mc.Progress = func(text string) {
		b.run.running.progress(c.job.host.name, text)
		b.run.tell(report.Progress{Host: c.job.host.name, Task: c.job.info.Name, Text: text})
	}
	mc.Connect = func(ctx context.Context) (connection.Host, error) {
		b.run.conns.drop(c.target)
		return b.run.conns.get(ctx, c.target)
	}
	if !c.module.NeedsHost {
		return mc, nil
	}
	host, err := b.run.conns.get(ctx, c.target)
	mc.Host = host
	return mc, err
}

// render implements module.Call.Render: name is the template's file.
func (c *call) render(ctx context.Context, name, text string, extra *value.Map) (string, error) {
	own, err := lookup.FileVariables(c.args.String("src"), name, c.args.String("dest"), c.job.batch.run.opt.Settings.Managed)
	if err != nil {
		return "", err
	}
	own.Update(extra)
	s := c.scope.With(vars.Layer{Level: vars.Local, Values: own, Data: true})
	t, err := c.job.batch.run.engine.Compile(name, text)
	if err != nil {
		return "", err
	}
	return t.Render(c.job.batch.run.withIncludes(ctx, name, s), s)
}

// delegateFacts keeps facts for the host that the task ran on, where asked for.
func (c *call) delegateFacts(o *outcome) {
	if c.delegate == "" || c.job.task.DelegateFacts == nil {
		return
	}
	if yes, err := truth(c.scope, c.job.task.DelegateFacts, "delegate_facts"); err != nil || !yes {
		return
	}
	for i := range o.effects {
		o.effects[i].onHost = c.delegate
	}
}
