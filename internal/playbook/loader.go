package playbook

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"rollout/internal/document"
)

// Loader reads playbooks, and at run time what they include. It may be used by
// several goroutines.
type Loader struct {
	Files     Source
	RolesPath []string // where roles are looked for after the playbook's roles/
	// CollectionsPath is where collections are looked for after the playbook's
	// collections/: directories that hold ansible_collections, or are it.
	CollectionsPath []string

	// Expand renders a template in the name of a static import, with the vars
	// in scope there (outermost first); nil makes such a template an error.
	Expand func(text *document.Node, vars []*document.Node) (string, error)
	// Decrypt returns the plain text of a vaulted file; nil makes one an error.
	Decrypt func(data []byte) ([]byte, error)
	// Known tells whether there is a module of that name; it makes the messages
	// about unknown keywords exact. May be nil.
	Known func(module string) bool
	// Found is told of each folder of a playbook and of a role, beside which
	// there may be more than files of ours. May be nil; it may be called by
	// several goroutines.
	Found func(dir string)
	// Note is told of old forms in what is included at run time; those of the
	// playbook are in its Deprecations. May be nil; it may be called by several
	// goroutines.
	Note func(Deprecation)
	// Doubt is told of what is legal but seldom meant, such as keys that stand
	// twice. May be nil; it may be called by several goroutines.
	Doubt func(*document.Error)
	// Strict makes keys that stand twice mistakes.
	Strict bool

	mu       sync.Mutex
	bookDirs []string                  // collections/ beside the playbooks read so far
	parsed   map[string]*document.Node // files read so far: they are read once
}

// Load reads a playbook and all it imports. The error holds every mistake, each
// a *document.Error with its position; the playbook is then what could be read,
// to look for further mistakes in, and not to be run.
func (l *Loader) Load(path string) (*Playbook, error) {
	r := &reader{l: l}
	path = l.book(path, filepath.Dir(path))
	plays := r.playbook(path, document.Position{File: path}, nil)
	return &Playbook{Path: path, Plays: plays, Deprecations: r.notes}, r.finish()
}

func (l *Loader) found(dir string) {
	if l.Found != nil {
		l.Found(dir)
	}
}

// book finds the file of a playbook: a path, or a collection's playbook by its
// full name.
func (l *Loader) book(name, dir string) string {
	path := l.find(name)
	if !isFile(l.Files, path) {
		if found := l.collectionBook(filepath.Base(name), dir); found != "" {
			return found
		}
	}
	return path
}

// find lets a Source with several layers choose where a playbook comes from.
func (l *Loader) find(path string) string {
	if layers, ok := l.Files.(interface{ Find(string) string }); ok {
		return layers.Find(path)
	}
	return path
}

// reader is one loading: it collects what goes wrong on the way.
type reader struct {
	l     *Loader
	errs  document.Errors
	notes []Deprecation
	stack []string // files being imported, outermost first, for cycles
	uses  int      // of roles
	shown shown    // the file whose lines were looked at last
}

// maxImports bounds how deeply static imports may be nested.
const maxImports = 64

// scope is what an item inherits from where it stands.
type scope struct {
	Keywords
	play     *Play
	role     *RoleUse
	handlers bool
	rescued  bool     // within a block that has a rescue
	dynamic  bool     // read at run time
	includes []string // directories of the task files that led here, as they were named; outermost first
	path     string   // the file being read
}

func (r *reader) deprecate(pos document.Position, message string) {
	note := Deprecation{pos, message}
	if !slices.Contains(r.notes, note) {
		r.notes = append(r.notes, note)
	}
}

// finish gives errors in shipped files their source line, which nobody can
// read from disk, and drops repeated ones.
func (r *reader) finish() error {
	var out document.Errors
	seen := map[string]bool{}
	var many interface{ Unwrap() []error }
	if !errors.As(r.errs.Err(), &many) {
		return nil
	}
	for _, err := range many.Unwrap() {
		if seen[err.Error()] {
			continue
		}
		seen[err.Error()] = true
		var at *document.Error
		if errors.As(err, &at) && strings.HasPrefix(at.Pos.File, Embedded) {
			at.Source = r.l.sourceLine(at.Pos)
		}
		out.Join(err)
	}
	return out.Err()
}

func (l *Loader) sourceLine(p document.Position) string {
	lines := l.Lines(p.File)
	if p.Line < 1 || p.Line > len(lines) {
		return ""
	}
	return lines[p.Line-1]
}

// shown is a file with its lines.
type shown struct {
	path  string
	lines []string
}

// lines are those of a file; most questions are about one file after the other.
func (r *reader) lines(path string) []string {
	if r.shown.path != path {
		r.shown = shown{path, r.l.Lines(path)}
	}
	return r.shown.lines
}

// Lines returns the lines of a file as it is written, nil where it can't be
// read.
func (l *Loader) Lines(path string) []string {
	data, err := l.Files.ReadFile(path)
	if err != nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
}

// vaultHeader begins an encrypted file.
const vaultHeader = "$ANSIBLE_VAULT;"

// DecryptError is a vaulted file that no secret opens.
type DecryptError struct {
	Path string
	Err  error
}

func (e *DecryptError) Error() string { return fmt.Sprintf("cannot decrypt %s: %v", e.Path, e.Err) }

// Unwrap returns the cause.
func (e *DecryptError) Unwrap() error { return e.Err }

// ReadYAML reads one YAML file, decrypting it if need be. It is read once in a
// Loader's life, so nodes are shared and must not be changed.
func (l *Loader) ReadYAML(path string) (*document.Node, error) {
	l.mu.Lock()
	n := l.parsed[path]
	l.mu.Unlock()
	if n != nil {
		return n, nil
	}
	data, err := l.Files.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(string(data), vaultHeader) {
		if l.Decrypt == nil {
			return nil, fmt.Errorf("cannot decrypt %s: it is encrypted (give its vault password)", path)
		}
		if data, err = l.Decrypt(data); err != nil {
			return nil, &DecryptError{path, err}
		}
	}
	parse := document.Parse
	if l.Strict {
		parse = document.ParseStrict
	}
	if n, err = parse(path, data); err != nil {
		return nil, err
	}
	for _, note := range n.Notes {
		if l.Doubt != nil {
			l.Doubt(note)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.parsed == nil {
		l.parsed = map[string]*document.Node{}
	}
	l.parsed[path] = n
	return n, nil
}

// read reads a YAML file for an import that stands at pos; nil after a mistake.
func (r *reader) read(path string, pos document.Position) *document.Node {
	n, err := r.l.ReadYAML(path)
	switch {
	case err == nil:
		return n
	case errors.Is(err, fs.ErrNotExist):
		r.errs.Add(pos, "cannot read %s: there is no such file", path)
	default:
		r.readError(pos, path, err)
	}
	return nil
}

// readError keeps errors that have a position and gives others that of the import.
func (r *reader) readError(pos document.Position, path string, err error) {
	var at *document.Error
	if errors.As(err, &at) {
		r.errs.Join(err)
		return
	}
	var locked *DecryptError
	if errors.As(err, &locked) {
		r.errs.Add(pos, "%v", locked)
		return
	}
	r.errs.Add(pos, "cannot read %s: %v", path, err)
}

// enter notes that path is being imported from pos; false where that would
// never end. leave undoes it.
func (r *reader) enter(path string, pos document.Position, what string) bool {
	entry := what + " " + path
	if slices.Contains(r.stack, entry) {
		r.errs.Add(pos, "%s imports itself", strings.TrimSpace(entry))
		return false
	}
	if len(r.stack) >= maxImports {
		r.errs.Add(pos, "imports are nested more than %d deep", maxImports)
		return false
	}
	r.stack = append(r.stack, entry)
	return true
}

func (r *reader) leave() { r.stack = r.stack[:len(r.stack)-1] }

// expand returns the text of a name needed while loading; ok is false after a
// mistake, which is reported.
func (r *reader) expand(n *document.Node, what string, vars []*document.Node) (text string, ok bool) {
	if n.Kind != document.Scalar || n.Value == nil {
		r.errs.Add(n.Pos, "%s must be text, not %s", what, kindOf(n))
		return "", false
	}
	if !isTemplate(n) {
		return n.Text, true
	}
	if r.l.Expand == nil {
		r.errs.Add(n.Pos, "%s is a template, but nothing is known yet to render it with", what)
		return "", false
	}
	text, err := r.l.Expand(n, vars)
	if err != nil {
		r.errs.AddHint(n.Pos, "a static import only sees the variables of the play and of -e; use include_tasks or include_role for others",
			"cannot render %s: %v", what, err)
		return "", false
	}
	return text, true
}

func kindOf(n *document.Node) string {
	if n.Kind == document.Scalar && n.Value == nil {
		return "nothing"
	}
	return n.Kind.String()
}

// join puts dir before a relative path.
func join(dir, path string) string {
	if isAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
