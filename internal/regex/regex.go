package regex

import (
	"errors"
	"strconv"
	"strings"
)

// Regexp is a compiled pattern. It is safe for concurrent use.
type Regexp struct {
	prog      []inst
	groups    int
	registers int
	names     map[string]int
}

// Compile reads a pattern. The error is an *Error.
func Compile(pattern string, flags Flags) (*Regexp, error) {
	p := &parser{src: pattern, s: []rune(pattern), flags: flags, names: map[string]int{}, open: map[int]bool{}}
	root := p.alternatives()
	if p.more() {
		p.fail("unbalanced parenthesis")
	}
	if p.err != nil {
		return nil, p.err
	}
	c := &compiler{}
	c.node(root)
	c.emit(inst{code: cMatch})
	if c.tooLarge {
		return nil, &Error{Pattern: pattern, Message: "the pattern is too large"}
	}
	return &Regexp{prog: c.prog, groups: p.groups, registers: c.registers, names: p.names}, nil
}

// Match is where a pattern matched: positions in characters.
type Match struct {
	re    *Regexp
	s     []rune
	slots []int
}

// Start and End are the match's bounds.
func (m *Match) Start() int { return m.slots[0] }

// End is the position after the match.
func (m *Match) End() int { return m.slots[1] }

// Groups returns how many groups the pattern has.
func (m *Match) Groups() int { return m.re.groups }

// Group returns group i (0 is the whole match) and whether it took part.
func (m *Match) Group(i int) (string, bool) {
	if i < 0 || i > m.re.groups || m.slots[2*i+1] < 0 {
		return "", false
	}
	return string(m.s[m.slots[2*i]:m.slots[2*i+1]]), true
}

// Span returns where group i is, in characters; -1, -1 where it took no part.
func (m *Match) Span(i int) (start, end int) {
	if 2*i+1 >= len(m.slots) || m.slots[2*i] < 0 || m.slots[2*i+1] < 0 {
		return -1, -1
	}
	return m.slots[2*i], m.slots[2*i+1]
}

// GroupIndex returns the number of the group of that name, or -1.
func (m *Match) GroupIndex(name string) int {
	if g, ok := m.re.names[name]; ok {
		return g
	}
	return -1
}

// at tries to match at exactly pos.
func (re *Regexp) at(m *matcher, pos int) (*Match, error) {
	for i := range m.slots {
		m.slots[i] = -1
	}
	end, ok, err := m.run(0, pos)
	if err != nil || !ok {
		return nil, err
	}
	out := &Match{re: re, s: m.s, slots: append([]int(nil), m.slots...)}
	out.slots[0], out.slots[1] = pos, end
	return out, nil
}

func (re *Regexp) matcher(s []rune) *matcher {
	return &matcher{prog: re.prog, s: s, slots: make([]int, 2*re.groups+2), regs: make([]int, re.registers), notEmptyAt: -1}
}

// Match matches at the start of s, as re.match; nil where it does not.
func (re *Regexp) Match(s string) (*Match, error) {
	m := re.matcher([]rune(s))
	return re.at(m, 0)
}

// FullMatch matches the whole of s, as re.fullmatch; nil where it does not.
func (re *Regexp) FullMatch(s string) (*Match, error) {
	m := re.matcher([]rune(s))
	m.toTheEnd = true
	return re.at(m, 0)
}

// Search finds the first match, as re.search; nil where there is none.
func (re *Regexp) Search(s string) (*Match, error) {
	runes := []rune(s)
	return re.from(re.matcher(runes), 0)
}

func (re *Regexp) from(m *matcher, pos int) (*Match, error) {
	first, literal := re.firstChar()
	for ; pos <= len(m.s); pos++ {
		if literal && (pos == len(m.s) || m.s[pos] != first) {
			continue
		}
		found, err := re.at(m, pos)
		if err != nil || found != nil {
			return found, err
		}
	}
	return nil, nil
}

// firstChar returns the character every match starts with, if there is one.
func (re *Regexp) firstChar() (rune, bool) {
	in := re.prog[0]
	return in.r, in.code == cChar && in.flags&IgnoreCase == 0
}

// All calls fn for every match from left to right, as re.finditer. An empty
// match may follow another match at once, but not an empty one.
func (re *Regexp) All(s string, fn func(*Match) error) error {
	m := re.matcher([]rune(s))
	for pos := 0; pos <= len(m.s); {
		found, err := re.from(m, pos)
		if err != nil || found == nil {
			return err
		}
		if err := fn(found); err != nil {
			return err
		}
		pos = found.End()
		m.notEmptyAt = -1
		if found.Start() == found.End() {
			m.notEmptyAt = pos
		}
	}
	return nil
}

// Replace replaces every match by the template, in which \1, \g<1> and
// \g<name> are groups, as re.sub. At most count are replaced; 0 is no limit.
func (re *Regexp) Replace(s, template string, count int) (string, error) {
	out, _, err := re.ReplaceCounted(s, template, count)
	return out, err
}

// ReplaceCounted is Replace, and how many matches were replaced, as re.subn.
func (re *Regexp) ReplaceCounted(s, template string, count int) (string, int, error) {
	parts, err := re.template(template)
	if err != nil {
		return "", 0, err
	}
	runes := []rune(s)
	var b strings.Builder
	last, n := 0, 0
	err = re.All(s, func(m *Match) error {
		if count > 0 && n >= count {
			return nil
		}
		n++
		b.WriteString(string(runes[last:m.Start()]))
		m.expand(&b, parts)
		last = m.End()
		if b.Len() > maxReplaced {
			return errTooLong
		}
		return nil
	})
	b.WriteString(string(runes[last:]))
	return b.String(), n, err
}

// Expand returns the template with the match's groups in it, as match.expand.
func (m *Match) Expand(template string) (string, error) {
	parts, err := m.re.template(template)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	m.expand(&b, parts)
	return b.String(), nil
}

func (m *Match) expand(b *strings.Builder, parts []part) {
	for _, p := range parts {
		b.WriteString(p.text)
		if p.group >= 0 {
			g, _ := m.Group(p.group)
			b.WriteString(g)
		}
	}
}

const maxReplaced = 16 << 20

var errTooLong = errors.New("the replaced text is longer than 16 MiB")

// part is literal text and the group after it, -1 for none.
type part struct {
	text  string
	group int
}

func (re *Regexp) template(t string) ([]part, error) {
	var parts []part
	var text strings.Builder
	flush := func(group int) {
		parts = append(parts, part{text.String(), group})
		text.Reset()
	}
	for i := 0; i < len(t); {
		if t[i] != '\\' || i+1 >= len(t) {
			text.WriteByte(t[i])
			i++
			continue
		}
		c := t[i+1]
		switch {
		case c == 'g' && i+2 < len(t) && t[i+2] == '<':
			end := strings.IndexByte(t[i:], '>')
			if end < 0 {
				return nil, re.badTemplate(t, i, "missing >, unterminated name")
			}
			g, err := re.groupNamed(t, i, t[i+3:i+end])
			if err != nil {
				return nil, err
			}
			flush(g)
			i += end + 1
		case c >= '0' && c <= '9':
			n, g := groupDigits(t[i+1:])
			if g > re.groups {
				return nil, re.badTemplate(t, i, "invalid group reference "+strconv.Itoa(g))
			}
			flush(g)
			i += 1 + n
		default:
			if r, ok := controlEscapes[rune(c)]; ok {
				text.WriteRune(r)
			} else if c|0x20 >= 'a' && c|0x20 <= 'z' {
				return nil, re.badTemplate(t, i, "bad escape \\"+string(c))
			} else if c == '\\' {
				text.WriteByte('\\')
			} else {
				text.WriteString(t[i : i+2])
			}
			i += 2
		}
	}
	flush(-1)
	return parts, nil
}

func groupDigits(s string) (n, group int) {
	n = 1
	if len(s) > 1 && s[1] >= '0' && s[1] <= '9' && s[0] != '0' {
		n = 2
	}
	group, _ = strconv.Atoi(s[:n])
	return n, group
}

func (re *Regexp) groupNamed(t string, pos int, name string) (int, error) {
	if g, ok := re.names[name]; ok {
		return g, nil
	}
	g, err := strconv.Atoi(name)
	if err != nil || g < 0 || g > re.groups {
		return 0, re.badTemplate(t, pos, "unknown group "+strconv.Quote(name))
	}
	return g, nil
}

func (re *Regexp) badTemplate(t string, pos int, msg string) error {
	return &Error{Pattern: t, Pos: pos, Message: "in the replacement: " + msg}
}

// Escape is re.escape.
func Escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if strings.ContainsRune("()[]{}?*+-|^$\\.&~# \t\n\r\v\f", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}
