package jmespath

import "fmt"

// Binding powers, as in JMESPath's grammar.
var power = map[string]int{"|": 1, "||": 2, "&&": 3, "==": 5, "!=": 5, "<": 5, "<=": 5, ">": 5, ">=": 5,
	"[]": 9, "*": 20, "[?": 21, ".": 40, "!": 45, "{": 50, "[": 55, "(": 60}

// Below it, a projection takes what follows.
const projectionStop = 10

type parser struct {
	tokens []token
	i      int
	depth  int
}

func (p *parser) peek() token { return p.tokens[p.i] }

func (p *parser) ahead(n int) token { return p.tokens[min(p.i+n, len(p.tokens)-1)] }

func (p *parser) next() token {
	t := p.peek()
	if t.kind != tokEnd {
		p.i++
	}
	return t
}

func (p *parser) isOp(op string) bool { return p.peek().kind == tokOp && p.peek().text == op }

func (p *parser) expect(op string) error {
	if t := p.next(); t.kind != tokOp || t.text != op {
		return fmt.Errorf("expected %q at column %d, got %s", op, t.pos+1, t)
	}
	return nil
}

func (p *parser) power() int {
	if p.peek().kind != tokOp {
		return 0
	}
	return power[p.peek().text]
}

func (p *parser) expression(least int) (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, fmt.Errorf("the expression nests too deeply")
	}
	defer func() { p.depth-- }()
	left, err := p.prefix()
	for err == nil && least < p.power() {
		left, err = p.infix(left)
	}
	return left, err
}

func (p *parser) prefix() (node, error) {
	t := p.next()
	switch t.kind {
	case tokName:
		if p.isOp("(") {
			return p.call(t)
		}
		return field(t.text), nil
	case tokQuoted:
		if p.isOp("(") {
			return nil, fmt.Errorf("a quoted name at column %d is no function", t.pos+1)
		}
		return field(t.text), nil
	case tokLiteral:
		return literal{t.val}, nil
	case tokOp:
		return p.prefixOp(t)
	}
	return nil, fmt.Errorf("unexpected %s at column %d", t, t.pos+1)
}

func (p *parser) prefixOp(t token) (node, error) {
	switch t.text {
	case "@":
		return current{}, nil
	case "*":
		return p.projected(func(right node) node { return values{current{}, right} }, power["*"])
	case "[]":
		return p.projected(func(right node) node { return projection{flatten{current{}}, right} }, power["[]"])
	case "[?":
		return p.filter(current{})
	case "!":
		x, err := p.expression(power["!"])
		return not{x}, err
	case "&":
		x, err := p.expression(0)
		return reference{x}, err
	case "(":
		x, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		return group{x}, p.expect(")")
	case "{":
		return p.hash()
	case "[":
		if p.peek().kind == tokNumber || p.isOp(":") {
			return p.index(current{})
		}
		if p.isOp("*") && p.ahead(1).kind == tokOp && p.ahead(1).text == "]" {
			p.next()
			p.next()
			return p.projected(func(right node) node { return projection{current{}, right} }, power["*"])
		}
		return p.list()
	}
	return nil, fmt.Errorf("unexpected %s at column %d", t, t.pos+1)
}

func (p *parser) projected(make func(right node) node, least int) (node, error) {
	right, err := p.projectionRight(least)
	if err != nil {
		return nil, err
	}
	return make(right), nil
}

// projectionRight is what is done with each element of a projection.
func (p *parser) projectionRight(least int) (node, error) {
	switch {
	case p.power() < projectionStop:
		return current{}, nil
	case p.isOp("["), p.isOp("[?"):
		return p.expression(least)
	case p.isOp("."):
		p.next()
		return p.dotRight(least)
	}
	return nil, fmt.Errorf("unexpected %s at column %d", p.peek(), p.peek().pos+1)
}

func (p *parser) dotRight(least int) (node, error) {
	t := p.peek()
	switch {
	case t.kind == tokName, t.kind == tokQuoted, p.isOp("*"):
		return p.expression(least)
	case p.isOp("["):
		p.next()
		return p.list()
	case p.isOp("{"):
		p.next()
		return p.hash()
	}
	return nil, fmt.Errorf("expected a name, *, [ or { after the dot at column %d, got %s", t.pos+1, t)
}

func (p *parser) infix(left node) (node, error) {
	t := p.next()
	switch t.text {
	case ".":
		if p.isOp("*") {
			p.next()
			return p.projected(func(right node) node { return values{left, right} }, power["."])
		}
		right, err := p.dotRight(power["."])
		return chain{left, right}, err
	case "|", "||", "&&":
		right, err := p.expression(power[t.text])
		switch t.text {
		case "|":
			return chain{left, right}, err
		case "||":
			return either{left, right}, err
		}
		return both{left, right}, err
	case "==", "!=", "<", "<=", ">", ">=":
		right, err := p.expression(power[t.text])
		return comparison{t.text, left, right}, err
	case "[]":
		return p.projected(func(right node) node { return projection{flatten{left}, right} }, power["[]"])
	case "[?":
		return p.filter(left)
	case "[":
		if p.isOp("*") {
			p.next()
			if err := p.expect("]"); err != nil {
				return nil, err
			}
			return p.projected(func(right node) node { return projection{left, right} }, power["*"])
		}
		return p.index(left)
	}
	return nil, fmt.Errorf("unexpected %s at column %d", t, t.pos+1)
}

func (p *parser) filter(left node) (node, error) {
	cond, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if err := p.expect("]"); err != nil {
		return nil, err
	}
	right, err := p.projectionRight(power["[?"])
	return filter{left, cond, right}, err
}

// index reads the rest of [1], [-1] and [1:2:3]; a slice is a projection.
func (p *parser) index(left node) (node, error) {
	var bounds [3]*int
	colons := 0
	for !p.isOp("]") {
		t := p.next()
		switch {
		case t.kind == tokNumber && bounds[colons] == nil:
			n := t.val.(int)
			bounds[colons] = &n
		case t.kind == tokOp && t.text == ":" && colons < 2:
			colons++
		default:
			return nil, fmt.Errorf("expected an index or a slice at column %d, got %s", t.pos+1, t)
		}
	}
	p.next()
	if colons == 0 {
		if bounds[0] == nil {
			return nil, fmt.Errorf("an index is missing at column %d", p.peek().pos+1)
		}
		return chain{left, index(*bounds[0])}, nil
	}
	right, err := p.projectionRight(power["*"])
	return projection{chain{left, slice{bounds}}, right}, err
}

func (p *parser) list() (node, error) {
	var items []node
	for {
		x, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		items = append(items, x)
		if p.isOp(",") {
			p.next()
			continue
		}
		return multiList{items}, p.expect("]")
	}
}

func (p *parser) hash() (node, error) {
	var h multiHash
	for {
		t := p.next()
		if t.kind != tokName && t.kind != tokQuoted {
			return nil, fmt.Errorf("expected a key at column %d, got %s", t.pos+1, t)
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		x, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		h.keys, h.vals = append(h.keys, t.text), append(h.vals, x)
		if p.isOp(",") {
			p.next()
			continue
		}
		return h, p.expect("}")
	}
}

func (p *parser) call(name token) (node, error) {
	p.next()
	c := call{name: name.text}
	for !p.isOp(")") {
		x, err := p.expression(0)
		if err != nil {
			return nil, err
		}
		c.args = append(c.args, x)
		if p.isOp(",") {
			p.next()
			continue
		}
		if !p.isOp(")") {
			return nil, fmt.Errorf("expected , or ) at column %d, got %s", p.peek().pos+1, p.peek())
		}
	}
	p.next()
	return c, c.check()
}
