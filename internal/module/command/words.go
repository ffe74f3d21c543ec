package command

import (
	"errors"
	"regexp"
	"strings"

	"rollout/internal/connection"
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

var variable = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// expanding quotes a word so that the host's variables and a ~ at its
// beginning are expanded, as AnsibleModule.run_command does. A variable that
// is not set stays as it is written.
func expanding(word string) string {
	prefix := ""
	if word == "~" || strings.HasPrefix(word, "~/") {
		prefix, word = "~", word[1:]
		if word == "" {
			return prefix
		}
		prefix, word = "~/", word[1:]
	}
	var b strings.Builder
	b.WriteString(prefix)
	last := 0
	for _, m := range variable.FindAllStringSubmatchIndex(word, -1) {
		if m[0] > last {
			b.WriteString(connection.Quote(word[last:m[0]]))
		}
		name := submatch(word, m, 1) + submatch(word, m, 2)
		b.WriteString(`"${` + name + `-\` + word[m[0]:m[1]] + `}"`)
		last = m[1]
	}
	if last < len(word) || b.Len() == 0 {
		b.WriteString(connection.Quote(word[last:]))
	}
	return b.String()
}

func submatch(s string, m []int, n int) string {
	if m[2*n] < 0 {
		return ""
	}
	return s[m[2*n]:m[2*n+1]]
}
