// Package library runs modules that people bring along: executable files in a
// library/ folder beside the playbook, in a role or in a collection, in any
// language that the host has. What such a file is given and must answer is told
// in Ansible's "Developing modules" (non-native modules): a file of arguments,
// and JSON on standard output.
package library

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"rollout/internal/module"
)

// Library finds people's own modules. It is safe for concurrent use.
type Library struct {
	mu          sync.Mutex
	near        []string              // folders beside playbooks and roles
	folders     []string              // further ones
	collections []string              // folders that hold ansible_collections, or are one
	found       map[string]*ownModule // by file
}

// New returns a library of the modules in these folders, the first of a name
// counting, and of those of collections below the other folders.
func New(folders, collections []string) *Library {
	return &Library{folders: folders, collections: slices.Clone(collections), found: map[string]*ownModule{}}
}

// Add makes the modules beside a playbook or role known: those in library/,
// which go before those of the folders that New was given, and those of
// collections/.
func (l *Library) Add(dir string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if folder := filepath.Join(dir, "library"); !slices.Contains(l.near, folder) {
		l.near = append(l.near, folder)
		l.collections = append(l.collections, filepath.Join(dir, "collections"))
	}
}

// Find returns the module of that name: a file's without its extension, or
// namespace.collection.name. It is nil where there is none.
func (l *Library) Find(name string) *module.Module {
	if own := l.own(name); own != nil {
		return own.module()
	}
	return nil
}

// Problem says why the module of that name cannot be run; nil where it can, or
// is none of the library's.
func (l *Library) Problem(name string) error {
	own := l.own(name)
	if own == nil {
		return nil
	}
	_, _, err := own.read()
	return err
}

func (l *Library) own(name string) *ownModule {
	l.mu.Lock()
	defer l.mu.Unlock()
	short := name[strings.LastIndexByte(name, '.')+1:]
	for _, folder := range l.places(name) {
		for _, extension := range []string{"", ".py", ".sh", ".pl", ".rb"} {
			file := filepath.Join(folder, short+extension)
			if own := l.found[file]; own != nil {
				return own
			}
			if st, err := os.Stat(file); err == nil && st.Mode().IsRegular() {
				l.found[file] = &ownModule{name: name, file: file}
				return l.found[file]
			}
		}
	}
	return nil
}

// places are the folders in which a module of that name can be.
func (l *Library) places(name string) []string {
	parts := strings.Split(name, ".")
	if len(parts) == 1 {
		return slices.Concat(l.near, l.folders)
	}
	if len(parts) != 3 || slices.Contains(parts, "") {
		return nil
	}
	var out []string
	for _, root := range l.collections {
		if filepath.Base(root) != "ansible_collections" {
			root = filepath.Join(root, "ansible_collections")
		}
		out = append(out, filepath.Join(root, parts[0], parts[1], "plugins", "modules"))
	}
	return out
}

// ownModule is one file.
type ownModule struct{ name, file string }

func (o *ownModule) module() *module.Module {
	return &module.Module{
		Name:      o.name,
		Summary:   "A module of your own: " + o.file,
		Args:      module.Schema{OpenEnded: true, FreeForm: true},
		NeedsHost: true,
		Run:       o.run,
	}
}

// read returns the module's text and how it takes its arguments.
func (o *ownModule) read() ([]byte, style, error) {
	content, err := os.ReadFile(o.file)
	if err != nil {
		return nil, oldStyle, fmt.Errorf("cannot read the module %s: %w", o.name, err)
	}
	how, err := styleOf(content)
	if err != nil {
		return nil, oldStyle, fmt.Errorf("cannot run the module %s: %w", o.file, err)
	}
	return content, how, nil
}

// style is how a module takes its arguments.
type style int

const (
	oldStyle style = iota // a file of key=value words
	wantJSON              // a file of JSON, in an interpreted language
	binary                // a file of JSON
	jsonArgs              // JSON in the module's own text
)

// jsonMark is replaced by the arguments.
const jsonMark = "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"

// errNeedsPython says that a module is made of Ansible's own Python.
var errNeedsPython = errors.New("it imports ansible.module_utils, and rollout has no Python of Ansible's; " +
	"a module in any language that reads its arguments as JSON can be run (put WANT_JSON into it)")

func styleOf(content []byte) (style, error) {
	switch {
	case bytes.IndexByte(content[:min(len(content), 8000)], 0) >= 0:
		return binary, nil
	case bytes.Contains(content, []byte("#<<INCLUDE_ANSIBLE_MODULE_COMMON>>")), importsAnsible(content):
		return oldStyle, errNeedsPython
	case bytes.Contains(content, []byte(jsonMark)):
		return jsonArgs, nil
	case bytes.Contains(content, []byte("WANT_JSON")):
		return wantJSON, nil
	}
	return oldStyle, nil
}

// importsAnsible finds Python that imports Ansible's library, of which a
// collection's modules may be a part too.
func importsAnsible(content []byte) bool {
	for line := range bytes.Lines(content) {
		words := bytes.Fields(line)
		if len(words) < 2 || !slices.Contains([]string{"from", "import"}, string(words[0])) {
			continue
		}
		for _, prefix := range []string{"ansible.module_utils", "ansible_collections.", "ansible.modules"} {
			if bytes.HasPrefix(words[1], []byte(prefix)) {
				return true
			}
		}
	}
	return false
}
