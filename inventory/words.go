package inventory

import (
	"errors"
	"strings"
)

var (
	errOpenQuote = errors.New("no closing quotation")
	errOpenSlash = errors.New("no escaped character after the last backslash")
)

// word is one word of a line and the column, from 1, where it begins.
type word struct {
	text   string
	column int
}

// lexer splits a line as a shell would (Python's shlex.split with comments).
type lexer struct {
	line  string
	at    int
	words []word
}

// splitWords splits a line into words; # begins a comment, in a word too.
func splitWords(line string) ([]word, error) {
	l := &lexer{line: line}
	for l.at < len(line) {
		switch c := line[l.at]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			l.at++
		case c == '#':
			return l.words, nil
		default:
			if err := l.word(); err != nil {
				return nil, err
			}
		}
	}
	return l.words, nil
}

func (l *lexer) word() error {
	var b strings.Builder
	start := l.at
	for l.at < len(l.line) {
		c := l.line[l.at]
		if strings.IndexByte(" \t\r\n#", c) >= 0 {
			break
		}
		l.at++
		switch c {
		case '\\':
			if l.at == len(l.line) {
				return errOpenSlash
			}
			b.WriteByte(l.line[l.at])
			l.at++
		case '\'', '"':
			if err := l.quoted(c, &b); err != nil {
				return err
			}
		default:
			b.WriteByte(c)
		}
	}
	if b.Len() > 0 || l.at > start {
		l.words = append(l.words, word{b.String(), start + 1})
	}
	return nil
}

// quoted reads up to the closing quote; in double quotes a backslash escapes a
// quote and itself.
func (l *lexer) quoted(quote byte, b *strings.Builder) error {
	for l.at < len(l.line) {
		c := l.line[l.at]
		l.at++
		switch {
		case c == quote:
			return nil
		case c == '\\' && quote == '"' && l.at < len(l.line) && (l.line[l.at] == '"' || l.line[l.at] == '\\'):
			b.WriteByte(l.line[l.at])
			l.at++
		default:
			b.WriteByte(c)
		}
	}
	return errOpenQuote
}
