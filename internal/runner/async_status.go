package runner

import (
	"context"

	"rollout/internal/module"
	"rollout/internal/value"
)

func asyncStatusAction() *action {
	return &action{
		module: &module.Module{Name: builtin + "async_status", Summary: "Tell how a task in the background does.", Args: module.Schema{
			Args: []module.Arg{
				{Name: "jid", Required: true, Doc: "The job: what the task returned as ansible_job_id."},
				{Name: "mode", Default: "status", Choices: []string{"status", "cleanup"}, Doc: "`cleanup` deletes the job's file."},
			},
		}},
		run: asyncStatus,
	}
}

func asyncStatus(ctx context.Context, c *call) (*outcome, error) {
	if c.check {
		o := newOutcome(module.Result{Skipped: true, Msg: "remote module (ansible.legacy.async_status) does not support check mode"})
		return o, nil
	}
	job := jobFile{dir: c.asyncDir(), jid: c.args.String("jid")}
	if c.args.String("mode") == "cleanup" {
		return c.cleanJob(ctx, job)
	}
	return c.status(ctx, job)
}

// jobData is what every answer about a job holds.
func jobData(jid string) *value.Map {
	return value.NewMap("ansible_job_id", jid, "started", 1, "finished", 0,
		"stdout", "", "stderr", "", "stdout_lines", []any{}, "stderr_lines", []any{})
}

// status tells how a job does: one of this run, or one whose file is there.
func (c *call) status(ctx context.Context, job jobFile) (*outcome, error) {
	if path, result, effects, own := c.job.batch.run.chores.find(job.jid); own {
		job.path = path
		o := jobOutcome(job, result)
		o.effects = effects
		return o, nil
	}
	content, err := job.get(ctx)
	if err == nil && content == nil && localJob(job.jid) {
		job.dir = ownFolder{asyncFolder}
		content, err = job.get(ctx)
	}
	if err != nil {
		return nil, err
	}
	if content == nil {
		return missingJob(job), nil
	}
	v, err := value.FromJSON(content)
	result, ok := v.(*value.Map)
	if err != nil || !ok || result.Int("started") == 1 {
		result = nil
	}
	return jobOutcome(job, result), nil
}

func missingJob(job jobFile) *outcome {
	o := failure("could not find job")
	o.data.Update(jobData(job.jid))
	o.data.Set("finished", 1)
	o.data.Set("results_file", job.path)
	return o
}

// jobOutcome is the answer about a job whose result is known, or nil.
func jobOutcome(job jobFile, result *value.Map) *outcome {
	o := newOutcome(module.Result{Changed: result.Bool("changed")})
	o.data.Update(jobData(job.jid))
	o.data.Set("results_file", job.path)
	if result == nil {
		o.aborted = true // it says nothing of changes
		return o
	}
	for k, v := range result.All() {
		if k != "invocation" {
			o.data.Set(k, v)
		}
	}
	o.data.Set("finished", 1)
	for _, name := range []string{"stdout", "stderr"} {
		o.data.Set(name+"_lines", module.Lines(o.data.String(name)))
	}
	failed, said := result.Get("failed")
	o.failed = value.Truthy(failed) || !said && result.Int("rc") != 0
	if facts := result.Map("ansible_facts"); facts.Len() > 0 {
		o.effects = append(o.effects, effect{facts: facts})
	}
	return o
}

// cleanJob deletes a job's file.
func (c *call) cleanJob(ctx context.Context, job jobFile) (*outcome, error) {
	there, err := job.erase(ctx)
	if err == nil && !there && localJob(job.jid) {
		job.dir = ownFolder{asyncFolder}
		there, err = job.erase(ctx)
	}
	if err != nil {
		return nil, err
	}
	c.job.batch.run.chores.forget(job.jid)
	if !there {
		return missingJob(job), nil
	}
	o := newOutcome(module.Result{})
	o.data.Update(jobData(job.jid))
	o.data.Set("started", 0)
	o.data.Set("erased", job.path)
	return o, nil
}

// eraseJob deletes the file of a job that was waited for.
func (c *call) eraseJob(ctx context.Context, job jobFile) error {
	c.job.batch.run.chores.forget(job.jid)
	_, err := job.erase(ctx)
	return err
}
