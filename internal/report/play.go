package report

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"

	"rollout/internal/value"
)

// PlayOptions say how a Play prints.
type PlayOptions struct {
	Out     io.Writer
	Err     io.Writer // warnings and deprecations
	Color   bool      // escape codes as Ansible's; see ColorWanted
	Live    bool      // Out is a terminal: a line at the bottom shows what is waited for
	Width   int       // columns; 0 is 80
	Verbose int       // number of -v
	Diff    bool      // show what changed
}

// Play prints a run as Ansible's default output shows it. It is safe for
// concurrent use.
type Play struct {
	opt    PlayOptions
	mu     sync.Mutex
	banner int // ID of the task whose banner was printed last
	task   Task
	free   bool
	said   map[string]bool // warnings
	live   liveLine
}

// NewPlay returns a printer.
func NewPlay(opt PlayOptions) *Play {
	if opt.Width <= 0 {
		opt.Width = 80
	}
	return &Play{opt: opt, banner: -1, said: map[string]bool{}, live: liveLine{waits: map[string]Progress{}}}
}

// Handle prints one event.
func (p *Play) Handle(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clearLive()
	p.print(e)
	p.drawLive()
}

func (p *Play) print(e Event) {
	switch e := e.(type) {
	case PlaybookStart:
		p.playbookStart(e)
	case PlayStart:
		p.playStart(e)
	case TaskStart:
		p.taskStart(e.Task)
	case Result:
		p.result(e)
	case Retry:
		p.retry(e)
	case Included:
		p.included(e)
	case NoHostsMatched:
		p.line(cyan, "skipping: no hosts matched")
	case NoHostsRemaining:
		p.heading("NO MORE HOSTS LEFT")
	case Notified:
		if p.opt.Verbose > 1 {
			p.line(blue, "NOTIFIED HANDLER "+e.Handler+" for "+e.Host)
		}
	case Meta:
		if p.opt.Verbose > 1 {
			p.line("", "META: "+e.Text)
		}
	case Message:
		p.line("", e.Text)
	case Progress:
		p.progress(e)
	case Warning:
		p.warning(e)
	case Interrupted:
		p.interrupted(e)
	case Recap:
		p.recap(e)
	}
}

func (p *Play) playbookStart(e PlaybookStart) {
	if p.opt.Verbose > 1 {
		p.heading("PLAYBOOK: " + filepath.Base(e.File))
	}
}

func (p *Play) playStart(e PlayStart) {
	p.free = e.Free
	if e.Name == "" {
		p.heading("PLAY")
		return
	}
	p.heading("PLAY [" + e.Name + "]")
}

func (p *Play) taskStart(t Task) {
	p.task = t
	if !p.free {
		p.taskBanner(t)
	}
}

func (p *Play) taskBanner(t Task) {
	if p.banner == t.ID {
		return
	}
	p.banner = t.ID
	kind := "TASK"
	if t.Handler {
		kind = "RUNNING HANDLER"
	}
	p.heading(kind + " [" + t.Name + "]")
	if p.opt.Verbose >= 2 && t.Where != "" {
		p.line(gray, "task path: "+t.Where)
	}
}

var statusColor = map[Status]string{OK: green, Changed: yellow, Skipped: cyan, Failed: red, Unreachable: brightRed}

func (p *Play) result(r Result) {
	p.taskBanner(r.Task)
	for _, w := range r.Warnings {
		p.warning(Warning{Text: w})
	}
	if r.Include && r.Status <= Changed {
		return
	}
	if p.opt.Diff && r.Status == Changed {
		for _, d := range r.Diffs {
			p.diff(d)
		}
	}
	color := statusColor[r.Status]
	if !(r.Loop && (r.Status == OK || r.Status == Changed || r.Status == Failed)) {
		p.line(color, p.resultText(r))
		p.output(r)
	}
	if r.Ignored && !r.Item {
		p.line(cyan, "...ignoring")
	}
}

func (p *Play) resultText(r Result) string {
	host := hostLabel(r.Host, r.Delegate)
	switch {
	case r.Status == Unreachable && r.Item:
		return fmt.Sprintf("failed: [%s] (item=%s) => %s", host, r.Label, p.dump(r, false))
	case r.Status == Unreachable:
		return fmt.Sprintf("fatal: [%s]: UNREACHABLE! => %s", host, p.dump(r, false))
	case r.Status == Failed && r.Item:
		return fmt.Sprintf("failed: [%s] (item=%s) => %s", host, r.Label, p.dump(r, r.Debug))
	case r.Status == Failed:
		return fmt.Sprintf("fatal: [%s]: FAILED! => %s", host, p.dump(r, r.Debug))
	}
	word := map[Status]string{OK: "ok", Changed: "changed", Skipped: "skipping"}[r.Status]
	if r.Status == Skipped {
		host = r.Host
	}
	text := fmt.Sprintf("%s: [%s]", word, host)
	if r.Item {
		text += fmt.Sprintf(" => (item=%s)", r.Label)
		if r.Status == Skipped {
			text += " "
		}
	}
	if p.opt.Verbose > 0 || (r.Debug || r.Always) && r.Status != Skipped {
		text += " => " + p.dump(r, r.Debug && r.Status != Skipped)
	}
	return text
}

func hostLabel(host, delegate string) string {
	if delegate != "" && delegate != host {
		return host + " -> " + delegate
	}
	return host
}

// output adds what a failed command wrote, in lines that can be read.
func (p *Play) output(r Result) {
	if r.Status != Failed || r.Data == nil || p.opt.Verbose > 2 {
		return
	}
	for _, name := range []string{"stdout", "stderr"} {
		text := strings.TrimRight(r.Data.String(name), "\n")
		if !strings.Contains(text, "\n") && len(text) < p.opt.Width {
			continue
		}
		p.line(red, name+":\n"+indentText(text, "    "))
	}
}

func indentText(text, by string) string {
	return by + strings.ReplaceAll(text, "\n", "\n"+by)
}

func (p *Play) retry(r Retry) {
	text := fmt.Sprintf("FAILED - RETRYING: [%s]: %s (%d retries left).", hostLabel(r.Host, r.Delegate), r.Task.Name, r.Left)
	if p.opt.Verbose > 1 {
		text += "Result was: " + p.dump(Result{Data: r.Data}, false)
	}
	p.line(gray, text)
}

func (p *Play) included(e Included) {
	text := fmt.Sprintf("included: %s for %s", e.File, strings.Join(e.Hosts, ", "))
	if e.Label != "" {
		text += fmt.Sprintf(" => (item=%s)", e.Label)
	}
	p.line(cyan, text)
}

func (p *Play) warning(w Warning) {
	word, color := "[WARNING]: ", brightPurple
	if w.Deprecation {
		word, color = "[DEPRECATION WARNING]: ", purple
	}
	if p.said[word+w.Text] || p.opt.Err == nil {
		return
	}
	p.said[word+w.Text] = true
	fmt.Fprintln(p.opt.Err, p.paint(color, Printable(word+w.Text)))
}

func (p *Play) interrupted(e Interrupted) {
	p.line(red, "\n[ERROR]: the run was interrupted")
	for _, r := range e.Running {
		text := fmt.Sprintf("    %s was running [%s]", r.Host, r.Task)
		if r.Text != "" {
			text += ": " + r.Text
		}
		p.line(red, text)
	}
}

func (p *Play) recap(e Recap) {
	p.heading("PLAY RECAP")
	for _, h := range e.Hosts {
		fields := []string{
			p.count("ok", h.OK, green), p.count("changed", h.Changed, yellow),
			p.count("unreachable", h.Unreachable, brightRed), p.count("failed", h.Failed, red),
			p.count("skipped", h.Skipped, cyan), p.count("rescued", h.Rescued, green),
			p.count("ignored", h.Ignored, blue),
		}
		fmt.Fprintln(p.opt.Out, p.recapHost(h)+" : "+strings.Join(fields, " "))
	}
	p.line("", "")
	p.customStats(e.Custom)
}

func (p *Play) recapHost(h HostStats) string {
	color, width := green, 26
	switch {
	case h.Failed > 0 || h.Unreachable > 0:
		color = red
	case h.Changed > 0:
		color = yellow
	}
	return p.paint(color, fmt.Sprintf("%-*s", width, h.Host))
}

func (p *Play) count(word string, n int, color string) string {
	text := fmt.Sprintf("%s=%-4d", word, n)
	if n == 0 {
		return text
	}
	return p.paint(color, text)
}

func (p *Play) customStats(custom *value.Map) {
	if custom.Len() == 0 {
		return
	}
	p.heading("CUSTOM STATS: ")
	for k, v := range custom.All() {
		if name := fmt.Sprint(k); name != "_run" {
			p.line("", "\t"+name+": "+oneLineJSON(v))
		}
	}
	if run, ok := custom.Get("_run"); ok {
		p.line("", "\n\tRUN: "+oneLineJSON(run))
	}
	p.line("", "")
}
