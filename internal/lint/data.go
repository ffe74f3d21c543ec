package lint

import (
	"path/filepath"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
)

// Beside looks at all files of variables in group_vars and host_vars of a
// folder. It returns the names they define, and what is wrong with them.
func (l *Linter) Beside(dir string) (names []string, found []Finding) {
	for _, sub := range []string{"group_vars", "host_vars"} {
		for _, path := range l.under(filepath.Join(dir, sub), 0) {
			found = append(found, l.VarsFile(path)...)
			if n, err := l.Loader.ReadYAML(path); err == nil {
				for _, e := range n.Entries {
					names = append(names, e.Name())
				}
			}
		}
	}
	return names, found
}

// under lists the files of variables below a folder.
func (l *Linter) under(dir string, depth int) []string {
	entries, err := l.Loader.Files.ReadDir(dir)
	if err != nil || depth > maxDepth {
		return nil // no such folder: nothing is in it
	}
	var out []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || strings.HasSuffix(e.Name(), "~"):
		case e.IsDir():
			out = append(out, l.under(path, depth+1)...)
		default:
			if ext := filepath.Ext(e.Name()); ext == "" || ext == ".yml" || ext == ".yaml" || ext == ".json" {
				out = append(out, path)
			}
		}
	}
	return out
}

// Kind is what a file that is to be looked at holds.
type Kind int

// The kinds of files.
const (
	Playbook  Kind = iota // a list of plays
	Tasks                 // a list of tasks
	Variables             // a mapping
	Template              // anything with the ending .j2
	Role                  // a folder with tasks, handlers, defaults, vars or meta
	Other                 // an inventory, say: nothing of ours
)

// KindOf tells what is at a path. The error is that of reading it.
func (l *Linter) KindOf(path string) (Kind, error) {
	info, err := l.Loader.Files.Stat(path)
	switch {
	case err != nil:
		return Other, err
	case info.IsDir():
		return l.folder(path), nil
	case filepath.Ext(path) == ".j2":
		return Template, nil
	}
	switch filepath.Ext(path) {
	case ".yml", ".yaml", ".json":
	default:
		return Other, nil
	}
	n, err := l.Loader.ReadYAML(path)
	if err != nil {
		return Variables, err
	}
	return l.contentKind(path, n, 0), nil
}

func (l *Linter) folder(path string) Kind {
	for _, sub := range []string{"tasks", "handlers", "defaults", "vars", "meta"} {
		if info, err := l.Loader.Files.Stat(filepath.Join(path, sub)); err == nil && info.IsDir() {
			return Role
		}
	}
	return Other
}

// contentKind tells plays from tasks: an include of old may lead to either.
func (l *Linter) contentKind(path string, n *document.Node, depth int) Kind {
	if n.Kind != document.Sequence {
		if n.Get("hosts") != nil && (n.Get("tasks") != nil || n.Get("roles") != nil) {
			return Playbook // a play that lacks its dash
		}
		return Variables
	}
	for _, item := range n.Items {
		for _, word := range []string{"hosts", "import_playbook", "ansible.builtin.import_playbook", "roles", "tasks"} {
			if item.Get(word) != nil {
				return Playbook
			}
		}
		file, ok := literal(item.Get("include"))
		if !ok || depth > maxDepth {
			continue
		}
		file, _, _ = strings.Cut(file, " ")
		other, err := l.Loader.ReadYAML(filepath.Join(filepath.Dir(path), file))
		if err == nil && l.contentKind(filepath.Join(filepath.Dir(path), file), other, depth+1) == Playbook {
			return Playbook
		}
	}
	return Tasks
}

// Wrapped is a source with one more file: the play that a role or a file of
// tasks is looked at in.
type Wrapped struct {
	playbook.Source
	Path string
	Text string
}

// ReadFile implements playbook.Source.
func (w Wrapped) ReadFile(path string) ([]byte, error) {
	if path == w.Path {
		return []byte(w.Text), nil
	}
	return w.Source.ReadFile(path)
}

// Wrap returns a source with a play of one role, or one file of tasks.
func Wrap(files playbook.Source, path string, kind Kind) Wrapped {
	text := "- hosts: all\n  gather_facts: false\n  "
	if kind == Role {
		text += "roles: [{role: " + quoted(path) + "}]\n"
	} else {
		text += "tasks: [{import_tasks: " + quoted(path) + "}]\n"
	}
	return Wrapped{Source: files, Path: ".lint.yml", Text: text}
}

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
