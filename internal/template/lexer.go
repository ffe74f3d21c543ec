package template

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is the type of a token.
type kind int

const (
	tokEOF kind = iota
	tokData
	tokVarBegin
	tokVarEnd
	tokBlockBegin
	tokBlockEnd
	tokName
	tokString
	tokInt
	tokFloat
	tokOp
)

type token struct {
	kind kind
	text string // data, name, unescaped string, number's digits, operator
	pos  int    // byte offset in the source
}

// describe names the token as jinja2's messages do.
func (t token) describe() string {
	switch t.kind {
	case tokEOF:
		return "end of template"
	case tokVarEnd:
		return "end of print statement"
	case tokBlockEnd:
		return "end of statement block"
	case tokVarBegin:
		return "begin of print statement"
	case tokBlockBegin:
		return "begin of statement block"
	case tokData:
		return "template data / text"
	}
	return t.text
}

// Delimiters are the marks around expressions, statements and comments.
type Delimiters struct {
	VariableStart, VariableEnd string
	BlockStart, BlockEnd       string
	CommentStart, CommentEnd   string
}

var standardDelimiters = Delimiters{"{{", "}}", "{%", "%}", "{#", "#}"}

// lexer splits a source into tokens.
type lexer struct {
	src   string
	pos   int
	opts  CompileOptions
	out   []token
	fail  *SyntaxError
	name  string
	marks [3]mark // where each begin mark comes next
	isVar bool    // the open tag is {{ rather than {%
}

// mark is a begin mark and its next place, -1 where it does not come again.
type mark struct {
	text string
	at   int
}

func (l *lexer) errorAt(pos int, msg string) {
	if l.fail == nil {
		line, col := positionIn(l.src, pos)
		l.fail = &SyntaxError{Name: l.name, Line: line, Column: col, Message: msg}
	}
}

func (l *lexer) emit(k kind, text string, pos int) {
	l.out = append(l.out, token{k, text, pos})
}

// positionIn turns a byte offset into line and column, the column in characters.
func positionIn(src string, pos int) (line, col int) {
	pos = min(pos, len(src))
	before := src[:pos]
	line = 1 + strings.Count(before, "\n")
	col = 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return line, col
}

// tokenize reads the whole source.
func tokenize(name, src string, opts CompileOptions) ([]token, error) {
	l := &lexer{src: src, opts: opts, name: name}
	d := opts.Delimiters
	for i, text := range []string{d.VariableStart, d.BlockStart, d.CommentStart} {
		l.marks[i] = mark{text, strings.Index(src, text)}
	}
	for l.pos < len(l.src) && l.fail == nil {
		l.data()
	}
	if l.fail != nil {
		return nil, l.fail
	}
	l.emit(tokEOF, "", len(src))
	return l.out, nil
}

// tokenizeExpr reads a bare expression, as it stands in "when:".
func tokenizeExpr(src string) ([]token, error) {
	l := &lexer{src: src, opts: CompileOptions{Delimiters: standardDelimiters}}
	var stack []byte
	for l.fail == nil {
		l.space()
		if l.pos >= len(src) {
			break
		}
		stack = l.codeToken(stack)
	}
	if l.fail != nil {
		return nil, l.fail
	}
	l.emit(tokEOF, "", len(src))
	return l.out, nil
}

// opening finds the next begin mark; the longest wins where two start at once.
// Places are remembered, so that a mark that never comes is looked for once.
func (l *lexer) opening() (at int, text string) {
	at = -1
	for i := range l.marks {
		m := &l.marks[i]
		if m.at >= 0 && m.at < l.pos {
			if m.at = strings.Index(l.src[l.pos:], m.text); m.at >= 0 {
				m.at += l.pos
			}
		}
		if m.at >= 0 && (at < 0 || m.at < at || (m.at == at && len(m.text) > len(text))) {
			at, text = m.at, m.text
		}
	}
	return at, text
}

// data reads text up to the next mark, and then what the mark opens.
func (l *lexer) data() {
	at, mark := l.opening()
	if at < 0 {
		l.emit(tokData, l.src[l.pos:], l.pos)
		l.pos = len(l.src)
		return
	}
	text := l.src[l.pos:at]
	after := at + len(mark)
	sign := byte(0)
	if after < len(l.src) && (l.src[after] == '-' || l.src[after] == '+') {
		sign = l.src[after]
		after++
	}
	if mark == l.opts.Delimiters.VariableStart && sign == '+' {
		sign, after = 0, after-1 // a plus sign of the expression
	}
	text = l.trimBefore(text, mark, sign)
	if text != "" {
		l.emit(tokData, text, l.pos)
	}
	l.pos = after
	switch mark {
	case l.opts.Delimiters.VariableStart:
		l.emit(tokVarBegin, "", at)
		l.code(tokVarEnd, l.opts.Delimiters.VariableEnd)
	case l.opts.Delimiters.CommentStart:
		l.comment(at)
	default:
		l.block(at)
	}
}

func (l *lexer) trimBefore(text, mark string, sign byte) string {
	if sign == '-' {
		return strings.TrimRightFunc(text, unicode.IsSpace)
	}
	if sign == '+' || !l.opts.LstripBlocks || mark == l.opts.Delimiters.VariableStart {
		return text
	}
	cut := strings.LastIndexByte(text, '\n') + 1
	if cut == 0 && l.pos > 0 && l.src[l.pos-1] != '\n' {
		return text
	}
	if strings.TrimFunc(text[cut:], unicode.IsSpace) == "" {
		return text[:cut]
	}
	return text
}

// closing moves past an end mark and the white space it eats.
func (l *lexer) closing(sign byte, block bool) {
	switch {
	case sign == '-':
		l.space()
	case sign == '+' || !block || !l.opts.TrimBlocks:
	case strings.HasPrefix(l.src[l.pos:], "\n"):
		l.pos++
	}
}

func (l *lexer) space() {
	for l.pos < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.pos:])
		if !unicode.IsSpace(r) {
			return
		}
		l.pos += n
	}
}

func (l *lexer) comment(at int) {
	end := l.opts.Delimiters.CommentEnd
	i := strings.Index(l.src[l.pos:], end)
	if i < 0 {
		l.errorAt(at, "Missing end of comment tag")
		return
	}
	sign := byte(0)
	if i > 0 {
		sign = l.src[l.pos+i-1]
	}
	l.pos += i + len(end)
	l.closing(sign, true)
}

// block reads a statement; "raw" is handled here, since what follows is text.
func (l *lexer) block(at int) {
	if rest, sign, ok := l.rawTag(l.pos, "raw"); ok {
		l.pos = rest
		l.raw(at, sign)
		return
	}
	l.emit(tokBlockBegin, "", at)
	l.code(tokBlockEnd, l.opts.Delimiters.BlockEnd)
}

// rawTag matches `word [-+]%}` at pos.
func (l *lexer) rawTag(pos int, word string) (rest int, sign byte, ok bool) {
	s := strings.TrimLeftFunc(l.src[pos:], unicode.IsSpace)
	s, found := strings.CutPrefix(s, word)
	if !found {
		return 0, 0, false
	}
	s = strings.TrimLeftFunc(s, unicode.IsSpace)
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[0], s[1:]
	}
	s, found = strings.CutPrefix(s, l.opts.Delimiters.BlockEnd)
	return len(l.src) - len(s), sign, found
}

func (l *lexer) raw(at int, sign byte) {
	l.closing(sign, false) // trim_blocks leaves the newline after this tag
	from := l.pos
	for pos := from; ; {
		i := strings.Index(l.src[pos:], l.opts.Delimiters.BlockStart)
		if i < 0 {
			l.errorAt(at, "Missing end of raw directive")
			return
		}
		open := pos + i
		pos = open + len(l.opts.Delimiters.BlockStart)
		before := byte(0)
		if pos < len(l.src) && (l.src[pos] == '-' || l.src[pos] == '+') {
			before = l.src[pos]
			pos++
		}
		if rest, after, ok := l.rawTag(pos, "endraw"); ok {
			text := l.trimBefore(l.src[from:open], l.opts.Delimiters.BlockStart, before)
			if text != "" {
				l.emit(tokData, text, from)
			}
			l.pos = rest
			l.closing(after, true)
			return
		}
	}
}

// code reads tokens of an expression or statement up to its end mark.
func (l *lexer) code(endKind kind, end string) {
	var stack []byte
	l.isVar = endKind == tokVarEnd
	for l.fail == nil {
		l.space()
		if l.pos >= len(l.src) {
			return // the parser reports the end of the template
		}
		if len(stack) == 0 {
			if sign, ok := l.endMark(end); ok {
				l.emit(endKind, "", l.pos)
				l.pos += len(end)
				if sign != 0 {
					l.pos++
				}
				l.closing(sign, endKind == tokBlockEnd)
				return
			}
		}
		stack = l.codeToken(stack)
	}
}

func (l *lexer) endMark(end string) (sign byte, ok bool) {
	s := l.src[l.pos:]
	if strings.HasPrefix(s, end) {
		return 0, true
	}
	if (s[0] == '-' || s[0] == '+') && strings.HasPrefix(s[1:], end) {
		if s[0] == '+' && end == l.opts.Delimiters.VariableEnd {
			return 0, false
		}
		return s[0], true
	}
	return 0, false
}

// codeToken reads one token; stack holds the closing brackets still expected.
func (l *lexer) codeToken(stack []byte) []byte {
	c := l.src[l.pos]
	switch {
	case c == '\'' || c == '"':
		l.str(c)
		return stack
	case c >= '0' && c <= '9':
		l.number()
		return stack
	case c == '_' || c >= utf8.RuneSelf || c|0x20 >= 'a' && c|0x20 <= 'z':
		if l.word() {
			return stack
		}
	}
	op := operatorAt(l.src[l.pos:])
	if op == "" {
		r, _ := utf8.DecodeRuneInString(l.src[l.pos:])
		l.errorAt(l.pos, "unexpected char "+quoted(string(r)))
		return stack
	}
	stack = l.balance(stack, op)
	l.emit(tokOp, op, l.pos)
	l.pos += len(op)
	return stack
}

func (l *lexer) balance(stack []byte, op string) []byte {
	switch op {
	case "(":
		return append(stack, ')')
	case "[":
		return append(stack, ']')
	case "{":
		return append(stack, '}')
	case ")", "]", "}":
		if len(stack) == 0 {
			l.errorAt(l.pos, "unexpected '"+op+"'")
			return stack
		}
		if want := stack[len(stack)-1]; want != op[0] {
			l.errorAt(l.pos, "unexpected '"+op+"', expected '"+string(want)+"'")
		}
		return stack[:len(stack)-1]
	}
	return stack
}

func operatorAt(s string) string {
	if len(s) >= 2 {
		switch s[:2] {
		case "//", "**", "==", "!=", ">=", "<=":
			return s[:2]
		}
	}
	if strings.IndexByte("+-/*%~[](){}><=.:|,;", s[0]) >= 0 {
		return s[:1]
	}
	return ""
}

func (l *lexer) word() bool {
	end := l.pos
	for end < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[end:])
		if r != '_' && !unicode.IsLetter(r) && !(end > l.pos && (unicode.IsDigit(r) || unicode.Is(unicode.Mn, r))) {
			break
		}
		end += n
	}
	if end == l.pos {
		return false
	}
	l.emit(tokName, l.src[l.pos:end], l.pos)
	l.pos = end
	return true
}

func (l *lexer) str(quote byte) {
	start := l.pos
	i := start + 1
	escaped := false
	for i < len(l.src) && l.src[i] != quote {
		if l.src[i] == '\\' {
			escaped = true
			i++
		}
		i++
	}
	if i >= len(l.src) {
		l.errorAt(start, "unexpected char "+quoted(string(quote))+": the string does not end")
		return
	}
	body := l.src[start+1 : i]
	l.pos = i + 1
	if !escaped {
		l.emit(tokString, body, start)
		return
	}
	if l.opts.rawStrings && l.isVar {
		if strings.Contains(body, `\`+string(quote)) {
			l.errorAt(start, `a backslash stands for itself in a playbook's strings, so \`+string(quote)+` ends this one too early`)
		}
		l.emit(tokString, body, start)
		return
	}
	out, bad := unescape(body)
	if bad != "" {
		l.errorAt(start, bad)
	}
	l.emit(tokString, out, start)
}
