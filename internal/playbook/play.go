package playbook

import (
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
)

// playbook reads a file of plays; inherited is what an import_playbook that
// leads here adds, or nil.
func (r *reader) playbook(path string, pos document.Position, inherited *imported) []*Play {
	if !r.enter(path, pos, "playbook") {
		return nil
	}
	defer r.leave()
	r.l.besideBook(path)
	r.l.found(filepath.Dir(path))
	doc := r.read(path, pos)
	if doc == nil {
		return nil
	}
	if doc.Kind != document.Sequence {
		r.errs.AddHint(doc.Pos, "begin each play with a dash: - hosts: all", "a playbook must be a list of plays, not %s", kindOf(doc))
		return nil
	}
	if len(doc.Items) == 0 {
		r.errs.Add(doc.Pos, "a playbook must contain at least one play")
	}
	var plays []*Play
	for _, n := range doc.Items {
		plays = append(plays, r.playOrImport(n, path, inherited)...)
	}
	return plays
}

// imported is what import_playbook passes on to the plays it leads to.
type imported struct {
	tags []string
	when []*document.Node
	vars []*document.Node
}

func (r *reader) playOrImport(n *document.Node, path string, outer *imported) []*Play {
	if n.Kind != document.Mapping {
		r.errs.Add(n.Pos, "a play must be a mapping, not %s", kindOf(n))
		return nil
	}
	for _, word := range []string{"import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"} {
		if target := n.Get(word); target != nil {
			return r.importPlaybook(n, word, target, path, outer)
		}
	}
	if play := r.play(n, path, outer); play != nil {
		return []*Play{play}
	}
	return nil
}

func (r *reader) importPlaybook(n *document.Node, word string, target *document.Node, path string, outer *imported) []*Play {
	if word == "include" {
		r.deprecate(n.Pos, "'include' of a playbook is deprecated: use 'import_playbook'")
	}
	r.unknown(n, []string{word, "name", "vars", "when", "tags"}, "PlaybookInclude")
	in := &imported{}
	if outer != nil {
		*in = *outer
	}
	in.vars = append(r.varMappings(n.Get("vars"), "PlaybookInclude"), in.vars...) // the outermost wins
	in.tags = appendNew(in.tags[:len(in.tags):len(in.tags)], r.tags(n.Get("tags"))...)
	in.when = append(in.when[:len(in.when):len(in.when)], r.conditions("when", n.Get("when"))...)
	file, ok := r.importTarget(target, in)
	if !ok {
		return nil
	}
	dir := filepath.Dir(path)
	if found := r.l.collectionBook(file, dir); found != "" {
		return r.playbook(found, target.Pos, in)
	}
	return r.playbook(r.l.find(join(dir, file)), target.Pos, in)
}

// importTarget splits "file.yml key=value ..." as the old form allows.
func (r *reader) importTarget(target *document.Node, in *imported) (string, bool) {
	text, ok := r.expand(target, "the playbook to import", in.vars)
	if !ok {
		return "", false
	}
	words, err := SplitArgs(text)
	if err != nil || len(words) == 0 {
		r.errs.Add(target.Pos, "import_playbook must name the file to import")
		return "", false
	}
	pairs, _, err := ParseKV(strings.Join(words[1:], " "), false)
	if err != nil || len(pairs) == 0 {
		return strings.TrimSpace(words[0]), true
	}
	r.deprecate(target.Pos, "parameters beside the file of import_playbook are deprecated: use 'vars'")
	params := &document.Node{Kind: document.Mapping, Pos: target.Pos, Entries: pairEntries(pairs, target, r.lines(target.Pos.File))}
	if tags := params.Get("tags"); tags != nil {
		in.tags = appendNew(in.tags, r.tags(tags)...)
	}
	in.vars = append([]*document.Node{params}, in.vars...)
	return strings.TrimSpace(words[0]), true
}

// play reads one play.
func (r *reader) play(n *document.Node, path string, outer *imported) *Play {
	n = r.modernize(n, "user", "sudo", "sudo_user", "sudo_exe", "sudo_flags", "su", "su_user")
	r.unknown(n, playWords(), "Play")
	p := &Play{Pos: n.Pos, Path: path, Dir: filepath.Dir(path), Hosts: n.Get("hosts")}
	r.checkHosts(p, n)
	r.playSettings(p, n)
	r.playVars(p, n, outer)
	p.Keywords = r.inherit(n, Keywords{}, "Play")
	p.Keywords.Vars = nil
	p.Collections = r.l.searched(p.Collections, r.l.collectionOf(path))
	if outer != nil {
		p.Tags = appendNew(p.Tags, outer.tags...)
		p.When = outer.when
	}
	s := scope{Keywords: p.Keywords, play: p, path: path}
	p.Handlers = r.section(n, "handlers", s)
	p.PreTasks = r.section(n, "pre_tasks", s)
	p.Roles = r.roles(n.Get("roles"), s)
	p.Tasks = r.section(n, "tasks", s)
	p.PostTasks = r.section(n, "post_tasks", s)
	p.Imported = importedInto(p)
	return p
}

// scopeVars puts the play's vars before those of a place in it.
func (p *Play) scopeVars(inner []*document.Node) []*document.Node {
	if p.Vars == nil {
		return inner
	}
	return append([]*document.Node{p.Vars}, inner...)
}

// importedInto returns the roles that import_role brought into a play.
func importedInto(p *Play) []*RoleUse {
	out := ImportedRoles(p.PreTasks)
	for _, use := range p.Roles {
		for _, u := range use.All() {
			out = append(out, ImportedRoles(u.Tasks)...)
		}
	}
	return append(append(out, ImportedRoles(p.Tasks)...), ImportedRoles(p.PostTasks)...)
}

func (r *reader) section(n *document.Node, name string, s scope) []Item {
	s.handlers = name == "handlers"
	return r.items(n.Get(name), name, s)
}

// checkHosts wants a pattern, a list of patterns, or a template.
func (r *reader) checkHosts(p *Play, n *document.Node) {
	if p.Hosts == nil {
		r.errs.AddHint(n.Pos, "say which hosts, such as hosts: all", "the field 'hosts' is required but was not set")
		return
	}
	var names []string
	for _, h := range listOf(p.Hosts) {
		if h.Kind != document.Scalar || h.Value == nil {
			r.errs.Add(h.Pos, "the hosts list contains an invalid host value: it must be a pattern, not %s", kindOf(h))
			return
		}
		names = append(names, h.Text)
	}
	if strings.Join(names, "") == "" {
		r.errs.Add(p.Hosts.Pos, "the hosts list cannot be empty")
	}
	p.Name = strings.Join(names, ",")
	if name := n.Get("name"); name != nil && name.Text != "" {
		r.literal("name", name, isText)
		p.Name = name.Text
	}
}

// Strategies are the ways a play goes through its hosts.
var strategies = []string{"linear", "free", "host_pinned"}

func (r *reader) playSettings(p *Play, n *document.Node) {
	for _, s := range []struct {
		name string
		at   **document.Node
		ok   check
	}{
		{"gather_facts", &p.GatherFacts, isBool},
		{"gather_subset", &p.GatherSubset, nil},
		{"gather_timeout", &p.GatherTimeout, isInt},
		{"fact_path", &p.FactPath, isText},
		{"serial", &p.Serial, nil},
		{"strategy", &p.Strategy, oneOf(strategies...)},
		{"order", &p.Order, oneOf("inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle")},
		{"max_fail_percentage", &p.MaxFailPercentage, isPercent},
		{"force_handlers", &p.ForceHandlers, isBool},
	} {
		if *s.at = n.Get(s.name); *s.at != nil && (*s.at).Value == nil && (*s.at).Kind == document.Scalar {
			*s.at = nil
		}
		r.literal(s.name, *s.at, s.ok)
	}
	for _, batch := range listOf(p.Serial) {
		r.literal("serial", batch, isPercent)
	}
	for _, name := range listOf(p.GatherSubset) {
		r.literal("gather_subset", name, isText)
	}
}

func (r *reader) playVars(p *Play, n *document.Node, outer *imported) {
	maps := r.varMappings(n.Get("vars"), "Play")
	if outer != nil {
		maps = append(maps, outer.vars...)
	}
	p.Vars = mergeMappings(maps)
	for _, f := range listOf(n.Get("vars_files")) {
		if f.Kind == document.Mapping || f.Value == nil && f.Kind == document.Scalar {
			r.errs.Add(f.Pos, "an entry of 'vars_files' must be a file or a list of files, not %s", kindOf(f))
			continue
		}
		p.VarsFiles = append(p.VarsFiles, f)
	}
	for _, entry := range listOf(n.Get("vars_prompt")) {
		if prompt := r.prompt(entry); prompt != nil {
			p.Prompts = append(p.Prompts, prompt)
		}
	}
}

// mergeMappings returns one mapping, later keys replacing earlier ones; nil
// for none.
func mergeMappings(maps []*document.Node) *document.Node {
	switch len(maps) {
	case 0:
		return nil
	case 1:
		return maps[0]
	}
	out := &document.Node{Kind: document.Mapping, Pos: maps[0].Pos}
	for _, m := range maps {
		for _, e := range m.Entries {
			setEntry(out, e)
		}
	}
	return out
}

// setEntry puts e into the mapping n, which must be the caller's own.
func setEntry(n *document.Node, e *document.Entry) {
	for i, have := range n.Entries {
		if have.Name() == e.Name() {
			n.Entries[i] = e
			return
		}
	}
	n.Entries = append(n.Entries, e)
}

func (r *reader) prompt(n *document.Node) *Prompt {
	if n.Kind != document.Mapping {
		r.errs.Add(n.Pos, "an entry of vars_prompt must be a mapping, not %s", kindOf(n))
		return nil
	}
	keys := []string{"name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe"}
	for _, e := range n.Entries {
		if !slices.Contains(keys, e.Name()) {
			r.errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), keys), "Invalid vars_prompt data structure, found unsupported key '%s'", e.Name())
		}
	}
	p := &Prompt{Pos: n.Pos, Default: n.Get("default"), Private: true}
	r.text(n, "name", &p.Name)
	r.text(n, "prompt", &p.Text)
	r.text(n, "encrypt", &p.Encrypt)
	r.text(n, "salt", &p.Salt)
	r.flag(n, "private", &p.Private)
	r.flag(n, "confirm", &p.Confirm)
	r.flag(n, "unsafe", &p.Unsafe)
	if v := n.Get("salt_size"); v != nil {
		r.literal("salt_size", v, isInt)
		p.SaltSize, _ = v.Value.(int)
	}
	if !isIdentifier(p.Name) {
		r.errs.Add(n.Pos, "an entry of vars_prompt must have a 'name' that is a valid variable name")
	}
	return p
}

// text puts the text under name in at, if there is one.
func (r *reader) text(n *document.Node, name string, at *string) {
	if v := n.Get(name); v != nil {
		r.literal(name, v, isText)
		*at = v.Text
	}
}

// flag puts the boolean under name in at, if there is one.
func (r *reader) flag(n *document.Node, name string, at *bool) {
	if v := n.Get(name); v != nil {
		r.literal(name, v, isBool)
		*at = boolValue(v)
	}
}

// boolValue is the value of a literal that isBool has accepted.
func boolValue(n *document.Node) bool {
	for _, word := range boolWords[:len(boolWords)/2] {
		if strings.EqualFold(n.Text, word) {
			return true
		}
	}
	return false
}
