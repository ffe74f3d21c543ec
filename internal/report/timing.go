package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Observers hands every event to all of them, in order.
type Observers []interface{ Handle(e Event) }

// Handle hands one event on.
func (o Observers) Handle(e Event) {
	for _, one := range o {
		one.Handle(e)
	}
}

// Quiet shows nothing but warnings and what ended the run: the callback null.
type Quiet struct{ *display }

// NewQuiet returns one.
func NewQuiet(opt PlayOptions) Quiet { return Quiet{newDisplay(opt)} }

// Handle takes one event.
func (q Quiet) Handle(e Event) {
	if w, ok := e.(Warning); ok {
		q.warning(w)
	}
}

// Timer tells at the end how long the run took: ansible.posix's callback timer.
type Timer struct {
	*display
	now   func() time.Time
	start time.Time
}

// NewTimer starts one; now is the clock.
func NewTimer(opt PlayOptions, now func() time.Time) *Timer {
	return &Timer{display: newDisplay(opt), now: now, start: now()}
}

// Handle takes one event.
func (t *Timer) Handle(e Event) {
	if _, ok := e.(Recap); !ok {
		return
	}
	took := int(t.now().Sub(t.start).Seconds())
	t.line("", fmt.Sprintf("Playbook run took %d days, %d hours, %d minutes, %d seconds", took/86400, took/3600%24, took/60%60, took%60))
}

// Profile tells when tasks start, and at the end which took longest:
// ansible.posix's callback profile_tasks.
type Profile struct {
	*display
	now         func() time.Time
	start, last time.Time
	limit       int    // tasks at the end; below 0 is all
	order       string // descending, ascending or none
	tasks       []*timed
	current     *timed
}

// timed is a task and how long its starts took.
type timed struct {
	task    Task
	started time.Time
	took    time.Duration
}

// NewProfile starts one; limit and order are Ansible's settings of it.
func NewProfile(opt PlayOptions, limit, order string, now func() time.Time) *Profile {
	n, err := strconv.Atoi(limit)
	if err != nil {
		n = -1
	}
	at := now()
	return &Profile{display: newDisplay(opt), now: now, start: at, last: at, limit: n, order: order}
}

// Handle takes one event.
func (p *Profile) Handle(e Event) {
	switch e := e.(type) {
	case TaskStart:
		p.task(e.Task)
	case Recap:
		p.recap()
	}
}

func (p *Profile) task(t Task) {
	p.tick()
	p.stop()
	p.current = nil
	for _, known := range p.tasks {
		if known.task.key() == t.key() {
			p.current = known
		}
	}
	if p.current == nil {
		p.current = &timed{task: t}
		p.tasks = append(p.tasks, p.current)
	}
	p.current.started = p.now()
}

// stop adds up what the task that ran took.
func (p *Profile) stop() {
	if p.current != nil {
		p.current.took += p.now().Sub(p.current.started)
	}
}

// tick prints the time, and how long ago the last one and the start are.
func (p *Profile) tick() {
	at := p.now()
	p.line("", p.filled(fmt.Sprintf("%s (%s)       %s", at.Format("Monday 02 January 2006  15:04:05 -0700"),
		clock(at.Sub(p.last)), clock(at.Sub(p.start))), "*"))
	p.last = at
}

func clock(d time.Duration) string {
	ms := d.Milliseconds()
	return fmt.Sprintf("%d:%02d:%02d.%03d", ms/3600000, ms/60000%60, ms/1000%60, ms%1000)
}

// filled fills a line up to 79 characters.
func (p *Profile) filled(text, with string) string {
	if text != "" {
		text += " "
	}
	return text + strings.Repeat(with, max(79-len(text), 3)) + " "
}

func (p *Profile) recap() {
	p.tick()
	p.line("", p.filled("", "="))
	p.stop()
	p.current = nil
	tasks := slices.Clone(p.tasks)
	if p.order != "none" {
		slices.SortStableFunc(tasks, func(a, b *timed) int {
			if p.order == "ascending" {
				a, b = b, a
			}
			return cmp.Compare(b.took, a.took)
		})
	}
	if p.limit >= 0 && len(tasks) > p.limit {
		tasks = tasks[:p.limit]
	}
	for _, t := range tasks {
		p.line("", dashes(t.task.Name+" ", p.columns()-9)+leftDashes(fmt.Sprintf(" %.2fs", t.took.Seconds()), 9))
		if p.opt.Verbose >= 2 {
			p.line("", dashes(t.task.Where+" ", p.columns()))
		}
	}
}

func dashes(text string, width int) string {
	return text + strings.Repeat("-", max(width-len([]rune(text)), 0))
}

func leftDashes(text string, width int) string {
	return strings.Repeat("-", max(width-len(text), 0)) + text
}
