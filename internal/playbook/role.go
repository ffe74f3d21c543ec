package playbook

import (
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
)

// roleRequest is what is asked of a role where it is used.
type roleRequest struct {
	name       string
	pos        document.Position
	from       From
	params     *document.Node
	vars       *document.Node
	keywords   Keywords
	own        *document.Node // the entry, for the key
	included   bool           // by import_role or include_role
	duplicates bool
	validate   bool
}

// maxRoleUses bounds how many roles one loading may use, dependencies included.
const maxRoleUses = 10_000

// roles reads the list of roles of a play, or the dependencies of a role.
func (r *reader) roles(n *document.Node, s scope) []*RoleUse {
	if n != nil && n.Kind != document.Sequence && n.Value != nil {
		r.errs.Add(n.Pos, "roles must be a list, not %s", kindOf(n))
		return nil
	}
	var out []*RoleUse
	for _, entry := range listOf(n) {
		if use := r.roleEntry(entry, s); use != nil {
			out = append(out, use)
		}
	}
	return out
}

func (r *reader) roleEntry(n *document.Node, s scope) *RoleUse {
	req := roleRequest{pos: n.Pos, keywords: s.Keywords, own: n, validate: true}
	nameNode := n
	if n.Kind == document.Mapping {
		n = r.modernize(n, taskOldWords...)
		if nameNode = n.Get("role"); nameNode == nil {
			nameNode = n.Get("name")
		}
		if nameNode == nil && n.Get("src") != nil {
			nameNode = textNode(nameFromSource(n.Get("src").Text), n.Get("src").Pos)
		}
		req.keywords = r.inherit(n, s.Keywords, "role")
		req.keywords.Vars = s.Keywords.Vars
		req.vars = mergeMappings(r.varMappingsQuiet(n.Get("vars")))
		req.params = roleParams(n)
	}
	if nameNode == nil || nameNode.Kind != document.Scalar || nameNode.Value == nil || nameNode.Text == "" {
		r.errs.Add(n.Pos, "role definitions must contain a role name")
		return nil
	}
	if strings.Contains(nameNode.Text, ",") && !isTemplate(nameNode) {
		r.errs.Add(nameNode.Pos, "invalid old style role requirement: %s", nameNode.Text)
		return nil
	}
	name, ok := r.expand(nameNode, "the role's name", s.play.scopeVars(s.Vars))
	if !ok {
		return nil
	}
	req.name = name
	return r.useRole(req, s)
}

// nameFromSource is the role's name in a galaxy requirement such as
// git+https://host/user/name.git,v1.
func nameFromSource(src string) string {
	name := strings.SplitN(src, ",", 2)[0]
	name = name[strings.LastIndex(name, "/")+1:]
	return strings.TrimSuffix(strings.TrimSuffix(name, ".git"), ".tar.gz")
}

// roleParams are the entries beside role: that are no keywords; nil for none.
func roleParams(n *document.Node) *document.Node {
	words := roleWords()
	out := &document.Node{Kind: document.Mapping, Pos: n.Pos}
	for _, e := range n.Entries {
		if !slices.Contains(words, e.Name()) {
			out.Entries = append(out.Entries, e)
		}
	}
	if len(out.Entries) == 0 {
		return nil
	}
	return out
}

// useRole finds and reads a role and its dependencies; nil after a mistake.
func (r *reader) useRole(req roleRequest, s scope) *RoleUse {
	role, tried := r.findRole(req.name, s)
	if role == nil {
		r.missing(req.pos, document.Suggest(req.name, r.roleNames(s)),
			"the role '%s' was not found in %s", req.name, strings.Join(tried, ":"))
		return nil
	}
	if r.uses++; r.uses > maxRoleUses {
		r.errs.Add(req.pos, "more than %d roles are used", maxRoleUses)
		return nil
	}
	if !r.enter(role.Path+" "+req.from.Tasks, req.pos, "role") {
		return nil
	}
	defer r.leave()
	use := &RoleUse{
		Pos: req.pos, Params: req.params, Vars: req.vars, Keywords: req.keywords, Parent: s.role, Included: req.included,
		ValidateArgSpecs: req.validate, EntryPoint: "main",
	}
	if req.from.Tasks != "" {
		use.EntryPoint = req.from.Tasks
	}
	r.fillRole(use, role, req, s)
	return use
}

// fillRole reads the role's files: variables, dependencies, handlers, tasks.
func (r *reader) fillRole(use *RoleUse, role *Role, req roleRequest, s scope) {
	use.Role = role
	use.Key = roleKey(role, req)
	role.Vars = r.roleVars(role, "vars", req.from.Vars, req.pos)
	use.Params = r.outsideParams(use.Params, role.Vars)
	role.Defaults = r.roleVars(role, "defaults", req.from.Defaults, req.pos)
	inner := scope{Keywords: req.keywords, play: s.play, role: use, dynamic: s.dynamic}
	inner.Collections = nil // roles don't search what their play does
	if role.Collection != "" {
		inner.Collections = []string{role.Collection}
	}
	r.roleMeta(use, &inner)
	use.AllowDuplicates = role.AllowDuplicates
	if req.included {
		use.AllowDuplicates = req.duplicates
	}
	use.Tasks = r.roleItems(role, "tasks", req.from.Tasks, req.pos, inner)
	inner.handlers = true
	use.Handlers = r.roleItems(role, "handlers", req.from.Handlers, req.pos, inner)
}

// outsideParams leaves out parameters that name themselves, as in role: x with
// size: "{{ size }}". Ansible 1 rendered parameters where the role is used, and
// old books pass variables on that way: it is the variable from outside, which
// the role sees anyhow, unless its own vars hide it.
func (r *reader) outsideParams(params, own *document.Node) *document.Node {
	if params == nil {
		return nil
	}
	out := *params
	out.Entries = nil
	for _, e := range params.Entries {
		if !namesItself(e) || own.Get(e.Name()) != nil {
			out.Entries = append(out.Entries, e)
			continue
		}
		r.deprecate(e.Key.Pos, "a role's parameter that names itself is deprecated: leave it out")
	}
	if len(out.Entries) == 0 {
		return nil
	}
	return &out
}

func namesItself(e *document.Entry) bool {
	inner, ok := strings.CutPrefix(strings.TrimSpace(e.Value.Text), "{{")
	inner, end := strings.CutSuffix(inner, "}}")
	return ok && end && e.Value.Tag == "" && strings.TrimSpace(inner) == e.Name()
}

// roleKey tells uses apart that may run once each.
func roleKey(role *Role, req roleRequest) string {
	var when, tags any
	if req.own != nil {
		when, tags = req.own.Get("when").Decode(), req.own.Get("tags").Decode()
	}
	return paramsKey(role.Path, req.params.Decode(), req.vars.Decode(), when, tags,
		req.from.Tasks, req.from.Vars, req.from.Defaults, req.from.Handlers, req.included)
}

// findRole looks for a role's directory: in collections, then where roles are.
func (r *reader) findRole(name string, s scope) (role *Role, tried []string) {
	defer func() {
		if role != nil {
			r.l.found(role.Path)
		}
	}()
	if path, collection, short := r.collectionRole(name, s.Collections, s.play.Dir); path != "" {
		return &Role{Name: short, Collection: collection, Path: path, Files: r.l.Files}, nil
	}
	if !isAbs(name) {
		for _, dir := range r.rolePaths(s) {
			path := filepath.Join(dir, name)
			if tried = appendNew(tried, path); isDir(r.l.Files, path) {
				return &Role{Name: name, Path: path, Files: r.l.Files}, nil
			}
		}
	}
	path := homePath(filepath.Clean(name))
	if isDir(r.l.Files, path) {
		return &Role{Name: filepath.Base(name), Path: path, Files: r.l.Files}, nil
	}
	return nil, appendNew(tried, path)
}

// rolePaths are the directories that hold roles, in the order of the search.
func (r *reader) rolePaths(s scope) []string {
	out := append([]string{filepath.Join(s.play.Dir, "roles")}, r.l.RolesPath...)
	if s.role != nil {
		out = appendNew(out, filepath.Dir(s.role.Role.Path))
	}
	return appendNew(out, s.play.Dir)
}

// roleNames lists the roles there are, for suggestions.
func (r *reader) roleNames(s scope) []string {
	var out []string
	paths := r.rolePaths(s)
	for _, dir := range paths[:len(paths)-1] {
		entries, err := r.l.Files.ReadDir(dir)
		if err != nil {
			continue
		}
		for _, e := range entries {
			out = append(out, e.Name())
		}
	}
	return out
}

var yamlExts = []string{".yml", ".yaml", ".json"}

// roleFiles finds main or the file asked for in a role's directory.
func (r *reader) roleFiles(role *Role, dir, from string, pos document.Position, dirs bool) []string {
	name, exts := "main", append(slices.Clone(yamlExts), "")
	if from != "" {
		name, exts = from, append([]string{""}, yamlExts...)
	}
	home := filepath.Join(role.Path, dir)
	if !filepath.IsLocal(name) {
		r.errs.Add(pos, "failed loading '%s' for role (%s) as it is not inside the expected role path: '%s'",
			join(home, name), role.Name, home)
		return nil
	}
	files, err := document.FindVars(r.l.Files, filepath.Join(home, name), exts, dirs)
	if err != nil {
		r.errs.Add(pos, "cannot read the role %s: %v", role.Name, err)
	}
	if len(files) == 0 && err == nil && from != "" {
		r.errs.Add(pos, "could not find specified file in role: %s/%s (role %s)", dir, from, role.Name)
	}
	return files
}

// roleVars reads vars or defaults: one mapping, or several merged.
func (r *reader) roleVars(role *Role, dir, from string, pos document.Position) *document.Node {
	var maps []*document.Node
	for _, file := range r.roleFiles(role, dir, from, pos, true) {
		doc := r.read(file, pos)
		switch {
		case doc == nil || doc.Kind == document.Scalar && doc.Value == nil:
		case doc.Kind != document.Mapping:
			r.errs.Add(doc.Pos, "the %s of the role '%s' must be a mapping of variables, not %s", dir, role.Name, kindOf(doc))
		default:
			maps = append(maps, doc)
		}
	}
	return mergeMappings(maps)
}

// roleItems reads the role's tasks or handlers.
func (r *reader) roleItems(role *Role, dir, from string, pos document.Position, s scope) []Item {
	files := r.roleFiles(role, dir, from, pos, false)
	if len(files) == 0 {
		return nil
	}
	doc := r.read(files[0], pos)
	if doc == nil {
		return nil
	}
	s.path = files[0]
	return r.items(doc, "the "+dir+" of the role "+role.Name, s)
}

// roleMeta reads meta/main: dependencies, duplicates, argument specs.
func (r *reader) roleMeta(use *RoleUse, s *scope) {
	role := use.Role
	use.Role.ArgumentSpecs = r.argumentSpecs(role, use.Pos)
	meta := r.metaFile(role, "main", use.Pos)
	defer func() { s.Collections = r.l.roleSearch(role, s.Collections) }()
	if meta == nil {
		return
	}
	r.unknown(meta, []string{"allow_duplicates", "dependencies", "galaxy_info", "argument_specs", "collections", "standalone"}, "RoleMetadata")
	r.flag(meta, "allow_duplicates", &role.AllowDuplicates)
	if specs := meta.Get("argument_specs"); specs != nil && role.ArgumentSpecs == nil {
		role.ArgumentSpecs = specs
	}
	use.Dependencies = r.roles(meta.Get("dependencies"), *s)
	s.Collections = appendNew(s.Collections, r.words("collections", meta.Get("collections"))...)
}

// argumentSpecs reads meta/argument_specs, which counts before meta/main.
func (r *reader) argumentSpecs(role *Role, pos document.Position) *document.Node {
	specs := r.metaFile(role, "argument_specs", pos).Get("argument_specs")
	switch {
	case specs == nil || specs.Kind == document.Scalar && specs.Value == nil:
		return nil
	case specs.Kind != document.Mapping:
		r.errs.Add(specs.Pos, "argument_specs must be a mapping of entry points, not %s", kindOf(specs))
		return nil
	}
	return specs
}

// metaFile reads a mapping in the role's meta directory; nil where there is none.
func (r *reader) metaFile(role *Role, name string, pos document.Position) *document.Node {
	files, err := document.FindVars(r.l.Files, filepath.Join(role.Path, "meta", name), yamlExts, false)
	if err != nil || len(files) == 0 {
		return nil
	}
	doc := r.read(files[0], pos)
	switch {
	case doc == nil || doc.Kind == document.Scalar && doc.Value == nil:
		return nil
	case doc.Kind != document.Mapping:
		r.errs.Add(doc.Pos, "%s of the role '%s' must be a mapping, not %s", name, role.Name, kindOf(doc))
		return nil
	}
	return doc
}

// AsBlock returns the role as a block: its dependencies, each a block of its
// own, then its tasks.
func (u *RoleUse) AsBlock() *Block {
	b := &Block{Pos: u.Pos, Import: "role " + u.Role.FullName(), Keywords: u.Keywords, Role: u, Uses: u}
	for _, d := range u.Dependencies {
		b.Block = append(b.Block, d.AsBlock())
	}
	b.Block = append(b.Block, u.Tasks...)
	return b
}

// ImportedRoles returns the roles that import_role brought into items, outer
// ones first.
func ImportedRoles(items []Item) []*RoleUse {
	var out []*RoleUse
	for _, it := range items {
		b, ok := it.(*Block)
		if !ok {
			continue
		}
		if b.Uses != nil && (b.Uses.Parent == nil || !slices.Contains(b.Uses.Parent.Dependencies, b.Uses)) {
			out = append(out, b.Uses)
		}
		for _, list := range [][]Item{b.Block, b.Rescue, b.Always} {
			out = append(out, ImportedRoles(list)...)
		}
	}
	return out
}
