package report

import (
	"fmt"
	"strings"
	"sync"
)

// OneLine prints a line per result: Ansible's callback oneline, -o of ad hoc
// tasks. It is safe for concurrent use.
type OneLine struct {
	*display
	mu sync.Mutex
}

// NewOneLine returns a printer.
func NewOneLine(opt PlayOptions) *OneLine { return &OneLine{display: newDisplay(opt)} }

// Handle prints one event.
func (o *OneLine) Handle(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.results(e, o.result)
}

func (o *OneLine) result(r Result) {
	color := [...]string{o.pal.Ok, o.pal.Changed, o.pal.Skip, o.pal.Error, o.pal.Unreachable}[r.Status]
	_, background := r.Data.Get("ansible_job_id")
	switch {
	case r.Status == Skipped:
		o.line(color, r.Host+" | SKIPPED")
	case r.Status == Unreachable:
		o.line(color, r.Host+" | UNREACHABLE!: "+r.Data.String("msg"))
	case r.Status == Failed:
		o.line(color, r.Host+" | FAILED! => "+o.flat(r))
	case speaks(r.Task.Action) && !background:
		o.line(color, o.spoken(r))
	default:
		o.line(color, r.Host+" | "+word(r.Status)+" => "+o.flat(r))
	}
}

func (o *OneLine) flat(r Result) string {
	if r.Debug {
		r.Data = r.Data.Clone()
		r.Data.Set("changed", r.Status == Changed)
	}
	text := o.dump(r, false)
	if o.opt.Look.Format == (Format{}) {
		text = o.lines(r)
	}
	return strings.ReplaceAll(text, "\n", "")
}

// lines is a result in JSON as Ansible writes it before it joins the lines: what
// is made for reading keeps its indentation, of the rest not even a blank stays.
func (o *OneLine) lines(r Result) string {
	text := jsonText(o.data(r, false), "    ")
	if r.Debug || r.Always || o.opt.Verbose > 2 {
		return text
	}
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(strings.TrimLeft(line, " "))
	}
	return b.String()
}

func (o *OneLine) spoken(r Result) string {
	escape := strings.NewReplacer("\n", `\n`, "\r", `\r`)
	text := fmt.Sprintf("%s | %s | rc=%v | (stdout) %s", r.Host, word(r.Status), exitCode(r.Data), escape.Replace(r.Data.String("stdout")))
	if stderr := r.Data.String("stderr"); stderr != "" {
		text += " (stderr) " + escape.Replace(stderr)
	}
	return text
}
