package document

import "strings"

// Inside returns the place in its file of a character of the node's text, by
// its line and column in that text, both from 1. source holds the file's lines.
// Where the text stands there otherwise than it reads (escapes), that is the
// node's own place.
func (n *Node) Inside(line, column int, source []string) Position {
	texts := strings.Split(n.Text, "\n")
	if n.Kind != Scalar || line < 1 || line > len(texts) || n.Pos.Line < 1 || n.Pos.Line > len(source) {
		return n.Pos
	}
	head := runesFrom(source[n.Pos.Line-1], n.Pos.Column)
	text := []rune(texts[line-1])
	if column < 1 || column > len(text)+1 {
		return n.Pos
	}
	switch {
	case n.Quoted && (hasRune(head, 0, '|') || hasRune(head, 0, '>')):
		return n.inBlock(line, column, text, source)
	case line == 1 && hasRunes(head, 0, text):
		return n.at(n.Pos.Line, n.Pos.Column+column-1)
	case line == 1 && n.Quoted && hasRunes(head, 1, text):
		return n.at(n.Pos.Line, n.Pos.Column+column)
	case line == 1 && len(texts) == 1 && !n.Quoted:
		return n.inFold(n.Pos.Line, n.Pos.Column, column, text, source)
	}
	return n.Pos
}

func (n *Node) at(line, column int) Position {
	return Position{File: n.Pos.File, Line: line, Column: column}
}

// inBlock finds a line of a block scalar: literal ones stand line by line,
// folded ones wherever their pieces do.
func (n *Node) inBlock(line, column int, text []rune, source []string) Position {
	if at := n.Pos.Line + line; at <= len(source) {
		row := []rune(source[at-1])
		indent := len(row) - len(text)
		if indent > 0 && hasRunes(row, indent, text) {
			return n.at(at, indent+column)
		}
	}
	if line == 1 {
		return n.inFold(n.Pos.Line+1, 1, column, text, source)
	}
	return n.Pos
}

// inFold follows a text whose lines are folded into one, from a place on.
func (n *Node) inFold(line, from, column int, text []rune, source []string) Position {
	done := 0
	for ; line <= len(source); line, from = line+1, 1 {
		row := runesFrom(source[line-1], from)
		piece := []rune(strings.TrimSpace(string(row)))
		if len(piece) == 0 || !hasRunes(text, done, piece) {
			return n.Pos
		}
		if column <= done+len(piece) {
			indent := len(row) - len([]rune(strings.TrimLeft(string(row), " ")))
			return n.at(line, from+indent+column-1-done)
		}
		done += len(piece) + 1
	}
	return n.Pos
}

// runesFrom returns what stands in a line from a column on.
func runesFrom(line string, column int) []rune {
	runes := []rune(line)
	if column < 1 || column > len(runes) {
		return nil
	}
	return runes[column-1:]
}

func hasRune(row []rune, at int, want rune) bool { return at < len(row) && row[at] == want }

func hasRunes(row []rune, at int, want []rune) bool {
	return at+len(want) <= len(row) && string(row[at:at+len(want)]) == string(want)
}
