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
}

// Select returns the hosts that the patterns mean: first all plain ones add
// hosts, then those with & keep only theirs, then those with ! take theirs out.
func (inv *Inventory) Select(patterns ...string) (Selection, error) {
	var sel Selection
	for _, p := range inv.ordered(patterns) {
		hosts, err := inv.match(p, &sel)
		if err != nil {
			return Selection{}, err
		}
		these := map[*Host]bool{}
		for _, h := range hosts {
			these[h] = true
		}
		switch p[0] {
		case '!':
			sel.Hosts = slices.DeleteFunc(sel.Hosts, func(h *Host) bool { return these[h] })
		case '&':
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

// ordered splits the patterns and puts them in the order in which they apply;
// all comes first where none adds hosts.
func (inv *Inventory) ordered(patterns []string) []string {
	var plain, keep, drop []string
	for _, text := range patterns {
		for _, p := range SplitPattern(text) {
			switch p[0] {
			case '!':
				drop = append(drop, p)
			case '&':
				keep = append(keep, p)
			default:
				plain = append(plain, p)
			}
		}
	}
	if len(plain) == 0 && len(keep)+len(drop) > 0 {
		plain = []string{All}
	}
	return append(append(plain, keep...), drop...)
}

var subscript = regexp.MustCompile(`^(.+)\[(?:(-?[0-9]+)|([0-9]+)[:-]([0-9]*))\]$`)

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
	hosts, err := inv.enumerate(m[1], sel)
	if err != nil || len(hosts) == 0 {
		return nil, err
	}
	return slice(hosts, expr, m[2], m[3], m[4])
}

// slice takes one host, or from start to end, end included.
func slice(hosts []*Host, expr, one, start, end string) ([]*Host, error) {
	first, err := strconv.Atoi(one + start)
	if err != nil {
		return nil, fmt.Errorf("cannot use the host pattern %q: %w", expr, err)
	}
	if one != "" {
		if first < 0 {
			first += len(hosts)
		}
		if first < 0 || first >= len(hosts) {
			return nil, fmt.Errorf("no hosts matched the subscripted pattern %q: there are %d", expr, len(hosts))
		}
		return hosts[first : first+1], nil
	}
	last := len(hosts) - 1
	if end != "" {
		if last, err = strconv.Atoi(end); err != nil {
			return nil, fmt.Errorf("cannot use the host pattern %q: %w", expr, err)
		}
	}
	first, last = min(first, len(hosts)), min(last, len(hosts)-1)
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
		if matches(g.Name) {
			group = true
			out = appendNew(out, inv.HostsOf(g))
		}
	}
	if !group || expr[0] == '~' || strings.ContainsAny(expr, ".?*[") {
		out = appendNew(out, slices.DeleteFunc(slices.Clone(inv.hosts), func(h *Host) bool { return !matches(h.Name) }))
	}
	if len(out) == 0 && slices.Contains(localNames, expr) {
		out = append(out, inv.Host(expr))
	}
	if len(out) == 0 && !group {
		sel.Unmatched = append(sel.Unmatched, expr)
	}
	return out, nil
}

// matcher compiles a wildcard, or a regular expression after ~, which needs to
// match from the beginning only.
func matcher(expr string) (func(string) bool, error) {
	if rest, ok := strings.CutPrefix(expr, "~"); ok {
		re, err := regexp.Compile(`^(?:` + rest + `)`)
		if err != nil {
			return nil, fmt.Errorf("invalid host list pattern %q: %w", expr, err)
		}
		return re.MatchString, nil
	}
	if !strings.ContainsAny(expr, "*?[") {
		return func(name string) bool { return name == expr }, nil
	}
	re, err := regexp.Compile(`(?s)^` + globRegexp(expr) + `$`)
	if err != nil {
		return nil, fmt.Errorf("invalid host list pattern %q: %w", expr, err)
	}
	return re.MatchString, nil
}

// globRegexp translates *, ?, [abc] and [!abc] as Python's fnmatch does.
func globRegexp(glob string) string {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteString(".")
		case '[':
			end := classEnd(glob, i)
			if end < 0 {
				b.WriteString(`\[`)
				continue
			}
			b.WriteString(class(glob[i+1 : end]))
			i = end
		default:
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	return b.String()
}

// classEnd finds the ] that ends the class begun at i; a ] right after the
// beginning belongs to it.
func classEnd(glob string, i int) int {
	j := i + 1
	if j < len(glob) && glob[j] == '!' {
		j++
	}
	if j < len(glob) && glob[j] == ']' {
		j++
	}
	if k := strings.IndexByte(glob[min(j, len(glob)):], ']'); k >= 0 {
		return j + k
	}
	return -1
}

func class(inner string) string {
	not := ""
	if rest, ok := strings.CutPrefix(inner, "!"); ok {
		inner, not = rest, "^"
	}
	escaped := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, `^`, `\^`, `&`, `\&`).Replace(inner)
	return "[" + not + escaped + "]"
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
