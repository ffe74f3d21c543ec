package settings

import (
	"strings"

	"rollout/internal/document"
)

// entry is one key of a file.
type entry struct {
	section, key, text string
	pos                document.Position
}

// name is how the table calls the key.
func (e entry) name() string { return e.section + "." + e.key }

// iniReader reads a file as Python's configparser does, with ";" beginning a
// comment anywhere and "#" at the start of a line.
type iniReader struct {
	file    string
	section string
	entries []entry
	open    bool // the last entry may go on in an indented line
	indent  int
	errs    document.Errors
}

func parseINI(file, text string) ([]entry, error) {
	r := &iniReader{file: file}
	n := 0
	for line := range strings.Lines(text) {
		n++
		r.line(n, strings.TrimRight(line, "\r\n"))
	}
	return r.entries, r.errs.Err()
}

func (r *iniReader) line(n int, line string) {
	content := strings.TrimSpace(withoutComment(line))
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	pos := document.Position{File: r.file, Line: n, Column: indent + 1}
	switch {
	case content == "":
	case r.open && indent > r.indent:
		last := &r.entries[len(r.entries)-1]
		last.text = strings.TrimPrefix(last.text+"\n"+content, "\n")
	case strings.HasPrefix(content, "["):
		end := strings.LastIndexByte(content, ']')
		if end < 0 {
			r.errs.AddHint(pos, "["+strings.Trim(content, "[] ")+"]", "the name of a section has no end")
			return
		}
		r.section, r.open = content[1:end], false
	default:
		r.key(pos, indent, content)
	}
}

func (r *iniReader) key(pos document.Position, indent int, content string) {
	at := strings.IndexAny(content, "=:")
	switch {
	case r.section == "":
		r.errs.AddHint(pos, "the first line is usually [defaults]", "a setting stands before the first section")
		return
	case at <= 0:
		r.errs.AddHint(pos, "a setting is KEY = VALUE", "this is no setting")
		return
	}
	e := entry{section: r.section, key: strings.ToLower(strings.TrimSpace(content[:at])), text: strings.TrimSpace(content[at+1:]), pos: pos}
	for _, old := range r.entries {
		if old.name() == e.name() {
			r.errs.AddHint(pos, "first at "+old.pos.String(), "[%s] %s is set twice", e.section, e.key)
			return
		}
	}
	r.entries, r.open, r.indent = append(r.entries, e), true, indent
}

// withoutComment cuts a line at a ";" that begins it or follows a blank; a "#"
// makes the whole line one.
func withoutComment(line string) string {
	trimmed := strings.TrimSpace(line)
	if strings.HasPrefix(trimmed, "#") || strings.HasPrefix(trimmed, ";") {
		return ""
	}
	for i := 1; i < len(line); i++ {
		if line[i] == ';' && (line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i]
		}
	}
	return line
}
