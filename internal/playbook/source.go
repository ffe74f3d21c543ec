package playbook

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Source reads files and directories by path. Relative paths are those of the
// working directory; a path under Embedded names a file shipped in the program.
type Source interface {
	ReadFile(path string) ([]byte, error)
	Stat(path string) (fs.FileInfo, error)
	ReadDir(path string) ([]fs.DirEntry, error)
}

// Embedded is the root under which Files shows what is shipped in the program:
// "embedded:/playbooks/site.yml". filepath.Join keeps it.
const Embedded = "embedded:/"

// Files is the Source of the disk and of what the program ships.
type Files struct {
	Shipped fs.FS  // what stands under Embedded; may be nil
	Project string // the directory whose files come before shipped ones of the same name; "" is the working directory
}

// inside returns the name within the shipped files, and whether p is one.
func (f Files) inside(p string) (string, bool) {
	rest, ok := strings.CutPrefix(filepath.ToSlash(p), Embedded)
	if !ok {
		return "", false
	}
	return strings.TrimPrefix(path.Clean("/"+rest), "/"), true
}

// ReadFile implements Source.
func (f Files) ReadFile(p string) ([]byte, error) {
	name, ok := f.inside(p)
	switch {
	case !ok:
		return os.ReadFile(p)
	case f.Shipped == nil:
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	}
	return fs.ReadFile(f.Shipped, name)
}

// Stat implements Source.
func (f Files) Stat(p string) (fs.FileInfo, error) {
	name, ok := f.inside(p)
	switch {
	case !ok:
		return os.Stat(p)
	case f.Shipped == nil:
		return nil, &fs.PathError{Op: "stat", Path: p, Err: fs.ErrNotExist}
	case name == "":
		name = "."
	}
	return fs.Stat(f.Shipped, name)
}

// ReadDir implements Source.
func (f Files) ReadDir(p string) ([]fs.DirEntry, error) {
	name, ok := f.inside(p)
	switch {
	case !ok:
		return os.ReadDir(p)
	case f.Shipped == nil:
		return nil, &fs.PathError{Op: "open", Path: p, Err: fs.ErrNotExist}
	case name == "":
		name = "."
	}
	return fs.ReadDir(f.Shipped, name)
}

// Find returns the file that a playbook's path means: the project's own, or,
// where there is none, the shipped one of the same name. So a project can
// replace one shipped playbook and keep using the others.
func (f Files) Find(p string) string {
	name, shipped := f.inside(p)
	if shipped {
		if own := filepath.Join(f.Project, name); isFile(f, own) {
			return own
		}
		return p
	}
	if _, err := f.Stat(p); err == nil {
		return p
	}
	rel, err := filepath.Rel(absolute(f.Project), absolute(p))
	if err != nil || !filepath.IsLocal(rel) {
		return p
	}
	if other := Embedded + filepath.ToSlash(rel); isFile(f, other) {
		return other
	}
	return p
}

// Beside lists the YAML files in p's directory, the project's own and the
// shipped ones, for saying what there is where p is not there.
func (f Files) Beside(p string) []string {
	dir, _ := filepath.Split(p)
	var out []string
	for _, place := range []string{dir, Embedded + filepath.ToSlash(dir)} {
		entries, err := f.ReadDir(filepath.Clean(place))
		if err != nil {
			continue // no such directory: nothing is there
		}
		for _, e := range entries {
			if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yml" || ext == ".yaml") {
				out = append(out, dir+e.Name())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func absolute(p string) string {
	if abs, err := filepath.Abs(p); err == nil {
		return abs
	}
	return p
}

// homePath replaces a leading ~ by the user's home directory.
func homePath(p string) string {
	if home, err := os.UserHomeDir(); err == nil && (p == "~" || strings.HasPrefix(p, "~/")) {
		return filepath.Join(home, p[1:])
	}
	return p
}

// isAbs tells whether p needs no directory before it.
func isAbs(p string) bool {
	return filepath.IsAbs(p) || strings.HasPrefix(p, Embedded) || strings.HasPrefix(p, "~")
}

func isFile(s Source, p string) bool {
	info, err := s.Stat(p)
	return err == nil && !info.IsDir()
}

func isDir(s Source, p string) bool {
	info, err := s.Stat(p)
	return err == nil && info.IsDir()
}
