package regex

import (
	"strconv"
	"unicode"
)

// class is a set of characters.
type class struct {
	negate bool
	ranges []span
	kinds  []kind
}

type span struct{ lo, hi rune }

// kind is \d, \w, \s or the opposite of one.
type kind struct {
	letter rune // 'd', 'w', 's'
	not    bool
	ascii  bool
}

func (k kind) has(r rune) bool {
	var in bool
	switch k.letter {
	case 'd':
		in = r >= '0' && r <= '9' || !k.ascii && r > 127 && unicode.IsDigit(r)
	case 's':
		in = r == ' ' || r >= '\t' && r <= '\r' || !k.ascii && (r >= 0x1c && r <= 0x1f || r > 127 && unicode.IsSpace(r))
	default:
		in = isWord(r, k.ascii)
	}
	return in != k.not
}

func isWord(r rune, ascii bool) bool {
	if r < 128 {
		return r == '_' || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'
	}
	return !ascii && (unicode.IsLetter(r) || unicode.IsNumber(r))
}

// has reports whether r is in the set; fold compares without case.
func (c *class) has(r rune, fold bool) bool {
	in := c.contains(r)
	if !in && fold {
		for f := unicode.SimpleFold(r); f != r && !in; f = unicode.SimpleFold(f) {
			in = c.contains(f)
		}
	}
	return in != c.negate
}

func (c *class) contains(r rune) bool {
	for _, s := range c.ranges {
		if r >= s.lo && r <= s.hi {
			return true
		}
	}
	for _, k := range c.kinds {
		if k.has(r) {
			return true
		}
	}
	return false
}

// set reads what follows an opening bracket.
func (p *parser) set() *class {
	c := &class{negate: p.skip("^")}
	for first := true; ; first = false {
		if !p.more() {
			p.fail("unterminated character set")
			return c
		}
		if p.peek() == ']' && !first {
			p.i++
			return c
		}
		lo, isKind := p.setItem(c)
		if isKind {
			continue
		}
		hi := lo
		if p.peek() == '-' && p.i+1 < len(p.s) && p.s[p.i+1] != ']' {
			p.i++
			if hi, isKind = p.setItem(c); isKind || hi < lo {
				p.fail("bad character range")
			}
		}
		c.ranges = append(c.ranges, span{lo, hi})
	}
}

// setItem reads a character, or a kind that it adds to c.
func (p *parser) setItem(c *class) (rune, bool) {
	r := p.s[p.i]
	p.i++
	if r != '\\' {
		return r, false
	}
	if !p.more() {
		p.fail("bad escape (end of pattern)")
		return 0, false
	}
	if k, ok := p.kindEscape(); ok {
		c.kinds = append(c.kinds, k)
		return 0, true
	}
	if p.skip("b") {
		return '\b', false
	}
	return p.charEscape(), false
}

func (p *parser) kindEscape() (kind, bool) {
	r := p.peek()
	switch r {
	case 'd', 'w', 's':
		p.i++
		return kind{letter: r, ascii: p.flags&ASCII != 0}, true
	case 'D', 'W', 'S':
		p.i++
		return kind{letter: unicode.ToLower(r), not: true, ascii: p.flags&ASCII != 0}, true
	}
	return kind{}, false
}

// escape reads what follows a backslash outside a set.
func (p *parser) escape() *node {
	if !p.more() {
		p.fail("bad escape (end of pattern)")
		return nil
	}
	if k, ok := p.kindEscape(); ok {
		return &node{op: opClass, class: &class{kinds: []kind{k}}, flags: p.flags}
	}
	r := p.peek()
	anchors := map[rune]op{'A': opStart, 'Z': opFinish, 'b': opWord, 'B': opNotWord}
	if a, ok := anchors[r]; ok {
		p.i++
		return &node{op: a, flags: p.flags}
	}
	if r >= '1' && r <= '9' {
		return p.backref()
	}
	return &node{op: opChar, r: p.charEscape(), flags: p.flags}
}

func (p *parser) backref() *node {
	end := p.i + 1
	if end < len(p.s) && p.s[end] >= '0' && p.s[end] <= '9' {
		end++
	}
	g, _ := strconv.Atoi(string(p.s[p.i:end]))
	if g > p.groups || p.open[g] {
		p.fail("invalid group reference %d", g)
		return nil
	}
	p.i = end
	return &node{op: opBackref, group: g, flags: p.flags}
}

var controlEscapes = map[rune]rune{'n': '\n', 't': '\t', 'r': '\r', 'f': '\f', 'v': '\v', 'a': 7}

func (p *parser) charEscape() rune {
	r := p.s[p.i]
	p.i++
	if c, ok := controlEscapes[r]; ok {
		return c
	}
	switch {
	case r == 'x':
		return p.hex(2)
	case r == 'u':
		return p.hex(4)
	case r == 'U':
		return p.hex(8)
	case r >= '0' && r <= '7':
		start := p.i - 1
		for p.i < len(p.s) && p.i < start+3 && p.s[p.i] >= '0' && p.s[p.i] <= '7' {
			p.i++
		}
		n, _ := strconv.ParseInt(string(p.s[start:p.i]), 8, 32)
		return rune(n)
	case r|0x20 >= 'a' && r|0x20 <= 'z' || r >= '8' && r <= '9':
		p.i--
		p.fail("bad escape \\%c", r)
	}
	return r
}

func (p *parser) hex(n int) rune {
	if p.i+n > len(p.s) {
		p.fail("incomplete escape")
		return 0
	}
	v, err := strconv.ParseInt(string(p.s[p.i:p.i+n]), 16, 32)
	if err != nil {
		p.fail("incomplete escape")
		return 0
	}
	p.i += n
	return rune(v)
}
