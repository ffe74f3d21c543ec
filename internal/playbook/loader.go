package playbook

import (
	"rollout/internal/document"
)

// Loader reads playbooks, and at run time what they include:
//
//	Load(path string) (*Playbook, error)
//	IncludeTasks(t *Task, file string) ([]Item, error)
//	IncludeRole(t *Task, name string, from From) (*RoleUse, error)
//
// A Loader may be used by several goroutines.
type Loader struct {
	Files     Source
	RolesPath []string // where roles are looked for after the playbook's roles/ and its directory

	// Expand renders a template in the name of a static import, with the vars
	// in scope there (outermost first); nil makes such a template an error.
	Expand func(text *document.Node, vars []*document.Node) (string, error)
	// Decrypt returns the plain text of a vaulted file; nil makes one an error.
	Decrypt func(data []byte) ([]byte, error)
}

// scope is what an item inherits from where it stands.
type scope struct {
	Keywords
	play     *Play
	role     *RoleUse
	handlers bool
	dir      string // of the file being read
}
