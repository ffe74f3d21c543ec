package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Table prints rows under a header in the frame that the openstack command
// line draws. Control characters in cells are made visible, so that a name or a
// log line can't steer the terminal.
func Table(out io.Writer, header []string, rows [][]string) error {
	t := tablewriter.NewTable(out,
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAlignment(tw.AlignLeft),
		tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{Symbols: tw.NewSymbols(tw.StyleASCII)})),
	)
	t.Header(header)
	for _, row := range rows {
		clean := make([]string, len(row))
		for i, cell := range row {
			clean[i] = Printable(cell)
		}
		if err := t.Append(clean); err != nil {
			return fmt.Errorf("cannot print a table: %w", err)
		}
	}
	if err := t.Render(); err != nil {
		return fmt.Errorf("cannot print a table: %w", err)
	}
	return nil
}

// Printable replaces control characters but newlines and tabs by their escapes.
func Printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && r != '\t' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0) {
			fmt.Fprintf(&b, "\\x%02x", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
