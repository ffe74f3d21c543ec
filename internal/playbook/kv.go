package playbook

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"rollout/internal/document"
)

// Pair is one key=value of an argument string.
type Pair struct{ Key, Value string }

// commandOptions are the keys that a command line may carry; any other
// key=value of a command belongs to the command (ansible's parse_kv).
var commandOptions = map[string]bool{
	"creates": true, "removes": true, "chdir": true, "executable": true, "warn": true,
	"stdin": true, "stdin_add_newline": true, "strip_empty_ends": true,
}

// ParseKV splits an argument string into key=value pairs, later ones replacing
// earlier ones, and the rest, which is the free-form text. With command set,
// only a command's own options are pairs.
func ParseKV(text string, command bool) (pairs []Pair, rest string, err error) {
	words, err := SplitArgs(text)
	if err != nil {
		return nil, "", err
	}
	var raw []string
	for _, word := range words {
		if namedCharacter(word) {
			return nil, "", fmt.Errorf(`cannot read %q: characters are not known by name (write \uXXXX)`, word)
		}
		plain := decodeEscapes(word)
		eq := unescapedEquals(plain)
		switch {
		case eq < 0 && strings.Contains(plain, "="):
			raw = append(raw, strings.ReplaceAll(plain, `\=`, "="))
		case eq < 0, command && !commandOptions[plain[:eq]]:
			raw = append(raw, word)
		default:
			pairs = setPair(pairs, trim(plain[:eq]), unquote(trim(plain[eq+1:])))
		}
	}
	return pairs, joinArgs(raw), nil
}

// namedCharacter reports a pair with one of Python's \N{NAME} in it.
func namedCharacter(word string) bool {
	_, after, found := strings.Cut(word, `\N{`)
	end := strings.IndexByte(after, '}')
	return found && end > 0 && strings.Contains(word, "=")
}

// trim takes off what Python's strip takes off: four separators more than Go.
func trim(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f })
}

func setPair(pairs []Pair, key, val string) []Pair {
	for i := range pairs {
		if pairs[i].Key == key {
			pairs[i].Value = val
			return pairs
		}
	}
	return append(pairs, Pair{key, val})
}

// unescapedEquals finds the first = after the first character that no
// backslash escapes, or -1.
func unescapedEquals(s string) int {
	for i := 1; i < len(s); i++ {
		if s[i] == '=' && s[i-1] != '\\' {
			return i
		}
	}
	return -1
}

// unquote takes one pair of matching quotes off, unless the last is escaped.
func unquote(s string) string {
	n := len(s)
	if n > 1 && (s[0] == '"' || s[0] == '\'') && s[n-1] == s[0] && s[n-2] != '\\' {
		return s[1 : n-1]
	}
	return s
}

// joinArgs puts words together again: a blank between them, unless a line ended.
func joinArgs(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && b.Len() > 0 && !strings.HasSuffix(words[i-1], "\n") {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

var errUnbalanced = errors.New("failed at splitting arguments, either an unbalanced jinja2 block or quotes")

// braces are Jinja2's delimiters, whose blanks don't split.
var braces = [...]struct{ open, shut string }{{"{{", "}}"}, {"{%", "%}"}, {"{#", "#}"}}

// splitter keeps what is open while the words of an argument string go by.
type splitter struct {
	words []string
	quote byte // the quote we are in, or 0
	depth [len(braces)]int
}

// SplitArgs splits an argument string at blanks and line ends, but not within
// quotes or Jinja2 delimiters. Extra blanks and line ends stay with the word
// before them, so that a command's text can be put together again.
func SplitArgs(text string) ([]string, error) {
	var s splitter
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		continued := s.line(line)
		if i < len(lines)-1 && !continued {
			s.glue("\n")
		}
	}
	if s.quote != 0 || s.inBraces() {
		return nil, errUnbalanced
	}
	return s.words, nil
}

// line takes one line; it tells whether the line ends in a lone backslash.
func (s *splitter) line(line string) (continued bool) {
	words := strings.Split(line, " ")
	for i, w := range words {
		switch {
		case w == "" && i > 0:
			s.glue(" ")
		case w == `\` && s.quote == 0:
			continued = true
		default:
			s.word(w, i, len(words))
		}
	}
	return continued
}

// glue appends to the last word; before the first there is nothing to keep.
func (s *splitter) glue(text string) {
	if n := len(s.words); n > 0 {
		s.words[n-1] += text
	}
}

// word takes the i-th of n words of a line: a new one, or more of the last.
func (s *splitter) word(w string, i, n int) {
	wasQuoted, wasBraced := s.quote != 0, s.inBraces()
	s.quote = quoteAfter(w, s.quote)
	s.countBraces(w)
	switch {
	case len(s.words) == 0 || (!wasQuoted && !wasBraced):
		if w != "" {
			s.words = append(s.words, w)
		}
	case i == 0 && wasQuoted:
		s.glue(w)
	case n > 1 && i > 0:
		s.glue(" " + w)
	case n > 1:
		s.glue(w)
	default:
		s.glue("\n" + w)
	}
}

func (s *splitter) inBraces() bool { return s.depth != [len(braces)]int{} }

func (s *splitter) countBraces(w string) {
	for i, b := range braces {
		s.depth[i] = max(0, s.depth[i]+strings.Count(w, b.open)-strings.Count(w, b.shut))
	}
}

// quoteAfter is the quote that is open after w, given the one open before.
func quoteAfter(w string, quote byte) byte {
	for i := range len(w) {
		if (w[i] != '"' && w[i] != '\'') || (i > 0 && w[i-1] == '\\') {
			continue
		}
		switch quote {
		case 0:
			quote = w[i]
		case w[i]:
			quote = 0
		}
	}
	return quote
}

var singleEscapes = map[byte]byte{
	'\\': '\\', '\'': '\'', '"': '"', 'a': '\a', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v',
}

// decodeEscapes replaces Python's escape sequences; others stay as they are.
func decodeEscapes(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if text, n := escapeAt(s[i:]); n > 0 {
			b.WriteString(text)
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

// escapeAt decodes the escape at the start of s; n is its length, 0 for none.
func escapeAt(s string) (text string, n int) {
	if len(s) < 2 || s[0] != '\\' {
		return "", 0
	}
	if c, ok := singleEscapes[s[1]]; ok {
		return string(rune(c)), 2
	}
	digits, ok := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
	if !ok || len(s) < 2+digits {
		return "", 0
	}
	code, err := strconv.ParseUint(s[2:2+digits], 16, 32)
	if err != nil || code > 0x10ffff {
		return "", 0
	}
	return string(rune(code)), 2 + digits
}

// pairEntries turns pairs into entries of a mapping, each where it stands in
// the text of n; lines are those of the file.
func pairEntries(pairs []Pair, n *document.Node, lines []string) []*document.Entry {
	out := make([]*document.Entry, len(pairs))
	for i, p := range pairs {
		key, val := pairPlace(p, n, lines)
		out[i] = &document.Entry{Key: textNode(p.Key, key), Value: textNode(p.Value, val)}
	}
	return out
}

// pairPlace finds a pair's key and value, quotes left out.
func pairPlace(p Pair, n *document.Node, lines []string) (key, val document.Position) {
	for at := 0; ; {
		i := strings.Index(n.Text[at:], p.Key+"=")
		if i < 0 || p.Key == "" {
			return n.Pos, n.Pos
		}
		at += i
		if at == 0 || strings.IndexByte(" \t\n", n.Text[at-1]) >= 0 {
			end := at + len(p.Key) + 1
			if end < len(n.Text) && (n.Text[end] == '"' || n.Text[end] == '\'') {
				end++
			}
			return inside(n, at, lines), inside(n, end, lines)
		}
		at++
	}
}

// inside is the place of a byte of the node's text.
func inside(n *document.Node, at int, lines []string) document.Position {
	before := n.Text[:at]
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
	return n.Inside(1+strings.Count(before, "\n"), 1+column, lines)
}

// textNode is a quoted string at pos.
func textNode(s string, pos document.Position) *document.Node {
	return &document.Node{Pos: pos, Value: s, Text: s, Quoted: true}
}
