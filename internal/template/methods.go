package template

import (
	"math/big"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollout/internal/value"
)

// methodTable holds the methods of Python's types.
type methodTable struct {
	str, list, tuple, dict, bytes, loop, cycler, time, integer, float map[string]*builtin
}

func newMethods() methodTable {
	return methodTable{
		str:    tableOf(stringMethods(), stringTests()),
		list:   tableOf(listMethods(), countMethods()),
		tuple:  tableOf(countMethods()),
		dict:   tableOf(dictMethods()),
		bytes:  tableOf(bytesMethods()),
		loop:   tableOf(loopMethods()),
		cycler: tableOf(cyclerMethods()),
		time:   tableOf(timeMethods()),

		integer: tableOf(integerMethods()),
		float:   tableOf(floatMethods()),
	}
}

// method returns the method of x's type, or nil.
func (e *Engine) method(x any, name string) *builtin {
	m := &e.methods
	switch x.(type) {
	case string:
		return m.str[name]
	case *value.Map, Dict:
		return m.dict[name]
	case []any, *pyList:
		return m.list[name]
	case value.Tuple:
		return m.tuple[name]
	case octets:
		return m.bytes[name]
	case *loopState:
		return m.loop[name]
	case *cycler:
		return m.cycler[name]
	case datetime, timedelta:
		return m.time[name]
	case int, bool, *big.Int:
		return m.integer[name]
	case float64:
		return m.float[name]
	}
	return nil
}

func stringMethods() []*builtin {
	return []*builtin{
		def("capitalize", "", func(a *args) (any, error) { return capitalize(a.input()), nil }),
		def("casefold", "", func(a *args) (any, error) { return strings.ReplaceAll(strings.ToLower(a.input()), "ß", "ss"), nil }),
		def("center", "width fillchar", func(a *args) (any, error) { return a.justify(padCenter) }),
		def("count", "sub start end", func(a *args) (any, error) { return strings.Count(a.part(), a.str(0, "")), nil }),
		def("encode", "encoding errors", methodEncode),
		def("endswith", "suffix start end", func(a *args) (any, error) { return a.affix(strings.HasSuffix) }),
		def("expandtabs", "tabsize", methodExpandtabs),
		def("find", "sub start end", func(a *args) (any, error) { return a.find(strings.Index, false) }),
		def("format", "? * **", func(a *args) (any, error) { return strFormat(a.frame, a.in.(string), a.rest, orEmpty(a.kw)) }),
		def("format_map", "mapping", methodFormatMap),
		def("index", "sub start end", func(a *args) (any, error) { return a.find(strings.Index, true) }),
		def("join", "iterable", methodJoin),
		def("ljust", "width fillchar", func(a *args) (any, error) { return a.justify(padRight) }),
		def("lower", "", func(a *args) (any, error) { return strings.ToLower(a.input()), nil }),
		def("lstrip", "chars", func(a *args) (any, error) { return trimChars(a.input(), a.get(0, nil), true, false) }),
		def("maketrans", "x y z", methodMaketrans),
		def("partition", "sep", func(a *args) (any, error) { return a.partition(strings.Index, false) }),
		def("removeprefix", "prefix", func(a *args) (any, error) { return strings.TrimPrefix(a.input(), a.str(0, "")), nil }),
		def("removesuffix", "suffix", func(a *args) (any, error) { return strings.TrimSuffix(a.input(), a.str(0, "")), nil }),
		def("replace", "old new count", methodReplace),
		def("rfind", "sub start end", func(a *args) (any, error) { return a.find(strings.LastIndex, false) }),
		def("rindex", "sub start end", func(a *args) (any, error) { return a.find(strings.LastIndex, true) }),
		def("rjust", "width fillchar", func(a *args) (any, error) { return a.justify(padLeft) }),
		def("rpartition", "sep", func(a *args) (any, error) { return a.partition(strings.LastIndex, true) }),
		def("rsplit", "sep maxsplit", func(a *args) (any, error) { return a.split(true) }),
		def("rstrip", "chars", func(a *args) (any, error) { return trimChars(a.input(), a.get(0, nil), false, true) }),
		def("split", "sep maxsplit", func(a *args) (any, error) { return a.split(false) }),
		def("splitlines", "keepends", func(a *args) (any, error) {
			return a.list(value.List(splitLines(a.input(), a.bool(0, false)))), nil
		}),
		def("startswith", "prefix start end", func(a *args) (any, error) { return a.affix(strings.HasPrefix) }),
		def("strip", "chars", func(a *args) (any, error) { return trimChars(a.input(), a.get(0, nil), true, true) }),
		def("swapcase", "", methodSwapcase),
		def("title", "", methodTitle),
		def("translate", "table", methodTranslate),
		def("upper", "", func(a *args) (any, error) { return upper(a.input()), nil }),
		def("zfill", "width", methodZfill),
	}
}

// stringTests are the is… methods.
func stringTests() []*builtin {
	all := func(name string, ok func(rune) bool) *builtin {
		return def(name, "", func(a *args) (any, error) {
			s := a.input()
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !ok(r) }) < 0, nil
		})
	}
	return []*builtin{
		all("isalnum", func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
		all("isalpha", unicode.IsLetter),
		all("isdecimal", unicode.IsDigit),
		all("isdigit", func(r rune) bool { return unicode.IsDigit(r) || (unicode.Is(unicode.No, r) && r < 0x3000) }),
		all("isnumeric", unicode.IsNumber),
		all("isspace", unicode.IsSpace),
		def("isascii", "", func(a *args) (any, error) {
			return strings.IndexFunc(a.input(), func(r rune) bool { return r > 127 }) < 0, nil
		}),
		def("isidentifier", "", func(a *args) (any, error) { return isIdentifier(a.input()), nil }),
		def("islower", "", func(a *args) (any, error) { return isCase(a.input(), unicode.IsLower, unicode.IsUpper), nil }),
		def("isprintable", "", func(a *args) (any, error) {
			return strings.IndexFunc(a.input(), func(r rune) bool { return !unicode.IsPrint(r) }) < 0, nil
		}),
		def("istitle", "", func(a *args) (any, error) {
			s := a.input()
			t, err := methodTitle(a)
			return t == any(s) && strings.IndexFunc(s, unicode.IsLetter) >= 0, err
		}),
		def("isupper", "", func(a *args) (any, error) { return isCase(a.input(), unicode.IsUpper, unicode.IsLower), nil }),
	}
}

func isIdentifier(s string) bool {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return s != ""
}

type padding int

const (
	padLeft padding = iota
	padRight
	padCenter
)

func (a *args) justify(p padding) (any, error) {
	fill := a.str(1, " ")
	if a.err == nil && utf8.RuneCountInString(fill) != 1 {
		return nil, failf("The fill character must be exactly one character long")
	}
	a.need(0)
	return a.padded(a.input(), a.int(0, 0), fill, p)
}

// padded fills s up to width characters.
func (a *args) padded(s string, width int, fill string, p padding) (any, error) {
	n := width - utf8.RuneCountInString(s)
	if n <= 0 || a.err != nil {
		return s, nil
	}
	if err := a.frame.run.size(n*len(fill) + len(s)); err != nil {
		return nil, err
	}
	left := 0
	switch p {
	case padLeft:
		left = n
	case padCenter:
		left = n/2 + n&width&1 // as CPython: the odd one goes left if width is odd
	}
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, n-left), nil
}

// part is the string between parameters 1 and 2, which count characters.
func (a *args) part() string {
	s, _ := a.window()
	return s
}

func (a *args) window() (string, int) {
	s := a.input()
	if !a.given(1) && !a.given(2) {
		return s, 0
	}
	r := []rune(s)
	from, to := 0, len(r)
	if a.given(1) {
		from = clampIndex(a.int(1, 0), len(r), 0, len(r))
	}
	if a.given(2) {
		to = clampIndex(a.int(2, 0), len(r), 0, len(r))
	}
	if from > to {
		return "", from
	}
	return string(r[from:to]), from
}

func (a *args) find(index func(s, sub string) int, must bool) (any, error) {
	s, from := a.window()
	a.need(0)
	i := index(s, a.str(0, ""))
	if i < 0 {
		if must {
			return nil, failf("substring not found")
		}
		return -1, nil
	}
	return from + utf8.RuneCountInString(s[:i]), nil
}

func (a *args) affix(has func(s, fix string) bool) (any, error) {
	s := a.part()
	if options, ok := a.need(0).(value.Tuple); ok {
		for _, o := range options {
			if fix, ok := o.(string); ok && has(s, fix) {
				return true, nil
			}
		}
		return false, nil
	}
	return has(s, a.str(0, "")), nil
}

func (a *args) partition(index func(s, sub string) int, last bool) (any, error) {
	s, sep := a.input(), a.str(0, "")
	if sep == "" {
		return nil, failf("empty separator")
	}
	i := index(s, sep)
	switch {
	case i >= 0:
		return value.Tuple{s[:i], sep, s[i+len(sep):]}, nil
	case last:
		return value.Tuple{"", "", s}, nil
	}
	return value.Tuple{s, "", ""}, nil
}

func (a *args) split(right bool) (any, error) {
	s, limit := a.word(), a.int(1, -1)
	var parts []string
	if !a.given(0) {
		parts = splitSpace(s, limit, right)
	} else {
		sep := a.str(0, "")
		if sep == "" {
			return nil, failf("empty separator")
		}
		parts = splitSep(s, sep, limit, right)
	}
	return a.list(value.List(parts)), a.frame.run.items(len(parts))
}

func splitSep(s, sep string, limit int, right bool) []string {
	if limit < 0 {
		return strings.Split(s, sep)
	}
	if !right {
		return strings.SplitN(s, sep, limit+1)
	}
	parts := strings.Split(s, sep)
	if len(parts) <= limit+1 {
		return parts
	}
	cut := len(parts) - limit
	return append([]string{strings.Join(parts[:cut], sep)}, parts[cut:]...)
}

func splitSpace(s string, limit int, right bool) []string {
	if limit < 0 {
		return strings.Fields(s)
	}
	var out []string
	if right {
		s = strings.TrimRightFunc(s, unicode.IsSpace)
		for n := 0; n < limit && s != ""; n++ {
			i := strings.LastIndexFunc(s, unicode.IsSpace)
			_, w := utf8.DecodeRuneInString(s[max(i, 0):])
			if i < 0 {
				w = 0
			}
			out = append([]string{s[max(i, 0)+w:]}, out...)
			s = strings.TrimRightFunc(s[:max(i, 0)], unicode.IsSpace)
		}
		if s != "" {
			out = append([]string{s}, out...)
		}
		return out
	}
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	for n := 0; n < limit && s != ""; n++ {
		i := strings.IndexFunc(s, unicode.IsSpace)
		if i < 0 {
			i = len(s)
		}
		out = append(out, s[:i])
		s = strings.TrimLeftFunc(s[i:], unicode.IsSpace)
	}
	if s != "" {
		out = append(out, s)
	}
	return out
}

func methodExpandtabs(a *args) (any, error) {
	size := min(max(a.int(0, 8), 0), 1000)
	var b strings.Builder
	col := 0
	for _, r := range a.input() {
		switch {
		case r == '\t' && size > 0:
			n := size - col%size
			b.WriteString(strings.Repeat(" ", n))
			col += n
		case r == '\t':
		case r == '\n' || r == '\r':
			b.WriteRune(r)
			col = 0
		default:
			b.WriteRune(r)
			col++
		}
		if b.Len() > maxText {
			break
		}
	}
	return a.sized(b.String())
}

func methodFormatMap(a *args) (any, error) {
	m, ok, err := dictOf(a.need(0))
	if err != nil || !ok {
		return nil, failf("format_map needs a mapping")
	}
	return strFormat(a.frame, a.in.(string), nil, m)
}

func methodJoin(a *args) (any, error) {
	sep := a.input()
	var parts []string
	size := 0
	for i, item := range a.itemsOf(a.need(0)) {
		s, ok := item.(string)
		if !ok {
			if u, ok := item.(*Undefined); ok {
				return nil, u.Err()
			}
			return nil, failf("sequence item %d: expected str instance, %s found", i, typeName(item))
		}
		size += len(s) + len(sep)
		parts = append(parts, s)
	}
	if err := a.frame.run.size(size); err != nil {
		return nil, err
	}
	return strings.Join(parts, sep), nil
}

func methodReplace(a *args) (any, error) {
	a.need(0)
	a.need(1)
	return replaceLimited(a.frame.run, a.input(), a.str(0, ""), a.str(1, ""), a.int(2, -1))
}

func methodSwapcase(a *args) (any, error) {
	return strings.ReplaceAll(strings.Map(func(r rune) rune {
		if unicode.IsUpper(r) {
			return unicode.ToLower(r)
		}
		return unicode.ToUpper(r)
	}, a.input()), "ß", "SS"), nil
}

// methodTitle starts a word at every letter that follows none.
func methodTitle(a *args) (any, error) {
	var b strings.Builder
	inWord := false
	for _, r := range a.input() {
		switch {
		case !unicode.IsUpper(r) && !unicode.IsLower(r):
			inWord = false
			b.WriteRune(r)
			continue
		case inWord:
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteString(titled(r))
		}
		inWord = true
	}
	return b.String(), nil
}

// methodMaketrans makes the table that translate takes.
func methodMaketrans(a *args) (any, error) {
	out := value.NewMap()
	if !a.given(1) {
		m, ok, err := dictOf(a.need(0))
		if err != nil || !ok {
			return nil, failf("if you give only one argument to maketrans it must be a dict")
		}
		for k, v := range m.All() {
			if s, ok := k.(string); ok && utf8.RuneCountInString(s) == 1 {
				r, _ := utf8.DecodeRuneInString(s)
				k = int(r)
			}
			out.Set(k, v)
		}
		return out, nil
	}
	from, to := []rune(a.str(0, "")), []rune(a.str(1, ""))
	if len(from) != len(to) {
		return nil, failf("the first two maketrans arguments must have equal length")
	}
	for i := range from {
		out.Set(int(from[i]), int(to[i]))
	}
	for _, r := range a.str(2, "") {
		out.Set(int(r), nil)
	}
	return out, nil
}

// titled is a letter at the start of a word.
func titled(r rune) string {
	if r == 'ß' {
		return "Ss"
	}
	return string(unicode.ToTitle(r))
}

func methodTranslate(a *args) (any, error) {
	table, ok, err := dictOf(a.need(0))
	if err != nil || !ok {
		return nil, failf("translate needs a dict")
	}
	var b strings.Builder
	for _, r := range a.input() {
		to, ok := table.Get(int(r))
		switch x := to.(type) {
		case string:
			b.WriteString(x)
		case int:
			b.WriteRune(rune(x))
		default:
			if !ok {
				b.WriteRune(r)
			}
		}
		if b.Len() > maxText {
			break
		}
	}
	return a.sized(b.String())
}

func methodZfill(a *args) (any, error) {
	s := a.input()
	n := a.int(0, 0) - utf8.RuneCountInString(s)
	if n <= 0 {
		return s, nil
	}
	if err := a.frame.run.size(n + len(s)); err != nil {
		return nil, err
	}
	if s != "" && (s[0] == '-' || s[0] == '+') {
		return s[:1] + strings.Repeat("0", n) + s[1:], nil
	}
	return strings.Repeat("0", n) + s, nil
}

// upper is str.upper, which writes ß as two letters.
func upper(s string) string { return strings.ReplaceAll(strings.ToUpper(s), "ß", "SS") }
