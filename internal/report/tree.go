package report

import (
	"os"
	"path/filepath"
	"sync"
)

// Tree writes the last result of every host to a file of its name: Ansible's
// callback tree, -t of ad hoc tasks. It is safe for concurrent use.
type Tree struct {
	*display
	dir string
	mu  sync.Mutex
}

// NewTree returns one that writes below dir; opt says how warnings are shown.
func NewTree(opt PlayOptions, dir string) *Tree { return &Tree{display: newDisplay(opt), dir: dir} }

// Handle takes one event.
func (t *Tree) Handle(e Event) {
	r, ok := e.(Result)
	if !ok || r.Item || r.Status == Skipped {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := os.MkdirAll(t.dir, 0o700); err != nil {
		t.warning(Warning{Text: "Unable to access or create the configured directory (" + t.dir + "): " + err.Error()})
		return
	}
	// A name of the inventory is no path: it stays in the folder.
	file := filepath.Join(t.dir, filepath.Base(r.Host))
	if err := os.WriteFile(file, []byte(t.dump(r, false)), 0o600); err != nil {
		t.warning(Warning{Text: "Unable to write to " + r.Host + "'s file: " + err.Error()})
	}
}
