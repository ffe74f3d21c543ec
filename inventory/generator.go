package inventory

import (
	"context"
	"slices"

	"rollout/internal/document"
	"rollout/internal/value"
)

// generator makes a host of every combination of what layers list, and groups
// that are named after parts of it.
type generator struct {
	inv       *Inventory
	templates Templates
	place     place
	layers    []layer
	hosts     *document.Node
}

// layer is a name and the values that it has, one after the other.
type layer struct {
	name   string
	values []any
}

// maxGenerated bounds what layers may multiply to.
const maxGenerated = 100_000

// addGenerator is the plugin of that name.
func (p *pathSource) addGenerator(ctx context.Context, inv *Inventory, doc *document.Node) error {
	g := &generator{inv: inv, templates: p.opts.Plugins.Templates, place: p.place(), hosts: doc.Get("hosts")}
	if err := g.check(doc); err != nil {
		return err
	}
	return g.combine(ctx, 0, value.NewMap())
}

// check reads the layers and finds mistakes in the rest.
func (g *generator) check(doc *document.Node) error {
	var errs document.Errors
	for _, e := range doc.Entries {
		if known := []string{"plugin", "layers", "hosts"}; !slices.Contains(known, e.Name()) {
			errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), known), "the plugin generator has no option %s", e.Name())
		}
	}
	if g.templates == nil {
		errs.Add(doc.Pos, "cannot evaluate the names of hosts and groups here")
	}
	total := 1
	switch layers := doc.Get("layers"); {
	case layers == nil || layers.Kind != document.Mapping:
		errs.Add(doc.Pos, "the plugin generator needs layers, a mapping of lists")
	default:
		for _, e := range layers.Entries {
			if e.Value.Kind != document.Sequence {
				errs.Add(e.Value.Pos, "the layer %s must be a list, not %s", e.Name(), e.Value.Kind)
				continue
			}
			values, _ := e.Value.Decode().([]any)
			g.layers = append(g.layers, layer{e.Name(), values})
			if total *= len(values); total > maxGenerated {
				errs.Add(e.Value.Pos, "the layers give more than %d hosts", maxGenerated)
				total = 1
			}
		}
	}
	if g.hosts == nil {
		errs.Add(doc.Pos, "the plugin generator needs hosts, with a name")
		return errs.Err()
	}
	checkParent(&errs, g.hosts)
	return errs.Err()
}

// checkParent finds mistakes in hosts and in what stands under parents.
func checkParent(errs *document.Errors, n *document.Node) {
	if n.Kind != document.Mapping || n.Get("name") == nil || n.Get("name").Kind != document.Scalar {
		errs.Add(n.Pos, "a host or parent of the plugin generator must be a mapping with a name")
		return
	}
	for _, e := range n.Entries {
		switch e.Name() {
		case "name":
		case "vars":
			if e.Value.Kind != document.Mapping {
				errs.Add(e.Value.Pos, "vars must be a mapping, not %s", e.Value.Kind)
			}
		case "parents":
			if e.Value.Kind != document.Sequence {
				errs.Add(e.Value.Pos, "parents must be a list, not %s", e.Value.Kind)
			}
			for _, p := range e.Value.Items {
				checkParent(errs, p)
			}
		default:
			errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), []string{"name", "vars", "parents"}), "unexpected key %s: only name, vars and parents are valid", e.Name())
		}
	}
}

// combine goes through the values of the layer at depth and of those after it.
func (g *generator) combine(ctx context.Context, depth int, vars *value.Map) error {
	if depth == len(g.layers) {
		return g.host(ctx, vars)
	}
	for _, v := range g.layers[depth].values {
		vars.Set(g.layers[depth].name, v)
		if err := g.combine(ctx, depth+1, vars); err != nil {
			return err
		}
	}
	return nil
}

func (g *generator) host(ctx context.Context, vars *value.Map) error {
	name, err := g.text(ctx, g.hosts.Get("name"), vars)
	if err != nil {
		return err
	}
	if g.inv.byHost[name] == nil {
		g.place.addHost(g.inv, name, "", 0)
	}
	return g.parents(ctx, g.hosts.Get("parents"), vars, func(parent string) error {
		g.inv.AddHost(name, parent)
		return nil
	})
}

// parents adds groups, and with join to each what belongs to it.
func (g *generator) parents(ctx context.Context, list *document.Node, vars *value.Map, join func(parent string) error) error {
	if list == nil {
		return nil
	}
	for _, n := range list.Items {
		name, err := g.text(ctx, n.Get("name"), vars)
		if err != nil {
			return err
		}
		group := g.inv.AddGroup(name)
		if vs := n.Get("vars"); vs != nil {
			for _, e := range vs.Entries {
				v, err := g.evaluate(ctx, e.Value, vars)
				if err == nil {
					err = group.set(g.inv.config, e.Name(), v)
				}
				if err != nil {
					return positioned(e.Value.Pos, err)
				}
			}
		}
		if err := join(group.Name); err != nil {
			return positioned(n.Pos, err)
		}
		child := group.Name
		err = g.parents(ctx, n.Get("parents"), vars, func(parent string) error { return g.inv.AddChild(parent, child) })
		if err != nil {
			return err
		}
	}
	return nil
}

// text is a name as its template gives it.
func (g *generator) text(ctx context.Context, n *document.Node, vars *value.Map) (string, error) {
	v, err := g.evaluate(ctx, n, vars)
	if err != nil {
		return "", err
	}
	if name, ok := v.(string); ok && name != "" {
		return name, nil
	}
	return "", n.Errorf("the name %q is empty", n.Text)
}

// evaluate renders a text; the result stays one.
func (g *generator) evaluate(ctx context.Context, n *document.Node, vars *value.Map) (any, error) {
	text, ok := n.Value.(string)
	if n.Kind != document.Scalar || !ok {
		return nil, n.Errorf("only texts can stand here, not %s (quote it)", n.Text)
	}
	out, err := g.templates.Text(ctx, text, vars)
	if err != nil {
		return nil, n.Errorf("%v", err)
	}
	return out, nil
}
