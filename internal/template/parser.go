package template

import (
	"fmt"
	"strings"

	"rollout/internal/document"
)

// parser turns tokens into nodes, by jinja2's grammar. Errors are kept in err;
// after the first one every token is the end.
type parser struct {
	t      *Template
	tokens []token
	i      int
	depth  int
	err    *SyntaxError
	tags   []string // open tags, innermost last
	loops  int      // loops around this place
	names  map[string]bool

	operators int // in the expression being read
}

func (p *parser) cur() token {
	if p.err != nil {
		return token{kind: tokEOF, pos: p.tokens[len(p.tokens)-1].pos}
	}
	return p.tokens[p.i]
}

func (p *parser) peek() token {
	if p.err != nil || p.i+1 >= len(p.tokens) {
		return p.tokens[len(p.tokens)-1]
	}
	return p.tokens[p.i+1]
}

func (p *parser) next() token {
	t := p.cur()
	if p.i < len(p.tokens)-1 {
		p.i++
	}
	return t
}

func (p *parser) failAt(pos int, format string, args ...any) {
	p.failHint(pos, "", format, args...)
}

func (p *parser) failHint(pos int, hint, format string, args ...any) {
	if p.err == nil {
		line, col := p.t.position(pos)
		p.err = &SyntaxError{Name: p.t.name, Line: line, Column: col,
			Message: fmt.Sprintf(format, args...), Hint: hint}
	}
}

func (p *parser) isOp(op string) bool {
	t := p.cur()
	return t.kind == tokOp && t.text == op
}

func (p *parser) isName(name string) bool {
	t := p.cur()
	return t.kind == tokName && t.text == name
}

func (p *parser) skipOp(op string) bool {
	if p.isOp(op) {
		p.next()
		return true
	}
	return false
}

func (p *parser) skipName(name string) bool {
	if p.isName(name) {
		p.next()
		return true
	}
	return false
}

func (p *parser) expectOp(op string) {
	if !p.skipOp(op) {
		p.failAt(p.cur().pos, "expected token '%s', got '%s'", op, p.cur().describe())
	}
}

func (p *parser) expectName() string {
	t := p.cur()
	if t.kind != tokName {
		p.failAt(t.pos, "expected token 'name', got '%s'", t.describe())
		return ""
	}
	p.next()
	return t.text
}

func (p *parser) expectWord(word string) {
	if !p.skipName(word) {
		p.failAt(p.cur().pos, "expected token '%s', got '%s'", word, p.cur().describe())
	}
}

func (p *parser) expectBlockEnd() {
	if p.cur().kind != tokBlockEnd {
		p.failAt(p.cur().pos, "expected token 'end of statement block', got '%s'", p.cur().describe())
		return
	}
	p.next()
}

// deeper counts a level of nesting; shallower must follow.
func (p *parser) deeper() {
	p.depth++
	if p.depth > maxNesting {
		p.failAt(p.cur().pos, "nested too deeply: more than %d levels", maxNesting)
	}
}

func (p *parser) shallower() { p.depth-- }

// body reads statements up to one of the end tags, whose name it returns with
// the tag's name consumed.
func (p *parser) body(ends ...string) ([]stmt, string) {
	var out []stmt
	p.deeper()
	defer p.shallower()
	for p.err == nil {
		t := p.next()
		p.operators = 0
		switch t.kind {
		case tokEOF:
			if len(ends) > 0 {
				p.failAt(t.pos, "Unexpected end of template. Jinja was looking for the following tags: '%s'. "+
					"The innermost block that needs to be closed is '%s'.", strings.Join(ends, "' or '"), p.tags[len(p.tags)-1])
			}
			return out, ""
		case tokData:
			out = append(out, &textNode{t.text})
		case tokVarBegin:
			out = append(out, p.output())
		case tokBlockBegin:
			if tag := p.cur(); tag.kind == tokName && contains(ends, tag.text) {
				p.next()
				return out, tag.text
			}
			if s := p.statement(ends); s != nil {
				out = append(out, s)
			}
		}
	}
	return out, ""
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if e == s {
			return true
		}
	}
	return false
}

func (p *parser) output() stmt {
	pos := p.cur().pos
	x := p.tuple(true, false)
	if p.cur().kind != tokVarEnd {
		p.failAt(p.cur().pos, "expected token 'end of print statement', got '%s'", p.cur().describe())
	}
	p.next()
	return &outputNode{t: p.t, pos: pos, x: x, native: p.staysText(x)}
}

// staysText tells whether the value of an expression is text that nothing
// makes a list of, even if it looks like one.
func (p *parser) staysText(x expr) bool {
	switch n := x.(type) {
	case *filterExpr:
		return textFilters[n.name]
	case *callExpr:
		return p.t.engine != nil && n.rendersText(p.t.engine.opts.Native)
	}
	return false
}

// textFilters give text that stays text even if it looks like a list: Ansible's
// STRING_TYPE_FILTERS.
var textFilters = map[string]bool{"string": true, "to_json": true, "to_nice_json": true,
	"to_yaml": true, "to_nice_yaml": true, "ppretty": true, "json": true}

func (p *parser) statement(ends []string) stmt {
	t := p.cur()
	if t.kind != tokName {
		p.failAt(t.pos, "tag name expected")
		return nil
	}
	p.next()
	p.tags = append(p.tags, t.text)
	s, ok := p.parseTag(t.text, t.pos)
	p.tags = p.tags[:len(p.tags)-1]
	if !ok {
		p.unknownTag(t, ends)
		return nil
	}
	p.expectBlockEnd()
	return s
}

func (p *parser) unknownTag(t token, ends []string) {
	if len(p.tags) == 0 || len(ends) == 0 {
		p.failHint(t.pos, document.Suggest(t.text, tagNames), "Encountered unknown tag '%s'.", t.text)
		return
	}
	p.failAt(t.pos, "Encountered unknown tag '%s'. Jinja was looking for the following tags: '%s'. "+
		"The innermost block that needs to be closed is '%s'.", t.text, strings.Join(ends, "' or '"), p.tags[len(p.tags)-1])
}

// tagNames are the tags a template may start a statement with.
var tagNames = []string{"for", "if", "set", "macro", "call", "filter", "block", "extends", "include",
	"import", "from", "with", "do", "break", "continue", "autoescape", "print", "raw"}

// parseTag reads the statement whose tag has been consumed; ok is false where
// there is no such tag.
func (p *parser) parseTag(tag string, pos int) (s stmt, ok bool) {
	switch tag {
	case "for":
		return p.forTag(pos), true
	case "if":
		return p.ifTag(), true
	case "set":
		return p.setTag(pos), true
	case "macro":
		return p.macroTag(pos), true
	case "call":
		return p.callTag(pos), true
	case "filter":
		return p.filterTag(), true
	case "block":
		return p.blockTag(pos), true
	case "extends":
		return p.extendsTag(pos), true
	case "include":
		return p.includeTag(pos), true
	case "import":
		return p.importTag(pos), true
	case "from":
		return p.fromTag(pos), true
	case "with":
		return p.withTag(), true
	case "autoescape":
		return p.autoescapeTag(), true
	case "print":
		return &outputNode{t: p.t, pos: pos, x: p.tuple(true, false)}, true
	}
	if !p.t.engine.extension(tag) {
		return nil, false
	}
	switch tag {
	case "do":
		return &doNode{p.tuple(true, false)}, true
	case "break", "continue":
		return p.loopControl(tag, pos), true
	}
	return nil, false
}
