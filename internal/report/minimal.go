package report

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"rollout/internal/value"
)

// Minimal prints a line or a block per result: Ansible's callback minimal, the
// output of ad hoc tasks. It is safe for concurrent use.
type Minimal struct {
	*display
	mu sync.Mutex
}

// NewMinimal returns a printer.
func NewMinimal(opt PlayOptions) *Minimal { return &Minimal{display: newDisplay(opt)} }

// Handle prints one event.
func (m *Minimal) Handle(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results(e, m.result)
}

// results shows what stands for itself, and leaves the results of whole tasks to
// show.
func (d *display) results(e Event, show func(Result)) {
	switch e := e.(type) {
	case Result:
		if !e.Item {
			show(e)
		}
	case Message:
		d.line("", e.Text)
	case Warning:
		d.warning(e)
	case Interrupted:
		d.interrupted(e)
	}
}

// speaks are the modules whose results are what a program wrote.
func speaks(action string) bool {
	name := strings.TrimPrefix(strings.TrimPrefix(action, "ansible.builtin."), "ansible.legacy.")
	return slices.Contains([]string{"command", "win_command", "shell", "win_shell", "raw"}, name)
}

func (m *Minimal) result(r Result) {
	for _, d := range r.Diffs {
		if r.Status <= Changed {
			m.raw(m.diff(d))
		}
	}
	m.moduleWarnings(r)
	color := [...]string{m.pal.Ok, m.pal.Changed, m.pal.Skip, m.pal.Error, m.pal.Unreachable}[r.Status]
	_, background := r.Data.Get("ansible_job_id")
	_, broken := r.Data.Get("module_stderr")
	switch {
	case r.Status == Skipped:
		m.line(color, r.Host+" | SKIPPED")
	case r.Status == Unreachable:
		m.line(color, r.Host+" | UNREACHABLE! => "+m.block(r))
	case r.Status == Failed && speaks(r.Task.Action) && !broken:
		m.to(m.opt.Out, color, spoken(r, "FAILED"))
	case r.Status == Failed:
		m.line(color, r.Host+" | FAILED! => "+m.block(r))
	case speaks(r.Task.Action) && !background:
		m.line(color, spoken(r, word(r.Status)))
	default:
		m.line(color, r.Host+" | "+word(r.Status)+" => "+m.block(r))
	}
}

// word is what an ad hoc result that did not fail is called.
func word(s Status) string {
	if s == Changed {
		return "CHANGED"
	}
	return "SUCCESS"
}

// block is a result in lines to be read.
func (m *Minimal) block(r Result) string {
	r.Always = true
	return m.dump(r, r.Debug)
}

// spoken is what a program wrote, below how it ended.
func spoken(r Result, caption string) string {
	return fmt.Sprintf("%s | %s | rc=%v >>\n%s%s%s", r.Host, caption, exitCode(r.Data),
		r.Data.String("stdout"), r.Data.String("stderr"), r.Data.String("msg"))
}

func exitCode(data *value.Map) any {
	if rc, ok := data.Get("rc"); ok {
		return rc
	}
	return -1
}
