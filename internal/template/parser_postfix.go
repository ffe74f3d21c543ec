package template

import (
	"rollout/internal/document"
)

func (p *parser) postfix(x expr) expr {
	for p.err == nil {
		switch {
		case p.isOp("."), p.isOp("["):
			x = p.subscript(x)
		case p.isOp("("):
			x = p.call(x)
		default:
			return x
		}
	}
	return x
}

// mutators are the methods that change a list or dict in place.
var mutators = map[string]bool{"append": true, "extend": true, "insert": true, "pop": true, "remove": true,
	"clear": true, "reverse": true, "sort": true, "update": true, "setdefault": true, "popitem": true}

func (p *parser) subscript(x expr) expr {
	p.operator()
	t := p.next()
	if t.text == "." {
		key := p.next()
		switch key.kind {
		case tokName:
			if mutators[key.text] {
				p.t.mutates = true
			}
			return &attrExpr{t: p.t, pos: t.pos, x: x, name: key.text}
		case tokInt:
			return &itemExpr{t: p.t, pos: t.pos, x: x, i: &constant{p.integer(key)}}
		}
		p.failAt(key.pos, "expected name or number")
		return x
	}
	items := []expr{p.index()}
	tuple := false
	for p.err == nil && p.skipOp(",") {
		tuple = true
		if p.isOp("]") {
			break
		}
		items = append(items, p.index())
	}
	p.expectOp("]")
	if tuple {
		return &itemExpr{t: p.t, pos: t.pos, x: x, i: &tupleExpr{items}}
	}
	return &itemExpr{t: p.t, pos: t.pos, x: x, i: items[0]}
}

// index reads an index or a slice.
func (p *parser) index() expr {
	var parts [3]expr
	n := 0
	for i := 0; i < 3; i++ {
		if !p.isOp(":") && !p.isOp("]") && !p.isOp(",") {
			parts[i] = p.expression()
		}
		if i == 2 || !p.skipOp(":") {
			break
		}
		n++
	}
	if n == 0 {
		if parts[0] == nil {
			p.failAt(p.cur().pos, "Expected an expression, got '%s'", p.cur().describe())
			return &constant{}
		}
		return parts[0]
	}
	return &sliceExpr{parts[0], parts[1], parts[2]}
}

func (p *parser) call(fn expr) expr {
	p.operator()
	pos := p.cur().pos
	c := &callExpr{t: p.t, pos: pos, fn: fn, args: p.args()}
	if name, ok := fn.(*nameExpr); ok {
		p.checkLookup(name.name, c)
		if isLookup(name.name) && p.t.engine != nil {
			p.nestedTerms(c)
		}
	}
	return c
}

// checkLookup finds an unknown lookup before anything is run.
func (p *parser) checkLookup(fn string, c *callExpr) {
	if !isLookup(fn) || len(c.args.pos) == 0 || p.t.engine == nil {
		return
	}
	name, ok := c.args.pos[0].(*constant)
	if !ok {
		return
	}
	s, ok := name.v.(string)
	if !ok {
		p.failAt(c.pos, "the first argument of %s is the lookup's name", fn)
		return
	}
	if p.t.engine.lookup(s) == nil {
		p.failHint(c.pos, document.Suggest(s, p.t.engine.LookupNames()), "no lookup named '%s'", s)
	}
}

func isLookup(fn string) bool { return fn == "lookup" || fn == "query" || fn == "q" }

func (p *parser) args() callArgs {
	var a callArgs
	p.expectOp("(")
	for n := 0; p.err == nil && !p.isOp(")"); n++ {
		if n > 0 {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		p.arg(&a)
	}
	p.expectOp(")")
	return a
}

func (p *parser) arg(a *callArgs) {
	t := p.cur()
	switch {
	case p.skipOp("*"):
		if a.star != nil || a.dstar != nil {
			p.failAt(t.pos, "invalid syntax for function call expression")
		}
		a.star = p.expression()
	case p.skipOp("**"):
		if a.dstar != nil {
			p.failAt(t.pos, "invalid syntax for function call expression")
		}
		a.dstar = p.expression()
	case t.kind == tokName && p.peek().kind == tokOp && p.peek().text == "=":
		p.next()
		p.next()
		if contains(a.names, t.text) {
			p.failAt(t.pos, "keyword argument repeated: %s", t.text)
		}
		a.names, a.kw = append(a.names, t.text), append(a.kw, p.expression())
	default:
		if a.star != nil || a.dstar != nil || len(a.kw) > 0 {
			p.failAt(t.pos, "invalid syntax for function call expression")
		}
		a.pos = append(a.pos, p.expression())
	}
}

func (p *parser) filters(x expr) expr {
	for p.err == nil {
		switch {
		case p.isOp("|"):
			x = p.filter(x)
		case p.isName("is"):
			x = p.test(x)
		case p.isOp("("):
			x = p.call(x)
		default:
			return x
		}
	}
	return x
}

func (p *parser) dotted() string {
	name := p.expectName()
	for p.err == nil && p.skipOp(".") {
		name += "." + p.expectName()
	}
	return name
}

func (p *parser) filter(x expr) expr {
	p.operator()
	p.next()
	pos := p.cur().pos
	name := p.dotted()
	f := &filterExpr{t: p.t, pos: pos, name: name, x: x}
	if p.isOp("(") {
		f.args = p.args()
	}
	f.def = p.t.engine.filter(name)
	if f.def == nil {
		p.failHint(pos, document.Suggest(name, p.t.engine.FilterNames()), "No filter named '%s'.", name)
		return f
	}
	p.checkArgs(pos, "filter", name, f.def, f.args)
	p.checkNamed(pos, name, f.args)
	return f
}

// checkNamed checks the filter or test that map, select and their like are
// given by name.
func (p *parser) checkNamed(pos int, name string, a callArgs) {
	at := map[string]int{"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1, "map": 0}
	i, ok := at[name]
	if !ok || i >= len(a.pos) || a.star != nil {
		return
	}
	c, ok := a.pos[i].(*constant)
	if !ok {
		return
	}
	s, ok := c.v.(string)
	if !ok {
		return
	}
	if name == "map" {
		if p.t.engine.filter(s) == nil {
			p.failHint(pos, document.Suggest(s, p.t.engine.FilterNames()), "No filter named '%s'.", s)
		}
	} else if p.t.engine.test(s) == nil {
		p.failHint(pos, document.Suggest(s, p.t.engine.TestNames()), "No test named '%s'.", s)
	}
}

// checkArgs finds wrong argument names and counts before anything is run.
func (p *parser) checkArgs(pos int, what, name string, def *builtin, a callArgs) {
	if a.star != nil || a.dstar != nil {
		return
	}
	for _, kw := range a.names {
		if !def.takes(kw) {
			p.failHint(pos, document.Suggest(kw, def.params), "the %s '%s' has no argument '%s'", what, name, kw)
		}
	}
	if !def.variadic && len(a.pos) > len(def.params) {
		p.failAt(pos, "the %s '%s' takes at most %d arguments (%d given)", what, name, len(def.params), len(a.pos))
	}
}

func (p *parser) test(x expr) expr {
	p.operator()
	p.next()
	pos := p.cur().pos
	t := &testExpr{t: p.t, x: x, pos: pos, not: p.skipName("not")}
	t.name = p.dotted()
	switch c := p.cur(); {
	case p.isOp("("):
		t.args = p.args()
	case c.kind == tokString, c.kind == tokInt, c.kind == tokFloat, p.isOp("["), p.isOp("{"),
		c.kind == tokName && !contains([]string{"else", "or", "and"}, c.text):
		if c.kind == tokName && c.text == "is" {
			p.failAt(c.pos, "You cannot chain multiple tests with is")
			return t
		}
		t.args.pos = []expr{p.postfix(p.primary())}
		if after := p.cur(); c.kind == tokName && c.text == "if" && p.err == nil && after.kind != tokVarEnd {
			// Jinja2 takes the word for the test's argument, a variable of that name.
			p.failHint(after.pos, "put the test in parentheses: (x is "+t.name+") if …", "expected the expression's end, got '%s'", after.describe())
			return t
		}
	}
	t.def = p.t.engine.test(t.name)
	if t.def == nil {
		p.failHint(pos, document.Suggest(t.name, p.t.engine.TestNames()), "No test named '%s'.", t.name)
		return t
	}
	p.checkArgs(pos, "test", t.name, t.def, t.args)
	return t
}
