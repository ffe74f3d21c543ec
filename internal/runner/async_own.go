package runner

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"sync"

	"rollout/internal/module"
	"rollout/internal/report"
	"rollout/internal/value"
)

var moduleChanged = module.Result{Changed: true}

// chores are the tasks that this run itself does in the background: those whose
// modules are no one program on the host. They end with the run at the latest:
// it waits for them.
type chores struct {
	mu   sync.Mutex
	all  map[string]*chore // by job id
	done sync.WaitGroup
}

func newChores() *chores { return &chores{all: map[string]*chore{}} }

// chore is one such task.
type chore struct {
	what   string // the task and its host, for messages
	path   string
	result *value.Map // nil while it runs
	effect []effect
	cancel context.CancelFunc
}

// startOwn starts the call's work beside the tasks that follow. What it leaves
// is kept in a file too, for other runs.
func (c *call) startOwn(ctx context.Context, job *jobFile) error {
	started, err := value.ToJSON(value.NewMap("started", 1, "finished", 0, "ansible_job_id", job.jid))
	if err != nil {
		return err
	}
	if err := job.put(ctx, started); err != nil {
		return err
	}
	r := c.job.batch.run
	bounded, cancel := limited(r.lifetime, c.async.limit)
	ch := &chore{what: fmt.Sprintf("[%s] on %s", c.job.info.Name, c.job.host.name), path: job.path, cancel: cancel}
	r.chores.mu.Lock()
	defer r.chores.mu.Unlock()
	r.chores.all[job.jid] = ch
	r.chores.done.Go(func() {
		defer cancel()
		result, effects := c.ownResult(bounded)
		if content, err := value.ToJSON(result); err == nil {
			file := *job
			if err := file.put(r.lifetime, content); err != nil {
				result.Set("warnings", []any{fmt.Sprintf("the result could not be kept in %s: %v", job.path, err)})
			}
		}
		r.chores.mu.Lock()
		defer r.chores.mu.Unlock()
		ch.result, ch.effect = result, effects
	})
	return nil
}

// ownResult does the work and returns the result as a module prints it.
func (c *call) ownResult(ctx context.Context) (*value.Map, []effect) {
	o, err := c.runModule(ctx)
	switch {
	case ctx.Err() != nil:
		return value.NewMap("failed", true, "msg", "Timeout exceeded"), nil
	case err != nil:
		return value.NewMap("failed", true, "msg", err.Error()), nil
	}
	out := o.data.Clone()
	out.Set("changed", o.changed)
	if o.failed {
		out.Set("failed", true)
	}
	return out, o.effects
}

// find returns what is known of a job of this run.
func (c *chores) find(jid string) (path string, result *value.Map, effects []effect, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := c.all[jid]
	if ch == nil {
		return "", nil, nil, false
	}
	return ch.path, ch.result, ch.effect, true
}

// forget drops a job that has ended.
func (c *chores) forget(jid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch := c.all[jid]; ch != nil && ch.result != nil {
		delete(c.all, jid)
	}
}

// give ends a job whose time is over.
func (c *chores) give(jid string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch := c.all[jid]; ch != nil {
		ch.cancel()
	}
}

// running lists the jobs that have not ended, sorted.
func (c *chores) running() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, ch := range c.all {
		if ch.result == nil {
			out = append(out, ch.what)
		}
	}
	sort.Strings(out)
	return out
}

// finish waits for all jobs of the run.
func (r *Run) finish() {
	if left := r.chores.running(); len(left) > 0 {
		r.tell(report.Warning{Text: "the run ends when its tasks in the background have ended: " + strings.Join(left, ", ")})
	}
	r.chores.done.Wait()
}
