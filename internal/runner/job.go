package runner

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// job is one task on one host, with all items of its loop.
type job struct {
	batch *batch
	host  *member
	task  *playbook.Task
	info  report.Task
	frame frame
	tell  *sync.Mutex
	scope *vars.Scope
	noLog bool
	local *value.Map // variables set by the items before
}

// run returns how the task ended. The error is for what ends the whole run:
// the context's end. All else is a failed outcome.
func (j *job) run(ctx context.Context) (*outcome, error) {
	j.batch.run.running.start(j.host.name, j.info.Name)
	j.batch.run.tell(report.HostStart{Task: j.info, Host: j.host.name})
	defer j.batch.run.running.end(ctx, j.host.name)
	o, err := j.attempt(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		o = j.failed(err)
	}
	if o.failed || o.unreachable {
		if o.ignored, err = j.ignores(o); err != nil {
			o.data.Set("msg", j.failed(err).data.String("msg"))
		}
	}
	o.bare = j.isDebug()
	return o.sealed(), nil
}

func (j *job) attempt(ctx context.Context) (*outcome, error) {
	var err error
	if j.scope, err = j.batch.scope(ctx, j.host.name, j.task, j.frame); err != nil {
		return nil, err
	}
	if err = j.secrecy(j.scope); err != nil && (j.task.Loop == nil || !isUndefined(err)) {
		return nil, err // what names the item is known with it
	}
	if j.task.Loop != nil {
		return j.loop(ctx)
	}
	return j.one(ctx, j.scope)
}

// secrecy finds out whether the task's results are hidden.
func (j *job) secrecy(s *vars.Scope) error {
	hide, err := truth(s, j.task.NoLog, "no_log")
	j.noLog = hide || j.task.NoLog == nil && j.batch.run.opt.Settings.NoLog
	return err
}

// failed makes an error the result of the task.
func (j *job) failed(err error) *outcome {
	var undefined *template.UndefinedError
	msg := err.Error()
	if errors.As(err, &undefined) {
		msg = "The task includes an option with an undefined variable. The error was: " + msg
	}
	o := failure(fmt.Sprintf("%s\n\nThe error appears to be in %s", msg, j.task.Pos))
	if broken, ok := err.(*template.RuntimeError); ok {
		o = failure(broken.Error()) // as Ansible has it: playbooks compare it
	}
	var conditional *conditionError
	if errors.As(err, &conditional) {
		o = failure(fmt.Sprintf("%s\n\nThe error appears to be in %s", conditional.Error(), j.task.Pos))
	}
	o.noLog, o.aborted, o.name = j.noLog, true, j.name()
	o.delegate = ""
	return o
}

// name is the task's own, rendered where that can be done.
func (j *job) name() string {
	if j.scope != nil {
		if v, err := j.scope.Evaluate(j.task.Name); err == nil {
			return text(v)
		}
	}
	return j.task.Name
}

func (j *job) ignores(o *outcome) (bool, error) {
	if o.unreachable {
		return truth(j.scope, j.task.IgnoreUnreachable, "ignore_unreachable")
	}
	return truth(j.scope, j.task.IgnoreErrors, "ignore_errors")
}

// one runs the task once, for the host or for one item.
func (j *job) one(ctx context.Context, s *vars.Scope) (*outcome, error) {
	ok, why, err := j.batch.conditions(ctx, s, j.task.When)
	if err != nil {
		return nil, err
	}
	if !ok {
		return j.skipped(why), nil
	}
	c, err := j.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	o, err := c.repeat(ctx)
	if err != nil {
		return nil, err
	}
	o.noLog, o.delegate, o.address, o.name, o.notify = o.noLog || j.noLog, c.delegate, c.target.Address, c.name, c.notify
	return o, nil
}

func (j *job) skipped(string) *outcome {
	o := failure("")
	o.failed, o.skipped = false, true
	o.data.Delete("msg")
	o.noLog = j.noLog
	o.data.Set("skipped", true)
	o.data.Set("skip_reason", "Conditional result was False")
	return o
}

func (j *job) isDebug() bool {
	act, _ := j.batch.run.callables.find(j.task.Action, j.task.Collections)
	return act != nil && act.module.Name == builtin+"debug"
}
