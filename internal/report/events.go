// Package report shows what rollout does, to a person or a program. It is
// handed plain events and values, and imports nothing of what makes them.
package report

import (
	"rollout/internal/value"
)

// Event is one thing that happened in a run of playbooks. The concrete types
// are below; secrets in them are masked by whoever made the event.
type Event interface{ event() }

// Status is how a task or one item of its loop ended on a host.
type Status int

// The ways a task ends.
const (
	OK Status = iota
	Changed
	Skipped
	Failed
	Unreachable
)

func (s Status) String() string {
	return [...]string{"ok", "changed", "skipped", "failed", "unreachable"}[s]
}

// PlaybookStart opens a playbook.
type PlaybookStart struct {
	File  string
	Plays int
	Check bool
}

// PlayStart opens a play.
type PlayStart struct {
	Name  string // "" prints the word PLAY alone
	Check bool
	Where string // file:line of the play
	Free  bool   // hosts run ahead of each other: the task banner comes with the first result
}

// Task names a task in the events about it.
type Task struct {
	ID      int    // the same for all events of one start of a task
	Name    string // with "role : " before it where it belongs to a role
	Where   string // file:line of the task
	Handler bool
	Check   bool   // it runs in check mode
	Args    string // " k=v, k=v" where the setting display_args_to_stdout is on
	Action  string // the module, as the task names it
	Of      any    // what is the same for all starts of one task of a file; nil for the start itself
}

// key tells tasks apart whose headings differ.
func (t Task) key() any {
	if t.Of != nil {
		return t.Of
	}
	return t.ID
}

// TaskStart says that a task starts on the hosts of a play.
type TaskStart struct{ Task Task }

// Result is how a task, or one item of its loop, ended on one host.
type Result struct {
	Task     Task
	Host     string
	Delegate string // where it ran, if elsewhere
	Address  string // of that, if a variable says it
	Status   Status
	Item     bool   // one item of a loop
	Label    string // of the item
	Loop     bool   // the summary of a loop whose items were told one by one
	Include  bool   // an include: its files are told by Included
	Ignored  bool   // failed or unreachable, and the play goes on
	Debug    bool   // shown without -v, its message alone, as the debug module's is
	Always   bool   // shown without -v
	Data     *value.Map
	Diffs    []Diff
	Plan     []Operation
	Warnings []string
}

// The kinds of operations.
const (
	Create  = "create"
	Change  = "change"
	Replace = "replace"
	Delete  = "delete"
	Extra   = "extra" // is there, and nobody asked for it
	Left    = "left"  // differs, and is left alone
	Note    = "note"  // worth knowing, and nothing to do
)

// Operation is one step of what a task did, or in check mode would do.
type Operation struct {
	Kind  string // one of the kinds above
	Thing string // "server student07-web-1"
	Do    string // "boot server student07-web-1"
	Cause string // "not found"
	Held  bool   // needed, but not done unless asked for
}

// Diff is what changed, or would.
type Diff struct {
	Of                        string // what changes, where the headers don't say it
	BeforeHeader, AfterHeader string
	Before, After             string
	Prepared                  string // the whole, where the module has made it itself
}

// HostStart says that a task starts on a host.
type HostStart struct {
	Task Task
	Host string
}

// Retry says that a task's until is not yet true.
type Retry struct {
	Task     Task
	Host     string
	Delegate string
	Address  string
	Left     int
	Data     *value.Map
}

// Included says that a file's tasks join the play for these hosts.
type Included struct {
	File  string
	Hosts []string
	Label string // of the loop's item; "" for none
}

// NoHostsMatched says that a play's pattern names nobody.
type NoHostsMatched struct{}

// NoHostsRemaining says that a play ends because no host is left in it.
type NoHostsRemaining struct{}

// Notified says that a host will run a handler.
type Notified struct{ Handler, Host string }

// AsyncState is how a task in the background does.
type AsyncState int

// The states of a task in the background.
const (
	AsyncRunning AsyncState = iota
	AsyncEnded
)

// Async says how a task in the background does that is waited for.
type Async struct {
	Host              string
	JobID             string
	State             AsyncState
	Failed            bool // it ended so
	Started, Finished int
}

// Meta says what a meta task did.
type Meta struct{ Text string }

// Progress says what a host is waiting for; an empty Text ends the wait.
type Progress struct {
	Host string
	Task string
	Text string
}

// Asked repeats what was asked before a task.
type Asked struct{ Question string }

// Message is something the person asked for by a task, such as pause's prompt.
type Message struct{ Text string }

// Warning is said on standard error. A text is shown once a run.
type Warning struct {
	Text        string
	Deprecation bool
}

// Interrupted says what was running, where, when the run was stopped.
type Interrupted struct{ Running []Progress }

// Recap ends a run.
type Recap struct {
	Hosts  []HostStats // sorted by name
	Custom *value.Map  // set_stats' values by host, "_run" for the run's; nil for none
	Check  bool
}

// HostStats counts how the tasks ended on one host.
type HostStats struct {
	Host                                                        string
	OK, Changed, Unreachable, Failed, Skipped, Rescued, Ignored int
}

func (PlaybookStart) event()    {}
func (PlayStart) event()        {}
func (TaskStart) event()        {}
func (Result) event()           {}
func (HostStart) event()        {}
func (Retry) event()            {}
func (Included) event()         {}
func (NoHostsMatched) event()   {}
func (NoHostsRemaining) event() {}
func (Notified) event()         {}
func (Meta) event()             {}
func (Async) event()            {}
func (Progress) event()         {}
func (Asked) event()            {}
func (Message) event()          {}
func (Warning) event()          {}
func (Interrupted) event()      {}
func (Recap) event()            {}
