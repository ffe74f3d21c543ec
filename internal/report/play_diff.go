package report

import (
	"fmt"
	"strings"
)

// diffContext is how many unchanged lines surround a change.
const diffContext = 3

// maxDiffCells bounds the table of a comparison; larger texts are shown as
// replaced whole.
const maxDiffCells = 4_000_000

// diff is what changed, in colours, with an empty line behind it.
func (d *display) diff(change Diff) string {
	if change.Prepared != "" {
		return Printable(strings.TrimSuffix(change.Prepared, "\n")) + "\n"
	}
	context := d.opt.Look.DiffContext
	if context == 0 {
		context = diffContext
	}
	text := unified(change, max(context, 0))
	if text == "" {
		return ""
	}
	var b strings.Builder
	for l := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		b.WriteString(d.paint(d.diffColor(l), Printable(l)) + "\n")
	}
	return b.String() + "\n"
}

func (d *display) diffColor(line string) string {
	switch {
	case strings.HasPrefix(line, "+"):
		return d.pal.DiffAdd
	case strings.HasPrefix(line, "-"):
		return d.pal.DiffRemove
	case strings.HasPrefix(line, "@@"):
		return d.pal.DiffLines
	}
	return ""
}

// UnifiedDiff is d in the unified format of diff(1), "" where nothing differs.
func UnifiedDiff(d Diff) string { return unified(d, diffContext) }

func unified(d Diff, context int) string {
	before, after := splitLines(d.Before), splitLines(d.After)
	edits := compare(before, after)
	hunks := group(edits, context)
	if len(hunks) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "--- %s\n+++ %s\n", header("before", d.BeforeHeader), header("after", d.AfterHeader))
	for _, h := range hunks {
		writeHunk(&b, h)
	}
	return b.String()
}

func header(word, name string) string {
	if name == "" {
		return word
	}
	return word + ": " + name
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	lines := strings.SplitAfter(s, "\n")
	last := len(lines) - 1
	if lines[last] == "" {
		return lines[:last]
	}
	lines[last] += "\n\\ No newline at end of file\n"
	return lines
}

// edit is one line of a comparison: ' ' kept, '-' removed, '+' added; a and b
// are the numbers of the line before and after, from 0.
type edit struct {
	op   byte
	text string
	a, b int
}

// compare finds a longest common subsequence of lines.
func compare(a, b []string) []edit {
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	var out []edit
	for i := range head {
		out = append(out, edit{' ', a[i], i, i})
	}
	out = append(out, compareMiddle(a, b, head, len(a)-tail, len(b)-tail)...)
	for i := range tail {
		x, y := len(a)-tail+i, len(b)-tail+i
		out = append(out, edit{' ', a[x], x, y})
	}
	return out
}

func compareMiddle(a, b []string, from, endA, endB int) []edit {
	n, m := endA-from, endB-from
	if n*m > maxDiffCells {
		return replaceAll(a, b, from, endA, endB)
	}
	length := make([][]int32, n+1)
	for i := range length {
		length[i] = make([]int32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if a[from+i] == b[from+j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var out []edit
	i, j := 0, 0
	for i < n || j < m {
		switch {
		case i < n && j < m && a[from+i] == b[from+j]:
			out = append(out, edit{' ', a[from+i], from + i, from + j})
			i, j = i+1, j+1
		case j == m || i < n && length[i+1][j] >= length[i][j+1]:
			out = append(out, edit{'-', a[from+i], from + i, from + j})
			i++
		default:
			out = append(out, edit{'+', b[from+j], from + i, from + j})
			j++
		}
	}
	return out
}

func replaceAll(a, b []string, from, endA, endB int) []edit {
	var out []edit
	for i := from; i < endA; i++ {
		out = append(out, edit{'-', a[i], i, from})
	}
	for j := from; j < endB; j++ {
		out = append(out, edit{'+', b[j], endA, j})
	}
	return out
}

// group cuts a comparison into hunks: changes with their context.
func group(edits []edit, context int) [][]edit {
	var hunks [][]edit
	start, last := -1, -1
	for i, e := range edits {
		if e.op == ' ' {
			continue
		}
		if start >= 0 && i-last > 2*context {
			hunks = append(hunks, edits[start:min(last+1+context, len(edits))])
			start = -1
		}
		if start < 0 {
			start = max(i-context, 0)
		}
		last = i
	}
	if start >= 0 {
		hunks = append(hunks, edits[start:min(last+1+context, len(edits))])
	}
	return hunks
}

func writeHunk(b *strings.Builder, h []edit) {
	countA, countB := 0, 0
	for _, e := range h {
		if e.op != '+' {
			countA++
		}
		if e.op != '-' {
			countB++
		}
	}
	fmt.Fprintf(b, "@@ -%s +%s @@\n", span(h[0].a, countA), span(h[0].b, countB))
	for _, e := range h {
		b.WriteByte(e.op)
		b.WriteString(e.text)
	}
}

// span is a hunk's range as diff(1) writes it: one line has no count, none
// names the line before.
func span(first, count int) string {
	switch count {
	case 0:
		return fmt.Sprintf("%d,0", first)
	case 1:
		return fmt.Sprint(first + 1)
	}
	return fmt.Sprintf("%d,%d", first+1, count)
}
