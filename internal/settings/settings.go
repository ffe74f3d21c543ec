// Package settings reads ansible.cfg and the ANSIBLE_* variables of the
// environment: what they are called, where they are looked for and what they
// default to is Ansible's (its page "Ansible Configuration Settings"). Data goes
// file and environment → Settings → whoever obeys one. It is a leaf.
package settings

// Settings are the values of the settings that concern rollout.
type Settings struct {
	// The run
	Forks                 int      // hosts at a time
	Strategy              string   // strategy of plays that name none: linear, free or host_pinned
	ForceHandlers         bool     // run handlers even if a task fails
	AnyErrorsFatal        bool     // a failure on one host ends the play for all
	ErrorOnMissingHandler bool     // notifying a handler that does not exist is an error
	TaskTimeout           int      // seconds that a task may take; 0 is no limit
	PollInterval          int      // seconds between looks at a background task
	NoLog                 bool     // hide the results of all tasks
	DiffAlways            bool     // show what changed, as --diff
	RunTags               []string // as --tags
	SkipTags              []string // as --skip-tags
	HashBehaviour         string   // what happens to mappings set at several levels: the last replaces the others, or they are merged
	PrivateRoleVars       bool     // a role's variables are seen within the role only
	DuplicateDictKey      string   // what a key given twice in a YAML mapping is
	JinjaNative           bool     // an expression's value keeps its own type
	Managed               string   // what ansible_managed says, before {file} and the like are filled in
	JinjaExtensions       string   // jinja2's extensions that are switched on, with commas between
	RolesPath             []string // where roles are looked for, after the playbook's own
	CollectionsPath       []string // where collections of roles and playbooks are looked for
	ModulePath            []string // where modules of your own are looked for, besides the library/ of playbooks and roles
	PlaybookDir           string   // the folder that ad hoc tasks and the inventory command take for the playbook's
	ModuleName            string   // the module of `rollout run` without -m
	ModuleArgs            string   // the arguments of `rollout run` without -a
	RetryFiles            bool     // write the hosts that failed to PLAYBOOK.retry, for --limit @PLAYBOOK.retry
	RetryPath             string   // the folder of those files; else that of the playbook

	// Facts
	Gathering             string   // when plays gather facts: unless they forbid it, where they ask for it, or where none are known
	GatherSubset          []string // which facts plays gather
	GatherTimeout         int      // seconds that gathering one kind of facts may take
	FactPath              string   // folder of a host's own facts
	InjectFacts           bool     // facts are variables of their own (`ansible_hostname`), not only in `ansible_facts`
	FactCaching           string   // where facts are kept: in memory, or as JSON files for later runs
	FactCachingConnection string   // the folder of jsonfile
	FactCachingPrefix     string   // what the names of those files begin with
	FactCachingTimeout    int      // seconds until a file is too old; 0 is never

	// Logging in
	Transport              string // kind of connection, as -c
	RemoteUser             string // who logs in, as -u
	RemotePort             int    // port to log in at
	PrivateKeyFile         string // as --private-key
	Timeout                int    // seconds to wait for a connection, as -T
	HostKeyChecking        bool   // host keys are always checked: false is told and has no effect
	AskPass                bool   // as -k
	ConnectionPasswordFile string // as --connection-password-file
	Become                 bool   // as -b
	BecomeMethod           string // as --become-method
	BecomeUser             string // as --become-user
	BecomeFlags            string // options of the program that becomes another user
	BecomeAskPass          bool   // as -K
	BecomePasswordFile     string // as --become-password-file
	SSHArgs                string // options of ssh: those that `rollout` knows; multiplexing is built in
	SSHCommonArgs          string // as --ssh-common-args
	SSHExtraArgs           string // as --ssh-extra-args
	SSHHostKeyChecking     bool   // as host_key_checking

	// Output
	Verbosity                int      // number of -v
	StdoutCallback           string   // the form of the output: default, minimal, oneline, json, yaml or null
	CallbacksEnabled         []string // what is added to it: timer, profile_tasks, tree
	AdHocCallbacks           bool     // `rollout run` obeys the two above too
	NoColor                  bool     // no colours
	ForceColor               bool     // colours where the output is no terminal too
	LogPath                  string   // a file that the output is appended to
	DiffContext              int      // unchanged lines around a change
	DisplayArgs              bool     // arguments in the headings of tasks
	DisplaySkipped           bool     // show skipped tasks
	ShowCustomStats          bool     // show what set_stats kept
	DeprecationWarnings      bool     // tell what is deprecated
	ActionWarnings           bool     // tell the warnings of modules
	InventoryUnparsedWarning bool     // tell where no inventory was read
	LocalhostWarning         bool     // tell where an inventory lists no host
	VerboseToStderr          bool     // what -v adds goes to the error stream
	DisplayOK                bool     // show tasks that changed nothing
	FailedToStderr           bool     // failures go to the error stream
	ShowPerHostStart         bool     // tell when a task starts on a host
	CheckModeMarkers         bool     // mark what is run in check mode
	PathOnFailure            bool     // the file and line of a task that failed
	ResultFormat             string   // how results are written
	PrettyResults            string   // results in several lines, for reading: true or false; unset, yaml and -vvv are
	ProfileLimit             string   // tasks that profile_tasks lists; all for all
	ProfileOrder             string   // their order
	TreeDir                  string   // the folder of tree

	// The inventory
	Inventory                []string // as -i: files, folders or lists of hosts
	InventoryPlugins         []string // the kinds of inventory that are tried, in this order
	AnyUnparsedFails         bool     // an inventory that cannot be read ends the run
	InventoryCache           bool     // what clouds say of their servers is kept, where an inventory file says nothing of it
	InventoryCachePlugin     string   // jsonfile or memory
	InventoryCacheConnection string   // the folder of jsonfile
	InventoryCachePrefix     string   // what the names of its files begin with
	InventoryCacheTimeout    int      // seconds until it is too old
	UnparsedFails            bool     // the run ends where no inventory could be read
	InventoryIgnoreExts      []string // endings of files that are left out in a folder
	InventoryIgnorePatterns  []string // regular expressions of files that are left out in a folder
	InventoryExport          bool     // `rollout inventory --list` as with --export
	TransformGroupChars      string   // what happens to names of groups that are no names of variables
	HostPatternMismatch      string   // what a pattern that matches nothing is

	// Vault
	AskVaultPass         bool     // as --ask-vault-pass
	VaultIDMatch         bool     // only the password of the id that a text names is tried
	VaultIdentity        string   // the id where none is given
	VaultEncryptIdentity string   // the id to encrypt with
	VaultIdentityList    []string // as --vault-id
	VaultPasswordFile    string   // as --vault-password-file

	Colors Colors

	// File is the file that was read, "" for none.
	File string
	// Warnings are about the place of the file and old names in it.
	Warnings []string
	// Idle are the lines that change nothing here, as file:line: [section] key,
	// or the name of a variable of the environment.
	Idle []string

	values map[string]Value
}

// Colors are those of the output, by Ansible's names ("bright red").
type Colors struct {
	Ok, Changed, Skip, Error, Unreachable, Warn, Deprecate, Verbose, Debug, DiffAdd, DiffRemove, DiffLines string
}
