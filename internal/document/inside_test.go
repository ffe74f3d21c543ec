package document

import (
	"strings"
	"testing"
)

// A mark in a text is found where it stands in the file.
func TestInsideFindsCharacters(t *testing.T) {
	for name, file := range map[string]string{
		"plain":         "a: one <two\n",
		"quoted":        "a: \"one <two\"\n",
		"single quoted": "a: 'one <two'\n",
		"literal":       "a: |\n  one\n   two <three\n",
		"literal kept":  "a: |+\n\n  one <two\n",
		"folded":        "a: >-\n  one\n  two <three\n",
		"plain folded":  "a: one\n   two <three\n   four\n",
		"wide":          "a: 日本 <two\n",
		"in a list":     "- x: [a, one <two]\n",
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := Parse("f.yml", []byte(file))
			if err != nil {
				t.Fatal(err)
			}
			n := marked(doc)
			before, _, _ := strings.Cut(n.Text, "<")
			line := 1 + strings.Count(before, "\n")
			column := 1 + len([]rune(before[strings.LastIndexByte(before, '\n')+1:]))
			got := n.Inside(line, column, strings.Split(file, "\n"))
			rows := strings.Split(file, "\n")
			if row := []rune(rows[got.Line-1]); got.Column > len(row) || row[got.Column-1] != '<' {
				t.Errorf("%q: %d:%d of the text is %s", file, line, column, got)
			}
		})
	}
}

// marked is the scalar that holds a <.
func marked(n *Node) *Node {
	if n.Kind == Scalar && strings.Contains(n.Text, "<") {
		return n
	}
	for _, item := range n.Items {
		if m := marked(item); m != nil {
			return m
		}
	}
	for _, e := range n.Entries {
		if m := marked(e.Value); m != nil {
			return m
		}
	}
	return nil
}

// Where the text is written otherwise, the node's own place has to do.
func TestInsideGivesUp(t *testing.T) {
	file := "a: \"one\\ttwo <three\"\n"
	doc, err := Parse("f.yml", []byte(file))
	if err != nil {
		t.Fatal(err)
	}
	n := doc.Entries[0].Value
	if got := n.Inside(1, 9, strings.Split(file, "\n")); got != n.Pos {
		t.Errorf("%s, want %s", got, n.Pos)
	}
	if got := n.Inside(7, 1, nil); got != n.Pos {
		t.Errorf("%s, want %s", got, n.Pos)
	}
}

func TestTheCaretStandsUnderWideCharacters(t *testing.T) {
	err := &Error{Pos: Position{File: "x.yml", Line: 1, Column: 4}, Message: "no", Source: "名: <"}
	want := "x.yml:1:4: no\n    名: <\n        ^"
	if got := err.Detail(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
