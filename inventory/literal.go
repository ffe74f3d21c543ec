package inventory

import (
	"errors"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollout/internal/value"
)

// literal reads text as a Python literal, as the INI format types its values
// (ast.literal_eval); what is none stays a string. Sets become lists.
func literal(text string) any {
	p := &pyParser{text: strings.TrimLeft(text, " \t")}
	v, ok := p.tuple(0, "")
	p.blanks()
	if !ok || p.at < len(p.text) {
		return text
	}
	return v
}

// pyParser reads Python literals. Its methods return false where there is none.
type pyParser struct {
	text string
	at   int
}

// maxNesting is where CPython's parser gives up too.
const maxNesting = 200

// blanks skips white space and a comment.
func (p *pyParser) blanks() {
	for p.at < len(p.text) && strings.IndexByte(" \t\f\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
	if p.at < len(p.text) && p.text[p.at] == '#' {
		p.at = len(p.text)
	}
}

// next skips blanks and tells whether c follows, which it then takes.
func (p *pyParser) next(c byte) bool {
	p.blanks()
	if p.at < len(p.text) && p.text[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *pyParser) peek() byte {
	p.blanks()
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// tuple reads one value, or several with commas between them up to one of stop.
func (p *pyParser) tuple(depth int, stop string) (any, bool) {
	first, ok := p.value(depth)
	if !ok || !p.next(',') {
		return first, ok
	}
	list := value.Tuple{first}
	for c := p.peek(); c != 0 && strings.IndexByte(stop, c) < 0; c = p.peek() {
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		list = append(list, v)
		if !p.next(',') {
			break
		}
	}
	return list, true
}

func (p *pyParser) value(depth int) (any, bool) {
	if depth > maxNesting {
		return nil, false
	}
	switch c := p.peek(); {
	case c == '[':
		p.at++
		return p.list(depth+1, ']')
	case c == '(':
		p.at++
		return p.parens(depth + 1)
	case c == '{':
		p.at++
		return p.braces(depth + 1)
	case c == '+' || c == '-':
		p.at++
		p.blanks()
		return p.number(c == '-')
	case c == '.' || (c >= '0' && c <= '9'):
		return p.number(false)
	case p.stringAhead():
		return p.strings()
	}
	return p.name()
}

// list reads up to the closing bracket.
func (p *pyParser) list(depth int, end byte) (any, bool) {
	out := make([]any, 0, 1) // with a place of its own
	for {
		if p.next(end) {
			return out, true
		}
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		out = append(out, v)
		if !p.next(',') {
			return out, p.next(end)
		}
	}
}

func (p *pyParser) parens(depth int) (any, bool) {
	if p.next(')') {
		return value.Tuple{}, true
	}
	v, ok := p.tuple(depth, ")")
	return v, ok && p.next(')')
}

// braces reads a dict, or a set.
func (p *pyParser) braces(depth int) (any, bool) {
	m := value.NewMap()
	if p.next('}') {
		return m, true
	}
	first, ok := p.value(depth)
	if !ok || !value.Hashable(first) {
		return nil, false
	}
	if p.peek() != ':' {
		return p.set(depth, first)
	}
	for key := first; ; {
		if !p.next(':') {
			return nil, false
		}
		v, ok := p.value(depth)
		if !ok {
			return nil, false
		}
		m.Set(key, v)
		if !p.next(',') || p.peek() == '}' {
			return m, p.next('}')
		}
		if key, ok = p.value(depth); !ok || !value.Hashable(key) {
			return nil, false
		}
	}
}

func (p *pyParser) set(depth int, first any) (any, bool) {
	seen := value.NewMap(first, nil)
	if p.next(',') {
		rest, ok := p.list(depth, '}')
		if !ok {
			return nil, false
		}
		for _, v := range rest.([]any) {
			if !value.Hashable(v) {
				return nil, false
			}
			seen.Set(v, nil)
		}
		return seen.Keys(), true
	}
	return seen.Keys(), p.next('}')
}

var (
	pyFloat = regexp.MustCompile(`^(?:[0-9](?:_?[0-9])*)?\.?(?:[0-9](?:_?[0-9])*)?(?:[eE][-+]?[0-9](?:_?[0-9])*)?`)
	pyBased = regexp.MustCompile(`^0(?:[xX](?:_?[0-9a-fA-F])+|[oO](?:_?[0-7])+|[bB](?:_?[01])+)`)
	pyInt   = regexp.MustCompile(`^(?:0(?:_?0)*|[1-9](?:_?[0-9])*)$`)
)

func (p *pyParser) number(negative bool) (any, bool) {
	rest := p.text[p.at:]
	word := pyBased.FindString(rest)
	if word == "" {
		word = pyFloat.FindString(rest)
	}
	p.at += len(word)
	if p.at < len(p.text) && isWordByte(p.text[p.at]) {
		return nil, false
	}
	v, ok := pyNumber(word)
	if !ok || !negative {
		return v, ok
	}
	switch n := v.(type) {
	case int:
		return -n, true
	case *big.Int:
		return n.Neg(n), true
	}
	return -v.(float64), true
}

func isWordByte(c byte) bool {
	return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
}

func pyNumber(word string) (any, bool) {
	digits := strings.ReplaceAll(word, "_", "")
	if pyBased.MatchString(word) || pyInt.MatchString(word) {
		n, ok := new(big.Int).SetString(digits, baseOf(word))
		if ok && n.IsInt64() {
			return int(n.Int64()), true
		}
		return n, ok
	}
	if !strings.ContainsAny(digits, ".eE") || !strings.ContainsAny(digits, "0123456789") {
		return nil, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, false
	}
	return f, true
}

// baseOf lets big.Int read the prefix of hexadecimal, octal and binary numbers.
func baseOf(word string) int {
	if pyBased.MatchString(word) {
		return 0
	}
	return 10
}

func (p *pyParser) name() (any, bool) {
	start := p.at
	for p.at < len(p.text) && isWordByte(p.text[p.at]) {
		p.at++
	}
	switch p.text[start:p.at] {
	case "True":
		return true, true
	case "False":
		return false, true
	case "None":
		return nil, true
	}
	return nil, false
}

var pyString = regexp.MustCompile(`^(?i:r|u|b|br|rb)?('''|"""|'|")`)

func (p *pyParser) stringAhead() bool {
	p.blanks()
	return pyString.MatchString(p.text[p.at:])
}

// strings reads one string or several, which Python puts together.
func (p *pyParser) strings() (any, bool) {
	var b strings.Builder
	for p.stringAhead() {
		m := pyString.FindStringSubmatch(p.text[p.at:])
		prefix := strings.ToLower(strings.TrimSuffix(m[0], m[1]))
		p.at += len(m[0])
		if !p.stringBody(m[1], strings.Contains(prefix, "r"), &b) {
			return nil, false
		}
	}
	return b.String(), true
}

func (p *pyParser) stringBody(quote string, raw bool, b *strings.Builder) bool {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch {
		case strings.HasPrefix(rest, quote):
			p.at += len(quote)
			return true
		case rest[0] == '\\' && len(rest) == 1:
			return false
		case rest[0] == '\\' && raw:
			b.WriteString(rest[:2])
			p.at += 2
		case rest[0] == '\\':
			n := pyEscape(rest, b)
			if n == 0 {
				return false
			}
			p.at += n
		default:
			b.WriteByte(rest[0])
			p.at++
		}
	}
	return false
}

var pySimple = map[byte]string{
	'\\': `\`, '\'': `'`, '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v", '\n': "",
}

var pyOctal = regexp.MustCompile(`^[0-7]{1,3}`)

// pyEscape decodes the escape at the start of s and returns its length, 0 for
// one that Python refuses. Unknown ones stay.
func pyEscape(s string, b *strings.Builder) int {
	if text, ok := pySimple[s[1]]; ok {
		b.WriteString(text)
		return 2
	}
	if oct := pyOctal.FindString(s[1:]); oct != "" {
		n, _ := strconv.ParseUint(oct, 8, 32)
		b.WriteRune(rune(n))
		return 1 + len(oct)
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	switch {
	case s[1] == 'N':
		return 0
	case digits == 0:
		b.WriteString(s[:2])
		return 2
	case len(s) < 2+digits:
		return 0
	}
	n, err := strconv.ParseUint(s[2:2+digits], 16, 32)
	if err != nil || n > utf8.MaxRune {
		return 0
	}
	b.WriteRune(rune(n))
	return 2 + digits
}
