package template

import "strings"

// withLineMarks writes line statements as blocks and takes line comments out,
// where a header sets their prefixes; lines keep their numbers.
func (t *Template) withLineMarks(src string) (string, error) {
	if t.lineStatement == "" && t.lineComment == "" {
		return src, nil
	}
	d := t.opts.Delimiters
	if strings.Contains(src, "raw") && strings.Contains(src, d.BlockStart) {
		return "", &SyntaxError{Name: t.name, Line: 1, Column: 1, Message: "line prefixes and raw blocks in one template aren't supported",
			Hint: "write the lines as {% %}"}
	}
	lines := strings.SplitAfter(src, "\n")
	for i, line := range lines {
		text, end := strings.TrimSuffix(line, "\n"), ""
		if text != line {
			end = "\n"
		}
		if t.lineComment != "" {
			if at := strings.Index(text, t.lineComment); at >= 0 {
				text = strings.TrimRight(text[:at], " \t")
			}
		}
		body := strings.TrimLeft(text, " \t\v")
		if t.lineStatement != "" && strings.HasPrefix(body, t.lineStatement) {
			lines[i] = d.BlockStart + " " + strings.TrimSuffix(strings.TrimSpace(body[len(t.lineStatement):]), ":") + end + "+" + d.BlockEnd
			continue
		}
		lines[i] = text + end
	}
	return strings.Join(lines, ""), nil
}
