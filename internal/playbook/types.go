// Package playbook reads plays, blocks, tasks and roles from files. It knows
// the syntax of Ansible's playbooks and nothing of modules, variables or hosts:
// data goes files → *Playbook, every node with its position, all mistakes
// reported at once. The runner executes what this package hands out.
package playbook

import (
	"cmp"

	"rollout/internal/document"
)

// Playbook is a playbook file with everything static resolved: import_playbook,
// roles with their dependencies, import_tasks and import_role.
type Playbook struct {
	Path         string
	Plays        []*Play // in order; those of imported playbooks stand in their place
	Deprecations []Deprecation
}

// Deprecation notes an old form that is still accepted.
type Deprecation struct {
	Pos     document.Position
	Message string // "sudo: is now become:"
}

// Keywords are those that a task inherits from its block, role and play. In a
// Task, Block or RoleUse they are effective: what stands on it, merged with what
// is inherited as ansible-core does it. A value that may be a template is the
// node as written; nil is "not set anywhere".
type Keywords struct {
	Tags           []string         // own and inherited, each once; may hold templates
	When           []*document.Node // outermost first; all must hold
	Vars           []*document.Node // mappings of blocks, imports and the task itself, outermost first; never the play's
	Params         []*document.Node // vars of old static includes, which win over set_fact's; outermost first
	Environment    []*document.Node // mappings or templates of them, outermost first; the later wins
	ModuleDefaults []*document.Node // mappings, outermost first; the later wins
	Collections    []string

	Connection        *document.Node
	Port              *document.Node
	RemoteUser        *document.Node
	Become            *document.Node
	BecomeUser        *document.Node
	BecomeMethod      *document.Node
	BecomeFlags       *document.Node
	BecomeExe         *document.Node
	NoLog             *document.Node
	RunOnce           *document.Node
	IgnoreErrors      *document.Node
	IgnoreUnreachable *document.Node
	CheckMode         *document.Node
	Diff              *document.Node
	AnyErrorsFatal    *document.Node
	Throttle          *document.Node
	Timeout           *document.Node
	DelegateTo        *document.Node
	DelegateFacts     *document.Node
	Notify            []*document.Node // a task's own, else the closest block's
}

// Play maps hosts to what is done on them.
type Play struct {
	Pos  document.Position
	Path string // the file it stands in
	Dir  string // that file's directory: playbook_dir

	Name  string         // as written, may be a template; the hosts where there is none
	Hosts *document.Node // a pattern, a list of patterns, or a template
	Keywords

	Vars      *document.Node // a mapping, or nil
	VarsFiles []*document.Node
	Prompts   []*Prompt

	PreTasks  []Item
	Roles     []*RoleUse // of roles:, in order
	Tasks     []Item
	PostTasks []Item
	Handlers  []Item     // of handlers:
	Imported  []*RoleUse // of import_role anywhere in the play: their handlers and variables are the play's

	GatherFacts       *document.Node
	GatherSubset      *document.Node
	GatherTimeout     *document.Node
	FactPath          *document.Node
	Serial            *document.Node // a number, a percentage, a list of them, or a template
	Strategy          *document.Node
	Order             *document.Node
	MaxFailPercentage *document.Node
	ForceHandlers     *document.Node
}

// Prompt is an entry of vars_prompt.
type Prompt struct {
	Pos      document.Position
	Name     string
	Text     string // what is asked; "" means the name
	Default  *document.Node
	Private  bool // don't echo; the default
	Confirm  bool
	Unsafe   bool
	Encrypt  string // a crypt scheme, "" for none
	Salt     string
	SaltSize int
}

// Item is a *Task or a *Block.
type Item interface {
	// Position is where the item's mapping begins.
	Position() document.Position
	item()
}

// Block groups items. A block without Rescue and Always is transparent.
// import_tasks and import_role become such a block, so that nothing of them is
// left for the runner to do.
type Block struct {
	Pos    document.Position
	Name   string
	Import string // what a static import loaded ("tasks file path" or "role name"), else ""
	Keywords
	Block  []Item
	Rescue []Item
	Always []Item
	Role   *RoleUse // the role it belongs to, or nil
	Uses   *RoleUse // the role that the block is the whole of, else nil
}

// Task is one call of a module, possibly looped.
type Task struct {
	Pos  document.Position
	Node *document.Node // the whole mapping
	Path string         // the file it stands in
	Play *Play
	Role *RoleUse // the role it belongs to, or nil

	Name      string            // as written, may be a template; may be ""
	Action    string            // the module as written: "copy", "ansible.builtin.copy"
	ActionPos document.Position // of the module's name
	// Args is always a mapping: arguments of all forms (mapping, key=value,
	// args:) merged, without the free-form text. Values that come from
	// key=value text are quoted strings at the text's position.
	Args *document.Node
	// FreeForm is the text given to a module outside key=value pairs, such as
	// a command line; nil where there is none.
	FreeForm *document.Node
	// ArgsTemplate is a template that gives further arguments, a mapping
	// (args: "{{ x }}"); Args wins over it. Usually nil.
	ArgsTemplate *document.Node
	Include      *Include // set for include_tasks, include_role and a dynamic include

	Keywords
	OwnVars     *document.Node // the task's own vars, also the last of Vars
	Loop        *Loop          // nil for a task that is not looped
	Register    string
	ChangedWhen []*document.Node
	FailedWhen  []*document.Node
	Until       []*document.Node
	Retries     *document.Node
	Delay       *document.Node
	Async       *document.Node
	Poll        *document.Node
	Listen      []string // handlers only
	Handler     bool
	Rescued     bool // it is within a block that has a rescue

	outer *scope // what tasks included here inherit
}

// Foreseen reports whether the playbook is ready for the task to fail: a rescue,
// ignore_errors, failed_when. That it does may be what is wanted then.
func (t *Task) Foreseen() bool {
	return t.Rescued || t.IgnoreErrors != nil && t.IgnoreErrors.Value != false || len(t.FailedWhen) > 0
}

// Loop is what a task repeats over.
type Loop struct {
	Pos document.Position
	// With is "" for loop:, else the lookup of with_*: "items", "dict".
	With  string
	Value *document.Node

	Var              string // "item" unless set
	IndexVar         string
	Label            *document.Node
	Pause            *document.Node
	Extended         *document.Node
	ExtendedAllItems *document.Node
}

// Include is a task file or role that is loaded at run time, by
// Loader.IncludeTasks or Loader.IncludeRole.
type Include struct {
	Pos document.Position
	// File is the task file of include_tasks, may be a template; nil for a role.
	File *document.Node
	// Role is the name of include_role's role, may be a template; nil for a file.
	Role *document.Node
	From From           // with templates as written
	Vars *document.Node // further vars given as arguments (legacy include: only)

	Old              bool           // an include: of old
	Apply            *document.Node // keywords for what is included; nil for none
	Public           bool           // role: its vars and handlers stay with the play
	AllowDuplicates  bool           // role
	ValidateArgSpecs bool           // role
}

// From names the files of a role other than main.
type From struct{ Tasks, Handlers, Vars, Defaults string }

// Role is a role's files.
type Role struct {
	Name       string // as it was asked for, without its collection
	Collection string // the collection it comes from: ns.coll; "" for none
	Path       string // its directory; templates/ and files/ are under it
	Files      Source // reads what is under Path

	Defaults        *document.Node // a mapping, or nil
	Vars            *document.Node // a mapping, or nil
	ArgumentSpecs   *document.Node // mapping of entry point → spec, or nil
	AllowDuplicates bool
}

// FullName is the role's name with its collection's.
func (r *Role) FullName() string {
	if r.Collection == "" {
		return r.Name
	}
	return r.Collection + "." + r.Name
}

// RoleUse is one application of a role.
type RoleUse struct {
	Pos  document.Position // where it was asked for
	Role *Role
	// Key is equal for two uses of one role with the same parameters,
	// conditions and tags: the runner runs such a role once per host unless
	// AllowDuplicates.
	Key             string
	AllowDuplicates bool
	// ValidateArgSpecs tells whether to check the entry point's argument spec;
	// EntryPoint is that of the tasks loaded, "main" by default.
	ValidateArgSpecs bool
	EntryPoint       string

	Params *document.Node // parameters given beside role:, a mapping, or nil
	Vars   *document.Node // vars: given beside role:, a mapping, or nil
	Keywords

	Parent       *RoleUse   // the role that depends on this one or includes it, or nil
	Included     bool       // by import_role or include_role
	Dependencies []*RoleUse // in order; they run before
	Tasks        []Item     // its own, without those of the dependencies
	Handlers     []Item
}

// Position implements Item.
func (b *Block) Position() document.Position { return b.Pos }

// Position implements Item.
func (t *Task) Position() document.Position { return t.Pos }

func (b *Block) item() {}
func (t *Task) item()  {}

// Title is the name shown for the task: the role's and its own, or the module's.
// An include of a role shows which.
func (t *Task) Title() string {
	if t.Include != nil && t.Include.Role != nil {
		return cmp.Or(t.Name, t.Action+" : "+t.Include.Role.Text)
	}
	name := cmp.Or(t.Name, t.Action)
	if t.Role != nil {
		return t.Role.Role.FullName() + " : " + name
	}
	return name
}
