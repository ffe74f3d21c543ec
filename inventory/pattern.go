package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// SplitPattern splits host patterns at commas, or, where there are none, at
// colons that are neither part of an address nor of a range:
// "a,b[1:2]" → a, b[1:2]; "web:&lab:!old" → web, &lab, !old.
func SplitPattern(pattern string) []string {
	var parts []string
	switch {
	case strings.Contains(pattern, ","):
		parts = strings.Split(pattern, ",")
	case isAddress(pattern):
		parts = []string{pattern}
	default:
		parts = betweenColons.FindAllString(pattern, -1)
	}
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

var betweenColons = regexp.MustCompile(`(?:[^\s:\[\]]|\[[^\]]*\])+`)

// Selection is what patterns mean.
type Selection struct {
	Hosts     []*Host  // each once, in the order of the patterns and the inventory
	Unmatched []string // patterns that mean no group and no host
	Warnings  []string // what else a person should know
}

// Match returns the hosts that a text of one or several patterns means.
func (inv *Inventory) Match(text string) (Selection, error) {
	return inv.Select(SplitPattern(text)...)
}

// Select returns the hosts that the patterns mean, each one as SplitPattern
// gives them: first all plain ones add hosts, then those with & keep only
// theirs, then those with ! take theirs out.
func (inv *Inventory) Select(patterns ...string) (Selection, error) {
	var sel Selection
	for _, p := range ordered(patterns) {
		hosts, err := inv.match(p, &sel)
		if err != nil {
			return Selection{}, err
		}
		these := map[*Host]bool{}
		for _, h := range hosts {
			these[h] = true
		}
		switch {
		case inv.byHost[p] != nil: // whatever it begins with
			sel.Hosts = appendNew(sel.Hosts, hosts)
		case p[0] == '!':
			sel.Hosts = slices.DeleteFunc(sel.Hosts, func(h *Host) bool { return these[h] })
		case p[0] == '&':
			sel.Hosts = slices.DeleteFunc(sel.Hosts, func(h *Host) bool { return !these[h] })
		default:
			sel.Hosts = appendNew(sel.Hosts, hosts)
		}
	}
	return sel, nil
}

// appendNew appends the hosts that are not in list yet.
func appendNew(list, more []*Host) []*Host {
	seen := make(map[*Host]bool, len(list)+len(more))
	for _, h := range list {
		seen[h] = true
	}
	for _, h := range more {
		if !seen[h] {
			seen[h] = true
			list = append(list, h)
		}
	}
	return list
}

// ordered puts the patterns in the order in which they apply; all comes first
// where none adds hosts.
func ordered(patterns []string) []string {
	var plain, keep, drop []string
	for _, p := range patterns {
		switch {
		case p == "":
		case p[0] == '!':
			drop = append(drop, p)
		case p[0] == '&':
			keep = append(keep, p)
		default:
			plain = append(plain, p)
		}
	}
	if len(plain) == 0 {
		plain = []string{All}
	}
	return append(append(plain, keep...), drop...)
}

var subscript = regexp.MustCompile(`(?s)^(.+)\[(?:(-?[0-9]+)|([0-9]+)([:-])([0-9]*))\]$`)

// match returns the hosts of one pattern, whose & or ! doesn't matter here.
func (inv *Inventory) match(pattern string, sel *Selection) ([]*Host, error) {
	if h := inv.byHost[pattern]; h != nil {
		return []*Host{h}, nil
	}
	expr := strings.TrimLeft(pattern[:1], "&!") + pattern[1:]
	if expr == "" {
		return nil, fmt.Errorf("cannot use the host pattern %q: nothing follows %s", pattern, pattern)
	}
	m := subscript.FindStringSubmatch(expr)
	if m == nil || expr[0] == '~' {
		return inv.enumerate(expr, sel)
	}
	if m[4] == "-" {
		sel.Warnings = append(sel.Warnings, "Use [x:y] inclusive subscripts instead of [x-y] which has been removed")
	}
	hosts, err := inv.enumerate(m[1], sel)
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	return slice(hosts, expr, m[2]+m[3], m[4] != "", m[5])
}

// slice takes one host, or from start to end, end included. Ansible takes an
// end of 0 for none: web[2:0] is web[2].
func slice(hosts []*Host, expr, start string, isRange bool, end string) ([]*Host, error) {
	first, err := strconv.Atoi(start)
	if err != nil {
		return nil, fmt.Errorf("cannot use the host pattern %q: %w", expr, err)
	}
	last := len(hosts) - 1
	if end != "" {
		if last, err = strconv.Atoi(end); err != nil {
			return nil, fmt.Errorf("cannot use the host pattern %q: %w", expr, err)
		}
	}
	if !isRange || end != "" && last == 0 {
		if first < 0 {
			first += len(hosts)
		}
		if first < 0 || first >= len(hosts) {
			return nil, fmt.Errorf("no hosts matched the subscripted pattern '%s'", expr)
		}
		return hosts[first : first+1], nil
	}
	last = min(last, len(hosts)-1)
	if last < first {
		return nil, nil
	}
	return hosts[first : last+1], nil
}

// enumerate returns the hosts of the groups that match and, for a wildcard or
// where no group does, the hosts that match.
func (inv *Inventory) enumerate(expr string, sel *Selection) ([]*Host, error) {
	matches, err := matcher(expr)
	if err != nil {
		return nil, err
	}
	var out []*Host
	group := false
	for _, g := range inv.groups {
		yes, err := matches(g.Name)
		if err != nil {
			return nil, fmt.Errorf("cannot use the host pattern %q: %w", expr, err)
		}
		if yes {
			group = true
			out = appendNew(out, inv.HostsOf(g))
		}
	}
	if !group || expr[0] == '~' || strings.ContainsAny(expr, ".?*[") {
		var named []*Host
		for _, h := range inv.hosts {
			yes, err := matches(h.Name)
			if err != nil {
				return nil, fmt.Errorf("cannot use the host pattern %q: %w", expr, err)
			}
			if yes {
				named = append(named, h)
			}
		}
		out = appendNew(out, named)
	}
	if len(out) == 0 && slices.Contains(localNames, expr) {
		out = append(out, inv.Host(expr))
	}
	if len(out) == 0 && !group {
		sel.Unmatched = append(sel.Unmatched, expr)
	}
	return out, nil
}

// Reorder puts hosts in the order a play asks for: "", inventory,
// reverse_inventory, sorted, reverse_sorted or shuffle, which uses shuffle.
func Reorder(hosts []*Host, order string, shuffle func(n int, swap func(i, j int))) ([]*Host, error) {
	out := slices.Clone(hosts)
	byName := func(a, b *Host) int { return strings.Compare(a.Name, b.Name) }
	switch order {
	case "", "inventory":
	case "reverse_inventory":
		slices.Reverse(out)
	case "sorted":
		slices.SortStableFunc(out, byName)
	case "reverse_sorted":
		slices.SortStableFunc(out, func(a, b *Host) int { return byName(b, a) })
	case "shuffle":
		shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	default:
		return nil, fmt.Errorf("invalid order %q (one of inventory, reverse_inventory, sorted, reverse_sorted, shuffle)", order)
	}
	return out, nil
}
