package template

// target reads what a loop or an assignment binds: a name, names to unpack, or
// a namespace's attribute.
func (p *parser) target(namespace bool) target {
	var parts []target
	isTuple := false
	for p.err == nil {
		if p.skipOp("(") {
			p.deeper()
			inner := p.target(false)
			p.shallower()
			p.expectOp(")")
			parts = append(parts, inner)
		} else {
			t := target{name: p.expectName()}
			if namespace && p.skipOp(".") {
				t.attr = p.expectName()
			}
			parts = append(parts, t)
		}
		if !p.skipOp(",") {
			break
		}
		isTuple = true
		if p.isOp("=") || p.isName("in") || p.isOp(")") {
			break
		}
	}
	if isTuple {
		return target{parts: parts}
	}
	if len(parts) == 0 {
		return target{}
	}
	return parts[0]
}

func (p *parser) forTag(pos int) stmt {
	n := &forNode{t: p.t, pos: pos, target: p.target(false)}
	p.expectWord("in")
	n.iter = p.tuple(false, false)
	if p.skipName("if") {
		n.test = p.expression()
	}
	n.recursive = p.skipName("recursive")
	p.expectBlockEnd()
	outer := p.names
	p.names = map[string]bool{}
	p.loops++
	var end string
	n.body, end = p.body("endfor", "else")
	p.loops--
	n.usesLoop = p.names["loop"] || n.recursive
	for name := range p.names {
		outer[name] = true
	}
	p.names = outer
	if end == "else" {
		p.expectBlockEnd()
		n.orelse, _ = p.body("endfor")
	}
	return n
}

func (p *parser) loopControl(tag string, pos int) stmt {
	if p.loops == 0 {
		p.failAt(pos, "'%s' outside of a loop", tag)
	}
	if tag == "break" {
		return &breakNode{}
	}
	return &continueNode{}
}

func (p *parser) ifTag() stmt {
	n := &ifNode{}
	for p.err == nil {
		n.tests = append(n.tests, p.tuple(false, false))
		if p.isName("if") || p.isName("else") { // a conditional expression as condition
			p.conditional()
		}
		p.expectBlockEnd()
		body, end := p.body("elif", "else", "endif")
		n.bodies = append(n.bodies, body)
		switch end {
		case "elif":
			continue
		case "else":
			p.expectBlockEnd()
			n.orelse, _ = p.body("endif")
		}
		break
	}
	return n
}

// conditional refuses a conditional expression where a condition stands.
func (p *parser) conditional() {
	p.failAt(p.cur().pos, "expected token 'end of statement block', got '%s'; put the condition in parentheses", p.cur().text)
}

func (p *parser) setTag(pos int) stmt {
	to := p.target(true)
	if p.skipOp("=") {
		return &setNode{t: p.t, pos: pos, target: to, x: p.tuple(true, false)}
	}
	n := &setBlockNode{t: p.t, pos: pos, target: to}
	if p.isOp("|") {
		n.filter = p.filterChain()
	}
	p.expectBlockEnd()
	n.body, _ = p.body("endset")
	return n
}

// filterChain reads `| name(args) | …`; the innermost has no operand.
func (p *parser) filterChain() *filterExpr {
	f, _ := p.filters(nil).(*filterExpr)
	if f == nil {
		p.failAt(p.cur().pos, "expected a filter")
	}
	return f
}

func (p *parser) filterTag() stmt {
	// "filter upper|trim" reads as if a | stood before it.
	p.i--
	p.tokens[p.i] = token{kind: tokOp, text: "|", pos: p.tokens[p.i].pos}
	n := &filterBlockNode{filter: p.filterChain()}
	p.expectBlockEnd()
	n.body, _ = p.body("endfilter")
	return n
}

func (p *parser) withTag() stmt {
	n := &withNode{}
	for p.err == nil && p.cur().kind != tokBlockEnd {
		if len(n.targets) > 0 {
			p.expectOp(",")
		}
		name := target{name: p.expectName()}
		p.expectOp("=")
		n.targets, n.vals = append(n.targets, name), append(n.vals, p.expression())
	}
	p.expectBlockEnd()
	n.body, _ = p.body("endwith")
	return n
}

func (p *parser) autoescapeTag() stmt {
	p.expression()
	p.expectBlockEnd()
	body, _ := p.body("endautoescape")
	return &groupNode{body}
}

func (p *parser) macroTag(pos int) stmt {
	n := &macroNode{t: p.t, pos: pos, name: p.expectName()}
	p.macroParams(n)
	p.macroBody(n, "endmacro")
	return n
}

// macroParams reads `(a, b=2)`.
func (p *parser) macroParams(n *macroNode) {
	p.expectOp("(")
	for p.err == nil && !p.isOp(")") {
		if len(n.params) > 0 {
			p.expectOp(",")
			if p.isOp(")") {
				break
			}
		}
		n.params = append(n.params, p.expectName())
		switch {
		case p.skipOp("="):
			n.defaults = append(n.defaults, p.expression())
		case len(n.defaults) > 0:
			p.failAt(p.cur().pos, "non-default argument follows default argument")
		}
	}
	p.expectOp(")")
}

// macroBody reads the body and notes which of varargs, kwargs and caller it
// names: only then may more arguments be given than are declared.
func (p *parser) macroBody(n *macroNode, end string) {
	p.expectBlockEnd()
	outer, loops := p.names, p.loops
	p.names, p.loops = map[string]bool{}, 0
	n.body, _ = p.body(end)
	n.varargs, n.kwargs, n.caller = p.names["varargs"], p.names["kwargs"], p.names["caller"]
	for name := range p.names {
		outer[name] = true
	}
	p.names, p.loops = outer, loops
}

func (p *parser) callTag(pos int) stmt {
	caller := &macroNode{t: p.t, pos: pos, name: "caller"}
	if p.isOp("(") {
		p.macroParams(caller)
	}
	x := p.expression()
	call, ok := x.(*callExpr)
	if !ok {
		p.failAt(pos, "expected call")
		return nil
	}
	p.macroBody(caller, "endcall")
	call.args.caller = caller
	return &callBlockNode{t: p.t, pos: pos, call: call}
}

func (p *parser) blockTag(pos int) stmt {
	n := &blockNode{name: p.expectName()}
	n.scoped = p.skipName("scoped")
	n.required = p.skipName("required")
	p.expectBlockEnd()
	loops := p.loops
	p.loops = 0
	n.body, _ = p.body("endblock")
	p.loops = loops
	if p.cur().kind == tokName {
		if name := p.expectName(); name != n.name {
			p.failAt(pos, "expected 'endblock %s', got 'endblock %s'", n.name, name)
		}
	}
	if _, twice := p.t.blocks[n.name]; twice {
		p.failAt(pos, "block '%s' defined twice", n.name)
	}
	p.t.blocks[n.name] = n
	return n
}

func (p *parser) extendsTag(pos int) stmt {
	return &extendsNode{t: p.t, pos: pos, parent: p.expression()}
}

func (p *parser) includeTag(pos int) stmt {
	n := &includeNode{t: p.t, pos: pos, names: p.expression(), withContext: true}
	if p.isName("ignore") && p.peek().text == "missing" {
		p.next()
		p.next()
		n.ignoreMissing = true
	}
	n.withContext = p.context(true)
	return n
}

// context reads "with context" or "without context".
func (p *parser) context(preset bool) bool {
	if (p.isName("with") || p.isName("without")) && p.peek().text == "context" {
		with := p.next().text == "with"
		p.next()
		return with
	}
	return preset
}

func (p *parser) importTag(pos int) stmt {
	n := &importNode{t: p.t, pos: pos, from: p.expression()}
	p.expectWord("as")
	n.as = p.expectName()
	n.withContext = p.context(false)
	return n
}

func (p *parser) fromTag(pos int) stmt {
	n := &importNode{t: p.t, pos: pos, from: p.expression()}
	p.expectWord("import")
	for p.err == nil {
		n.withContext = p.context(n.withContext)
		if p.cur().kind == tokBlockEnd {
			break
		}
		if len(n.names) > 0 {
			p.expectOp(",")
			if p.cur().kind == tokBlockEnd {
				break
			}
		}
		name := p.expectName()
		alias := name
		if p.skipName("as") {
			alias = p.expectName()
		}
		if unsafeName(name) {
			p.failAt(pos, "names starting with an underline can not be imported")
		}
		n.names = append(n.names, [2]string{name, alias})
		if p.cur().kind != tokBlockEnd && !p.isOp(",") && !p.isName("with") && !p.isName("without") {
			p.expectOp(",")
		}
	}
	return n
}
