// Package module says what a task can call: a name, a typed argument schema and
// a function. The families of modules live in packages below it; the table of
// all of them is put together in cmd/rollout and handed to the runner.
package module

import (
	"context"
	"io/fs"

	"rollout/internal/connection"
	"rollout/internal/value"
)

// Module is one thing a task can call.
type Module struct {
	Name    string   // fully qualified, as Ansible's: "ansible.builtin.copy"
	Aliases []string // further names: "copy" is implied by ansible.builtin, legacy ones are listed
	// Old are those of the names that still work but should not be used any
	// more, each with what to use instead.
	Old     map[string]string
	Summary string // one sentence for the reference
	Args    Schema
	// NeedsHost is set where Run uses Call.Host; only then is the host
	// connected to before the module runs.
	NeedsHost bool
	// Run observes, decides and, unless Call.Check is set, acts.
	Run func(ctx context.Context, call *Call) (Result, error)
	// Detach builds the one program that does on the host what Run does, for
	// tasks that go to the background there. nil where there is no such.
	Detach func(call *Call) (Program, error)
}

// Program is a POSIX sh program that prints its result as one JSON object, as
// Ansible's module of that name does.
type Program struct {
	Script string // never holds a secret
	Stdin  []byte
}

// Finder finds modules that are not shipped: people's own.
type Finder interface {
	// Find returns the module of a name; nil where there is none.
	Find(name string) *Module
	// Problem says why the module of that name can't be run; nil where it can.
	Problem(name string) error
}

// Call is one invocation of a module for one host.
type Call struct {
	Args     *value.Map // validated against the schema, defaults filled in
	FreeForm string     // what stands after the module's name in `command: echo hi`
	HostName string     // inventory_hostname, for messages
	Host     connection.Host
	// Connect opens Host anew, for modules that wait until a host can be
	// reached (wait_for_connection) and so have NeedsHost unset. The Host it
	// returns belongs to the runner, as Call.Host does: it is not closed here.
	Connect func(ctx context.Context) (connection.Host, error)
	Env     map[string]string // the task's environment
	Become  *connection.Become
	Check   bool // change nothing
	Diff    bool // fill in Result.Diff
	Verbose int  // number of -v
	// Render renders the text of a template's file, name, with the host's
	// variables and those of the file, extra ones laid on top (nil for none).
	Render func(ctx context.Context, name, text string, extra *value.Map) (string, error)
	// Files finds the control machine's files as Ansible does: in the role's
	// files/ or templates/, then beside the playbook.
	Files Files
	// Progress tells the person what is being waited for, in a few words.
	Progress func(text string)
}

// Files finds and opens files of the control machine.
type Files interface {
	// Open opens name, looked for in kind ("files", "templates", "vars") of
	// the role and of the playbook. The error names all places tried.
	Open(kind, name string) (fs.File, string, error)
}

// Result is what a module did. Failed and Skipped are its own verdict;
// the runner's changed_when and failed_when come on top.
type Result struct {
	Changed  bool
	Failed   bool
	Skipped  bool
	Msg      string
	Data     *value.Map // further return values, as Ansible names them; may be nil
	Facts    *value.Map // ansible_facts; may be nil
	Diff     []Diff
	Plan     []Operation // the decision: what was done, or in check mode would be
	Warnings []string
	Secret   []string // texts that must never be shown
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

// Operation is one step of a decision.
type Operation struct {
	Kind  string // one of the kinds above
	Thing string // "server student07-web-1"
	Do    string // "boot server student07-web-1"
	Cause string // "not found"
	// Held is set where the operation is needed but not done unless asked for.
	Held bool
}

// Diff is one before/after pair of a change.
type Diff struct {
	Of                        string // what changes, where the headers don't say it
	BeforeHeader, AfterHeader string
	Before, After             string
	// Prepared is the whole as it is to be shown, where the module has made it
	// itself; Before and After are empty then.
	Prepared string
}

// Fail is a failed Result with a message.
func Fail(msg string) Result { return Result{Failed: true, Msg: msg} }

// Set puts a return value and returns the result, for building in one line.
func (r Result) Set(key string, v any) Result {
	if r.Data == nil {
		r.Data = value.NewMap()
	}
	r.Data.Set(key, v)
	return r
}
