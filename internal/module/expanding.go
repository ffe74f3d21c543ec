package module

import (
	"regexp"
	"strings"

	"rollout/internal/connection"
)

var variable = regexp.MustCompile(`\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))`)

// Expanding quotes a word for sh so that the host's variables and a ~ at its
// beginning are expanded, as AnsibleModule.run_command does. A variable that
// is not set stays as it is written.
func Expanding(word string) string {
	prefix := ""
	if word == "~" || strings.HasPrefix(word, "~/") {
		prefix, word = "~", word[1:]
		if word == "" {
			return prefix
		}
		prefix, word = "~/", word[1:]
	}
	if word == "" {
		return prefix
	}
	return prefix + ExpandingVariables(word)
}

// ExpandingVariables is Expanding that leaves a ~ alone.
func ExpandingVariables(word string) string {
	var b strings.Builder
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
