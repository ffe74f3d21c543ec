package template

import (
	"regexp"
	"strconv"
	"strings"
)

// ResultYAML writes the result of a task as Ansible's output shows it: texts of
// several lines as blocks, lines of width characters. With lossy, what keeps a
// text from being a block (tabs, blanks at the ends of lines, characters that
// cannot be seen) is taken off.
func ResultYAML(v any, indent, width int, lossy bool) (string, error) {
	w := &yamlWriter{indent: indent, width: width, flow: flowNever, blocks: true, lossy: lossy}
	w.document(v)
	return string(w.b), w.err
}

// yamlBreaks end a line in YAML.
const yamlBreaks = "\n\u0085\u2028\u2029"

// block writes s as a literal block, where it may be one.
func (w *yamlWriter) block(s string, indent int, at place) bool {
	if !w.blocks || at.key || at.flow || !strings.ContainsAny(s, yamlBreaks) {
		return false
	}
	if w.lossy {
		s = readable(s)
	}
	if !blockAllowed(s) {
		return false
	}
	w.text("|" + w.blockHints(s))
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		w.text("\n")
		if line != "" {
			w.text(strings.Repeat(" ", indent) + line)
		}
	}
	return true
}

// blockHints say how far a block is indented, where its first line does not, and
// whether its last line ends.
func (w *yamlWriter) blockHints(s string) string {
	hints := ""
	if strings.ContainsAny(s[:1], " "+yamlBreaks) {
		hints = strconv.Itoa(w.indent)
	}
	switch {
	case !strings.HasSuffix(s, "\n"):
		hints += "-"
	case s == "\n" || strings.HasSuffix(s, "\n\n"):
		hints += "+"
	}
	return hints
}

func blockAllowed(s string) bool {
	return s != "" && !strings.HasSuffix(s, " ") && !strings.Contains(s, " \n") && strings.IndexFunc(s, unseen) < 0
}

// unseen are the characters that only a text in double quotes may hold.
func unseen(r rune) bool {
	return !(r == '\n' || r == 0x85 || r >= 0xa0 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd && r != 0xfeff ||
		r >= 0x20 && r < 0x7f || r >= 0x10000)
}

// blanksAtEnd are blanks before the end of a line.
func blanksAtEnd() *regexp.Regexp { return regexp.MustCompile(` +([` + yamlBreaks + `])`) }

// readable takes off what keeps s from being a block.
func readable(s string) string {
	s = expandTabs(strings.TrimRight(s, " \t\n\r\v\f\u0085\u2028\u2029"))
	s = strings.Map(func(r rune) rune {
		if unseen(r) {
			return -1
		}
		return r
	}, s)
	return blanksAtEnd().ReplaceAllString(s, "$1")
}

// expandTabs fills tabs up to every eighth column.
func expandTabs(s string) string {
	var b strings.Builder
	column := 0
	for _, r := range s {
		switch r {
		case '\t':
			n := 8 - column%8
			b.WriteString(strings.Repeat(" ", n))
			column += n
			continue
		case '\n', '\r':
			column = -1
		}
		column++
		b.WriteRune(r)
	}
	return b.String()
}
