package command

import (
	"errors"
	"strings"
)

// words splits a command line as Python's shlex.split does: quotes and
// backslashes, nothing else of a shell.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	in := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch c {
		case ' ', '\t', '\r', '\n':
			if in {
				out = append(out, word.String())
				word.Reset()
				in = false
			}
			continue
		case '\\':
			if i++; i == len(line) {
				return nil, errors.New("nothing follows the last backslash")
			}
			word.WriteByte(line[i])
		case '\'', '"':
			n := quoted(line[i+1:], c, &word)
			if n < 0 {
				return nil, errors.New("a quote is not closed")
			}
			i += n
		default:
			word.WriteByte(c)
		}
		in = true
	}
	if in {
		out = append(out, word.String())
	}
	return out, nil
}

// quoted reads up to the closing quote and returns how many bytes that took,
// -1 where there is none.
func quoted(s string, quote byte, word *strings.Builder) int {
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == quote:
			return i + 1
		case s[i] == '\\' && quote == '"' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\'):
			i++
			word.WriteByte(s[i])
		default:
			word.WriteByte(s[i])
		}
	}
	return -1
}
