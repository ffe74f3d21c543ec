package template

import (
	"regexp"
	"strings"
)

// pep440Pattern is the versions of PEP 440's appendix B.
var pep440Pattern = regexp.MustCompile(`(?i)^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)` +
	`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d+)?)?` +
	`(?:(?:-(\d+))|(?:[-_.]?(post|rev|r)[-_.]?(\d+)?))?` +
	`(?:[-_.]?(dev)[-_.]?(\d+)?)?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$`)

// Places of a part that is missing: before or after every one that is there.
var (
	beforeAll = []any{0}
	afterAll  = []any{2}
)

// pep440Version makes a list that is ordered as PEP 440 says.
func pep440Version(s string) (any, error) {
	m := pep440Pattern.FindStringSubmatch(s)
	if m == nil {
		return nil, failf("Version comparison failed: Invalid version: %s", quoted(s))
	}
	pre, post, dev := afterAll, beforeAll, afterAll
	if m[3] != "" {
		kind := map[string]string{"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc"}
		word := strings.ToLower(m[3])
		if short, ok := kind[word]; ok {
			word = short
		}
		pre = []any{1, word, versionNumber(m[4])}
	}
	switch {
	case m[5] != "":
		post = []any{1, versionNumber(m[5])}
	case m[6] != "":
		post = []any{1, versionNumber(m[7])}
	}
	if m[8] != "" {
		dev = []any{1, versionNumber(m[9])}
		if m[3] == "" && m[5] == "" && m[6] == "" {
			pre = beforeAll
		}
	}
	return []any{versionNumber(m[1]), releaseNumbers(m[2]), pre, post, dev, localVersion(m[10])}, nil
}

func versionNumber(s string) any {
	n, ok := integerText(s, 10)
	if !ok {
		return 0
	}
	return n
}

// releaseNumbers are the numbers without the zeros at the end.
func releaseNumbers(s string) []any {
	out := []any{}
	for part := range strings.SplitSeq(s, ".") {
		out = append(out, versionNumber(part))
	}
	for len(out) > 0 && out[len(out)-1] == any(0) {
		out = out[:len(out)-1]
	}
	return out
}

func localVersion(s string) []any {
	if s == "" {
		return beforeAll
	}
	parts := []any{}
	for _, part := range strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune("-_.", r) }) {
		if n, ok := integerText(part, 10); ok {
			parts = append(parts, []any{1, n, ""})
		} else {
			parts = append(parts, []any{0, 0, part})
		}
	}
	return []any{1, parts}
}
