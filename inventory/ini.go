package inventory

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollout/internal/document"
	"rollout/internal/value"
)

var (
	sectionLine = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?$`)
	groupLine   = regexp.MustCompile(`^([^:\]\s]+)\s*(?:#.*)?$`)
	lineEnd     = regexp.MustCompile(`\r\n|[\n\r\v\f\x1c\x1d\x1e\x{85}\x{2028}\x{2029}]`) // as Python's splitlines
)

// iniReader reads the format of ansible.builtin.ini: one pass over the lines,
// which begin as if under [ungrouped]. After a mistake it goes on to look for
// more, but nothing that follows counts.
type iniReader struct {
	inv     *Inventory
	spoilt  bool // inv is a copy that nobody will see
	file    string
	place   place
	errs    document.Errors
	group   string
	state   string // hosts, vars or children
	pending []*pendingGroup
}

// pendingGroup is a group that is used before it is declared.
type pendingGroup struct {
	name    string
	state   string
	pos     document.Position
	parents []string
}

// parseINI adds what an INI inventory says.
func parseINI(inv *Inventory, file string, data []byte, at place) error {
	r := &iniReader{inv: inv, file: file, place: at, group: Ungrouped, state: "hosts"}
	if !utf8.Valid(data) {
		data = withoutComments(data)
	}
	for i, raw := range lineEnd.Split(string(data), -1) {
		line := strings.TrimSpace(raw)
		if line == "" || line[0] == ';' || line[0] == '#' {
			continue
		}
		if !utf8.ValidString(line) {
			r.errs.Add(document.Position{File: file, Line: i + 1}, "the line is not UTF-8 text")
			r.spoil()
			continue
		}
		indent := strings.IndexFunc(raw, func(c rune) bool { return !unicode.IsSpace(c) })
		r.line(line, document.Position{File: file, Line: i + 1, Column: indent + 1})
		r.spoil()
	}
	r.undeclared()
	return r.errs.Err()
}

// withoutComments empties the lines that are comments: they may be in whatever
// encoding.
func withoutComments(data []byte) []byte {
	lines := bytes.Split(data, []byte("\n"))
	for i, line := range lines {
		if len(line) > 0 && (line[0] == '#' || line[0] == ';') {
			lines[i] = nil
		}
	}
	return bytes.Join(lines, []byte("\n"))
}

// spoil turns to a copy of the inventory once there was a mistake.
func (r *iniReader) spoil() {
	if !r.spoilt && r.errs.Err() != nil {
		r.inv, r.spoilt = r.inv.clone(), true
	}
}

func (r *iniReader) line(line string, pos document.Position) {
	if m := sectionLine.FindStringSubmatch(line); m != nil {
		r.section(m[1], m[2], pos)
		return
	}
	if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
		r.errs.Add(pos, "Invalid section entry: '%s': no spaces or other odd characters may stand in it", line)
		return
	}
	switch r.state {
	case "hosts":
		r.host(line, pos)
	case "vars":
		r.variable(line, pos)
	case "children":
		r.child(line, pos)
	}
}

func (r *iniReader) section(group, state string, pos document.Position) {
	if state == "" {
		state = "hosts"
	}
	kinds := []string{"hosts", "children", "vars"}
	group = r.inv.groupName(group)
	r.group, r.state = group, state
	if !slices.Contains(kinds, state) {
		r.errs.AddHint(pos, document.Suggest(state, kinds), "Section [%s:%s] has unknown type: %s", group, state, state)
		r.state = "skip"
		return
	}
	if r.inv.Group(group) == nil {
		if state == "vars" && r.waiting(group) == nil {
			r.pending = append(r.pending, &pendingGroup{name: group, state: state, pos: pos})
		}
		r.inv.AddGroup(group)
	}
	if w := r.waiting(group); w != nil && state != "vars" {
		r.declared(w)
	}
}

func (r *iniReader) waiting(group string) *pendingGroup {
	for _, w := range r.pending {
		if w.name == group {
			return w
		}
	}
	return nil
}

// declared joins a group that was waited for with its parents.
func (r *iniReader) declared(w *pendingGroup) {
	r.pending = slices.DeleteFunc(r.pending, func(o *pendingGroup) bool { return o == w })
	for _, parent := range w.parents {
		r.errs.Join(positioned(w.pos, r.inv.AddChild(parent, w.name)))
	}
}

// undeclared reports what was used but never declared.
func (r *iniReader) undeclared() {
	for _, w := range r.pending {
		if w.state == "vars" {
			r.errs.Add(w.pos, "Section [%s:vars] not valid for undefined group: %s", w.name, w.name)
			continue
		}
		for _, parent := range w.parents {
			r.errs.AddHint(w.pos, fmt.Sprintf("declare it with [%s]", w.name),
				"Section [%s:children] includes undefined group: %s", parent, w.name)
		}
	}
}

func (r *iniReader) child(line string, pos document.Position) {
	m := groupLine.FindStringSubmatch(line)
	if m == nil {
		r.errs.Add(pos, "Expected group name, got: %s", line)
		return
	}
	name := m[1]
	if r.inv.Group(name) != nil && r.waiting(name) == nil {
		r.errs.Join(positioned(pos, r.inv.AddChild(r.group, name)))
		return
	}
	w := r.waiting(name)
	if w == nil {
		w = &pendingGroup{name: name, state: "children", pos: pos}
		r.pending = append(r.pending, w)
	}
	w.parents = append(w.parents, r.group)
}

func (r *iniReader) variable(line string, pos document.Position) {
	key, val, ok := strings.Cut(line, "=")
	if !ok {
		r.errs.Add(pos, "Expected key=value, got: %s", line)
		return
	}
	r.errs.Join(positioned(pos, r.inv.setVariable(r.group, strings.TrimSpace(key), literal(strings.TrimSpace(val)))))
}

func (r *iniReader) host(line string, pos document.Position) {
	words, err := splitWords(line)
	if err != nil || len(words) == 0 {
		r.errs.Add(pos, "Error parsing host definition '%s': %v", line, err)
		return
	}
	names, port, err := expandHosts(words[0].text)
	switch {
	case err != nil:
		r.errs.Join(positioned(pos, err))
		return
	case slices.Contains(names, ""):
		r.errs.Add(pos, "Invalid empty host name")
		return
	case strings.HasSuffix(words[0].text, ":") && port == 0:
		r.errs.Add(pos, "Invalid host pattern '%s': a colon at its end is reserved for a port", words[0].text)
		return
	case words[0].text == "---":
		r.errs.Add(pos, "Invalid host pattern '---': this is normally a sign of a YAML file")
		return
	}
	vars, ok := r.hostVars(words[1:], pos)
	if !ok {
		return
	}
	for _, name := range names {
		r.place.addHost(r.inv, name, r.group, port)
		for key, val := range vars.All() {
			r.errs.Join(positioned(pos, r.inv.setVariable(name, key, val)))
		}
	}
}

// hostVars reads the key=value words of a host's line.
func (r *iniReader) hostVars(words []word, pos document.Position) (vars *value.Map, ok bool) {
	vars, ok = value.NewMap(), true
	for _, w := range words {
		key, val, found := strings.Cut(w.text, "=")
		if !found {
			at := pos
			at.Column += w.column - 1
			r.errs.Add(at, "Expected key=value host variable assignment, got: %s", w.text)
			ok = false
			continue
		}
		vars.Set(key, literal(val))
	}
	return vars, ok
}
