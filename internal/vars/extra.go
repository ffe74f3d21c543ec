package vars

import (
	"fmt"
	"os"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// ParseExtra reads the arguments of -e in order, later ones winning: key=value
// pairs (values are text, as in Ansible), a YAML or JSON mapping, or @file.
func (d Decoder) ParseExtra(args []string) (*value.Map, error) {
	out := value.NewMap()
	for _, arg := range args {
		m, err := d.parseExtra(strings.TrimSpace(arg))
		if err != nil {
			return nil, err
		}
		out.Update(m)
	}
	return out, nil
}

func (d Decoder) parseExtra(arg string) (*value.Map, error) {
	switch {
	case strings.HasPrefix(arg, "@"):
		return d.ParseFile(arg[1:])
	case strings.HasPrefix(arg, "{"), strings.HasPrefix(arg, "["):
		n, err := document.Parse("", []byte(arg))
		if err != nil {
			return nil, fmt.Errorf("cannot read the extra variables %q: %w", arg, err)
		}
		return d.Map(n)
	}
	return ParsePairs(arg)
}

// ParseFile reads a file of variables: one mapping in YAML or JSON.
func (d Decoder) ParseFile(path string) (*value.Map, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the extra variables: %w", err)
	}
	n, err := document.Parse(path, data)
	if err != nil {
		return nil, err
	}
	return d.Map(n)
}

// ParsePairs reads `a=1 b="two words"`; a backslash keeps a quote.
func ParsePairs(text string) (*value.Map, error) {
	words, err := splitWords(text)
	if err != nil {
		return nil, err
	}
	out := value.NewMap()
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok || strings.TrimSpace(k) == "" {
			return nil, fmt.Errorf("cannot read the extra variable %q: expected key=value, a YAML or JSON mapping, or @file", w)
		}
		out.Set(strings.TrimSpace(k), v)
	}
	return out, nil
}

// splitWords splits at blanks outside of quotes and of {{ }}, and removes the
// quotes around values.
func splitWords(text string) ([]string, error) {
	var words []string
	var word strings.Builder
	var quote rune
	depth, started, escaped := 0, false, false
	for _, r := range text {
		switch {
		case escaped:
			if r != '"' && r != '\'' && r != '\\' {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped, started = true, true
		case quote == 0 && depth == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if started {
				words = append(words, word.String())
			}
			word.Reset()
			started = false
		case depth == 0 && r == quote:
			quote = 0
		case depth == 0 && quote == 0 && (r == '"' || r == '\''):
			quote, started = r, true
		default:
			depth += braces(r)
			word.WriteRune(r)
			started = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("cannot read %q: a quote is not closed", text)
	}
	if started {
		words = append(words, word.String())
	}
	return words, nil
}

func braces(r rune) int {
	switch r {
	case '{':
		return 1
	case '}':
		return -1
	}
	return 0
}
