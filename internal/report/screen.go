package report

import (
	"fmt"
	"io"
	"strings"
)

// Screen shows a block of text that changes: in place on a terminal, one after
// the other elsewhere.
type Screen struct {
	Out     io.Writer
	InPlace bool // Out is a terminal
	shown   bool
}

// Show takes the place of what was shown before. On a terminal the block begins
// at the top, and what was there stays in the terminal's history.
func (s *Screen) Show(block string) error {
	text := block
	if s.InPlace {
		start := "\033[H"
		if !s.shown {
			start = "\033[2J\033[H"
		}
		text = start + strings.ReplaceAll(block, "\n", "\033[K\n") + "\033[J"
	} else if s.shown {
		text = "\n" + block
	}
	s.shown = true
	if _, err := io.WriteString(s.Out, text); err != nil {
		return fmt.Errorf("cannot show what is there: %w", err)
	}
	return nil
}
