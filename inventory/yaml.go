package inventory

import (
	"context"
	"strings"

	"rollout/internal/document"
)

// yamlReader reads the format of ansible.builtin.yaml: groups with hosts, vars
// and children, nested as deep as one likes.
type yamlReader struct {
	inv   *Inventory
	opts  Options
	place place
	errs  document.Errors
}

func (p *pathSource) addYAML(ctx context.Context, inv *Inventory) error {
	doc, err := p.opts.onDisk().read(p.path)
	if err != nil {
		return err
	}
	switch {
	case doc.Kind == document.Scalar && doc.Value == nil:
		return doc.Errorf("the YAML inventory is empty")
	case doc.Kind != document.Mapping:
		return doc.Errorf("a YAML inventory must be a mapping of groups, not %s", doc.Kind)
	case doc.Get("plugin") != nil:
		return p.addPlugin(ctx, inv, doc)
	}
	r := &yamlReader{inv: inv, opts: p.opts, place: p.place()}
	for _, e := range doc.Entries {
		r.group(e)
	}
	return r.errs.Err()
}

// onDisk is the options for the inventory itself.
func (o Options) onDisk() Options {
	o.Files = nil
	return o
}

// group reads one group; it returns its name, "" after a mistake.
func (r *yamlReader) group(e *document.Entry) string {
	name, ok := e.Key.Value.(string)
	if !ok || name == "" {
		r.errs.Add(e.Key.Pos, "a group's name must be text, not %s (quote it)", e.Key.Text)
		return ""
	}
	body := e.Value
	if body.Kind != document.Mapping && !isNull(body) {
		r.errs.Add(body.Pos, "the group %s must be a mapping with hosts, vars or children, not %s", name, body.Kind)
		return ""
	}
	r.inv.AddGroup(name)
	for _, part := range body.Entries {
		switch part.Name() {
		case "vars":
			r.vars(name, part.Value)
		case "children":
			r.children(name, part.Value)
		case "hosts":
			r.hosts(name, part.Value)
		default:
			r.errs.AddHint(part.Key.Pos, document.Suggest(part.Name(), []string{"hosts", "vars", "children"}),
				"unexpected key %s in the group %s: only hosts, vars and children are valid", part.Name(), name)
		}
	}
	return name
}

func isNull(n *document.Node) bool { return n.Kind == document.Scalar && n.Value == nil && n.Tag == "" }

// entries returns a section's entries; a bare name is an entry without value.
func (r *yamlReader) entries(group, section string, n *document.Node) []*document.Entry {
	if text, ok := n.Value.(string); ok && n.Kind == document.Scalar && text != "" {
		return []*document.Entry{{Key: n, Value: &document.Node{Pos: n.Pos}}}
	}
	if n.Kind != document.Mapping && !isNull(n) {
		r.errs.AddHint(n.Pos, "write each name with a colon after it", "the %s of the group %s must be a mapping, not %s", section, group, n.Kind)
	}
	return n.Entries
}

func (r *yamlReader) vars(group string, n *document.Node) {
	if n.Kind != document.Mapping && !isNull(n) {
		r.errs.Add(n.Pos, "the vars of the group %s must be a mapping, not %s", group, n.Kind)
	}
	for _, e := range n.Entries {
		val, err := r.opts.decode(e.Value)
		if err == nil {
			err = r.inv.Group(group).set(e.Key.Value, val)
		}
		r.errs.Join(positioned(e.Key.Pos, err))
	}
}

func (r *yamlReader) children(group string, n *document.Node) {
	for _, e := range r.entries(group, "children", n) {
		if child := r.group(e); child != "" {
			r.errs.Join(positioned(e.Key.Pos, r.inv.AddChild(group, child)))
		}
	}
}

func (r *yamlReader) hosts(group string, n *document.Node) {
	for _, e := range r.entries(group, "hosts", n) {
		pattern, ok := e.Key.Value.(string)
		if !ok || strings.TrimSpace(pattern) == "" {
			r.errs.Add(e.Key.Pos, "a host's name must be text, not %s (quote it)", e.Key.Text)
			continue
		}
		names, port, err := expandHosts(pattern)
		if err != nil {
			r.errs.Join(positioned(e.Key.Pos, err))
			continue
		}
		if e.Value.Kind != document.Mapping && !isNull(e.Value) {
			r.errs.Add(e.Value.Pos, "the variables of the host %s must be a mapping, not %s", pattern, e.Value.Kind)
			continue
		}
		for _, name := range names {
			r.host(name, group, port, e.Value)
		}
	}
}

func (r *yamlReader) host(name, group string, port int, vars *document.Node) {
	h := r.place.addHost(r.inv, name, group, port)
	for _, e := range vars.Entries {
		val, err := r.opts.decode(e.Value)
		r.errs.Join(positioned(e.Key.Pos, err))
		h.Vars.Set(e.Key.Value, val)
	}
}
