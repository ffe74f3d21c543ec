package template

import "context"

// nestedExpr is a text in a lookup's terms that is a template of its own, as in
// lookup('file', '{{ dir }}/key'): Ansible evaluates the terms. Only what the
// template itself says is one, never the value of a variable.
type nestedExpr struct {
	t   *Template
	pos int
	src string
}

func (n *nestedExpr) eval(f *frame) (any, error) {
	r := f.run
	ctx := context.WithValue(r.ctx, callsKey{}, r.calls+1)
	v, err := r.engine.Value(ctx, n.src, &frameScope{f})
	if err != nil {
		return nil, located(err, n.t, n.pos)
	}
	return v, nil
}

// nestedTerms makes the literal terms of a lookup templates where they are any.
func (p *parser) nestedTerms(c *callExpr) {
	for i := 1; i < len(c.args.pos); i++ {
		c.args.pos[i] = p.nestedTerm(c.pos, c.args.pos[i])
	}
}

func (p *parser) nestedTerm(pos int, x expr) expr {
	switch n := x.(type) {
	case *constant:
		s, ok := n.v.(string)
		if !ok || !IsTemplate(s) {
			return x
		}
		nested, err := p.t.engine.CompileWith("", s, valueOptions)
		if err != nil {
			p.failAt(pos, "the lookup's term %s: %s", quoted(s), err)
			return x
		}
		for _, name := range nested.Names() {
			p.names[name] = true
		}
		return &nestedExpr{p.t, pos, s}
	case *listExpr:
		for i, item := range n.items {
			n.items[i] = p.nestedTerm(pos, item)
		}
	}
	return x
}

// rendersText tells whether a call is lookup('template', …) that gives text:
// convert_data is off, or values keep their types and jinja2_native is off.
func (n *callExpr) rendersText(native bool) bool {
	fn, ok := n.fn.(*nameExpr)
	if !ok || fn.name != "lookup" || len(n.args.pos) == 0 {
		return false
	}
	name, ok := n.args.pos[0].(*constant)
	if s, isText := name.text(); !ok || !isText || shortName(s) != "template" {
		return false
	}
	return !n.option("convert_data", true) || native && !n.option("jinja2_native", false)
}

// text is a constant's text; a constant may be nil.
func (c *constant) text() (string, bool) {
	if c == nil {
		return "", false
	}
	s, ok := c.v.(string)
	return s, ok
}

// option is a keyword argument that is a literal truth value.
func (n *callExpr) option(name string, fallback bool) bool {
	for i, kw := range n.args.names {
		if c, ok := n.args.kw[i].(*constant); ok && kw == name {
			return toBool(c.v) == true
		}
	}
	return fallback
}
