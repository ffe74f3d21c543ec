package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// diffCause is why a task of no plan would change something, as far as its diff
// says: which file, and how much of it. The text itself stands in --diff.
func diffCause(diffs []Diff) string {
	var parts []string
	for _, d := range diffs {
		if part := d.cause(); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}

func (d Diff) cause() string {
	if keys := d.attributes(); len(keys) > 0 {
		return strings.TrimPrefix(d.BeforeHeader+": ", ": ") + strings.Join(keys, ", ")
	}
	name := cmp.Or(d.Of, d.BeforeHeader, d.AfterHeader)
	added, removed := 0, 0
	for _, e := range compare(splitLines(d.Before), splitLines(d.After)) {
		switch e.op {
		case '+':
			added++
		case '-':
			removed++
		}
	}
	var lines []string
	if added > 0 {
		lines = append(lines, fmt.Sprintf("+%d", added))
	}
	if removed > 0 {
		lines = append(lines, fmt.Sprintf("-%d", removed))
	}
	if name == "" || len(lines) == 0 {
		return name
	}
	unit := " lines)"
	if added+removed == 1 {
		unit = " line)"
	}
	return name + " (" + strings.Join(lines, " ") + unit
}

// attributes are the lines of a diff that holds a thing's attributes and not its
// text: "mode is 0644, should be 0600".
func (d Diff) attributes() []string {
	before, after := attributesOf(d.Before), attributesOf(d.After)
	if d.BeforeHeader != d.AfterHeader || before == nil || after == nil {
		return nil
	}
	var out []string
	for _, key := range attributeNames() {
		if want, said := after[key]; said && want != before[key] {
			out = append(out, fmt.Sprintf("%s is %s, should be %s", key, before[key], want))
		}
	}
	return out
}

func attributeNames() []string {
	return []string{"state", "src", "owner", "group", "mode", "atime", "mtime"}
}

// attributesOf reads "key: value" lines; nil where there is any other.
func attributesOf(text string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(text) {
		key, val, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if !ok || key != "path" && !slices.Contains(attributeNames(), key) {
			return nil
		}
		out[key] = val
	}
	return out
}
