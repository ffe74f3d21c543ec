package runner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"rollout/internal/connection"
	"rollout/internal/report"
	"rollout/internal/value"
)

// background is what async and poll say of a call, in seconds.
type background struct {
	limit int // 0: the task does not go to the background
	poll  int // 0: it is not waited for
}

// readAsync renders async and poll.
func (c *call) readAsync() error {
	t := c.job.task
	if t.Async == nil {
		return nil
	}
	var err error
	if c.async.limit, err = whole(c.scope, t.Async, "async"); err != nil {
		return err
	}
	c.async.poll = c.job.batch.run.opt.Settings.PollInterval
	if t.Poll != nil {
		c.async.poll, err = whole(c.scope, t.Poll, "poll")
	}
	return err
}

// notDetachable are the modules that do part of their work on the control
// machine, so that Ansible does not send them to the background.
var notDetachable = []string{"assemble", "copy", "fetch", "gather_facts", "raw", "script", "template", "unarchive", "wait_for_connection"}

// inBackground starts the call's work in the background, and waits for its end
// where poll is not 0.
func (c *call) inBackground(ctx context.Context) (*outcome, error) {
	switch {
	case c.action != nil, slices.ContainsFunc(notDetachable, func(n string) bool { return c.module.Name == builtin+n }):
		return failure("async is not supported for this task."), nil
	case c.check:
		return failure("check mode and async cannot be used on same task."), nil
	}
	job := jobFile{dir: c.asyncDir(), jid: fmt.Sprintf("j%012d.%d", rand.Int64N(1e12), 1000+rand.IntN(1e6))}
	if err := c.start(ctx, &job); err != nil {
		if wrong := (*programError)(nil); errors.As(err, &wrong) {
			return failure(wrong.Error()), nil
		}
		return nil, err
	}
	if c.async.poll > 0 {
		return c.follow(ctx, job)
	}
	o := newOutcome(moduleChanged)
	o.data.Update(value.NewMap("failed", 0, "started", 1, "finished", 0, "ansible_job_id", job.jid, "results_file", job.path))
	return o, nil
}

// start sets the work going: as a program that the host runs on its own where
// the module is one, else by this run.
func (c *call) start(ctx context.Context, job *jobFile) error {
	if c.module.Detach == nil {
		return c.startOwn(ctx, job)
	}
	mc, err := c.moduleCall(ctx)
	if err != nil {
		return err
	}
	program, err := c.module.Detach(mc)
	if err != nil {
		return &programError{err}
	}
	limit := c.async.limit
	if c.async.poll > 0 {
		limit += c.async.poll // the one who polls tells of the timeout
	}
	return job.launch(ctx, limit, program)
}

// programError is what is wrong with what the task asks for.
type programError struct{ err error }

func (e *programError) Error() string { return e.err.Error() }
func (e *programError) Unwrap() error { return e.err }

// follow looks every poll seconds until the job has ended. A host that cannot
// be reached meanwhile is tried again as long as the job may take.
func (c *call) follow(ctx context.Context, job jobFile) (*outcome, error) {
	last := value.NewMap()
	for left := c.async.limit; left > 0; left -= c.async.poll {
		if err := c.job.batch.run.sleep(ctx, float64(c.async.poll)); err != nil {
			return nil, err
		}
		st, err := c.status(ctx, job)
		var lost *connection.UnreachableError
		switch {
		case errors.As(err, &lost) && left > c.async.poll:
			c.job.batch.run.conns.drop(c.target)
			continue
		case err != nil:
			return nil, err
		}
		last = st.data.Clone()
		last.Delete("changed")
		if st.data.At("finished") != 0 {
			c.tellAsync(report.AsyncEnded, st)
			return st, c.eraseJob(ctx, job)
		}
		c.tellAsync(report.AsyncRunning, st)
	}
	c.job.batch.run.chores.give(job.jid)
	o := failure(fmt.Sprintf("async task did not complete within the requested time - %ds", c.async.limit))
	o.data.Set("async_result", last)
	c.tellAsync(report.AsyncEnded, o)
	return o, nil
}

// tellAsync tells the observer how a job in the background does.
func (c *call) tellAsync(at report.AsyncState, o *outcome) {
	jid := o.data.String("ansible_job_id")
	if jid == "" {
		jid = o.data.Map("async_result").String("ansible_job_id")
	}
	c.job.tell.Lock()
	defer c.job.tell.Unlock()
	c.job.batch.run.tell(report.Async{Host: hostLabel(c), JobID: jid, State: at, Failed: o.failed,
		Started: o.data.Int("started"), Finished: o.data.Int("finished")})
}

func hostLabel(c *call) string {
	if c.delegate != "" && c.delegate != c.job.host.name {
		return c.job.host.name + " -> " + c.delegate
	}
	return c.job.host.name
}

// limited bounds work by the seconds that async gives it.
func limited(ctx context.Context, seconds int) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, time.Duration(seconds)*time.Second)
}
