package template

import (
	"math/big"
	"strconv"
	"strings"
)

// expression reads a conditional expression.
func (p *parser) expression() expr {
	p.deeper()
	defer p.shallower()
	x := p.or()
	for p.err == nil && p.skipName("if") {
		p.operator()
		test := p.or()
		var otherwise expr
		if p.skipName("else") {
			otherwise = p.expression()
		}
		x = &condExpr{test: test, then: x, otherwise: otherwise}
	}
	return x
}

// operator counts one that makes the tree deeper, and refuses too many.
func (p *parser) operator() {
	p.operators++
	if p.operators > maxOperators {
		p.failAt(p.cur().pos, "more than %d operators in one expression", maxOperators)
	}
}

func (p *parser) or() expr {
	parts := []expr{p.and()}
	for p.skipName("or") {
		parts = append(parts, p.and())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &logic{parts: parts, or: true}
}

func (p *parser) and() expr {
	parts := []expr{p.not()}
	for p.skipName("and") {
		parts = append(parts, p.not())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &logic{parts: parts}
}

func (p *parser) not() expr {
	n := 0
	for p.skipName("not") {
		n++
	}
	x := p.compare()
	if n == 0 {
		return x
	}
	if n%2 == 0 {
		x = &notExpr{x}
	}
	return &notExpr{x}
}

func (p *parser) compare() expr {
	pos := p.cur().pos
	first := p.additive()
	var rest []comparison
	for p.err == nil {
		op := p.comparisonOp()
		if op == "" {
			break
		}
		rest = append(rest, comparison{op, p.additive()})
	}
	if rest == nil {
		return first
	}
	return &compareExpr{t: p.t, pos: pos, first: first, rest: rest}
}

func (p *parser) comparisonOp() string {
	t := p.cur()
	switch {
	case t.kind == tokOp:
		switch t.text {
		case "==", "!=", "<", "<=", ">", ">=":
			p.next()
			return t.text
		}
	case p.isName("in"):
		p.next()
		return "in"
	case p.isName("not") && p.peek().kind == tokName && p.peek().text == "in":
		p.next()
		p.next()
		return "not in"
	}
	return ""
}

func (p *parser) additive() expr { return p.binary(p.concat, "+", "-") }

func (p *parser) binary(operand func() expr, ops ...string) expr {
	x := operand()
	for p.err == nil {
		t := p.cur()
		if t.kind != tokOp || !contains(ops, t.text) {
			return x
		}
		p.operator()
		p.next()
		x = &binaryExpr{t: p.t, pos: t.pos, op: t.text, a: x, b: operand()}
	}
	return x
}

func (p *parser) concat() expr {
	parts := []expr{p.multiplicative()}
	for p.skipOp("~") {
		parts = append(parts, p.multiplicative())
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return &concat{parts: parts}
}

func (p *parser) multiplicative() expr { return p.binary(p.power, "*", "/", "//", "%") }

func (p *parser) power() expr {
	return p.binary(func() expr { return p.unary(true) }, "**")
}

// unary binds closer than ** (as in jinja2, not as in Python), and filters
// apply to the signed value.
func (p *parser) unary(filters bool) expr {
	t := p.cur()
	var x expr
	if t.kind == tokOp && (t.text == "-" || t.text == "+") {
		p.next()
		p.deeper()
		x = &unaryExpr{t: p.t, pos: t.pos, op: t.text[0], x: p.unary(false)}
		p.shallower()
	} else {
		x = p.primary()
	}
	x = p.postfix(x)
	if filters {
		x = p.filters(x)
	}
	return x
}

func (p *parser) primary() expr {
	t := p.next()
	switch t.kind {
	case tokName:
		switch t.text {
		case "true", "True":
			return &constant{true}
		case "false", "False":
			return &constant{false}
		case "none", "None":
			return &constant{nil}
		}
		p.names[t.text] = true
		return &nameExpr{t.text}
	case tokString:
		return p.strings(t.text)
	case tokInt:
		return &constant{p.integer(t)}
	case tokFloat:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil && f == 0 {
			p.failAt(t.pos, "not a number: %s", t.text)
		}
		return &constant{f}
	case tokOp:
		switch t.text {
		case "(":
			x := p.tuple(true, true)
			p.expectOp(")")
			return x
		case "[":
			return p.list()
		case "{":
			return p.dict()
		}
		p.failAt(t.pos, "unexpected '%s'", t.text)
		return &constant{}
	}
	p.failAt(t.pos, "Expected an expression, got '%s'", t.describe())
	return &constant{}
}

func (p *parser) strings(first string) expr {
	if p.cur().kind != tokString {
		return &constant{first}
	}
	var b strings.Builder
	b.WriteString(first)
	for p.cur().kind == tokString {
		b.WriteString(p.next().text)
	}
	return &constant{b.String()}
}

func (p *parser) integer(t token) any {
	digits := strings.ReplaceAll(t.text, "_", "")
	if len(digits) > 1 && digits[0] == '0' && digits[1]|0x20 > '9' {
		digits = strings.ToLower(digits)
	} else {
		digits = strings.TrimLeft(digits, "0")
		if digits == "" {
			digits = "0"
		}
	}
	if n, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return int(n)
	}
	if len(digits) > 4300 {
		p.failAt(t.pos, "an integer of more than 4300 digits")
		return 0
	}
	b, ok := new(big.Int).SetString(digits, 0)
	if !ok {
		p.failAt(t.pos, "not a number: %s", t.text)
		return 0
	}
	return b
}

// tuple reads expressions separated by commas: one alone is itself.
func (p *parser) tuple(cond, parens bool) expr {
	p.deeper()
	defer p.shallower()
	var items []expr
	isTuple := false
	for p.err == nil {
		if len(items) > 0 && !isTuple {
			break
		}
		if p.tupleEnd() {
			break
		}
		if cond {
			items = append(items, p.expression())
		} else {
			items = append(items, p.or())
		}
		if !p.skipOp(",") {
			break
		}
		isTuple = true
	}
	if isTuple || len(items) == 0 {
		if len(items) == 0 && !parens {
			p.failAt(p.cur().pos, "Expected an expression, got '%s'", p.cur().describe())
		}
		return &tupleExpr{items}
	}
	return items[0]
}

func (p *parser) tupleEnd() bool {
	switch p.cur().kind {
	case tokVarEnd, tokBlockEnd, tokEOF:
		return true
	}
	return p.isOp(")")
}

func (p *parser) list() expr {
	var items []expr
	for p.err == nil && !p.isOp("]") {
		if len(items) > 0 {
			p.expectOp(",")
			if p.isOp("]") {
				break
			}
		}
		items = append(items, p.expression())
	}
	p.expectOp("]")
	return &listExpr{items}
}

func (p *parser) dict() expr {
	d := &dictExpr{}
	for p.err == nil && !p.isOp("}") {
		if len(d.keys) > 0 {
			p.expectOp(",")
			if p.isOp("}") {
				break
			}
		}
		key := p.expression()
		p.expectOp(":")
		d.keys, d.vals = append(d.keys, key), append(d.vals, p.expression())
	}
	p.expectOp("}")
	return d
}
