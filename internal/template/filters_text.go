package template

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// textFilterTable are jinja2's filters on text.
func textFilterTable() []*builtin {
	return []*builtin{
		def("capitalize", "", func(a *args) (any, error) { return capitalize(a.input()), nil }),
		def("center", "width", func(a *args) (any, error) { return a.padded(a.input(), a.int(0, 80), " ", padCenter) }),
		def("e", "", func(a *args) (any, error) { return escapeHTML(a.input()), nil }),
		def("escape", "", func(a *args) (any, error) { return escapeHTML(a.input()), nil }),
		def("forceescape", "", func(a *args) (any, error) { return escapeHTML(a.input()), nil }),
		def("indent", "width first blank", filterIndent),
		def("lower", "", func(a *args) (any, error) { return strings.ToLower(a.input()), nil }),
		def("replace", "old new count", filterReplace),
		def("striptags", "", filterStriptags),
		def("title", "", filterTitle),
		def("trim", "chars", func(a *args) (any, error) { return trimChars(a.input(), a.get(0, nil), true, true) }),
		def("truncate", "length killwords end leeway", filterTruncate),
		def("upper", "", func(a *args) (any, error) { return upper(a.input()), nil }),
		def("urlencode", "", filterURLEncode),
		def("urlize", "trim_url_limit nofollow target rel extra_schemes", filterUrlize),
		def("wordcount", "", func(a *args) (any, error) { return len(wordPattern.FindAllString(a.input(), -1)), nil }),
		def("wordwrap", "width break_long_words wrapstring break_on_hyphens", filterWordwrap),
		def("xmlattr", "autospace", filterXMLAttr),
	}
}

var wordPattern = regexp.MustCompile(`[\p{L}\p{N}_]+`)

func capitalize(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToTitle(r)) + strings.ToLower(s[n:])
}

func escapeHTML(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&#39;", `"`, "&#34;").Replace(s)
}

func filterIndent(a *args) (any, error) {
	pad, ok := a.get(0, 4).(string)
	if !ok {
		n := a.int(0, 4)
		if n > maxText {
			return nil, failf("indent: %d is too wide", n)
		}
		pad = strings.Repeat(" ", max(n, 0))
	}
	first, blank := a.bool(1, false), a.bool(2, false)
	lines := strings.Split(a.word()+"\n", "\n")
	lines = lines[:len(lines)-1]
	if err := a.frame.run.size(len(pad) * len(lines)); err != nil {
		return nil, err
	}
	for i := range lines {
		if (i > 0 || first) && (lines[i] != "" || blank || (i == 0 && first)) {
			lines[i] = pad + lines[i]
		}
	}
	return a.sized(strings.Join(lines, "\n"))
}

func filterReplace(a *args) (any, error) {
	s, old, repl := a.input(), a.text(0, ""), a.text(1, "")
	a.need(0)
	a.need(1)
	n := -1
	if a.given(2) {
		n = a.int(2, -1)
	}
	return replaceLimited(a.frame.run, s, old, repl, n)
}

func replaceLimited(r *run, s, old, repl string, n int) (any, error) {
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(found, n)
	}
	if grow := len(repl) - len(old); grow > 0 && found > maxText/grow {
		return nil, failf("a string of more than %d bytes", maxText)
	}
	out := strings.Replace(s, old, repl, n)
	return out, r.size(len(out))
}

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	htmlTag     = regexp.MustCompile(`(?s)<.*?>`)
	htmlEntity  = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">", "&#39;", "'", "&#34;", `"`, "&quot;", `"`, "&nbsp;", "\u00a0")
)

func filterStriptags(a *args) (any, error) {
	s := htmlTag.ReplaceAllString(htmlComment.ReplaceAllString(a.input(), ""), "")
	return htmlEntity.Replace(strings.Join(strings.Fields(s), " ")), nil
}

// filterTitle starts a word after white space, - and an opening bracket only.
func filterTitle(a *args) (any, error) {
	var b strings.Builder
	start := true
	for _, r := range a.input() {
		switch {
		case strings.ContainsRune("-([{<", r) || unicode.IsSpace(r):
			start = true
			b.WriteRune(r)
		case start:
			b.WriteString(upper(string(r)))
			start = false
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String(), nil
}

// trimChars is Python's strip; chars None means white space.
func trimChars(s string, chars any, left, right bool) (any, error) {
	cut := unicode.IsSpace
	switch set := chars.(type) {
	case nil:
	case string:
		cut = func(r rune) bool { return strings.ContainsRune(set, r) }
	default:
		return nil, failf("strip arg must be None or str")
	}
	if left {
		s = strings.TrimLeftFunc(s, cut)
	}
	if right {
		s = strings.TrimRightFunc(s, cut)
	}
	return s, nil
}

func filterTruncate(a *args) (any, error) {
	if _, isText := a.in.(string); !isText {
		return a.untruncated()
	}
	s, length, kill := []rune(a.input()), a.int(0, 255), a.bool(1, false)
	end := []rune(a.text(2, "..."))
	leeway := 5
	if a.given(3) {
		leeway = a.int(3, 5)
	}
	if a.err == nil && (length < len(end) || leeway < 0) {
		return nil, failf("expected length >= %d, got %d", len(end), length)
	}
	if a.err != nil || len(s) <= length+leeway {
		return string(s), nil
	}
	cut := string(s[:length-len(end)])
	if !kill {
		if i := strings.LastIndexByte(cut, ' '); i >= 0 {
			cut = cut[:i]
		}
	}
	return cut + string(end), nil
}

// untruncated is what is no text: a list that is short enough stays itself.
func (a *args) untruncated() (any, error) {
	items, sized := sequenceOf(a.in)
	n := len(items)
	if m, ok, err := dictOf(a.in); err != nil {
		return nil, err
	} else if ok {
		n, sized = m.Len(), true
	}
	if r, ok := a.in.(span); ok {
		n, sized = len(r.list()), true
	}
	if !sized || n > a.int(0, 255)+5 {
		return nil, failf("truncate: expected a string, got %s", typeName(a.in))
	}
	return a.in, nil
}

func filterURLEncode(a *args) (any, error) {
	if _, isText := a.in.(string); !isText {
		if m, ok, err := dictOf(a.in); err != nil {
			return nil, err
		} else if ok {
			return urlPairs(pairs(m))
		}
		if items, err := iterate(a.in); err == nil {
			return urlPairs(items)
		}
	}
	return quoteURL(a.input(), "/"), nil
}

func urlPairs(items []any) (any, error) {
	var out []string
	for _, item := range items {
		pair, ok := sequenceOf(item)
		if !ok || len(pair) != 2 {
			return nil, failf("urlencode takes a dict or pairs of key and value")
		}
		k, err := str(pair[0])
		if err != nil {
			return nil, err
		}
		v, err := str(pair[1])
		if err != nil {
			return nil, err
		}
		out = append(out, url.QueryEscape(k)+"="+url.QueryEscape(v))
	}
	return strings.ReplaceAll(strings.Join(out, "&"), "%7E", "~"), nil
}

// quoteURL is urllib.parse.quote.
func quoteURL(s, safe string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~"+safe, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

var urlPattern = regexp.MustCompile(`(?i)^(?:(?:https?://|www\.)(?:[\w%-]+\.)*(?:[a-z]{2,63}|xn--[\w%]{2,59})` +
	`|(?:[\w%-]{2,63}\.)+(?:com|net|int|edu|gov|org|info|mil)` +
	`|https?://\d{1,3}(?:\.\d{1,3}){3})(?::\d{1,5})?(?:[/?#]\S*)?$`)

var (
	mailPattern = regexp.MustCompile(`^\S+@\w[\w.-]*\.\w+$`)
	nonSpace    = regexp.MustCompile(`\S+`)
)

// filterUrlize makes links of what looks like a URL.
func filterUrlize(a *args) (any, error) {
	limit := -1
	if a.given(0) {
		limit = a.int(0, limit)
	}
	extra := ` rel="noopener"`
	if a.bool(1, false) {
		extra = ` rel="nofollow noopener"`
	}
	if a.given(2) {
		extra += ` target="` + escapeHTML(a.text(2, "")) + `"`
	}
	return nonSpace.ReplaceAllStringFunc(escapeHTML(a.input()), func(word string) string {
		return link(word, limit, extra)
	}), nil
}

func link(word string, limit int, extra string) string {
	bare := strings.TrimRight(word, ".,;:)")
	tail := word[len(bare):]
	shown := bare
	if r := []rune(bare); limit >= 0 && len(r) > limit {
		shown = string(r[:limit]) + "..."
	}
	switch {
	case urlPattern.MatchString(bare):
		target := bare
		if !strings.HasPrefix(bare, "http://") && !strings.HasPrefix(bare, "https://") {
			target = "https://" + bare
		}
		return `<a href="` + target + `"` + extra + `>` + shown + `</a>` + tail
	case mailPattern.MatchString(bare) && !strings.HasPrefix(bare, "www."):
		return `<a href="mailto:` + bare + `">` + bare + `</a>` + tail
	}
	return word
}

// filterWordwrap wraps every line at width characters, keeping line breaks.
func filterWordwrap(a *args) (any, error) {
	width, long := a.int(0, 79), a.bool(1, true)
	sep := "\n"
	if a.given(2) {
		sep = a.text(2, sep)
	}
	if a.err == nil && width < 1 {
		return nil, failf("invalid width %d (must be > 0)", width)
	}
	hyphens := a.bool(3, true)
	var out []string
	for _, line := range splitLines(a.word(), false) {
		out = append(out, strings.Join(wrapLine(line, width, long, hyphens), sep))
	}
	return a.sized(strings.Join(out, sep))
}

var (
	chunkPattern  = regexp.MustCompile(`\s+|\S+`)
	hyphenPattern = regexp.MustCompile(`[^-\s]*[\p{L}_][^-\s]*-|[^-]+|-+`)
)

// wrapLine is textwrap.wrap without changing white space.
func wrapLine(s string, width int, long, hyphens bool) []string {
	var lines []string
	line, size := "", 0
	flush := func() {
		if t := strings.TrimRightFunc(line, unicode.IsSpace); t != "" {
			lines = append(lines, t)
		}
		line, size = "", 0
	}
	for _, chunk := range chunks(s, hyphens) {
		n := utf8.RuneCountInString(chunk)
		blank := strings.TrimSpace(chunk) == ""
		if size+n > width && size > 0 && !(blank && size <= width) && (!long || n <= width || size >= width) {
			flush()
		}
		if size == 0 && blank && len(lines) > 0 {
			continue
		}
		for long && n > width { // what fits stays on the line, as textwrap has it
			r, room := []rune(chunk), width-size
			line += string(r[:room])
			flush()
			chunk, n = string(r[room:]), n-room
		}
		if blank && size+n > width {
			flush()
			continue
		}
		line, size = line+chunk, size+n
	}
	flush()
	return lines
}

func chunks(s string, hyphens bool) []string {
	var out []string
	for _, c := range chunkPattern.FindAllString(s, -1) {
		if hyphens && strings.Contains(c, "-") {
			out = append(out, hyphenPattern.FindAllString(c, -1)...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

func filterXMLAttr(a *args) (any, error) {
	var out []string
	for k, v := range a.dict().All() {
		if v == nil {
			continue
		}
		key, err := str(k)
		if err != nil {
			return nil, err
		}
		val, err := str(v)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(key, " \t\n\r\f/>=") {
			return nil, failf("Invalid character in attribute name: %s", quoted(key))
		}
		out = append(out, escapeHTML(key)+`="`+escapeHTML(val)+`"`)
	}
	s := strings.Join(out, " ")
	if s != "" && a.bool(0, true) {
		s = " " + s
	}
	return s, nil
}

// splitLines is Python's str.splitlines.
func splitLines(s string, keep bool) []string {
	var out []string
	start := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if !strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) || r == utf8.RuneError {
			i += n
			continue
		}
		end := i + n
		if r == '\r' && end < len(s) && s[end] == '\n' {
			end++
		}
		if keep {
			out = append(out, s[start:end])
		} else {
			out = append(out, s[start:i])
		}
		start, i = end, end
	}
	if start < len(s) {
		out = append(out, s[start:])
	}
	return out
}
