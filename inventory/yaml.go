package inventory

import (
	"context"
	"fmt"
	"slices"

	"rollout/internal/document"
	"rollout/internal/value"
)

// yamlReader reads the format of ansible.builtin.yaml: groups with hosts, vars
// and children, nested as deep as one likes. After a mistake it goes on to look
// for more, but nothing that follows counts.
type yamlReader struct {
	inv    *Inventory
	spoilt bool // inv is a copy that nobody will see
	opts   Options
	place  place
	errs   document.Errors
}

// readYAML is the plugin yaml, for JSON too.
func readYAML(_ context.Context, p *pathSource, inv *Inventory) error {
	doc, err := p.opts.onDisk().read(p.path)
	if err != nil {
		return err
	}
	switch {
	case isEmpty(doc):
		return doc.Errorf("Parsed empty YAML file")
	case doc.Kind != document.Mapping:
		return doc.Errorf("YAML inventory has invalid structure, it should be a dictionary, not %s", doc.Kind)
	case doc.Get("plugin") != nil && !isEmpty(doc.Get("plugin")):
		return doc.Get("plugin").Errorf("Plugin configuration YAML file, not YAML inventory")
	}
	r := &yamlReader{inv: inv, opts: p.opts, place: p.place()}
	for _, e := range doc.Entries {
		r.group(e)
	}
	return r.errs.Err()
}

// isEmpty tells whether Python would take the value for false.
func isEmpty(n *document.Node) bool {
	return n.Kind == document.Scalar && !value.Truthy(n.Value) || n.Kind == document.Sequence && len(n.Items) == 0 ||
		n.Kind == document.Mapping && len(n.Entries) == 0
}

// onDisk is the options for the inventory itself.
func (o Options) onDisk() Options {
	o.Files = nil
	return o
}

// fail notes a mistake and turns to a copy of the inventory.
func (r *yamlReader) fail(pos document.Position, hint, format string, args ...any) {
	r.errs.AddHint(pos, hint, format, args...)
	r.spoil()
}

func (r *yamlReader) check(pos document.Position, err error) {
	r.errs.Join(positioned(pos, err))
	r.spoil()
}

func (r *yamlReader) spoil() {
	if !r.spoilt && r.errs.Err() != nil {
		r.inv, r.spoilt = r.inv.clone(), true
	}
}

func (r *yamlReader) warn(pos document.Position, hint, format string, args ...any) {
	if hint != "" {
		format += " (%s)"
		args = append(args, hint)
	}
	r.inv.warn("%s: %s", pos, fmt.Sprintf(format, args...))
}

// group reads one group; it returns its name, "" where there is none.
func (r *yamlReader) group(e *document.Entry) string {
	name, ok := e.Key.Value.(string)
	body := e.Value
	if body.Kind != document.Mapping && !isNull(body) {
		r.warn(body.Pos, "", "Skipping '%s' as this is not a valid group definition", e.Key.Text)
		return name
	}
	if !ok || name == "" {
		r.fail(e.Key.Pos, "quote it", "a group's name must be text, not %s", e.Key.Text)
		return ""
	}
	name = r.inv.AddGroup(name).Name
	sections := map[string][]*document.Entry{}
	for _, section := range []string{"vars", "children", "hosts"} {
		if n := body.Get(section); n != nil {
			entries, ok := r.entries(name, section, n)
			if !ok {
				return name
			}
			sections[section] = entries
		}
	}
	for _, part := range body.Entries {
		r.part(name, part, sections[part.Name()])
	}
	return name
}

func isNull(n *document.Node) bool { return n.Kind == document.Scalar && n.Value == nil && n.Tag == "" }

// entries returns a section's entries; a bare name is an entry without value.
func (r *yamlReader) entries(group, section string, n *document.Node) ([]*document.Entry, bool) {
	if _, isText := n.Value.(string); isText && n.Kind == document.Scalar {
		return []*document.Entry{{Key: n, Value: &document.Node{Pos: n.Pos}}}, true
	}
	if n.Kind != document.Mapping && !isNull(n) {
		r.fail(n.Pos, "write each name with a colon after it", `Invalid "%s" entry for "%s" group, requires a dictionary, not %s`, section, group, n.Kind)
		return nil, false
	}
	return n.Entries, true
}

// part reads one key of a group.
func (r *yamlReader) part(group string, part *document.Entry, entries []*document.Entry) {
	switch part.Name() {
	case "vars":
		r.vars(group, entries)
	case "children":
		r.children(group, entries)
	case "hosts":
		r.hosts(group, entries)
	default:
		hint := document.Suggest(part.Name(), []string{"hosts", "vars", "children"})
		switch {
		case part.Value.Kind == document.Mapping:
			r.warn(part.Key.Pos, hint, `Skipping unexpected key (%s) in group (%s), only "vars", "children" and "hosts" are valid`, part.Name(), group)
		case !isNull(part.Value):
			r.warn(part.Key.Pos, hint, "Skipping key (%s) in group (%s) as it is not a mapping, it is %s", part.Name(), group, part.Value.Kind)
		}
	}
}

func (r *yamlReader) vars(group string, entries []*document.Entry) {
	for _, e := range entries {
		val, err := r.opts.decode(e.Value)
		if err == nil {
			err = r.inv.setVariable(group, e.Key.Value, val)
		}
		r.check(e.Key.Pos, err)
	}
}

func (r *yamlReader) children(group string, entries []*document.Entry) {
	for _, e := range entries {
		child := r.group(e)
		if child == "" {
			continue
		}
		if r.inv.Group(child) == nil { // it was skipped
			r.fail(e.Key.Pos, "", "%s is not a known host nor group", child)
			continue
		}
		r.check(e.Key.Pos, r.inv.AddChild(group, child))
	}
}

func (r *yamlReader) hosts(group string, entries []*document.Entry) {
	for _, e := range entries {
		pattern, ok := e.Key.Value.(string)
		if !ok {
			r.fail(e.Key.Pos, "", "Host pattern %s must be a string. Enclose integers/floats in quotation marks.", e.Key.Text)
			continue
		}
		names, port, err := expandHosts(pattern)
		switch {
		case err != nil:
			r.check(e.Key.Pos, err)
			continue
		case e.Value.Kind != document.Mapping && !isEmpty(e.Value):
			r.fail(e.Value.Pos, "", "the variables of the host %s must be a mapping, not %s", pattern, e.Value.Kind)
			continue
		case slices.Contains(names, ""):
			r.fail(e.Key.Pos, "", "Invalid empty host name")
			continue
		}
		vars, ok := r.hostVars(e.Value)
		for _, name := range names {
			if ok {
				r.host(name, group, port, vars)
			}
		}
	}
}

// hostVars are those of all hosts that a pattern stands for: the hosts share
// the values.
func (r *yamlReader) hostVars(n *document.Node) (*value.Map, bool) {
	vars, fine := value.NewMap(), true
	for _, e := range n.Entries {
		val, err := r.opts.decode(e.Value)
		r.check(e.Key.Pos, err)
		fine = fine && err == nil
		vars.Set(e.Key.Value, val)
	}
	return vars, fine
}

func (r *yamlReader) host(name, group string, port int, vars *value.Map) {
	r.place.addHost(r.inv, name, group, port)
	for key, val := range vars.All() {
		r.check(document.Position{File: r.place.file}, r.inv.setVariable(name, key, val))
	}
}
