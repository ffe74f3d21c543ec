package report

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"rollout/internal/value"
)

// Play prints a run as Ansible's default output shows it. It is safe for
// concurrent use.
type Play struct {
	*display
	mu     sync.Mutex
	banner any // which task's heading was printed last
	free   bool
	check  bool // the run is in check mode
	live   liveLine
	diffs  map[diffKey][]Diff // of the items of loops
}

// NewPlay returns a printer.
func NewPlay(opt PlayOptions) *Play {
	return &Play{display: newDisplay(opt), diffs: map[diffKey][]Diff{}, live: liveLine{waits: map[string]Progress{}}}
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
		p.line(p.pal.Skip, "skipping: no hosts matched")
	case NoHostsRemaining:
		p.heading("NO MORE HOSTS LEFT")
	case HostStart:
		if p.opt.Look.HostStarts {
			p.line(p.pal.Ok, " [started TASK: "+e.Task.Name+" on "+e.Host+"]")
		}
	case Notified:
		if p.opt.Verbose > 1 {
			p.line(p.pal.Verbose, "NOTIFIED HANDLER "+e.Handler+" for "+e.Host)
		}
	case Meta:
		if p.opt.Verbose > 1 {
			p.line("", "META: "+e.Text)
		}
	case Async:
		p.async(e)
	case Asked:
		p.heading(e.Question)
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
	p.check = e.Check
	if p.opt.Verbose > 1 {
		p.heading("PLAYBOOK: " + filepath.Base(e.File))
		p.line(p.pal.Verbose, fmt.Sprintf("%d plays in %s", e.Plays, e.File))
	}
	p.dryRun()
}

// dryRun marks a run in check mode, where it is to be marked.
func (p *Play) dryRun() {
	if p.check && p.opt.Look.CheckMarkers {
		p.heading("DRY RUN")
	}
}

func (p *Play) playStart(e PlayStart) {
	p.free = e.Free
	text := "PLAY"
	if e.Name != "" {
		text += " [" + e.Name + "]"
	}
	p.heading(text + p.mark(e.Check))
}

// mark is what stands behind the heading of what runs in check mode.
func (p *Play) mark(check bool) string {
	if check && p.opt.Look.CheckMarkers {
		return " [CHECK MODE]"
	}
	return ""
}

func (p *Play) taskStart(t Task) {
	if !p.free && !p.opt.Look.HideOK && !p.opt.Look.HideSkipped {
		p.heading(p.title(t))
		p.path(t)
		p.banner = t.key()
	}
}

// taskBanner is the heading of a task, where it was not the last one printed.
func (p *Play) taskBanner(t Task) {
	if p.banner == t.key() {
		return
	}
	p.banner = t.key()
	p.heading(p.title(t))
	p.path(t)
}

func (p *Play) title(t Task) string {
	kind := "TASK"
	if t.Handler {
		kind = "RUNNING HANDLER"
	}
	return kind + " [" + strings.TrimSpace(t.Name) + t.Args + "]" + p.mark(t.Check)
}

func (p *Play) path(t Task) {
	if p.opt.Verbose >= 2 {
		p.taskPath(t)
	}
}

func (p *Play) taskPath(t Task) {
	if t.Where != "" {
		p.line(p.pal.Debug, "task path: "+t.Where)
	}
}

func (p *Play) color(s Status) string {
	return [...]string{p.pal.Ok, p.pal.Changed, p.pal.Skip, p.pal.Error, p.pal.Unreachable}[s]
}

// shown tells whether a result is to be seen.
func (p *Play) shown(r Result) bool {
	switch {
	case r.Status == OK && !r.Include:
		return !p.opt.Look.HideOK
	case r.Status == Skipped:
		return !p.opt.Look.HideSkipped
	}
	return true
}

func (p *Play) result(r Result) {
	p.fileDiffs(r)
	if !p.shown(r) {
		return
	}
	p.taskBanner(r.Task)
	p.moduleWarnings(r)
	if r.Include && r.Status <= Changed {
		return
	}
	if !(r.Loop && (r.Status == OK || r.Status == Changed || r.Status == Failed)) {
		p.verdict(r)
	}
	if r.Ignored && !r.Item {
		p.line(p.pal.Skip, "...ignoring")
	}
}

// verdict prints how a task, or an item, ended.
func (p *Play) verdict(r Result) {
	if r.Status != Failed && r.Status != Unreachable {
		p.line(p.color(r.Status), p.resultText(r))
		return
	}
	if p.opt.Look.PathOnFailure && p.opt.Verbose < 2 && !r.Item && r.Status == Failed {
		p.taskPath(r.Task)
	}
	p.failure(p.color(r.Status), p.resultText(r))
}

// diffKey is a loop on a host.
type diffKey struct {
	task int
	host string
}

// fileDiffs prints what a task changed; of a loop, after its last item.
func (p *Play) fileDiffs(r Result) {
	key := diffKey{r.Task.ID, r.Host}
	diffs := r.Diffs
	if r.Status != Changed {
		diffs = nil
	}
	if r.Item {
		if len(diffs) > 0 {
			p.diffs[key] = append(p.diffs[key], diffs...)
		}
		return
	}
	if r.Loop {
		diffs = p.diffs[key]
		delete(p.diffs, key)
	}
	if r.Status > Changed {
		return
	}
	text := ""
	for _, d := range diffs {
		text += p.diff(d)
	}
	if text != "" {
		p.taskBanner(r.Task)
		p.raw(text)
	}
}

func (p *Play) resultText(r Result) string {
	host := hostLabel(r.Host, r.Delegate, r.Address)
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

// hostLabel is a host, where it is delegated to, and that host's address.
func hostLabel(host, delegate, address string) string {
	if delegate == "" || delegate == host {
		return host
	}
	if address != "" && address != delegate {
		delegate += "(" + address + ")"
	}
	return host + " -> " + delegate
}

func (p *Play) retry(r Retry) {
	text := fmt.Sprintf("FAILED - RETRYING: [%s]: %s (%d retries left).", hostLabel(r.Host, r.Delegate, r.Address), r.Task.Name, r.Left)
	if p.opt.Verbose > 1 {
		text += "Result was: " + p.dump(Result{Data: r.Data}, false)
	}
	p.line(p.pal.Debug, text)
}

func (p *Play) async(e Async) {
	switch {
	case e.State == AsyncRunning:
		p.line(p.pal.Debug, fmt.Sprintf("ASYNC POLL on %s: jid=%s started=%d finished=%d", e.Host, e.JobID, e.Started, e.Finished))
	case e.Failed:
		p.line(p.pal.Debug, fmt.Sprintf("ASYNC FAILED on %s: jid=%s", e.Host, e.JobID))
	default:
		p.line(p.pal.Debug, fmt.Sprintf("ASYNC OK on %s: jid=%s", e.Host, e.JobID))
	}
}

func (p *Play) included(e Included) {
	text := fmt.Sprintf("included: %s for %s", e.File, strings.Join(e.Hosts, ", "))
	if e.Label != "" {
		text += fmt.Sprintf(" => (item=%s)", e.Label)
	}
	p.line(p.pal.Skip, text)
}

func (p *Play) recap(e Recap) {
	p.heading("PLAY RECAP")
	for _, h := range e.Hosts {
		p.recapLine(h)
	}
	p.line("", "")
	p.customStats(e.Custom)
	p.dryRun()
}

func (p *Play) recapLine(h HostStats) {
	fields := []struct {
		word  string
		n     int
		color string
	}{
		{"ok", h.OK, p.pal.Ok}, {"changed", h.Changed, p.pal.Changed}, {"unreachable", h.Unreachable, p.pal.Unreachable},
		{"failed", h.Failed, p.pal.Error}, {"skipped", h.Skipped, p.pal.Skip}, {"rescued", h.Rescued, p.pal.Ok},
		{"ignored", h.Ignored, p.pal.Warn},
	}
	text, plain := p.recapHost(h)+" :", fmt.Sprintf("%-26s :", h.Host)
	for _, f := range fields {
		count := fmt.Sprintf("%s=%-4d", f.word, f.n)
		plain += " " + count
		if f.n != 0 {
			count = p.paint(f.color, count)
		}
		text += " " + count
	}
	fmt.Fprintln(p.opt.Out, text)
	if p.opt.Log != nil {
		p.opt.Log(plain)
	}
}

func (p *Play) recapHost(h HostStats) string {
	color := p.pal.Ok
	switch {
	case h.Failed > 0 || h.Unreachable > 0:
		color = p.pal.Error
	case h.Changed > 0:
		color = p.pal.Changed
	}
	if !p.opt.Color {
		return fmt.Sprintf("%-26s", h.Host)
	}
	return fmt.Sprintf("%-37s", p.paint(color, h.Host))
}

// customStats shows what set_stats kept.
func (p *Play) customStats(custom *value.Map) {
	if custom.Len() == 0 || !p.opt.Look.CustomStats {
		return
	}
	p.heading("CUSTOM STATS: ")
	names := []string{}
	for k := range custom.All() {
		if name := fmt.Sprint(k); name != "_run" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		p.line("", "\t"+name+": "+flatJSON(custom.At(name)))
	}
	if run, ok := custom.Get("_run"); ok {
		p.line("", "")
		p.line("", "\tRUN: "+flatJSON(run))
	}
	p.line("", "")
}

// flatJSON is JSON indented by one blank, its line ends taken out.
func flatJSON(v any) string { return strings.ReplaceAll(jsonText(v, " "), "\n", "") }
