// Package runner executes playbooks: it goes through plays, blocks and tasks,
// host by host, and calls modules. Data goes playbook and inventory → variables
// → module arguments → results → observer. It knows modules, connections and
// the inventory by what is handed in; all that changes during a run is in state.
package runner

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sort"
	"sync"
	"time"

	"rollout/internal/document"
	"rollout/internal/module"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/settings"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

// Observer is told what happens, one event at a time.
type Observer interface {
	Handle(e report.Event)
}

// Person answers what a playbook asks: vars_prompt and pause. Where nobody can
// answer, ErrNobody is returned.
type Person interface {
	// Ask shows text and returns the line typed; secret ones are not echoed.
	Ask(ctx context.Context, text string, secret bool) (string, error)
}

// ErrNobody says that there is no terminal to ask at.
var ErrNobody = errors.New("nobody can answer: standard input is not a terminal")

// Options are what a run is made of.
type Options struct {
	Playbook  *playbook.Playbook
	Loader    *playbook.Loader // reads what is included at run time
	Inventory inventory.Source
	Modules   map[string]*module.Module
	Own       module.Finder // people's own modules; nil for none
	Connector Connector
	Observer  Observer
	Person    Person // nil: nobody can answer
	// Before is the run of the playbook before this one, which has ended: its
	// facts, variables, added hosts and counts go on. nil for the first.
	Before *Run

	// Template is what the engine for templates gets; its Lookups are joined
	// by those that need the run (see package lookup).
	Template template.Options
	// Decrypt returns a vaulted value's plain text; nil makes one an error.
	Decrypt func(text []byte) ([]byte, error)

	// InventorySources is the variable ansible_inventory_sources: what -i says.
	InventorySources []string

	ExtraVars   *value.Map // of -e: see vars.Decoder.ParseExtra
	Tags        []string
	SkipTags    []string
	Limit       string // a pattern; @FILE stands for the patterns in its lines
	StartAt     string // name of the first task to run
	Login       Login
	Check, Diff bool
	// Listing is set for a run that is only listed: modules that Ansible has and
	// rollout has not are warnings then.
	Listing bool
	// Thorough has Check look also at what may never be run, or may fail: files
	// included on a condition, tasks whose failure is foreseen.
	Thorough      bool
	CheckAll      bool // Check also looks at tasks that the tags leave out
	ForceHandlers bool
	Step          Person // is asked before each task; nil for nobody
	RetryFile     string // where the hosts that fail are written to; "" for nowhere
	FlushCache    bool   // forget the facts that earlier runs kept
	Forks         int    // tasks at a time; 0 is 50
	Verbosity     int
	Settings      *settings.Settings // nil is settings.Default()
	// After waits; nil is time.After's way. Tests hand in one that does not.
	After func(d time.Duration) <-chan time.Time
}

// defaultForks is generous: a host costs a goroutine, not a process.
const defaultForks = 50

// Run is one execution of a playbook.
type Run struct {
	python    string // this machine's Python 3; "" where it has none
	program   string // the path of the running program
	opt       Options
	engine    *template.Engine
	callables callables
	hosts     *hostTable
	state     *state
	stats     *stats
	secrets   *secrets
	conns     *connections
	running   *running
	decoder   vars.Decoder
	slots     chan struct{}
	chores    *chores
	lifetime  context.Context        // of Execute, for tasks in the background
	oldNames  []playbook.Deprecation // that Check found called
	missing   []string               // what Check found no module for, of a run that is only listed

	mu       sync.Mutex // of the fields below
	fatal    bool       // a play ended the run
	ids      int
	maps     map[*document.Node]*value.Map
	warned   map[string]bool
	failed   map[string]bool // hosts the rest of the run does without
	lost     map[string]bool
	tellMu   sync.Mutex
	startMu  sync.Mutex
	stepMu   sync.Mutex // of opt.Step
	startAt  string
	publicMu sync.Mutex
}

// New prepares a run.
func New(opt Options) (*Run, error) {
	if opt.Playbook == nil || opt.Loader == nil {
		return nil, fmt.Errorf("cannot run: no playbook was given")
	}
	if err := opt.Login.check(); err != nil {
		return nil, err
	}
	if opt.Forks <= 0 {
		opt.Forks = defaultForks
	}
	if opt.Settings == nil {
		opt.Settings = settings.Default()
	}
	if opt.ExtraVars == nil {
		opt.ExtraVars = value.NewMap()
	}
	r := &Run{opt: opt, callables: newCallables(opt.Modules, opt.Own), state: newState(), stats: newStats(),
		secrets: &secrets{}, conns: newConnections(opt.Connector), running: newRunning(), chores: newChores(),
		decoder: vars.Decoder{Decrypt: opt.Decrypt}, slots: make(chan struct{}, opt.Forks),
		maps: map[*document.Node]*value.Map{}, warned: map[string]bool{}, failed: map[string]bool{}, lost: map[string]bool{}, startAt: opt.StartAt}
	var err error
	if r.state.cache, err = newFactCache(opt.Settings); err != nil {
		return nil, err
	}
	r.python = inventory.Python()
	r.program, _ = os.Executable() // "" where the system cannot tell
	if opt.Before != nil {
		r.goOn(opt.Before)
	}
	r.state.warn = func(text string) { r.tell(report.Warning{Text: text}) }
	r.hosts = newHostTable(opt)
	if opt.Before != nil {
		r.hosts.before = opt.Before.hosts.inv
	}
	r.engine = template.New(r.templateOptions())
	for k, v := range opt.ExtraVars.All() {
		if name, ok := k.(string); ok && secretNames[name] {
			r.secrets.addAll(v)
		}
	}
	return r, nil
}

// goOn takes over what the run before has made, as ansible-playbook does for
// the playbooks of one command line.
func (r *Run) goOn(before *Run) {
	r.state, r.stats, r.secrets = before.state, before.stats, before.secrets
	r.opt.FlushCache = false // it was
}

// Summary is how a run ended.
type Summary struct {
	Hosts       []report.HostStats // sorted by name
	Failed      []string           // hosts that the run ended without; sorted
	Unreachable []string           // hosts that were lost; sorted
	Fatal       bool               // any_errors_fatal, run_once or max_fail_percentage ended the run
	Interrupted bool
}

// The exit codes of ansible-playbook.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitFailed      = 2
	ExitUnreachable = 4
	ExitInterrupted = 99
)

// ExitCode is what the process should end with.
func (s Summary) ExitCode() int {
	switch {
	case s.Interrupted:
		return ExitInterrupted
	case s.Fatal:
		return ExitFailed
	case len(s.Unreachable) > 0:
		return ExitUnreachable
	case len(s.Failed) > 0:
		return ExitFailed
	}
	return ExitOK
}

// Execute runs the playbook. The error is for what is wrong with the playbook
// or the inventory; hosts that fail are in the Summary. Check is not called.
// A Run is executed once.
func (r *Run) Execute(ctx context.Context) (Summary, error) {
	defer r.conns.closeAll()
	if err := r.hosts.load(ctx, r.opt.Playbook.Plays); err != nil {
		return Summary{}, err
	}
	if err := r.recall(r.hosts.hostNames()); err != nil {
		return Summary{}, err
	}
	r.tell(report.PlaybookStart{File: r.opt.Playbook.Path, Plays: len(r.opt.Playbook.Plays), Check: r.opt.Check})
	for _, w := range r.hosts.warnings() {
		r.tell(report.Warning{Text: w})
	}
	r.tellOfNoHosts()
	r.deprecate(append(slices.Clone(r.opt.Playbook.Deprecations), r.oldNames...))
	r.lifetime = ctx
	err := r.plays(ctx)
	r.finish()
	sum := Summary{Hosts: r.stats.sorted(), Failed: sortedKeys(r.failed), Unreachable: sortedKeys(r.lost), Fatal: r.fatal}
	if ctx.Err() != nil {
		sum.Interrupted = true
		r.tell(report.Interrupted{Running: r.running.last()})
		err = nil
	}
	if err != nil {
		return sum, err
	}
	if err := r.retryLater(sum); err != nil {
		r.tell(report.Warning{Text: err.Error()})
	}
	r.tell(report.Recap{Hosts: sum.Hosts, Custom: r.state.stats(), Check: r.opt.Check})
	return sum, nil
}

func (r *Run) plays(ctx context.Context) error {
	for _, p := range r.opt.Playbook.Plays {
		goOn, err := r.runPlay(ctx, p)
		if err != nil || !goOn {
			return err
		}
	}
	return nil
}

// tell hands an event to the observer, secrets masked, one at a time.
func (r *Run) tell(e report.Event) {
	if r.opt.Observer == nil {
		return
	}
	e = r.secrets.event(e)
	r.tellMu.Lock()
	defer r.tellMu.Unlock()
	r.opt.Observer.Handle(e)
}

func (r *Run) nextID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids++
	return r.ids
}

// decoded returns a mapping's variables; each node is decoded once.
func (r *Run) decoded(n *document.Node) (*value.Map, error) {
	if n == nil {
		return value.NewMap(), nil
	}
	r.mu.Lock()
	m, ok := r.maps[n]
	r.mu.Unlock()
	if ok {
		return m, nil
	}
	m, err := r.decoder.Map(n)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.maps[n] = m
	return m, nil
}

func (r *Run) decodedValue(n *document.Node) (any, error) {
	if n != nil && n.Kind == document.Mapping {
		return r.decoded(n)
	}
	return r.decoder.Value(n)
}

// slot waits until one more task may run.
func (r *Run) slot(ctx context.Context) (release func(), err error) {
	select {
	case r.slots <- struct{}{}:
		return func() { <-r.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// sleep waits some seconds, or until the run is stopped.
func (r *Run) sleep(ctx context.Context, seconds float64) error {
	if seconds <= 0 {
		return ctx.Err()
	}
	d := time.Duration(seconds * float64(time.Second))
	after := r.opt.After
	if after == nil {
		timer := time.NewTimer(d)
		defer timer.Stop()
		after = func(time.Duration) <-chan time.Time { return timer.C }
	}
	select {
	case <-after(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// gone tells whether a host failed or was lost in an earlier play or batch.
func (r *Run) gone(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[host] || r.lost[host]
}

func (r *Run) remove(host string, lost bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lost {
		r.lost[host] = true
		return
	}
	r.failed[host] = true
}

// forgive takes hosts back into the run: those that are doing what is always
// done go on with the play after it, the others are back from the next play on.
func (r *Run) forgive(hosts []*member) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range hosts {
		if m.failed || m.lost {
			m.failed, m.lost, m.out = false, false, true
		}
		m.pardons++
		m.doomed = false
		delete(r.failed, m.name)
		delete(r.lost, m.name)
	}
}

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// stats counts how tasks ended.
type stats struct {
	mu    sync.Mutex
	hosts map[string]*report.HostStats
}

func newStats() *stats { return &stats{hosts: map[string]*report.HostStats{}} }

func (s *stats) update(host string, change func(*report.HostStats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.hosts[host]
	if h == nil {
		h = &report.HostStats{Host: host}
		s.hosts[host] = h
	}
	change(h)
}

func (s *stats) sorted() []report.HostStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]report.HostStats, 0, len(s.hosts))
	for _, h := range s.hosts {
		if *h != (report.HostStats{Host: h.Host}) {
			out = append(out, *h)
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Host < out[j].Host })
	return out
}

// running knows what each host is doing, for the message of an interrupt.
type running struct {
	mu  sync.Mutex
	now map[string]report.Progress
	at  []report.Progress // kept when the run was stopped
}

func newRunning() *running { return &running{now: map[string]report.Progress{}} }

func (r *running) start(host, task string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now[host] = report.Progress{Host: host, Task: task}
}

func (r *running) progress(host, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.now[host]
	p.Text = text
	r.now[host] = p
}

// end forgets a host's task, unless it ended because the run was stopped.
func (r *running) end(ctx context.Context, host string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		r.at = append(r.at, r.now[host])
	}
	delete(r.now, host)
}

func (r *running) last() []report.Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := append([]report.Progress{}, r.at...)
	sort.Slice(out, func(i, j int) bool { return out[i].Host < out[j].Host })
	return out
}
