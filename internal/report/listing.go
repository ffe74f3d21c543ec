package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Listing is what a play would do: for --list-hosts, --list-tasks, --list-tags.
type Listing struct {
	Name     string
	Patterns []string // of its hosts
	Hosts    []string // that the patterns name, within --limit
	Tags     []string // of the play itself
	Tasks    []TaskListing
}

// TaskListing is one task of a play. What is included at run time is not known.
type TaskListing struct {
	Name string // with its role's
	Tags []string
}

// AllTags returns the tags of the play and of its tasks, sorted, each once.
func (l Listing) AllTags() []string {
	all := slices.Clone(l.Tags)
	for _, t := range l.Tasks {
		all = append(all, t.Tags...)
	}
	return sorted(all)
}

// ListingParts chooses what Listings prints beside the plays.
type ListingParts struct{ Hosts, Tasks, Tags bool }

// Any reports whether something is to be listed.
func (p ListingParts) Any() bool { return p.Hosts || p.Tasks || p.Tags }

// Listings prints the plays of a playbook in the form of ansible-playbook, but
// for its tags and hosts, which are in order here.
func Listings(out io.Writer, file string, plays []Listing, parts ListingParts) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\nplaybook: %s\n", file)
	for i, l := range plays {
		fmt.Fprintf(&b, "\n  play #%d (%s): %s\tTAGS: [%s]\n", i+1, strings.Join(l.Patterns, ","), l.Name, strings.Join(sorted(l.Tags), ","))
		l.write(&b, parts)
	}
	_, err := io.WriteString(out, b.String())
	return err
}

func (l Listing) write(b *strings.Builder, parts ListingParts) {
	if parts.Hosts {
		fmt.Fprintf(b, "    pattern: [%s]\n    hosts (%d):\n", strings.Join(pythonQuoted(l.Patterns), ", "), len(l.Hosts))
		for _, host := range l.Hosts {
			fmt.Fprintf(b, "      %s\n", host)
		}
	}
	if parts.Tasks {
		b.WriteString("    tasks:\n")
		for _, t := range l.Tasks {
			fmt.Fprintf(b, "      %s\tTAGS: [%s]\n", t.Name, strings.Join(sorted(t.Tags), ", "))
		}
	}
	if parts.Tags {
		fmt.Fprintf(b, "      TASK TAGS: [%s]\n", strings.Join(l.AllTags(), ", "))
	}
}

// pythonQuoted writes texts as Python's repr does.
func pythonQuoted(texts []string) []string {
	out := make([]string, len(texts))
	for i, s := range texts {
		quote := "'"
		if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
			quote = `"`
		}
		out[i] = quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote).Replace(s) + quote
	}
	return out
}

func sorted(tags []string) []string { return slices.Compact(slices.Sorted(slices.Values(tags))) }
