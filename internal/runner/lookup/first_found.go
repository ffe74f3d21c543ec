package lookup

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"rollout/internal/template"
	"rollout/internal/value"
)

// FolderOption is the keyword under which a with_first_found loop says which
// folder its task's files are in.
const FolderOption = "_rollout_folder"

// firstFound takes names, or maps of files, paths and skip.
func (d Deps) firstFound(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	folder := optionText(kw, FolderOption, "files")
	names, skip, err := foundTerms(terms, kw)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		path, err := d.find(scope, folder, name)
		if err == nil {
			return []any{path}, nil
		}
	}
	if skip {
		return []any{}, nil
	}
	return nil, failure("No file was found when using first_found (looked for " + strings.Join(names, ", ") + ")")
}

// foundTerms lists the names to look for. As Ansible has it, the last term's
// skip is the one that counts, and files without paths replace what came
// before.
func foundTerms(terms []any, kw *value.Map) (names []string, skip bool, err error) {
	for _, t := range terms {
		opt := kw
		switch x := t.(type) {
		case *value.Map:
			opt = x
		case string:
		default:
			items, ok := asList(t)
			if !ok {
				return nil, false, fmt.Errorf("invalid term %v: names, mappings and lists of them are understood", t)
			}
			more, s, err := foundTerms(items, kw)
			if err != nil {
				return nil, false, err
			}
			names, skip = append(names, more...), s
			continue
		}
		skip = optionBool(opt, "skip", false)
		files, err := splitList(option(opt, "files", nil), ",;")
		if err != nil {
			return nil, false, err
		}
		paths, err := splitList(option(opt, "paths", nil), ",:;")
		if err != nil {
			return nil, false, err
		}
		name, isText := t.(string)
		switch {
		case len(paths) > 0:
			for _, p := range paths {
				for _, f := range files {
					names = append(names, filepath.Join(p, f))
				}
			}
		case len(files) > 0:
			names = files
		case isText:
			names = append(names, name)
		}
	}
	return names, skip, nil
}

// splitList splits texts of several names at any of the marks.
func splitList(v any, marks string) ([]string, error) {
	switch x := v.(type) {
	case nil:
		return nil, nil
	case string:
		return strings.FieldsFunc(x, func(r rune) bool { return strings.ContainsRune(marks, r) }), nil
	}
	items, ok := asList(v)
	if !ok {
		return nil, fmt.Errorf("expected a list of names, not %v", v)
	}
	var out []string
	for _, e := range items {
		more, err := splitList(e, marks)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}
