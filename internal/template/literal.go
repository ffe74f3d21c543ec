package template

import (
	"math/big"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// literalText turns text that reads as a Python or JSON list, dict or bool into
// one, as Ansible does after templating; other text stays as it is.
func literalText(s string) any { return Literal(s) }

// nativeText is the Python literal that s is, as jinja2_native has it; other
// text stays as it is, and a quoted string keeps its quotes.
func nativeText(s string) any {
	trimmed := strings.TrimLeft(s, " \t")
	if trimmed == "" {
		return s
	}
	l := &literals{s: trimmed, python: true}
	v, ok := l.value(0)
	if ok && l.skip(',') {
		items, _, fine := l.items(0, 0)
		v, ok = value.Tuple(append([]any{v}, items...)), fine
	}
	if !ok || l.rest() != "" {
		return s
	}
	if text, isText := v.(string); isText {
		return s[:1] + text + s[:1]
	}
	return v
}

// Literal is what text means that reads as a list, dict or bool.
func Literal(s string) any {
	switch {
	case s == "True":
		return true
	case s == "False":
		return false
	case !strings.HasPrefix(s, "[") && !strings.HasPrefix(s, "{"):
		return s
	}
	l := &literals{s: s}
	v, ok := l.value(0)
	if ok && l.rest() == "" {
		return v
	}
	return s
}

// literals reads Python literals, with JSON's true, false and null.
type literals struct {
	s      string
	i      int
	python bool // without JSON's words
}

const maxLiteralDepth = 100 // Python's parser gives up about here too

// rest skips white space and comments and returns what is left.
func (l *literals) rest() string {
	for l.i < len(l.s) {
		switch l.s[l.i] {
		case ' ', '\t', '\n', '\r', '\f':
			l.i++
		case '#':
			end := strings.IndexByte(l.s[l.i:], '\n')
			if end < 0 {
				l.i = len(l.s)
			} else {
				l.i += end
			}
		default:
			return l.s[l.i:]
		}
	}
	return ""
}

func (l *literals) skip(mark byte) bool {
	if r := l.rest(); r != "" && r[0] == mark {
		l.i++
		return true
	}
	return false
}

func (l *literals) value(depth int) (any, bool) {
	r := l.rest()
	if r == "" || depth > maxLiteralDepth {
		return nil, false
	}
	switch c := r[0]; {
	case c == '[':
		l.i++
		items, _, ok := l.items(']', depth)
		return items, ok
	case c == '(':
		l.i++
		items, comma, ok := l.items(')', depth)
		if ok && len(items) == 1 && !comma {
			return items[0], true
		}
		return value.Tuple(items), ok
	case c == '{':
		l.i++
		return l.dict(depth)
	case c == '\'' || c == '"':
		return l.strings()
	case c == '-' || c == '+':
		l.i++
		v, ok := l.value(depth + 1)
		if _, isBool := v.(bool); !ok || isBool || !isNumber(v) {
			return nil, false
		}
		if c == '-' {
			n, err := negate(v)
			return n, err == nil
		}
		return v, true
	case c == '.' || (c >= '0' && c <= '9'):
		return l.number()
	}
	return l.word()
}

func (l *literals) word() (any, bool) {
	start := l.i
	for l.i < len(l.s) && (l.s[l.i]|0x20 >= 'a' && l.s[l.i]|0x20 <= 'z' || l.s[l.i] == '_') {
		l.i++
	}
	word := l.s[start:l.i]
	if l.python && (word == "null" || word == "true" || word == "false") {
		return nil, false
	}
	switch word {
	case "None", "null":
		return nil, true
	case "True", "true":
		return true, true
	case "False", "false":
		return false, true
	case "u", "U":
		if l.i < len(l.s) && (l.s[l.i] == '\'' || l.s[l.i] == '"') {
			return l.strings()
		}
	}
	return nil, false
}

func (l *literals) items(end byte, depth int) (items []any, comma, ok bool) {
	items = []any{}
	for !(end == 0 && l.rest() == "") && (end == 0 || !l.skip(end)) {
		if len(items) > 0 && !comma {
			return nil, false, false
		}
		v, ok := l.value(depth + 1)
		if !ok {
			return nil, false, false
		}
		items = append(items, v)
		comma = l.skip(',')
	}
	return items, comma, true
}

func (l *literals) dict(depth int) (any, bool) {
	m := value.NewMap()
	comma := true
	for !l.skip('}') {
		if !comma {
			return nil, false
		}
		k, ok := l.value(depth + 1)
		if !ok || !hashable(k) || !l.skip(':') {
			return nil, false
		}
		v, ok := l.value(depth + 1)
		if !ok {
			return nil, false
		}
		m.Set(k, v)
		comma = l.skip(',')
	}
	return m, true
}

// strings reads one or more adjacent string literals.
func (l *literals) strings() (any, bool) {
	var b strings.Builder
	for {
		r := l.rest()
		if r == "" || (r[0] != '\'' && r[0] != '"') {
			return b.String(), true
		}
		s, ok := l.str(r[0])
		if !ok {
			return nil, false
		}
		b.WriteString(s)
	}
}

func (l *literals) str(quote byte) (string, bool) {
	triple := strings.Repeat(string(quote), 3)
	long := strings.HasPrefix(l.s[l.i:], triple)
	end := string(quote)
	if long {
		end = triple
	}
	start := l.i + len(end)
	for i := start; i < len(l.s); i++ {
		switch {
		case l.s[i] == '\\':
			i++
		case l.s[i] == '\n' && !long:
			return "", false
		case strings.HasPrefix(l.s[i:], end):
			l.i = i + len(end)
			s, bad := unescape(l.s[start:i])
			return s, bad == ""
		}
	}
	return "", false
}

func (l *literals) number() (any, bool) {
	start := l.i
	for l.i < len(l.s) {
		c := l.s[l.i]
		isExponent := (c == '+' || c == '-') && l.s[l.i-1]|0x20 == 'e' && !strings.HasPrefix(l.s[start:], "0x")
		if c != '.' && c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && !isExponent {
			break
		}
		l.i++
	}
	return numberText(l.s[start:l.i])
}

// numberText reads an integer or float as Python's source spells it.
func numberText(s string) (any, bool) {
	if strings.HasPrefix(s, "_") || strings.HasSuffix(s, "_") || strings.Contains(s, "__") || s == "" {
		return nil, false
	}
	digits := strings.ReplaceAll(s, "_", "")
	if strings.Trim(digits, "0123456789") == "" {
		if len(digits) > 1 && digits[0] == '0' && strings.Trim(digits, "0") != "" {
			return nil, false
		}
		return parseInteger(digits, 10)
	}
	if len(digits) > 2 && digits[0] == '0' {
		switch digits[1] | 0x20 {
		case 'x', 'o', 'b':
			return parseInteger(strings.ToLower(digits), 0)
		}
	}
	if strings.Trim(digits, "0123456789.eE+-") != "" {
		return nil, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil
}

func parseInteger(s string, base int) (any, bool) {
	if n, err := strconv.ParseInt(s, base, 64); err == nil {
		return int(n), true
	}
	if len(s) > 4300 {
		return nil, false
	}
	b, ok := new(big.Int).SetString(s, base)
	return b, ok
}
