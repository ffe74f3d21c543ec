package module

import "strings"

// Lines splits as Python's splitlines does for the line ends that occur.
func Lines(s string) []any {
	out := []any{}
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	if s == "" {
		return out
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\n"), "\n") {
		out = append(out, line)
	}
	return out
}
