package classroom

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"rollout/internal/document"
)

// maxStudents bounds a count: a class, not a town.
const maxStudents = 1000

// students reads a list of names and mappings, or a count and a pattern.
func (d *decoder) students(n *document.Node) {
	switch n.Kind {
	case document.Sequence:
		for _, item := range n.Items {
			d.student(item)
		}
	case document.Mapping:
		d.counted(n)
	default:
		d.errs.AddHint(n.Pos, "a list of names, or {count: 30, pattern: student%02d}", "students must say who is in the class")
		return
	}
	if len(d.roster.Students) == 0 && d.errs.Len() == 0 {
		d.errs.Add(n.Pos, "the class has no students")
	}
}

// student reads a name, or {name: NAME, cloud: ENTRY, auth_url: URL}.
func (d *decoder) student(n *document.Node) {
	s := d.defaults
	s.Pos = n.Pos
	if n.Kind == document.Scalar {
		s.Name = d.textOf(n, "a student's name")
	} else {
		d.mapping(n, "a student", d.text("name", "name", &s.Name), d.text("cloud", "cloud", &s.Cloud),
			d.text("auth_url", "auth_url", &s.AuthURL))
		if n.Kind == document.Mapping && n.Get("name") == nil {
			d.errs.Add(n.Pos, "a student has no name")
		}
	}
	d.roster.Students = append(d.roster.Students, s)
}

// counted reads {count: 30, pattern: student%02d}; a cloud with such a pattern
// means credentials of each student's own.
func (d *decoder) counted(n *document.Node) {
	count, first, pattern, cloud := 0, 1, "", d.defaults.Cloud
	d.mapping(n, "students",
		field{"count", func(n *document.Node) { count = d.numberOf(n, "count", 1) }},
		field{"first", func(n *document.Node) { first = d.numberOf(n, "first", 0) }},
		d.text("pattern", "pattern", &pattern),
		d.text("cloud", "cloud", &cloud),
	)
	switch {
	case n.Get("count") == nil || n.Get("pattern") == nil:
		d.errs.AddHint(n.Pos, "such as {count: 30, pattern: student%02d}", "students need a count and a pattern")
		return
	case count > maxStudents:
		d.errs.Add(n.Get("count").Pos, "a class has %d students at most", maxStudents)
		return
	case !numbered(pattern):
		d.errs.AddHint(n.Get("pattern").Pos, "such as student%02d", "the pattern %q must hold one %%d or %%02d", pattern)
		return
	case strings.Contains(cloud, "%") && !numbered(cloud):
		d.errs.AddHint(n.Pos, "such as class-%02d", "the cloud %q must hold one %%d or %%02d, or no %%", cloud)
		return
	}
	for i := first; i < first+count; i++ {
		s := d.defaults
		s.Pos, s.Name, s.Cloud = n.Pos, number(pattern, i), number(cloud, i)
		d.roster.Students = append(d.roster.Students, s)
	}
}

var numberVerb = regexp.MustCompile(`%(0?)([1-9]?)d`)

// numbered reports whether a pattern holds one number and nothing else that
// begins with %.
func numbered(pattern string) bool {
	return len(numberVerb.FindAllString(pattern, -1)) == 1 && strings.Count(pattern, "%") == 1
}

// number writes i where the pattern says, with leading zeros where it asks for
// them. A text without a verb stays.
func number(pattern string, i int) string {
	return numberVerb.ReplaceAllStringFunc(pattern, func(verb string) string {
		m := numberVerb.FindStringSubmatch(verb)
		width, _ := strconv.Atoi(m[2]) // "" is 0
		if m[1] == "" {
			return fmt.Sprintf("%*d", width, i)
		}
		return fmt.Sprintf("%0*d", width, i)
	})
}

// Shared is the owner of what all students of the class need: networks and
// security groups.
const Shared = "classroom"

// inName reports whether a student's name can hold r: the name becomes part of
// host names.
func inName(r rune) bool {
	return r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// longestName leaves room for "-step-ssh" and tier names in a host name's 63.
const longestName = 40

// checkNames refuses names that are no names, stand twice, or whose prefix
// would catch what belongs to somebody else: ada and ada-lovelace. student1 and
// student10 are told apart by the prefix's dash.
func (d *decoder) checkNames() {
	var before []Student
	for _, s := range d.roster.Students {
		d.checkName(s)
		if s.Name != "" && d.checkPrefix(s, before) {
			before = append(before, s)
		}
	}
}

// checkPrefix compares a student with those before, and reports whether it is
// another one. The databases behind clouds may take a for A.
func (d *decoder) checkPrefix(s Student, before []Student) bool {
	prefix := strings.ToLower(s.Prefix())
	for _, t := range before {
		if prefix == strings.ToLower(t.Prefix()) {
			d.errs.Add(s.Pos, "the student %s stands twice, first in line %d", s.Name, t.Pos.Line)
			return false
		}
	}
	for _, t := range before {
		other := strings.ToLower(t.Prefix())
		longer, shorter := s, t
		if strings.HasPrefix(other, prefix) {
			longer, shorter = t, s
		}
		if strings.HasPrefix(prefix, other) || strings.HasPrefix(other, prefix) {
			d.errs.Add(s.Pos, "what is %s's would count as %s's too: all of it begins with %s", longer.Name, shorter.Name, shorter.Prefix())
		}
	}
	return true
}

func (d *decoder) checkName(s Student) {
	switch {
	case s.Name == "":
	case strings.ContainsFunc(s.Name, func(r rune) bool { return !inName(r) }):
		d.errs.Add(s.Pos, "%q can't be a student's name: only letters, digits and - can be in one", s.Name)
	case strings.HasPrefix(s.Name, "-") || strings.HasSuffix(s.Name, "-"):
		d.errs.Add(s.Pos, "%q can't be a student's name: it must begin and end with a letter or digit", s.Name)
	case strings.EqualFold(s.Name, Shared):
		d.errs.Add(s.Pos, "%q can't be a student's name: it stands for what the class shares", s.Name)
	case len(s.Name) > longestName:
		d.errs.Add(s.Pos, "%q can't be a student's name: it has more than %d characters", s.Name, longestName)
	}
}
