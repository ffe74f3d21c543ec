package template

import (
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// scalarText is a scalar's text before quoting.
func scalarText(v any) string {
	switch x := v.(type) {
	case nil:
		return "null"
	case bool:
		if x {
			return "true"
		}
		return "false"
	case float64:
		return yamlFloat(x)
	case string:
		return x
	case int, *big.Int:
		return text(v)
	case datetime:
		return text(v)
	}
	return text(v)
}

func yamlFloat(f float64) string {
	s := value.FloatRepr(f, ".inf", ".nan")
	if strings.Contains(s, "e") && !strings.Contains(s, ".") {
		s = strings.Replace(s, "e", ".0e", 1)
	}
	return s
}

func (w *yamlWriter) scalar(v any, indent int, at place) {
	var s string
	switch v := v.(type) {
	case nil, bool, int, float64, *big.Int, datetime:
		w.plainOrQuoted(scalarText(v))
		return
	case *value.Sealed:
		w.vaulted(v, indent)
		return
	case string:
		s = v
	default:
		if w.err == nil {
			w.err = failf("to_yaml: a value of type %s cannot be written as YAML", typeName(v))
		}
		return
	}
	spread := !at.key
	fold := max(indent, 0) + w.indent
	if at.root || (indent <= 0 && !at.mapVal && !at.inSeq && !at.flow) {
		fold = w.indent
	}
	if w.block(s, fold, at) {
		return
	}
	switch {
	case w.style == '"' || needsEscapes(s):
		w.doubleQuoted(s, fold, spread)
	case w.style == '\'' || s == "" || !plainAllowed(s, at) || document.ResolveScalar(s) != any(s) || resolvesOddly(s):
		if singleAllowed(s, at) {
			w.singleQuoted(s, fold, spread)
		} else {
			w.doubleQuoted(s, fold, spread)
		}
	default:
		w.plain(s, fold, spread)
	}
}

// vaulted writes a value as it stands in vaulted files.
func (w *yamlWriter) vaulted(s *value.Sealed, indent int) {
	w.text("!vault |")
	for line := range strings.Lines(s.Envelope()) {
		w.newline(max(indent, 0) + w.indent)
		w.text(strings.TrimRight(line, "\n"))
	}
}

func (w *yamlWriter) plainOrQuoted(s string) {
	if w.style != 0 && w.style != '|' && w.style != '>' {
		s = "! " + string(w.style) + s + string(w.style) // as libyaml marks what is no string
	}
	w.text(s)
}

var yamlDate = regexp.MustCompile(`^\d{4}-(?:\d\d-\d\d|\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?)$`)

// resolvesOddly reports text that PyYAML's resolver takes for a timestamp, a
// merge or a value mark.
func resolvesOddly(s string) bool {
	return s == "<<" || s == "=" || yamlDate.MatchString(s)
}

// needsEscapes reports characters that only double quotes can hold.
func needsEscapes(s string) bool {
	for _, r := range s {
		if r == '\n' || r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd && r != 0xfeff || r >= 0x20 && r < 0x7f {
			continue
		}
		return true
	}
	return strings.Contains(s, " \n") || strings.Contains(s, "\n ") // no other style keeps a space there
}

// plainAllowed reports whether s can stand without quotes.
func plainAllowed(s string, at place) bool {
	if s == "" || s[0] == ' ' || s[len(s)-1] == ' ' || strings.ContainsAny(s, "\n\u0085\u2028\u2029") ||
		strings.HasPrefix(s, "---") || strings.HasPrefix(s, "...") {
		return false
	}
	runes := []rune(s)
	for i, r := range runes {
		followed := i+1 >= len(runes) || isYAMLSpace(runes[i+1])
		switch {
		case i == 0 && strings.ContainsRune("#,[]{}&*!|>'\"%@`", r):
			return false
		case i == 0 && (r == '?' || r == ':'):
			if at.flow || followed {
				return false
			}
		case i == 0 && r == '-':
			if followed {
				return false
			}
		case i > 0 && at.flow && strings.ContainsRune(",?[]{}", r):
			return false
		case i > 0 && r == ':':
			if at.flow || followed {
				return false
			}
		case i > 0 && r == '#' && isYAMLSpace(runes[i-1]):
			return false
		}
	}
	return true
}

func isYAMLSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029
}

// singleAllowed reports whether s can stand in single quotes.
func singleAllowed(s string, at place) bool {
	if at.key && strings.Contains(s, "\n") {
		return false
	}
	return !strings.Contains(s, " \n")
}

// plain writes s, breaking lines at single spaces beyond the width.
func (w *yamlWriter) plain(s string, indent int, spread bool) {
	runes := []rune(s)
	for i, r := range runes {
		if r == ' ' && spread && w.column > w.width && i > 0 && i < len(runes)-1 && runes[i+1] != ' ' && runes[i-1] != ' ' {
			w.newline(indent)
			continue
		}
		w.text(string(r))
	}
}

func (w *yamlWriter) singleQuoted(s string, indent int, spread bool) {
	w.text("'")
	runes := []rune(s)
	broke := false
	for i, r := range runes {
		switch {
		case r == ' ' && spread && !broke && w.column > w.width && i > 0 && i < len(runes)-1 && runes[i+1] != ' ' && runes[i-1] != ' ':
			w.newline(indent)
		case r == '\n':
			if !broke {
				w.text("\n")
			}
			w.text("\n")
			broke = true
			continue
		default:
			if broke {
				w.text(strings.Repeat(" ", indent))
			}
			if r == '\'' {
				w.text("'")
			}
			w.text(string(r))
		}
		broke = false
	}
	if broke {
		w.text(strings.Repeat(" ", indent))
	}
	w.text("'")
}

var yamlEscapes = map[rune]string{0: `\0`, 7: `\a`, 8: `\b`, 9: `\t`, '\n': `\n`, 11: `\v`, 12: `\f`, '\r': `\r`, 27: `\e`,
	'"': `\"`, '\\': `\\`, 0x85: `\N`, 0xa0: `\_`, 0x2028: `\L`, 0x2029: `\P`}

func (w *yamlWriter) doubleQuoted(s string, indent int, spread bool) {
	w.text(`"`)
	runes := []rune(s)
	for i, r := range runes {
		switch esc, ok := yamlEscapes[r]; {
		case ok && r != 0xa0:
			w.text(esc)
		case r == 0xfeff || r < 0x20 || r == 0x7f || r > 0x7f && r < 0xa0 || r >= 0x10000:
			w.text(escapeCode(r))
		case r == ' ' && spread && w.column > w.width && i > 0 && i < len(runes)-1 && runes[i-1] != ' ':
			w.newline(indent)
			if runes[i+1] == ' ' {
				w.text(`\`)
			}
		default:
			w.text(string(r))
		}
	}
	w.text(`"`)
}

func escapeCode(r rune) string {
	switch {
	case r < 0x100:
		return fmt.Sprintf(`\x%02X`, r)
	case r < 0x10000:
		return fmt.Sprintf(`\u%04X`, r)
	}
	return fmt.Sprintf(`\U%08X`, r)
}
