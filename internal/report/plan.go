package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
)

// Plan gathers what a run in check mode would do, to be told as a list of
// operations. It is safe for concurrent use.
type Plan struct {
	warn func(text string)

	mu      sync.Mutex
	said    map[string]bool
	entries []*PlanEntry
	extra   []Operation
	unknown []Unknown
}

// PlanEntry is what would be done to one thing.
type PlanEntry struct {
	Operation
	Hosts []string // for which hosts
	task  int
}

// Unknown is a host about which the plan says nothing more.
type Unknown struct{ Host, Task, Cause string }

// NewPlan returns an empty plan; warnings of the run go to warn.
func NewPlan(warn func(text string)) *Plan { return &Plan{warn: warn, said: map[string]bool{}} }

// Handle takes one event of the run.
func (p *Plan) Handle(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := e.(type) {
	case Result:
		p.result(e)
	case Warning:
		p.warning(e.Text)
	case Message:
		p.warning(e.Text)
	}
}

func (p *Plan) warning(text string) {
	if !p.said[text] {
		p.said[text] = true
		p.warn(text)
	}
}

func (p *Plan) result(r Result) {
	replaces := slices.ContainsFunc(r.Plan, func(op Operation) bool { return op.Kind == Replace })
	for _, w := range r.Warnings {
		if !replaces { // what differs is in the list
			p.warning(w)
		}
	}
	for _, op := range r.Plan {
		p.add(op, r)
	}
	switch {
	case r.Loop || r.Include && r.Status <= Changed:
	case r.Status == Changed && len(r.Plan) == 0:
		text := r.Task.Name
		if r.Item {
			text += " (" + r.Label + ")"
		}
		p.add(Operation{Kind: Change, Thing: "host " + r.Host, Do: text, Cause: diffCause(r.Diffs)}, r)
	case (r.Status == Failed || r.Status == Unreachable) && !r.Ignored:
		cause, _, _ := strings.Cut(strings.TrimSpace(r.Data.String("msg")), "\n")
		p.unknown = append(p.unknown, Unknown{Host: r.Host, Task: r.Task.Name, Cause: cause})
	}
}

// add notes an operation once, for however many hosts it is asked for.
func (p *Plan) add(op Operation, r Result) {
	for _, e := range p.entries {
		if e.Operation == op {
			if !slices.Contains(e.Hosts, r.Host) {
				e.Hosts = append(e.Hosts, r.Host)
			}
			return
		}
	}
	p.entries = append(p.entries, &PlanEntry{Operation: op, Hosts: []string{r.Host}, task: r.Task.ID})
}

// AddExtra notes something that is there and was not asked for.
func (p *Plan) AddExtra(thing, cause string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.extra = append(p.extra, Operation{Kind: Extra, Thing: thing, Cause: cause})
}

// kindOrder is the order of the list.
var kindOrder = []string{Create, Change, Replace, Delete, Left, Extra, Note}

// Entries are the operations in the order of the list: what is made, changed,
// replaced, deleted. What is made or replaced anyway is not told to be changed.
func (p *Plan) Entries() []PlanEntry {
	p.mu.Lock()
	defer p.mu.Unlock()
	whole := map[string]string{}
	for _, e := range p.entries {
		if e.Kind == Replace && !e.Held || e.Kind == Create && whole[e.Thing] == "" {
			whole[e.Thing] = e.Kind
		}
	}
	out := []PlanEntry{}
	for _, e := range p.entries {
		if kind := whole[e.Thing]; kind == "" || kind == e.Kind || e.Kind == Note {
			out = append(out, *e)
		}
	}
	slices.SortStableFunc(out, func(a, b PlanEntry) int {
		return cmp.Or(slices.Index(kindOrder, a.Kind)-slices.Index(kindOrder, b.Kind), a.task-b.task, cmp.Compare(a.Hosts[0], b.Hosts[0]))
	})
	return out
}

// Unknown are the hosts that could not be looked at, by name.
func (p *Plan) Unknown() []Unknown {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Clone(p.unknown)
	slices.SortStableFunc(out, func(a, b Unknown) int { return cmp.Compare(a.Host, b.Host) })
	return out
}

// Extras are the things that nobody asked for, by name.
func (p *Plan) Extras() []Operation {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := slices.Clone(p.extra)
	slices.SortStableFunc(out, func(a, b Operation) int { return cmp.Compare(a.Thing, b.Thing) })
	return out
}

// PlanCounts are how many things a plan is about.
type PlanCounts struct{ Create, Change, Replace, Held, Delete, Left, Extra, Unknown int }

// Counts counts things, not operations.
func (p *Plan) Counts() PlanCounts {
	c := PlanCounts{Extra: len(p.Extras()), Unknown: len(p.Unknown())}
	type key struct {
		kind, thing string
		held        bool
	}
	seen := map[key]bool{}
	for _, e := range p.Entries() {
		k := key{e.Kind, e.Thing, e.Held}
		if seen[k] {
			continue
		}
		seen[k] = true
		switch {
		case e.Held:
			c.Held++
		case e.Kind == Create:
			c.Create++
		case e.Kind == Replace:
			c.Replace++
		case e.Kind == Delete:
			c.Delete++
		case e.Kind == Left:
			c.Left++
		case e.Kind == Extra:
			c.Extra++
		case e.Kind == Note:
		default:
			c.Change++
		}
	}
	return c
}

// Differs reports whether a run would have something to do, or anything is
// there that nobody asked for.
func (c PlanCounts) Differs() bool {
	c.Unknown = 0
	return c != PlanCounts{}
}

// String is the last line of a plan.
func (c PlanCounts) String() string {
	var parts []string
	say := func(n int, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	say(c.Create, "to create")
	say(c.Change, "to change")
	say(c.Replace, "to replace")
	say(c.Held, "to replace (only with --replace)")
	say(c.Delete, "to delete")
	say(c.Left, "left alone")
	say(c.Extra, "extra")
	say(c.Unknown, "unknown")
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	return "Plan: " + strings.Join(parts, ", ") + ". Nothing was changed."
}

var planSymbol = map[string]string{Create: "+", Change: "~", Replace: "±", Delete: "-", Left: "!", Extra: "!", Note: "i"}

var planColor = map[string]string{Create: green, Change: yellow, Replace: brightRed, Delete: red, Left: cyan, Extra: cyan, Note: cyan}

// Print writes the plan, a line per operation.
func (p *Plan) Print(out io.Writer, color bool) error {
	w := &planWriter{out: out, paint: newDisplay(PlayOptions{Color: color}).paint}
	for _, e := range p.Entries() {
		w.line(planColor[e.Kind], planSymbol[e.Kind], e.text())
	}
	for _, e := range p.Extras() {
		w.line(cyan, "!", e.Thing+": "+e.Cause)
	}
	for _, u := range p.Unknown() {
		w.line(brightRed, "?", fmt.Sprintf("%s: %s: %s", u.Host, u.Task, u.Cause))
	}
	if w.lines > 0 {
		w.line("", "", "")
	}
	w.line("", "", p.Counts().String())
	return w.err
}

// text is an operation in words. What is made or replaced as a whole needs none
// but its cause.
func (e PlanEntry) text() string {
	parts := []string{e.Thing}
	if e.Kind == Change {
		parts = append(parts, e.verb())
	}
	if e.Cause != "" {
		parts = append(parts, e.Cause)
	}
	text := strings.Join(parts, ": ")
	if e.Held {
		text += " (only with --replace)"
	}
	return text
}

// verb is what is done without the thing to which: "start", "add security group
// web".
func (e PlanEntry) verb() string {
	for _, word := range []string{" of ", " before ", " "} {
		if verb, ok := strings.CutSuffix(e.Do, word+e.Thing); ok {
			return verb
		}
	}
	return e.Do
}

// planWriter keeps the first error.
type planWriter struct {
	out   io.Writer
	paint func(color, text string) string
	lines int
	err   error
}

func (w *planWriter) line(color, symbol, text string) {
	if w.err != nil {
		return
	}
	w.lines++
	text = strings.ReplaceAll(Printable(text), "\n", " ")
	if symbol != "" {
		text = w.paint(color, symbol) + " " + text
	}
	if _, err := fmt.Fprintln(w.out, text); err != nil {
		w.err = fmt.Errorf("cannot print the plan: %w", err)
	}
}
