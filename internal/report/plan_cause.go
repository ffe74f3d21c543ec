package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/value"
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
		return strings.TrimPrefix(cmp.Or(d.Of, d.BeforeHeader)+": ", ": ") + strings.Join(keys, ", ")
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

// attributesOf reads attributes in JSON; nil where there is anything else.
func attributesOf(text string) map[string]string {
	v, err := value.FromJSON([]byte(text))
	data, isMap := v.(*value.Map)
	if err != nil || !isMap {
		return nil
	}
	out := map[string]string{}
	for k, v := range data.All() {
		key := fmt.Sprint(k)
		if key != "path" && key != "path_content" && !slices.Contains(attributeNames(), key) {
			return nil
		}
		out[key] = fmt.Sprint(v)
	}
	return out
}
