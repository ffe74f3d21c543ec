package classroom

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollout/internal/value"
)

// Server is what the class's cloud has.
type Server struct {
	Name, Status, Fault string
	Address             string // its floating IP; "" where it has none
	Fixed               string // its first address of its own
}

// Layout is what each student is to roll out.
type Layout struct {
	App   string
	Tiers []Tier // in link order
	// Page is where the application answers, a template over address, and
	// PageStatus what it answers with.
	Page       string
	PageStatus int
}

// Tier is one layer of the application.
type Tier struct {
	Name  string
	Count int
	Front bool // it has a floating IP, so that its page can be asked for
}

// Progress is how far a student has come.
type Progress struct {
	Student  Student
	Step     *Server // nil where it is not there
	AllInOne *Server
	Tiers    [][]Server // by tier, in the layout's order
	Other    []Server   // has the student's prefix, and is none of these
	Page     Page
}

// Page is whether the application answers. Without an Address there is nothing
// to ask.
type Page struct {
	Address string // floating IP of what should answer
	URL     string
	Answers bool
	Text    string // "200", or why there is no answer
}

// Progress sorts the servers of the class by student and step.
func (r *Roster) Progress(students []Student, layout Layout, servers []Server) []Progress {
	of := map[string][]Server{}
	for _, s := range servers {
		if student := r.Of(s.Name); student != nil {
			of[student.Name] = append(of[student.Name], s)
		}
	}
	var out []Progress
	for _, s := range students {
		out = append(out, progressOf(s, layout, of[s.Name]))
	}
	return out
}

func progressOf(s Student, layout Layout, servers []Server) Progress {
	p := Progress{Student: s, Tiers: make([][]Server, len(layout.Tiers))}
	for _, server := range servers {
		rest := strings.TrimPrefix(server.Name, s.Prefix())
		tier := slices.IndexFunc(layout.Tiers, func(t Tier) bool { return isVMOf(rest, t.Name) })
		switch {
		case server.Name == s.Server():
			p.Step = &server
		case rest == layout.App+"-all":
			p.AllInOne = &server
		case tier >= 0:
			p.Tiers[tier] = append(p.Tiers[tier], server)
		default:
			p.Other = append(p.Other, server)
		}
	}
	p.Page.Address = p.front(layout)
	return p
}

// isVMOf reports whether what follows the prefix is a tier's name and an index.
func isVMOf(rest, tier string) bool {
	index, ok := strings.CutPrefix(rest, tier+"-")
	return ok && index != "" && strings.Trim(index, "0123456789") == ""
}

// front is where the page is: at the last tier in link order that has a
// floating IP, else at the VM that runs everything.
func (p Progress) front(layout Layout) string {
	for i := len(layout.Tiers) - 1; i >= 0; i-- {
		if !layout.Tiers[i].Front {
			continue
		}
		for _, s := range p.Tiers[i] {
			if s.Address != "" {
				return s.Address
			}
		}
	}
	if p.AllInOne != nil {
		return p.AllInOne.Address
	}
	return ""
}

// Header is that of Row.
func (l Layout) Header() []string {
	out := []string{"Student", "Step server", "All in one"}
	for _, t := range l.Tiers {
		out = append(out, t.Name)
	}
	return append(out, "Page")
}

// Row is a line of the table.
func (p Progress) Row(l Layout) []string {
	out := []string{p.Student.Name, one(p.Step), one(p.AllInOne)}
	for i, t := range l.Tiers {
		out = append(out, several(p.Tiers[i], t.Count))
	}
	return append(out, p.Page.cell())
}

func (g Page) cell() string {
	switch {
	case g.Address == "":
		return "-"
	case g.Answers:
		return "answers: " + g.URL
	}
	return g.Text
}

func one(s *Server) string {
	if s == nil {
		return "-"
	}
	return s.text()
}

func (s Server) text() string {
	if s.Fault != "" {
		return s.Status + ": " + shortened(s.Fault)
	}
	return s.Status
}

// shortened keeps a fault within a column.
func shortened(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return text
}

// several is one status, or how many of those wanted are ACTIVE and what the
// others are.
func several(servers []Server, want int) string {
	switch {
	case len(servers) == 0:
		return "-"
	case len(servers) == 1 && want <= 1:
		return servers[0].text()
	}
	active, others := 0, map[string]int{}
	for _, s := range servers {
		if s.Status == "ACTIVE" {
			active++
			continue
		}
		others[s.Status]++
	}
	out := fmt.Sprintf("%d of %d ACTIVE", active, max(want, len(servers)))
	for _, status := range slices.Sorted(maps.Keys(others)) {
		out += fmt.Sprintf(", %d %s", others[status], status)
	}
	return out
}

// Map is the progress for programs.
func (p Progress) Map(l Layout) *value.Map {
	tiers := value.NewMap()
	for i, t := range l.Tiers {
		list := []any{}
		for _, s := range p.Tiers[i] {
			list = append(list, serverMap(&s))
		}
		tiers.Set(t.Name, list)
	}
	other := []any{}
	for _, s := range p.Other {
		other = append(other, serverMap(&s))
	}
	page := value.NewMap("url", nil, "answers", p.Page.Answers, "text", p.Page.Text)
	if p.Page.URL != "" {
		page.Set("url", p.Page.URL)
	}
	return value.NewMap("student", p.Student.Name, "step_server", serverMap(p.Step), "all_in_one", serverMap(p.AllInOne),
		"tiers", tiers, "other", other, "page", page)
}

func serverMap(s *Server) any {
	if s == nil {
		return nil
	}
	return value.NewMap("name", s.Name, "status", s.Status, "fault", s.Fault, "floating_ip", s.Address)
}
