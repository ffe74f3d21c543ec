package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"rollout/internal/document"
	"rollout/internal/value"
)

// tomlReader reads the format of ansible.builtin.toml. After a mistake nothing
// more is read.
type tomlReader struct {
	inv   *Inventory
	path  string
	place place
}

// readTOML is the plugin toml.
func readTOML(_ context.Context, p *pathSource, inv *Inventory) error {
	data, err := p.opts.onDisk().bytes(p.path)
	if err != nil {
		return err
	}
	groups, err := parseTOML(p.path, string(data))
	if err != nil {
		return err
	}
	switch plugin, given := groups.Get("plugin"); {
	case groups.Len() == 0:
		return fmt.Errorf("%s: Parsed empty TOML file", p.path)
	case given && value.Truthy(plugin):
		return fmt.Errorf("%s: Plugin configuration TOML file, not TOML inventory", p.path)
	}
	r := &tomlReader{inv: inv, path: p.path, place: p.place()}
	for name, body := range groups.All() {
		if err := r.group(fmt.Sprint(name), body); err != nil {
			return fmt.Errorf("%s: %w", p.path, err)
		}
	}
	return nil
}

func (r *tomlReader) group(name string, body any) error {
	m, ok := body.(*value.Map)
	if !ok {
		r.inv.warn("%s: Skipping '%s' as this is not a valid group definition", r.path, name)
		return nil
	}
	if name == "" {
		return errors.New("invalid empty/false group name provided")
	}
	group := r.inv.AddGroup(name).Name
	for key, data := range m.All() {
		if err := r.part(group, fmt.Sprint(key), data); err != nil {
			return err
		}
	}
	return nil
}

// part reads one key of a group.
func (r *tomlReader) part(group, key string, data any) error {
	m, isMap := data.(*value.Map)
	list, isList := data.([]any)
	switch {
	case key == "children" && isList:
		return r.children(group, list)
	case key == "vars" && isMap:
		for name, val := range m.All() {
			if err := r.inv.setVariable(group, name, val); err != nil {
				return err
			}
		}
		return nil
	case key == "hosts" && isMap:
		for pattern, vars := range m.All() {
			if err := r.hosts(group, fmt.Sprint(pattern), vars); err != nil {
				return err
			}
		}
		return nil
	case slices.Contains([]string{"vars", "children", "hosts"}, key):
		want := map[string]string{"vars": "a dict", "hosts": "a dict", "children": "a list"}[key]
		return fmt.Errorf(`invalid "%s" entry for "%s" group, requires %s`, key, group, want)
	}
	r.inv.warn(`%s: Skipping unexpected key "%s" in group "%s", only "vars", "children" and "hosts" are valid`, r.path, key, group)
	return nil
}

func (r *tomlReader) children(group string, list []any) error {
	for _, c := range list {
		name, ok := c.(string)
		if !ok || name == "" {
			return fmt.Errorf("a child of the group %s is no text", group)
		}
		if err := r.inv.AddChild(group, r.inv.AddGroup(name).Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *tomlReader) hosts(group, pattern string, vars any) error {
	names, port, err := expandHosts(pattern)
	if err != nil {
		return err
	}
	m, ok := vars.(*value.Map)
	if !ok || slices.Contains(names, "") {
		return fmt.Errorf("the host %q of the group %s needs a name, and its variables as a table", pattern, group)
	}
	for _, name := range names {
		r.place.addHost(r.inv, name, group, port)
		for key, val := range m.All() {
			if err := r.inv.setVariable(name, key, val); err != nil {
				return err
			}
		}
	}
	return nil
}

// parseTOML reads a document, its keys in their order.
func parseTOML(path, text string) (*value.Map, error) {
	var raw map[string]any
	meta, err := toml.Decode(text, &raw)
	var wrong toml.ParseError
	if errors.As(err, &wrong) {
		return nil, &document.Error{Pos: document.Position{File: path, Line: wrong.Position.Line, Column: wrong.Position.Col}, Message: wrong.Message}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, err)
	}
	o := tomlOrder{}
	for i, key := range meta.Keys() {
		for n := range key {
			if path := tomlPath(key[:n+1]); o[path] == 0 {
				o[path] = i + 1
			}
		}
	}
	return o.table(nil, raw), nil
}

// tomlOrder is where each key was first seen.
type tomlOrder map[string]int

func tomlPath(key []string) string { return strings.Join(key, "\x00") }

func (o tomlOrder) table(at []string, raw map[string]any) *value.Map {
	keys := make([]string, 0, len(raw))
	for k := range raw {
		keys = append(keys, k)
	}
	place := func(k string) int { return o[tomlPath(append(slices.Clip(at), k))] }
	slices.SortFunc(keys, func(a, b string) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	out := value.NewMap()
	for _, k := range keys {
		out.Set(k, o.value(append(slices.Clip(at), k), raw[k]))
	}
	return out
}

// value is a TOML value in package value's types; times are texts.
func (o tomlOrder) value(at []string, raw any) any {
	switch x := raw.(type) {
	case map[string]any:
		return o.table(at, x)
	case []map[string]any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = o.table(at, e)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = o.value(at, e)
		}
		return out
	case int64:
		return int(x)
	case time.Time:
		return tomlTime(x)
	}
	return raw
}

// tomlTime is a time as Python's isoformat writes it. Local dates and times
// are in locations that the library names.
func tomlTime(t time.Time) string {
	fraction := ""
	if t.Nanosecond() != 0 {
		fraction = ".000000"
	}
	switch t.Location().String() {
	case "date-local":
		return t.Format("2006-01-02")
	case "time-local":
		return t.Format("15:04:05" + fraction)
	case "datetime-local":
		return t.Format("2006-01-02T15:04:05" + fraction)
	}
	return t.Format("2006-01-02T15:04:05" + fraction + "-07:00")
}
