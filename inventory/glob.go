package inventory

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/regex"
)

// matcher tells which names a pattern means: a wildcard, or after ~ a regular
// expression of Python's, which needs to match from the beginning only.
func matcher(expr string) (func(string) (bool, error), error) {
	if rest, ok := strings.CutPrefix(expr, "~"); ok {
		re, err := regex.Compile(rest, 0)
		if err != nil {
			return nil, fmt.Errorf("invalid host list pattern: %s (%w)", expr, err)
		}
		return func(name string) (bool, error) {
			m, err := re.Match(name)
			return m != nil, err
		}, nil
	}
	if !strings.ContainsAny(expr, "*?[") {
		return func(name string) (bool, error) { return name == expr, nil }, nil
	}
	g := parseGlob(expr)
	return func(name string) (bool, error) { return g.matches([]rune(name)), nil }, nil
}

// glob is a wildcard as Python's fnmatch has it: *, ?, [abc], [a-c] and [!abc].
type glob []globPart

// globPart matches one character, or with star any number of them.
type globPart struct {
	star   bool
	not    bool
	ranges [][2]rune
}

var anyRune = globPart{not: true} // it is in none of no ranges

func parseGlob(text string) glob {
	var out glob
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		switch end := classEnd(runes, i); {
		case runes[i] == '*':
			if len(out) == 0 || !out[len(out)-1].star {
				out = append(out, globPart{star: true})
			}
		case runes[i] == '?':
			out = append(out, anyRune)
		case runes[i] == '[' && end > 0:
			out = append(out, globClass(runes[i+1:end]))
			i = end
		default:
			out = append(out, globPart{ranges: [][2]rune{{runes[i], runes[i]}}})
		}
	}
	return out
}

// classEnd finds the ] that ends the class begun at i, 0 where there is none; a
// ] right after the beginning belongs to it.
func classEnd(runes []rune, i int) int {
	j := i + 1
	if j < len(runes) && runes[j] == '!' {
		j++
	}
	if j < len(runes) && runes[j] == ']' {
		j++
	}
	if k := slices.Index(runes[min(j, len(runes)):], ']'); k >= 0 {
		return j + k
	}
	return 0
}

// globClass reads what stands in brackets. Ranges that go down hold nothing.
func globClass(inner []rune) globPart {
	var p globPart
	if len(inner) > 0 && inner[0] == '!' {
		p.not, inner = true, inner[1:]
	}
	for i := 0; i < len(inner); i++ {
		low, high := inner[i], inner[i]
		if i+2 < len(inner) && inner[i+1] == '-' {
			high = inner[i+2]
			i += 2
		}
		if low <= high {
			p.ranges = append(p.ranges, [2]rune{low, high})
		}
	}
	return p
}

func (p globPart) matches(r rune) bool {
	return p.not != slices.ContainsFunc(p.ranges, func(x [2]rune) bool { return x[0] <= r && r <= x[1] })
}

// matches compares in linear time but for the last star, to which it returns.
func (g glob) matches(name []rune) bool {
	at, i, star, mark := 0, 0, -1, 0
	for i < len(name) {
		switch {
		case at < len(g) && g[at].star:
			star, mark = at, i
			at++
		case at < len(g) && g[at].matches(name[i]):
			at++
			i++
		case star >= 0:
			mark++
			at, i = star+1, mark
		default:
			return false
		}
	}
	return at == len(g) || at == len(g)-1 && g[at].star
}
