package report

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// Wrap breaks text into lines of at most width columns, at blanks and after
// hyphens; longer words are cut.
func Wrap(text string, width int) string {
	var lines []string
	line, used := "", 0
	flush := func() {
		if kept := strings.TrimRight(line, " "); kept != "" {
			lines = append(lines, kept)
		}
		line, used = "", 0
	}
	for _, chunk := range chunks(strings.Join(strings.FieldsFunc(text, isBreak), " ")) {
		n := runewidth.StringWidth(chunk)
		if used+n > width && used > 0 && strings.TrimSpace(chunk) != "" {
			flush()
		}
		if line == "" && strings.TrimSpace(chunk) == "" && len(lines) > 0 {
			continue
		}
		for n > width {
			head := runewidth.Truncate(chunk, width, "")
			lines, chunk = append(lines, head), chunk[len(head):]
			n = runewidth.StringWidth(chunk)
		}
		line, used = line+chunk, used+n
	}
	flush()
	return strings.Join(lines, "\n")
}

func isBreak(r rune) bool { return r == '\n' || r == '\t' || r == '\r' }

// chunks cuts text into what may stand on a line of its own: words, parts of
// words up to a hyphen between letters, and blanks.
func chunks(text string) []string {
	var out []string
	start := 0
	cut := func(at int) {
		if at > start {
			out = append(out, text[start:at])
			start = at
		}
	}
	for i := 1; i < len(text); i++ {
		switch {
		case (text[i] == ' ') != (text[i-1] == ' '):
			cut(i)
		case text[i-1] == '-' && i >= 2 && isLetter(text[i-2]) && isLetter(text[i]):
			cut(i)
		}
	}
	cut(len(text))
	return out
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }
