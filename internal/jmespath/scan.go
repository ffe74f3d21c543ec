package jmespath

import (
	"fmt"
	"strconv"
	"strings"

	"rollout/internal/value"
)

type kind int

const (
	tokEnd kind = iota
	tokName
	tokQuoted
	tokNumber
	tokLiteral
	tokOp
)

type token struct {
	kind kind
	text string
	val  any
	pos  int
}

func (t token) String() string {
	if t.kind == tokEnd {
		return "end of the expression"
	}
	return strconv.Quote(t.text)
}

var operators = []string{"[?", "||", "&&", "==", "!=", "<=", ">=", "[]",
	".", "*", "]", ",", ":", "@", "(", ")", "{", "}", "[", "|", "&", "!", "<", ">"}

func scan(s string) ([]token, error) {
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		if strings.IndexByte(" \t\n\r", c) >= 0 {
			i++
			continue
		}
		t, n, err := scanOne(s, i)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		i += n
	}
	return append(out, token{kind: tokEnd, pos: len(s)}), nil
}

func scanOne(s string, i int) (token, int, error) {
	c := s[i]
	switch {
	case letter(c):
		n := 1
		for i+n < len(s) && (letter(s[i+n]) || digit(s[i+n])) {
			n++
		}
		return token{kind: tokName, text: s[i : i+n], pos: i}, n, nil
	case digit(c) || c == '-' && i+1 < len(s) && digit(s[i+1]):
		n := 1
		for i+n < len(s) && digit(s[i+n]) {
			n++
		}
		v, err := strconv.Atoi(s[i : i+n])
		if err != nil {
			return token{}, 0, fmt.Errorf("the number %s is too large", s[i:i+n])
		}
		return token{kind: tokNumber, text: s[i : i+n], val: v, pos: i}, n, nil
	case c == '"' || c == '\'' || c == '`':
		return scanQuoted(s, i, c)
	}
	for _, op := range operators {
		if strings.HasPrefix(s[i:], op) {
			return token{kind: tokOp, text: op, pos: i}, len(op), nil
		}
	}
	return token{}, 0, fmt.Errorf("unexpected character %q at column %d", s[i], i+1)
}

func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// scanQuoted reads "a name", 'a text' or `a JSON literal`.
func scanQuoted(s string, i int, quote byte) (token, int, error) {
	end := i + 1
	for end < len(s) && s[end] != quote {
		if s[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(s) {
		return token{}, 0, fmt.Errorf("the %c at column %d is not closed", quote, i+1)
	}
	body, n := s[i+1:end], end+1-i
	switch quote {
	case '"':
		v, err := value.FromJSON([]byte(s[i : end+1]))
		if err != nil {
			return token{}, 0, fmt.Errorf("cannot read %s: %w", s[i:end+1], err)
		}
		return token{kind: tokQuoted, text: v.(string), val: v, pos: i}, n, nil
	case '\'':
		body = strings.ReplaceAll(body, `\'`, "'")
		return token{kind: tokLiteral, text: body, val: body, pos: i}, n, nil
	}
	body = strings.TrimLeft(strings.ReplaceAll(body, "\\`", "`"), " \t\n\r")
	v, err := value.FromJSON([]byte(body))
	if err != nil { // the old form: a text without its quotes
		if v, err = value.FromJSON([]byte(`"` + body + `"`)); err != nil {
			return token{}, 0, fmt.Errorf("cannot read the literal `%s`: %w", body, err)
		}
	}
	return token{kind: tokLiteral, text: body, val: v, pos: i}, n, nil
}
