package settings

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// parse reads a setting's text; dir is what paths are relative to, "" leaves
// them. An empty text is nothing.
func (d Setting) parse(text, dir string) (any, error) {
	switch d.Kind {
	case Bool:
		return slices.Contains([]string{"yes", "on", "true", "1", "y", "t", "1.0"}, strings.ToLower(strings.TrimSpace(text))), nil
	case Int, Float:
		return d.number(strings.TrimSpace(text))
	case Words:
		return split(text, ",", func(s string) string { return unquote(strings.TrimSpace(s)) }), nil
	case Paths:
		return split(text, ":", func(s string) string { return resolve(s, dir) }), nil
	case Files:
		return split(text, ",", func(s string) string { return resolve(strings.TrimSpace(s), dir) }), nil
	}
	if text == "" {
		return nil, nil
	}
	if d.Kind == Path {
		return resolve(text, dir), nil
	}
	return unquote(text), nil
}

func (d Setting) number(text string) (any, error) {
	if text == "" {
		return nil, nil
	}
	if d.Kind == Float {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not a number", text)
		}
		return f, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a whole number", text)
	}
	return n, nil
}

// split cuts a list; empty parts are left out.
func split(text, at string, each func(string) string) []any {
	out := []any{}
	for part := range strings.SplitSeq(text, at) {
		if strings.TrimSpace(part) != "" {
			out = append(out, each(part))
		}
	}
	return out
}

// unquote takes a pair of quotes off.
func unquote(s string) string {
	if n := len(s); n > 1 && s[0] == s[n-1] && (s[0] == '"' || s[0] == '\'') && s[n-2] != '\\' {
		return s[1 : n-1]
	}
	return s
}

// Resolve expands ~, $NAME and {{CWD}} in a path that a setting gives as text.
func Resolve(path string) string { return resolve(path, "") }

// resolve expands ~, $NAME and {{CWD}} in a path, and makes it absolute from
// dir, where there is one.
func resolve(path, dir string) string {
	path = unquote(path)
	if cwd, err := os.Getwd(); err == nil {
		path = strings.ReplaceAll(path, "{{CWD}}", cwd)
	}
	path = os.Expand(path, func(name string) string {
		if v, ok := os.LookupEnv(name); ok {
			return v
		}
		return "$" + name // as Python's expandvars: what is not set stays
	})
	if rest, ok := strings.CutPrefix(path, "~"); ok && (rest == "" || rest[0] == '/') {
		if home, err := os.UserHomeDir(); err == nil {
			path = home + rest
		}
	}
	if dir != "" && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return filepath.Clean(path)
}
