package playbook

import (
	"path/filepath"
	"slices"
	"strings"
)

// collectionRoot is the directory under a collections path that holds the
// collections: <path>/ansible_collections/<namespace>/<name>.
const collectionRoot = "ansible_collections"

// qualified splits a full name such as ns.coll.sub.book into its collection
// (ns.coll), the folders below it (sub) and the last part; ok is false for
// other names.
func qualified(name string) (collection, folders, last string, ok bool) {
	parts := strings.Split(name, ".")
	if len(parts) < 3 || strings.ContainsAny(name, "/ ") || slices.ContainsFunc(parts, func(p string) bool { return !isIdentifier(p) }) {
		return "", "", "", false
	}
	n := len(parts) - 1
	return parts[0] + "." + parts[1], filepath.Join(parts[2:n]...), parts[n], true
}

// collectionDirs are the directories that a collection may be in, best first:
// beside the playbooks of this run, then on the collections path.
func (l *Loader) collectionDirs(collection, playDir string) []string {
	namespace, name, _ := strings.Cut(collection, ".")
	l.mu.Lock()
	roots := slices.Clone(l.bookDirs)
	l.mu.Unlock()
	var out []string
	for _, root := range append(appendNew(roots, filepath.Join(playDir, "collections")), l.CollectionsPath...) {
		if filepath.Base(root) != collectionRoot {
			root = filepath.Join(root, collectionRoot)
		}
		out = append(out, filepath.Join(root, namespace, name))
	}
	return out
}

// collectionRole looks for a role in collections: in the one that its full name
// says, else in those of search.
func (r *reader) collectionRole(name string, search []string, playDir string) (path, collection, short string) {
	own, folders, last, full := qualified(name)
	if full {
		search = []string{own}
	} else {
		last = name
	}
	for _, collection := range search {
		if collection == "ansible.builtin" || collection == "ansible.legacy" {
			continue // Ansible's own collections hold no roles
		}
		for _, dir := range r.l.collectionDirs(collection, playDir) {
			if path := filepath.Join(dir, "roles", folders, last); isDir(r.l.Files, path) {
				return path, collection, last
			}
		}
	}
	return "", "", ""
}

// collectionBook finds the playbook that a full name such as ns.coll.book
// means; "" where there is none.
func (l *Loader) collectionBook(name, playDir string) string {
	trimmed := strings.TrimSuffix(strings.TrimSuffix(name, ".yml"), ".yaml")
	collection, folders, last, ok := qualified(trimmed)
	if !ok {
		return ""
	}
	exts := []string{".yml", ".yaml", ".json"}
	if trimmed != name {
		exts = []string{strings.TrimPrefix(name, trimmed)}
	}
	for _, dir := range l.collectionDirs(collection, playDir) {
		for _, ext := range exts {
			if path := filepath.Join(dir, "playbooks", folders, last+ext); isFile(l.Files, path) {
				return path
			}
		}
	}
	return ""
}

// besideBook notes that a playbook's collections/ is searched from now on.
func (l *Loader) besideBook(path string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bookDirs = appendNew(l.bookDirs, filepath.Join(filepath.Dir(path), "collections"))
}

// collectionOf names the collection that a playbook's file belongs to; "" where
// it stands in none that is searched.
func (l *Loader) collectionOf(path string) string {
	parts := strings.Split(filepath.ToSlash(absolute(path)), "/")
	at := slices.Index(parts, collectionRoot)
	if at < 0 || len(parts) < at+4 || slices.Contains(parts[at+1:], collectionRoot) {
		return ""
	}
	name := parts[at+1] + "." + parts[at+2]
	home := strings.Join(parts[:at+3], "/")
	for _, dir := range l.collectionDirs(name, filepath.Dir(path)) {
		if isDir(l.Files, dir) {
			if absolute(dir) == home {
				return name
			}
			return "" // another of that name comes first
		}
	}
	return ""
}

// searched is the order in which short names are looked for: the collection that
// the file belongs to, those of the keyword, then Ansible's own.
func (l *Loader) searched(keyword []string, own string) []string {
	out := slices.Clone(keyword)
	if own != "" && !slices.Contains(out, own) {
		out = append([]string{own}, out...)
	}
	if len(out) > 0 && !slices.Contains(out, "ansible.builtin") && !slices.Contains(out, "ansible.legacy") {
		out = append(out, "ansible.legacy")
	}
	return out
}

// roleSearch is the order of searched for the tasks of a role: its own
// collection and those of its metadata.
func (l *Loader) roleSearch(role *Role, list []string) []string {
	if len(list) > 0 && role.Collection != "" && !slices.Contains(list, "ansible.builtin") && !slices.Contains(list, "ansible.legacy") {
		return append(slices.Clip(list), "ansible.builtin")
	}
	return l.searched(list, "")
}
