package document

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// Lister is what finding files needs of a file system.
type Lister interface {
	Stat(path string) (fs.FileInfo, error)
	ReadDir(path string) ([]fs.DirEntry, error)
}

// FindVars returns the files of variables that base stands for: the first of
// base+ext, for the extensions in order ("" is base itself), or, with dirs, all
// files under that directory in name order. It follows ansible-core's
// find_vars_files; files that are hidden or end in ~ or in another extension
// are left out of directories, directories with an extension too.
func FindVars(files Lister, base string, exts []string, dirs bool) ([]string, error) {
	for _, ext := range exts {
		path := base + ext
		info, err := files.Stat(path)
		switch {
		case err != nil:
			continue
		case !info.IsDir():
			return []string{path}, nil
		case dirs:
			return varsIn(files, path, exts, 0)
		}
	}
	return nil, nil
}

func varsIn(files Lister, dir string, exts []string, depth int) ([]string, error) {
	entries, err := files.ReadDir(dir)
	if err != nil || depth > maxDepth {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	var out []string
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		if strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") {
			continue
		}
		info, err := files.Stat(path) // follows links
		if err != nil {
			return nil, err
		}
		ext := filepath.Ext(name)
		switch {
		case info.IsDir() && ext == "":
			more, err := varsIn(files, path, exts, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		case !info.IsDir() && (ext == "" || slices.Contains(exts, ext)):
			out = append(out, path)
		}
	}
	return out, nil
}
