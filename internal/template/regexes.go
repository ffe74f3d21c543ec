package template

import (
	"regexp"
	"strings"
	"sync"

	"rollout/internal/regex"
	"rollout/internal/value"
)

// patterns keeps compiled regular expressions: a template uses few, often.
type patterns struct {
	mu    sync.Mutex
	known map[patternKey]*regex.Regexp
}

type patternKey struct {
	text  string
	flags regex.Flags
}

func (p *patterns) compile(text string, flags regex.Flags) (*regex.Regexp, error) {
	key := patternKey{text, flags}
	p.mu.Lock()
	re := p.known[key]
	p.mu.Unlock()
	if re != nil {
		return re, nil
	}
	re, err := regex.Compile(text, flags)
	if err != nil {
		return nil, failf("%s", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil || len(p.known) >= maxCached {
		p.known = map[patternKey]*regex.Regexp{}
	}
	p.known[key] = re
	return re, nil
}

// regex compiles parameter i, with the flags of parameters ignorecase and
// multiline at the given places.
func (a *args) regex(i, ignorecase, multiline int) (*regex.Regexp, error) {
	var flags regex.Flags
	if a.bool(ignorecase, false) {
		flags |= regex.IgnoreCase
	}
	if a.bool(multiline, false) {
		flags |= regex.Multiline
	}
	pattern := a.str(i, "")
	if a.err != nil {
		return nil, a.err
	}
	return a.frame.run.engine.patterns.compile(pattern, flags)
}

func filterRegexReplace(a *args) (any, error) {
	s := a.input()
	re, err := a.regex(0, 2, 3)
	if err != nil {
		return nil, err
	}
	out, err := re.Replace(s, a.str(1, ""), 0)
	if err != nil {
		return nil, failf("regex_replace: %s", err)
	}
	return a.sized(out)
}

func filterRegexFindall(a *args) (any, error) {
	s := a.input()
	a.need(0)
	re, err := a.regex(0, 2, 1)
	if err != nil {
		return nil, err
	}
	var out []any
	err = re.All(s, func(m *regex.Match) error {
		out = append(out, findallItem(m))
		return a.frame.run.items(1)
	})
	if err != nil {
		return nil, failf("regex_findall: %s", err)
	}
	return a.list(out), nil
}

// findallItem is the match, its only group, or a tuple of its groups.
func findallItem(m *regex.Match) any {
	switch m.Groups() {
	case 0:
		s, _ := m.Group(0)
		return s
	case 1:
		s, _ := m.Group(1)
		return s
	}
	groups := make(value.Tuple, m.Groups())
	for i := range groups {
		s, _ := m.Group(i + 1)
		groups[i] = s
	}
	return groups
}

// groupArgument reads the \1 and \g<name> that regex_search takes.
var groupArgument = regexp.MustCompile(`^\\(?:(\d+)|g<(\S+)>)`)

func filterRegexSearch(a *args) (any, error) {
	s := a.input()
	a.need(0)
	for k := range a.kw.All() {
		if k != any("ignorecase") && k != any("multiline") {
			return nil, failf("regex_search has no argument %s", repr(k))
		}
	}
	a.p = append(a.p, a.kwOr("ignorecase"), a.kwOr("multiline"))
	re, err := a.regex(0, 1, 2)
	if err != nil {
		return nil, err
	}
	m, err := re.Search(s)
	if err != nil {
		return nil, failf("regex_search: %s", err)
	}
	if m == nil {
		return nil, nil
	}
	if len(a.rest) == 0 {
		whole, _ := m.Group(0)
		return whole, nil
	}
	return a.namedGroups(m)
}

func (a *args) kwOr(name string) any {
	if v, ok := a.kw.Get(name); ok {
		return v
	}
	return absent{}
}

// namedGroups returns the groups that the remaining arguments name.
func (a *args) namedGroups(m *regex.Match) (any, error) {
	var out []any
	for _, arg := range a.rest {
		s, _ := arg.(string)
		ref := groupArgument.FindStringSubmatch(s)
		if ref == nil {
			return nil, failf("regex_search: unknown argument %s: a group is \\1 or \\g<name>", repr(arg))
		}
		name := ref[1] + ref[2]
		i := m.GroupIndex(name)
		if n, isInt := integerText(name, 10); isInt {
			i, _ = n.(int)
		}
		if i < 0 || i > m.Groups() {
			return nil, failf("regex_search: no such group: %s", name)
		}
		if g, ok := m.Group(i); ok {
			out = append(out, g)
		} else {
			out = append(out, nil)
		}
	}
	return a.list(out), nil
}

var posixSpecial = strings.NewReplacer("]", `\]`, "[", `\[`, ".", `\.`, "^", `\^`, "$", `\$`, "*", `\*`, `\`, `\\`)

func filterRegexEscape(a *args) (any, error) {
	s := a.input()
	switch kind := a.str(0, "python"); kind {
	case "python":
		return a.sized(regex.Escape(s))
	case "posix_basic":
		return a.sized(posixSpecial.Replace(s))
	default:
		return nil, failf("Invalid regex type (%s): python and posix_basic are known", kind)
	}
}

// testRegex is the tests regex, match and search; how says where to match.
func testRegex(how string) func(a *args) (any, error) {
	return func(a *args) (any, error) {
		s := a.input()
		re, err := a.regex(0, 1, 2)
		if err != nil {
			return nil, err
		}
		kind := how
		if kind == "" {
			kind = a.str(3, "search")
		}
		find := map[string]func(string) (*regex.Match, error){
			"match": re.Match, "search": re.Search, "fullmatch": re.FullMatch}[kind]
		if find == nil {
			return nil, failf("regex: the match_type is match, search or fullmatch, not %s", quoted(kind))
		}
		m, err := find(s)
		if err != nil {
			return nil, failf("%s: %s", a.def.name, err)
		}
		return m != nil, nil
	}
}
