package template

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// number reads an integer or float as jinja2 spells them: 1_000, 0x1f, 0b1,
// 0o17, 1.5, 1e3. After a dot only digits are read, so that a.0.1 works.
func (l *lexer) number() {
	start, s := l.pos, l.src
	afterDot := start > 0 && s[start-1] == '.'
	if s[start] == '0' && start+2 < len(s)+0 && !afterDot {
		if n := l.prefixed(start); n > 0 {
			l.emit(tokInt, s[start:n], start)
			l.pos = n
			return
		}
	}
	end := digits(s, start)
	if !afterDot {
		if f := floatEnd(s, end); f > end {
			l.emit(tokFloat, strings.ReplaceAll(s[start:f], "_", ""), start)
			l.pos = f
			return
		}
	}
	text := strings.ReplaceAll(s[start:end], "_", "")
	if len(text) > 1 && text[0] == '0' && strings.Trim(text, "0") != "" {
		l.errorAt(start, "a number must not start with 0: "+text)
	}
	l.emit(tokInt, text, start)
	l.pos = end
}

func (l *lexer) prefixed(start int) int {
	if start+2 >= len(l.src) {
		return 0
	}
	var set string
	switch l.src[start+1] | 0x20 {
	case 'x':
		set = "0123456789abcdefABCDEF_"
	case 'o':
		set = "01234567_"
	case 'b':
		set = "01_"
	default:
		return 0
	}
	end := start + 2
	for end < len(l.src) && strings.IndexByte(set, l.src[end]) >= 0 {
		end++
	}
	if end == start+2 {
		return 0
	}
	return end
}

// digits returns the end of a run of digits with single underscores between.
func digits(s string, i int) int {
	for i < len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			i++
			continue
		}
		if s[i] == '_' && i+1 < len(s) && s[i+1] >= '0' && s[i+1] <= '9' {
			i += 2
			continue
		}
		break
	}
	return i
}

func floatEnd(s string, i int) int {
	end := i
	if i+1 < len(s) && s[i] == '.' && s[i+1] >= '0' && s[i+1] <= '9' {
		end = digits(s, i+1)
	}
	if end < len(s) && s[end]|0x20 == 'e' {
		j := end + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if j < len(s) && s[j] >= '0' && s[j] <= '9' {
			end = digits(s, j)
		}
	}
	return end
}

// unescape resolves a Python string literal's escapes; an unknown one stays as
// it is. The second result says what is wrong, if anything.
func unescape(s string) (string, string) {
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			i++
			continue
		}
		n, bad := escapeAt(&b, s[i+1:])
		if bad != "" {
			return "", bad
		}
		i += 1 + n
	}
	return b.String(), ""
}

var simpleEscapes = map[byte]byte{'n': '\n', 't': '\t', 'r': '\r', '\\': '\\', '\'': '\'', '"': '"',
	'a': 7, 'b': 8, 'f': 12, 'v': 11}

// escapeAt writes the escape whose text after the backslash is s, and returns
// how many bytes of s it took.
func escapeAt(b *strings.Builder, s string) (int, string) {
	c := s[0]
	if r, ok := simpleEscapes[c]; ok {
		b.WriteByte(r)
		return 1, ""
	}
	switch {
	case c == '\n':
		return 1, ""
	case c >= '0' && c <= '7':
		n := 1
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			n++
		}
		v, _ := strconv.ParseUint(s[:n], 8, 32)
		b.WriteRune(rune(v))
		return n, ""
	case c == 'x':
		return hexEscape(b, s, 2)
	case c == 'u':
		return hexEscape(b, s, 4)
	case c == 'U':
		return hexEscape(b, s, 8)
	}
	b.WriteByte('\\')
	_, n := utf8.DecodeRuneInString(s)
	b.WriteString(s[:n])
	return n, ""
}

func hexEscape(b *strings.Builder, s string, n int) (int, string) {
	if len(s) < n+1 {
		return 0, "the escape \\" + s[:1] + " needs " + strconv.Itoa(n) + " hexadecimal digits"
	}
	v, err := strconv.ParseUint(s[1:n+1], 16, 32)
	if err != nil || v > utf8.MaxRune {
		return 0, "the escape \\" + s[:1] + " needs " + strconv.Itoa(n) + " hexadecimal digits"
	}
	b.WriteRune(rune(v))
	return n + 1, ""
}
