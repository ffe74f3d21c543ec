package lint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Sort puts findings in the order of their places, files in that of their first
// finding, and drops what is said twice.
func Sort(list []Finding) []Finding {
	rank := map[string]int{}
	said := map[string]bool{}
	out := slices.DeleteFunc(slices.Clone(list), func(f Finding) bool {
		if _, known := rank[f.Pos.File]; !known {
			rank[f.Pos.File] = len(rank)
		}
		key := f.Error.Error()
		again := said[key]
		said[key] = true
		return again
	})
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(rank[a.Pos.File]-rank[b.Pos.File], a.Pos.Line-b.Pos.Line, a.Pos.Column-b.Pos.Column)
	})
	return out
}

// Count tells how many findings are mistakes, and how many warnings.
func Count(list []Finding) (mistakes, warnings int) {
	for _, f := range list {
		if f.Warning {
			warnings++
		} else {
			mistakes++
		}
	}
	return mistakes, warnings
}

func (f Finding) severity() string {
	if f.Warning {
		return "warning"
	}
	return "error"
}

// Print writes findings for a person: place, what it is, the line with a mark.
func Print(w io.Writer, list []Finding) error {
	for _, f := range list {
		shown := f.Error
		shown.Message = fmt.Sprintf("%s: %s", f.severity(), f.Message)
		text, rest, more := strings.Cut(shown.Detail(), "\n")
		if _, err := fmt.Fprintf(w, "%s [%s]\n", text, f.Rule); err != nil {
			return err
		}
		if !more {
			continue
		}
		if _, err := fmt.Fprintln(w, rest); err != nil {
			return err
		}
	}
	mistakes, warnings := Count(list)
	_, err := fmt.Fprintf(w, "%s, %s\n", count(mistakes, "mistake"), count(warnings, "warning"))
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// entry is a finding in JSON.
type entry struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Severity string `json:"severity"` // error or warning
	Rule     string `json:"rule"`
	Message  string `json:"message"`
	Hint     string `json:"hint,omitempty"`
}

// PrintJSON writes findings for a program.
func PrintJSON(w io.Writer, list []Finding) error {
	out := struct {
		Findings []entry `json:"findings"`
		Mistakes int     `json:"mistakes"`
		Warnings int     `json:"warnings"`
	}{Findings: []entry{}}
	for _, f := range list {
		out.Findings = append(out.Findings, entry{f.Pos.File, f.Pos.Line, f.Pos.Column, f.severity(), f.Rule, f.Message, f.Hint})
	}
	out.Mistakes, out.Warnings = Count(list)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}
