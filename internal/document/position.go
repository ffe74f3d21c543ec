// Package document reads YAML as Ansible does (YAML 1.1, PyYAML's rules) and
// keeps the position of every value, so that an error found much later can
// still show file, line and column. Data goes bytes → *Node → package value.
package document

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Position is a place in a file; lines and columns count from 1, 0 is unknown.
type Position struct {
	File   string
	Line   int
	Column int
}

// String is file:line:column, leaving out what is unknown.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Error is a mistake in a file a person wrote. Its text is one line; Detail
// adds the offending line and the hint.
type Error struct {
	Pos     Position
	Message string
	Hint    string // what was probably meant, or what to do; may be empty
	Source  string // the offending line; may be empty
}

func (e *Error) Error() string {
	text := e.Message
	if e.Pos.File != "" {
		text = e.Pos.String() + ": " + text
	}
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	return text
}

// Detail is the error with its source line and a caret under the column.
func (e *Error) Detail() string {
	src := e.Source
	if src == "" {
		src = sourceLine(e.Pos)
	}
	if src == "" {
		return e.Error()
	}
	return e.Error() + "\n    " + src + caret(src, e.Pos.Column)
}

// caret is a line with a mark under a column, "" for one outside of src. Columns
// count characters; those of East Asia are two cells wide.
func caret(src string, column int) string {
	runes := []rune(src)
	if column < 1 || column > len(runes)+1 {
		return ""
	}
	var b strings.Builder
	for _, r := range runes[:column-1] {
		switch {
		case r == '\t':
			b.WriteRune(r)
		case wide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	return "\n    " + b.String() + "^"
}

// wide tells whether a terminal gives r two cells: the blocks that Unicode's
// EastAsianWidth calls W or F.
func wide(r rune) bool {
	switch {
	case r < 0x1100:
		return false
	case r <= 0x115F, r >= 0x2E80 && r <= 0xA4CF, r >= 0xAC00 && r <= 0xD7A3, r >= 0xF900 && r <= 0xFAFF,
		r >= 0xFE30 && r <= 0xFE6F, r >= 0xFF00 && r <= 0xFF60, r >= 0xFFE0 && r <= 0xFFE6,
		r >= 0x1F300 && r <= 0x1FAFF, r >= 0x20000 && r <= 0x3FFFD:
		return true
	}
	return false
}

func sourceLine(p Position) string {
	if p.File == "" || p.Line == 0 {
		return ""
	}
	data, err := os.ReadFile(p.File)
	if err != nil {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	if strings.HasPrefix(lines[0], "$ANSIBLE_VAULT;") {
		return "" // the line of the plain text is not to be shown
	}
	if p.Line > len(lines) {
		return ""
	}
	return strings.TrimRight(lines[p.Line-1], "\r")
}

// Errors collects mistakes so that all of them are reported at once. The zero
// value is ready for use.
type Errors struct{ list []error }

// Add appends a mistake at pos.
func (e *Errors) Add(pos Position, format string, args ...any) {
	e.list = append(e.list, &Error{Pos: pos, Message: fmt.Sprintf(format, args...)})
}

// AddHint appends a mistake at pos with a hint.
func (e *Errors) AddHint(pos Position, hint, format string, args ...any) {
	e.list = append(e.list, &Error{Pos: pos, Hint: hint, Message: fmt.Sprintf(format, args...)})
}

// Join appends err, flattening what errors.Join or another Errors collected.
func (e *Errors) Join(err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range many.Unwrap() {
			e.Join(one)
		}
		return
	}
	e.list = append(e.list, err)
}

// Sort puts the mistakes of each file in the order of their places, drops what
// is said twice, and keeps the files in the order of their first mistake; what
// has no place stays ahead.
func (e *Errors) Sort() {
	place := func(err error) Position {
		var at *Error
		if errors.As(err, &at) {
			return at.Pos
		}
		return Position{}
	}
	rank := map[string]int{"": 0}
	said := map[string]bool{}
	e.list = slices.DeleteFunc(e.list, func(err error) bool {
		file := place(err).File
		if _, known := rank[file]; !known {
			rank[file] = len(rank)
		}
		again := said[err.Error()]
		said[err.Error()] = true
		return again
	})
	slices.SortStableFunc(e.list, func(a, b error) int {
		p, q := place(a), place(b)
		return cmp.Or(rank[p.File]-rank[q.File], p.Line-q.Line, p.Column-q.Column)
	})
}

// Len returns how many mistakes there are.
func (e *Errors) Len() int { return len(e.list) }

// Err returns nil, or all mistakes as one error, a line each.
func (e *Errors) Err() error { return errors.Join(e.list...) }

// Suggest returns `did you mean "x"?` for the candidate closest to word, or ""
// where none is close.
func Suggest(word string, candidates []string) string {
	best, bestDist := "", 1+len(word)/3
	for _, c := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d <= bestDist && (best == "" || d < bestDist) {
			best, bestDist = c, d
		}
	}
	if best == "" || best == word {
		return ""
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// Nearest returns the candidate that is at most most single edits from word,
// the closest of them; "" where there is none.
func Nearest(word string, candidates []string, most int) string {
	best := ""
	for _, c := range candidates {
		if d := distance(word, c); d <= most && c != word {
			best, most = c, d-1
		}
	}
	return best
}

// distance is the optimal string alignment distance: Levenshtein's with swaps
// of neighbours counted once.
func distance(a, b string) int {
	if abs(len(a)-len(b)) > 8 {
		return 99
	}
	prev2, prev := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur := make([]int, len(b)+1)
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev = prev, cur
	}
	return prev[len(b)]
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
