package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// syntaxError says what keeps a text from being YAML. The parser knows a line
// only, and that of where it gave up: the place, and what was probably meant,
// come from looking at the text.
func syntaxError(file string, data []byte, err error) error {
	if strings.HasSuffix(file, ".json") {
		return jsonError(file, data, err)
	}
	message, near := err.Error(), 1
	if m := yamlLine.FindStringSubmatch(strings.SplitN(message, "\n", 2)[0]); m != nil {
		message = m[2]
		if n, err := strconv.Atoi(m[1]); err == nil {
			near = n
		}
	}
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	d := diagnosis{lines: lines, at: brokenLine(lines, near), message: message}
	d.look()
	return &Error{Pos: Position{File: file, Line: d.at, Column: d.column}, Message: "not valid YAML: " + d.message, Hint: d.hint,
		Source: lines[d.at-1]}
}

// jsonError says what is wrong with a file that is JSON by its name, where it
// is, in words that tell that YAML would have done too.
func jsonError(file string, data []byte, yamlErr error) error {
	at := Position{File: file, Line: 1, Column: 1}
	var into any
	err := json.Unmarshal(data, &into)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		before := string(data[:min(int(syntax.Offset), len(data))])
		at.Line = 1 + strings.Count(before, "\n")
		at.Column = max(1, len(before)-strings.LastIndexByte(before, '\n')-1)
	}
	return &Error{Pos: at, Message: fmt.Sprintf("it is neither JSON nor YAML. JSON: %v. YAML: %v", err, yamlErr)}
}

// maxProbes bounds how far from where the parser gave up the mistake is sought.
const maxProbes = 300

// brokenLine is the first line with which no beginning of the text is YAML any
// more: that of an opening quote, not of the text's end.
func brokenLine(lines []string, near int) int {
	end := min(len(lines), near+3)
	for k := end - 1; k >= 0 && end-k < maxProbes; k-- {
		if parses(strings.Join(lines[:k], "\n")) {
			return k + 1
		}
	}
	return max(1, min(near, len(lines)))
}

func parses(text string) bool {
	dec := yaml.NewDecoder(bytes.NewReader([]byte(text + "\n")))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return true
		case err != nil:
			return false
		}
	}
}

// diagnosis is what is found out about a mistake.
type diagnosis struct {
	lines   []string
	at      int // the line, from 1
	message string
	column  int
	hint    string
}

func (d *diagnosis) row() string { return d.lines[d.at-1] }

// found notes the place of a byte of the line, and what was probably meant.
func (d *diagnosis) found(at int, hint string) bool {
	d.column, d.hint = 1+len([]rune(d.row()[:at])), hint
	return true
}

// look tries one explanation after the other; the last always fits.
func (d *diagnosis) look() {
	_ = d.tab() || d.start() || d.quotes() || d.alias() || d.escape() || d.colons() || d.brackets() || d.control() || d.indentation() || d.begin()
}

var leadingTab = regexp.MustCompile(`^ *(?:- +)*\t`)

func (d *diagnosis) tab() bool {
	m := leadingTab.FindString(d.row())
	return m != "" && d.found(len(m)-1, "indent with blanks: YAML takes no tabs")
}

// beforeValue is what stands before a line's value: "key: ", "- ".
var beforeValue = regexp.MustCompile(`^\s*(?:- +)*(?:(?:[\w.-]+|"[^"]*"|'[^']*'): +)?(?:- +)*`)

func (d *diagnosis) valueAt() int { return len(beforeValue.FindString(d.row())) }

func (d *diagnosis) start() bool {
	at := d.valueAt()
	rest := d.row()[at:]
	if rest == "" {
		return false
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "{{"):
		return d.found(at, `quote a value that starts with {{ as in key: "{{ var }}"`)
	case strings.HasPrefix(rest, "{%"):
		return d.found(at, `quote a value that starts with {% as in key: "{% if x %}y{% endif %}"`)
	case strings.ContainsRune("@`%", rune(c)):
		return d.found(at, fmt.Sprintf("quote a value that starts with %c", c))
	case (c == '*' || c == '&') && strings.Contains(d.message, "alphabetic"):
		return d.found(at, fmt.Sprintf("quote a value that starts with %c", c))
	case (c == '|' || c == '>') && strings.Contains(d.message, "comment or line break"):
		return d.found(at, fmt.Sprintf("the text of %c begins on the next line; quote the value if a plain one was meant", c))
	}
	return false
}

// quotes explains a value that begins with one.
func (d *diagnosis) quotes() bool {
	at := d.valueAt()
	rest := d.row()[at:]
	if rest == "" || rest[0] != '"' && rest[0] != '\'' {
		return false
	}
	end := closing(rest)
	switch {
	case end < 0 && strings.Contains(d.message, "escape"):
		return false
	case end < 0:
		d.message = "the quote is never closed"
		return d.found(at, fmt.Sprintf("put a %c at its end", rest[0]))
	}
	after := strings.TrimLeft(rest[end+1:], " ")
	if after == "" || after[0] == '#' || after[0] == ':' {
		return false
	}
	return d.found(len(d.row())-len(after), fmt.Sprintf("the value ends with the quote: quote all of it, as in '%s'", strings.ReplaceAll(rest, "'", "''")))
}

// closing is where the quote that text begins with ends, or -1.
func closing(text string) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\':
			i++
		case text[i] == text[0] && text[0] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i
		}
	}
	return -1
}

var unknownAnchor = regexp.MustCompile(`unknown anchor '([^']*)'`)

func (d *diagnosis) alias() bool {
	m := unknownAnchor.FindStringSubmatch(d.message)
	if m == nil {
		return false
	}
	at := strings.Index(d.row(), "*"+m[1])
	return at >= 0 && d.found(at, fmt.Sprintf("no value is marked &%s; quote it if a text was meant", m[1]))
}

var wrongEscape = regexp.MustCompile(`\\[^0abt\tnvfre "/\\N_LPxuU]`)

func (d *diagnosis) escape() bool {
	if !strings.Contains(d.message, "escape") {
		return false
	}
	m := wrongEscape.FindStringIndex(d.row())
	return m != nil && d.found(m[0], `in double quotes write \\ for a backslash, or use single quotes`)
}

var (
	secondColon = regexp.MustCompile(`: .*?(: |:$)`)
	noBlank     = regexp.MustCompile(`^\s*(?:- +)*[A-Za-z_][\w.]*(:)[^\s/:]`)
)

// colons explains keys without their colon, without the blank behind it, and
// values with a colon in them.
func (d *diagnosis) colons() bool {
	row := d.row()
	mapping := strings.Contains(d.message, "mapping values are not allowed")
	if !mapping && !strings.Contains(d.message, "could not find expected ':'") {
		return false
	}
	if m := secondColon.FindStringSubmatchIndex(row); mapping && m != nil && !strings.HasPrefix(row[d.valueAt():], "{") {
		return d.found(m[2], `quote a value that holds ": "`)
	}
	for _, at := range []int{d.at, d.at - 1} { // the parser may notice a line later
		if at < 1 {
			break
		}
		if m := noBlank.FindStringSubmatchIndex(d.lines[at-1]); m != nil {
			d.at = at
			return d.found(m[2], "a blank is missing behind the colon")
		}
	}
	if mapping {
		return d.deeper()
	}
	at := len(row) - len(strings.TrimLeft(row, " -"))
	return d.found(at, `no "key: value" stands here: a colon and a blank are missing, or the indentation is wrong`)
}

// deeper explains a key below a line that has a value already.
func (d *diagnosis) deeper() bool {
	above := d.above()
	if above == "" || indent(d.row()) <= indent(above) {
		return false
	}
	return d.found(indent(d.row()), "it is indented deeper than the line above, which has a value already")
}

// brackets explains [ and { that are never closed.
func (d *diagnosis) brackets() bool {
	if !strings.Contains(d.message, "',' or") {
		return false
	}
	row, at := d.row(), d.valueAt()
	for _, pair := range []string{"[]", "{}"} {
		if i := strings.IndexByte(row[at:], pair[0]); i >= 0 && strings.Count(row[at:], pair[:1]) > strings.Count(row[at:], pair[1:]) {
			d.message = fmt.Sprintf("the %c is never closed", pair[0])
			return d.found(at+i, fmt.Sprintf("put a %c at its end; quote the value if a text was meant", pair[1]))
		}
	}
	return false
}

func (d *diagnosis) control() bool {
	if !strings.Contains(d.message, "control characters") {
		return false
	}
	at := strings.IndexFunc(d.row(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
	return at >= 0 && d.found(at, fmt.Sprintf(`delete it, or write it as "\x%02x" in double quotes`, d.row()[at]))
}

// indentation explains a line that begins in a column where nothing does.
func (d *diagnosis) indentation() bool {
	if !strings.Contains(d.message, "did not find expected") {
		return false
	}
	at := indent(d.row())
	above := d.above()
	word := strings.TrimLeft(above, " ")
	if len(word) > 1 && word[0] == '-' && word[1] != ' ' && indent(above) == at {
		d.at--
		return d.found(at, "a blank is missing behind the -")
	}
	columns := d.columns()
	if strings.HasPrefix(strings.TrimLeft(d.row(), " "), "- ") {
		return d.found(at, "the items of one list begin in one column; above, lines begin in "+columns)
	}
	return d.found(at, "the keys of one mapping begin in one column; above, lines begin in "+columns)
}

// columns lists where the lines that enclose this one begin, innermost first.
func (d *diagnosis) columns() string {
	var out []string
	least := 1 << 30
	for i := d.at - 2; i >= 0 && least > 0 && len(out) < 3; i-- {
		row := d.lines[i]
		if at := indent(row); content(row) && at < least {
			least = at
			out = append(out, strconv.Itoa(at+1))
		}
	}
	if len(out) == 0 {
		return "none"
	}
	return "column " + strings.Join(out, ", ")
}

func (d *diagnosis) begin() bool {
	d.column = 1 + indent(d.row())
	return true
}

// above is the line before this one, blank ones and comments left out.
func (d *diagnosis) above() string {
	for i := d.at - 2; i >= 0; i-- {
		if content(d.lines[i]) {
			return d.lines[i]
		}
	}
	return ""
}

func content(row string) bool {
	text := strings.TrimSpace(row)
	return text != "" && text[0] != '#'
}

func indent(row string) int { return len(row) - len(strings.TrimLeft(row, " ")) }
