package lookup

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"rollout/internal/template"
	"rollout/internal/value"
)

// Filters are the filters that look at this machine's files.
func Filters() map[string]template.Filter {
	return map[string]template.Filter{"fileglob": globFilter}
}

// globFilter lists the plain files that a pattern matches, sorted; as with
// Python's glob, * and ? do not begin a hidden name.
func globFilter(_ context.Context, in any, _ []any, _ *value.Map) (any, error) {
	pattern, ok := in.(string)
	if !ok {
		return nil, failure("fileglob takes a pattern of file names")
	}
	found, err := filepath.Glob(strings.NewReplacer(`\`, `\\`, "[!", "[^").Replace(pattern))
	if err != nil { // a [ that is not closed is itself, and there is no such name
		return []any{}, nil
	}
	out := []any{}
	for _, name := range found {
		if info, err := os.Stat(name); err == nil && info.Mode().IsRegular() && !hidden(pattern, name) {
			out = append(out, name)
		}
	}
	return out, nil
}

// hidden tells whether a wildcard matched the dot of a hidden name.
func hidden(pattern, name string) bool {
	asked, parts := strings.Split(filepath.Clean(pattern), "/"), strings.Split(filepath.Clean(name), "/")
	for i, part := range parts {
		if i < len(asked) && strings.HasPrefix(part, ".") && !strings.HasPrefix(asked[i], ".") {
			return true
		}
	}
	return false
}
