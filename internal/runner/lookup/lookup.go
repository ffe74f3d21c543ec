// Package lookup holds the lookups that templates and with_ loops may call:
// lists made of lists, and what is read from files, programs and the run. Data
// goes terms → list of results. The table is handed to the template engine.
package lookup

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"rollout/internal/template"
	"rollout/internal/value"
)

// Files reads the control machine's files.
type Files interface {
	ReadFile(path string) ([]byte, error)
	Stat(path string) (fs.FileInfo, error)
	ReadDir(path string) ([]fs.DirEntry, error)
}

// Renderer renders a template's text with a scope's variables.
type Renderer interface {
	Render(ctx context.Context, t Text, scope template.Scope) (any, error)
}

// Text is a template to be rendered.
type Text struct {
	Name       string // the file
	Source     string
	Convert    bool // text that reads as a list, dict or bool becomes one
	Native     bool // what becomes one stays it where values keep their types
	Delimiters template.Delimiters
}

// failure is an error in Ansible's own words.
type failure string

func (f failure) Error() string { return string(f) }

// Deps are what lookups reach outside by.
type Deps struct {
	Files    Files
	Renderer Renderer
	// Managed is the setting ansible_managed.
	Managed string
	// Hosts returns the hosts that a pattern means.
	Hosts func(pattern string) ([]string, error)
	Env   func(name string) (string, bool)
	// Setting returns a setting by Ansible's name; nil has none.
	Setting func(name string) (any, bool)
	// Warn tells the person something; nil tells nobody.
	Warn func(text string)
	// Decrypt returns a vaulted file's plain text; nil makes one an error.
	Decrypt func(text []byte) ([]byte, error)
}

// Table returns the lookups by name. Those that only make lists of lists are
// the template package's own.
func Table(d Deps) map[string]template.Lookup {
	return map[string]template.Lookup{
		"file": d.file, "fileglob": d.fileglob, "first_found": d.firstFound, "template": d.template,
		"csvfile": d.csvfile, "ini": d.ini, "password": (&passwords{files: d.Files}).lookup, "unvault": d.unvault,

		"pipe": d.pipe, "lines": d.lines, "url": d.url, "random_choice": randomChoice,

		"varnames": varnames, "inventory_hostnames": d.hostnames, "config": d.config,
	}
}

// pipeLimit bounds a program or a download that a lookup waits for.
const pipeLimit = 10 * time.Minute

// option reads a named option.
func option(kw *value.Map, name string, fallback any) any {
	if v, ok := kw.Get(name); ok {
		return v
	}
	return fallback
}

func optionText(kw *value.Map, name, fallback string) string {
	switch v := option(kw, name, fallback).(type) {
	case nil:
		return fallback
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func optionBool(kw *value.Map, name string, fallback bool) bool {
	switch v := option(kw, name, fallback).(type) {
	case bool:
		return v
	case string:
		return slices.Contains([]string{"y", "yes", "on", "1", "true", "t", "1.0"}, strings.ToLower(strings.TrimSpace(v)))
	case int:
		return v == 1
	}
	return fallback
}

// words are the terms as text.
func words(terms []any) ([]string, error) {
	out := make([]string, 0, len(terms))
	for _, t := range terms {
		switch v := t.(type) {
		case string:
			out = append(out, v)
		case int, float64, bool:
			out = append(out, fmt.Sprint(v))
		case []any:
			more, err := words(v)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		default:
			return nil, fmt.Errorf("expected text, not %T", t)
		}
	}
	return out, nil
}
