package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/mattn/go-runewidth"
)

// PlayOptions say how a run is printed.
type PlayOptions struct {
	Out     io.Writer
	Err     io.Writer // warnings and deprecations
	Color   bool      // escape codes as Ansible's; see ColorWanted
	Live    bool      // Out is a terminal: a line at the bottom shows what is waited for
	Width   int       // columns; 0 is 80
	Verbose int       // number of -v
	Look    Look
	// Log takes every line that is printed, without colours; nil for none.
	Log func(line string)
}

// Look is what of a run is shown, and in which form: Ansible's settings of the
// output. Its zero value is Ansible's default.
type Look struct {
	HideSkipped, HideOK bool
	FailedToErr         bool // failures go to Err
	HostStarts          bool // tell when a task starts on a host
	CheckMarkers        bool // mark what runs in check mode
	PathOnFailure       bool // file and line of a task that failed
	CustomStats         bool // what set_stats kept
	DiffContext         int  // unchanged lines around a change; 0 is 3, below 0 is none
	NoDeprecations      bool
	NoModuleWarnings    bool
	Palette             Palette
	Format              Format
	// YAML writes a result; it is needed for the formats of YAML.
	YAML func(v any, indent, width int, lossy bool) (string, error)
}

// Palette are the colours by what they mean; "" is Ansible's.
type Palette struct {
	Ok, Changed, Skip, Error, Unreachable, Warn, Deprecate, Verbose, Debug, DiffAdd, DiffRemove, DiffLines string
}

// complete turns names into the codes of a terminal.
func (p Palette) complete() Palette {
	for _, c := range []struct {
		name     *string
		fallback string
	}{
		{&p.Ok, "green"}, {&p.Changed, "yellow"}, {&p.Skip, "cyan"}, {&p.Error, "red"}, {&p.Unreachable, "bright red"},
		{&p.Warn, "bright purple"}, {&p.Deprecate, "purple"}, {&p.Verbose, "blue"}, {&p.Debug, "dark gray"},
		{&p.DiffAdd, "green"}, {&p.DiffRemove, "red"}, {&p.DiffLines, "cyan"},
	} {
		code, ok := ColorCode(*c.name)
		if !ok {
			code, _ = ColorCode(c.fallback)
		}
		*c.name = code
	}
	return p
}

// display writes lines to a terminal or a file, and warnings beside them.
type display struct {
	opt  PlayOptions
	pal  Palette
	said map[string]bool // warnings
}

func newDisplay(opt PlayOptions) *display {
	if opt.Width <= 0 {
		opt.Width = 80
	}
	return &display{opt: opt, pal: opt.Look.Palette.complete(), said: map[string]bool{}}
}

// columns is how long a heading is: as long as Ansible makes it.
func (d *display) columns() int { return max(d.opt.Width-1, 79) }

func (d *display) paint(color, text string) string {
	if !d.opt.Color || color == "" || text == "" {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = "\033[" + color + "m" + l + "\033[0m"
	}
	return strings.Join(lines, "\n")
}

func (d *display) line(color, text string) { d.to(d.opt.Out, color, text) }

// raw prints text that is coloured already.
func (d *display) raw(text string) {
	if d.opt.Log != nil {
		d.opt.Log(text)
	}
	fmt.Fprint(d.opt.Out, text)
}

// failure prints what went wrong.
func (d *display) failure(color, text string) {
	if d.opt.Look.FailedToErr && d.opt.Err != nil {
		d.to(d.opt.Err, color, text)
		return
	}
	d.line(color, text)
}

func (d *display) to(out io.Writer, color, text string) {
	text = strings.TrimSuffix(Printable(text), "\n") // Ansible ends no line twice
	if d.opt.Log != nil {
		d.opt.Log(text)
	}
	fmt.Fprintln(out, d.paint(color, text))
}

// heading prints a blank line and text, filled up with stars to the width,
// three at least.
func (d *display) heading(text string) {
	text = Printable(strings.TrimSpace(text))
	stars := max(d.columns()-runewidth.StringWidth(text), 3)
	d.line("", "\n"+text+" "+strings.Repeat("*", stars))
}

// warning is printed once a run. It stays one line, however long: what it says to
// type can be pasted, and grep finds it.
func (d *display) warning(w Warning) {
	text, color := "[WARNING]: "+w.Text, d.pal.Warn
	if w.Deprecation {
		if d.opt.Look.NoDeprecations {
			return
		}
		text, color = "[DEPRECATION WARNING]: "+w.Text, d.pal.Deprecate
	}
	if d.said[text] || d.opt.Err == nil {
		return
	}
	d.said[text] = true
	d.to(d.opt.Err, color, text)
}

// moduleWarnings are those that a result carries.
func (d *display) moduleWarnings(r Result) {
	if d.opt.Look.NoModuleWarnings {
		return
	}
	for _, w := range r.Warnings {
		d.warning(Warning{Text: w})
	}
}

// interrupted says what was running when the run was stopped.
func (d *display) interrupted(e Interrupted) {
	d.line(d.pal.Error, "\n[ERROR]: the run was interrupted")
	for _, r := range e.Running {
		text := fmt.Sprintf("    %s was running [%s]", r.Host, r.Task)
		if r.Text != "" {
			text += ": " + r.Text
		}
		d.line(d.pal.Error, text)
	}
}
