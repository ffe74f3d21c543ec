// Package regex is Python's re: its syntax, look-around and back-references
// included, with a limit on steps, since a pattern may come from anyone.
// Patterns are parsed to nodes, compiled to a small program and run by a
// backtracking matcher that keeps its own stack.
package regex

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// Flags change what a pattern means, as re.I, re.M, re.S, re.X and re.A do.
type Flags uint8

// The flags.
const (
	IgnoreCase Flags = 1 << iota
	Multiline
	DotAll
	Verbose
	ASCII
)

// Error is a mistake in a pattern.
type Error struct {
	Pattern string
	Pos     int // in characters, from 0
	Message string
}

func (e *Error) Error() string {
	return fmt.Sprintf("the regular expression %q is wrong at position %d: %s", e.Pattern, e.Pos, e.Message)
}

type op int

const (
	opEmpty op = iota
	opChar
	opAny
	opClass
	opCat
	opAlt
	opRepeat
	opGroup
	opBegin   // ^
	opEnd     // $
	opStart   // \A
	opFinish  // \Z
	opWord    // \b
	opNotWord // \B
	opBackref
	opAhead
	opBehind
	opAtomic
	opIf
)

type node struct {
	op       op
	flags    Flags
	r        rune
	class    *class
	subs     []*node
	min, max int // opRepeat; max -1 is no limit
	lazy     bool
	atomic   bool // possessive repeat
	group    int  // opGroup (0: none), opBackref, opIf
	negate   bool // opAhead, opBehind
	width    int  // opBehind
}

// Limits of a pattern.
const (
	maxDepth   = 200
	maxRepeat  = 1000
	maxProgram = 50_000
	maxGroups  = 200
	maxWidth   = 1 << 20
)

type parser struct {
	src    string
	s      []rune
	i      int
	flags  Flags
	depth  int
	groups int
	names  map[string]int
	open   map[int]bool
	err    *Error
}

// fail keeps the first mistake and moves to the end, where all reading stops.
func (p *parser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = &Error{Pattern: p.src, Pos: p.i, Message: fmt.Sprintf(format, args...)}
	}
	p.i = len(p.s)
}

func (p *parser) more() bool { return p.i < len(p.s) }

func (p *parser) peek() rune {
	if p.more() {
		return p.s[p.i]
	}
	return -1
}

func (p *parser) at(text string) bool {
	return strings.HasPrefix(string(p.s[p.i:min(p.i+len(text), len(p.s))]), text)
}

func (p *parser) skip(text string) bool {
	if p.at(text) {
		p.i += len(text)
		return true
	}
	return false
}

// alternatives reads a|b|c.
func (p *parser) alternatives() *node {
	p.depth++
	if p.depth > maxDepth {
		p.fail("nested more than %d deep", maxDepth)
	}
	defer func() { p.depth-- }()
	subs := []*node{p.sequence()}
	for p.skip("|") {
		subs = append(subs, p.sequence())
	}
	if len(subs) == 1 {
		return subs[0]
	}
	return &node{op: opAlt, subs: subs}
}

func (p *parser) sequence() *node {
	cat := &node{op: opCat}
	for p.more() && p.peek() != '|' && p.peek() != ')' {
		if p.flags&Verbose != 0 && p.comment() {
			continue
		}
		n := p.atom()
		if n == nil {
			continue
		}
		cat.subs = append(cat.subs, p.repeats(n))
	}
	return cat
}

// comment skips what a verbose pattern does not mean.
func (p *parser) comment() bool {
	if unicode.IsSpace(p.peek()) {
		p.i++
		return true
	}
	if p.peek() != '#' {
		return false
	}
	for p.more() && p.peek() != '\n' {
		p.i++
	}
	return true
}

func (p *parser) repeats(n *node) *node {
	for p.flags&Verbose != 0 && p.more() && p.comment() {
		continue
	}
	lo, hi, ok := p.quantifier()
	if !ok {
		return n
	}
	switch n.op {
	case opBegin, opEnd, opStart, opFinish, opWord, opNotWord:
		if n.op == opBegin {
			p.fail("nothing to repeat")
		}
	case opRepeat:
		p.fail("multiple repeat")
	}
	out := &node{op: opRepeat, subs: []*node{n}, min: lo, max: hi, flags: p.flags}
	switch {
	case p.skip("?"):
		out.lazy = true
	case p.skip("+"):
		out.atomic = true
	}
	if p.more() {
		start := p.i
		if _, _, again := p.quantifier(); again {
			p.i = start
			p.fail("multiple repeat")
		}
	}
	return out
}

func (p *parser) quantifier() (lo, hi int, ok bool) {
	switch p.peek() {
	case '*':
		p.i++
		return 0, -1, true
	case '+':
		p.i++
		return 1, -1, true
	case '?':
		p.i++
		return 0, 1, true
	case '{':
		return p.braces()
	}
	return 0, 0, false
}

// braces reads {m}, {m,}, {,n} or {m,n}; anything else is literal text.
func (p *parser) braces() (lo, hi int, ok bool) {
	end := p.i + 1
	for end < len(p.s) && p.s[end] != '}' {
		end++
	}
	if end >= len(p.s) {
		return 0, 0, false
	}
	body := string(p.s[p.i+1 : end])
	from, to, comma := strings.Cut(body, ",")
	if strings.Trim(body, "0123456789,") != "" || body == "" || strings.Count(body, ",") > 1 || (!comma && from == "") {
		return 0, 0, false
	}
	lo, hi = 0, -1
	var err error
	if from != "" {
		if lo, err = strconv.Atoi(from); err != nil {
			p.fail("the repetition number is too large")
		}
	}
	if !comma {
		hi = lo
	} else if to != "" {
		if hi, err = strconv.Atoi(to); err != nil {
			p.fail("the repetition number is too large")
		}
	}
	if lo > maxRepeat || hi > maxRepeat {
		p.fail("more than %d repetitions", maxRepeat)
	}
	if hi >= 0 && hi < lo {
		p.fail("min repeat greater than max repeat")
	}
	p.i = end + 1
	return lo, hi, true
}

func (p *parser) atom() *node {
	c := p.s[p.i]
	switch c {
	case '(':
		p.i++
		return p.group()
	case '[':
		p.i++
		return &node{op: opClass, class: p.set(), flags: p.flags}
	case '.':
		p.i++
		return &node{op: opAny, flags: p.flags}
	case '^':
		p.i++
		return &node{op: opBegin, flags: p.flags}
	case '$':
		p.i++
		return &node{op: opEnd, flags: p.flags}
	case '\\':
		p.i++
		return p.escape()
	case '*', '+', '?':
		p.fail("nothing to repeat")
		return nil
	}
	p.i++
	return &node{op: opChar, r: c, flags: p.flags}
}

func (p *parser) close() {
	if !p.skip(")") {
		p.fail("missing ), unterminated subpattern")
	}
}

// group reads what follows an opening parenthesis.
func (p *parser) group() *node {
	if !p.skip("?") {
		return p.capture("")
	}
	flags := p.flags
	switch {
	case p.skip("P<"):
		return p.capture(p.name(">"))
	case p.skip("P="):
		return p.namedBackref()
	case p.skip(":"):
		n := p.alternatives()
		p.close()
		p.flags = flags
		return &node{op: opGroup, subs: []*node{n}}
	case p.skip("#"):
		for p.more() && p.peek() != ')' {
			p.i++
		}
		p.close()
		return nil
	case p.skip("="):
		return p.look(opAhead, false)
	case p.skip("!"):
		return p.look(opAhead, true)
	case p.skip("<="):
		return p.look(opBehind, false)
	case p.skip("<!"):
		return p.look(opBehind, true)
	case p.skip(">"):
		return p.look(opAtomic, false)
	case p.skip("("):
		return p.conditional()
	}
	return p.inlineFlags()
}

func (p *parser) capture(name string) *node {
	p.groups++
	if p.groups > maxGroups {
		p.fail("more than %d groups", maxGroups)
	}
	g := p.groups
	if name != "" {
		if _, twice := p.names[name]; twice {
			p.fail("redefinition of group name %q", name)
		}
		p.names[name] = g
	}
	flags := p.flags
	p.open[g] = true
	n := p.alternatives()
	delete(p.open, g)
	p.close()
	p.flags = flags
	return &node{op: opGroup, group: g, subs: []*node{n}}
}

func (p *parser) name(end string) string {
	start := p.i
	for p.more() && !p.at(end) {
		p.i++
	}
	name := string(p.s[start:p.i])
	if !p.skip(end) || name == "" {
		p.fail("missing %s, unterminated name", end)
	}
	return name
}

func (p *parser) namedBackref() *node {
	name := p.name(")")
	g, ok := p.names[name]
	if !ok {
		p.fail("unknown group name %q", name)
	}
	return &node{op: opBackref, group: g, flags: p.flags}
}

func (p *parser) look(kind op, negate bool) *node {
	flags := p.flags
	n := p.alternatives()
	p.close()
	p.flags = flags
	out := &node{op: kind, negate: negate, subs: []*node{n}}
	if kind == opBehind {
		lo, hi := n.length()
		if lo != hi {
			p.fail("look-behind requires fixed-width pattern")
		}
		out.width = lo
	}
	return out
}

// conditional reads (?(group)yes|no).
func (p *parser) conditional() *node {
	name := p.name(")")
	g, known := p.names[name]
	if !known {
		n, err := strconv.Atoi(name)
		if err != nil || n < 1 || n > p.groups {
			p.fail("unknown group %q", name)
		}
		g = n
	}
	yes := p.sequence()
	no := &node{op: opEmpty}
	if p.skip("|") {
		no = p.sequence()
	}
	p.close()
	return &node{op: opIf, group: g, subs: []*node{yes, no}}
}

var flagLetters = map[rune]Flags{'i': IgnoreCase, 'm': Multiline, 's': DotAll, 'x': Verbose, 'a': ASCII, 'u': 0}

// inlineFlags reads (?im), valid at the start of the pattern, and (?i-m:…).
func (p *parser) inlineFlags() *node {
	atStart := p.i == 2
	outer := p.flags
	flags, off := p.flags, false
	for ; p.more() && p.peek() != ')' && p.peek() != ':'; p.i++ {
		c := p.peek()
		f, ok := flagLetters[c]
		switch {
		case c == '-' && !off:
			off = true
		case !ok:
			p.fail("unknown extension ?%c", c)
			return nil
		case off:
			flags &^= f
		default:
			flags |= f
		}
	}
	if p.skip(")") {
		if !atStart || off {
			p.fail("global flags not at the start of the expression")
		}
		p.flags = flags
		return nil
	}
	if !p.skip(":") {
		p.fail("missing -, : or )")
	}
	p.flags = flags
	n := p.alternatives()
	p.close()
	p.flags = outer
	return &node{op: opGroup, subs: []*node{n}}
}

// length returns the least and greatest number of characters n matches; -1 is
// no limit.
func (n *node) length() (lo, hi int) {
	switch n.op {
	case opChar, opAny, opClass:
		return 1, 1
	case opCat:
		for _, s := range n.subs {
			a, b := s.length()
			lo += a
			if hi >= 0 {
				hi += b
			}
			if b < 0 {
				hi = -1
			}
		}
		return lo, hi
	case opAlt, opIf:
		lo, hi = n.subs[0].length()
		for _, s := range n.subs[1:] {
			a, b := s.length()
			lo = min(lo, a)
			if b < 0 || hi < 0 {
				hi = -1
			} else {
				hi = max(hi, b)
			}
		}
		return lo, hi
	case opRepeat:
		a, b := n.subs[0].length()
		if n.max < 0 || b < 0 {
			return min(a*n.min, maxWidth), -1
		}
		return min(a*n.min, maxWidth), min(b*n.max, maxWidth)
	case opGroup, opAtomic:
		return n.subs[0].length()
	case opBackref:
		return 0, -1
	}
	return 0, 0
}
