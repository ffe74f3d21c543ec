package playbook

import (
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
)

// dynamicWords are the keywords of a dynamic include; others go under apply.
var dynamicWords = []string{
	"action", "local_action", "args", "collections", "debugger", "ignore_errors", "loop", "loop_control", "name", "no_log",
	"register", "run_once", "tags", "timeout", "vars", "when", "listen",
}

// importTasks replaces a task by the tasks of a file.
func (r *reader) importTasks(t *Task, s scope) []Item {
	if t.Loop != nil {
		r.errs.AddHint(t.Loop.Pos, "use include_tasks", "you cannot use loops on 'import_tasks' statements")
		return nil
	}
	r.options(t, []string{"file"})
	file := includedFile(t)
	if file == nil {
		r.errs.Add(t.Pos, "no file specified for %s", t.Action)
		return nil
	}
	return r.importFile(t, file, s)
}

// importFile loads a task file where t stands.
func (r *reader) importFile(t *Task, file *document.Node, s scope) []Item {
	name, ok := r.expand(file, "the file of "+base(t.Action), s.play.scopeVars(t.Vars))
	if !ok {
		return nil
	}
	b := &Block{Pos: t.Pos, Name: t.Name, Import: "tasks file " + name, Keywords: t.Keywords, Role: t.Role}
	s.Keywords = t.Keywords
	b.Block = r.taskFile(name, file.Pos, false, s)
	return []Item{b}
}

// taskFile reads the tasks of the file called name, looked for from s.
func (r *reader) taskFile(name string, pos document.Position, dynamic bool, s scope) []Item {
	path, tried := r.findTasks(name, dynamic, s)
	if path == "" {
		r.missing(pos, "", "cannot find the task file %s (looked for %s)", name, strings.Join(tried, ", "))
		return nil
	}
	if !r.enter(path, pos, "task file") {
		return nil
	}
	defer r.leave()
	doc := r.read(path, pos)
	if doc == nil {
		return nil
	}
	if doc.Kind != document.Sequence && (doc.Kind != document.Scalar || doc.Value != nil) {
		r.errs.Add(doc.Pos, "included task files must contain a list of tasks, not %s", kindOf(doc))
		return nil
	}
	s.path = path
	s.includes = append(slices.Clip(s.includes), filepath.Dir(name))
	return r.items(doc, "a task file", s)
}

// includedFile is the file named by the free-form text or the argument file.
func includedFile(t *Task) *document.Node {
	if t.FreeForm != nil && t.FreeForm.Text != "" {
		return t.FreeForm
	}
	return t.Args.Get("file")
}

// options reports arguments of an include that it doesn't know.
func (r *reader) options(t *Task, known []string) {
	for _, e := range t.Args.Entries {
		if !slices.Contains(known, e.Name()) {
			r.errs.AddHint(e.Key.Pos, document.Suggest(e.Name(), known), "invalid options for %s: %s", t.Action, e.Name())
		}
	}
}

// dynamic checks what only dynamic includes must keep to, and reads apply.
func (r *reader) dynamic(t *Task, in *Include) {
	for _, e := range t.Node.Entries {
		name := e.Name()
		if name != t.Action && !strings.HasPrefix(name, "with_") && !slices.Contains(dynamicWords, name) && slices.Contains(taskWords(), name) {
			r.errs.AddHint(e.Key.Pos, "put it under apply: to give it to the included tasks", "'%s' is not a valid attribute for %s", name, t.Action)
		}
	}
	in.Apply = t.Args.Get("apply")
	if in.Apply == nil {
		return
	}
	if in.Apply.Kind != document.Mapping {
		r.errs.Add(in.Apply.Pos, "expected a mapping for apply but got %s instead", kindOf(in.Apply))
		in.Apply = nil
		return
	}
	r.unknown(in.Apply, blockWords(), "Block")
}

func (r *reader) includeTasks(t *Task) {
	r.options(t, []string{"file", "apply"})
	t.Include = &Include{Pos: t.Pos, File: includedFile(t)}
	if t.Include.File == nil || t.Include.File.Text == "" {
		r.errs.Add(t.Pos, "no file specified for %s", t.Action)
	}
	r.dynamic(t, t.Include)
}

// fromWords name the files of a role that include_role and import_role choose.
var fromWords = []string{"tasks_from", "handlers_from", "vars_from", "defaults_from"}

func (r *reader) includeRole(t *Task) {
	in := r.roleOptions(t)
	r.dynamic(t, in)
	t.Include = in
}

// roleOptions reads the arguments of include_role and import_role.
func (r *reader) roleOptions(t *Task) *Include {
	known := append([]string{"name", "role", "apply", "public", "allow_duplicates", "rolespec_validate"}, fromWords...)
	if base(t.Action) == "import_role" {
		known = slices.DeleteFunc(known, func(w string) bool { return w == "apply" || w == "public" })
	}
	r.options(t, known)
	in := &Include{Pos: t.Pos, AllowDuplicates: true, ValidateArgSpecs: true, Role: t.Args.Get("name")}
	if in.Role == nil {
		in.Role = t.Args.Get("role")
	}
	if in.Role == nil || in.Role.Kind != document.Scalar || in.Role.Text == "" {
		r.errs.Add(t.Pos, "'name' is a required field for %s", t.Action)
		in.Role = textNode("", t.Pos)
	}
	if t.Handler {
		r.errs.Add(t.Pos, "using '%s' as a handler is not supported", t.Action)
	}
	r.text(t.Args, "tasks_from", &in.From.Tasks)
	r.text(t.Args, "handlers_from", &in.From.Handlers)
	r.text(t.Args, "vars_from", &in.From.Vars)
	r.text(t.Args, "defaults_from", &in.From.Defaults)
	r.flag(t.Args, "public", &in.Public)
	r.flag(t.Args, "allow_duplicates", &in.AllowDuplicates)
	r.flag(t.Args, "rolespec_validate", &in.ValidateArgSpecs)
	return in
}

// importRole replaces a task by a role's tasks.
func (r *reader) importRole(t *Task, s scope) []Item {
	in := r.roleOptions(t)
	if t.Loop != nil {
		r.errs.AddHint(t.Loop.Pos, "use include_role", "you cannot use loops on 'import_role' statements")
		return nil
	}
	if t.Handler || in.Role.Text == "" {
		return nil
	}
	name, ok := r.expand(in.Role, "the role's name", s.play.scopeVars(t.Vars))
	if !ok {
		return nil
	}
	from, ok := r.importedFiles(in, s.play.scopeVars(t.Vars))
	if !ok {
		return nil
	}
	s.Keywords = t.Keywords
	use := r.useRole(roleRequest{
		name: name, pos: in.Role.Pos, from: from, vars: t.OwnVars, keywords: t.Keywords, included: true,
		duplicates: in.AllowDuplicates, validate: in.ValidateArgSpecs,
	}, s)
	if use == nil {
		return nil
	}
	return []Item{use.AsBlock()}
}

// importedFiles are the files that import_role chooses: their last parts, as
// ansible-core has it.
func (r *reader) importedFiles(in *Include, vars []*document.Node) (From, bool) {
	from := in.From
	for _, name := range []*string{&from.Tasks, &from.Handlers, &from.Vars, &from.Defaults} {
		if *name == "" {
			continue
		}
		text, ok := r.expand(textNode(filepath.Base(*name), in.Pos), "the name of a role's file", vars)
		if !ok {
			return from, false
		}
		*name = text
	}
	return from, true
}

// oldInclude is the include of old: static where its file is known, with
// arguments that become variables.
func (r *reader) oldInclude(t *Task, s scope) []Item {
	r.deprecate(t.Pos, "'include' is deprecated: use 'include_tasks' or 'import_tasks'")
	file := includedFile(t)
	if file == nil {
		r.errs.Add(t.Pos, "no file specified for include")
		return nil
	}
	params := &document.Node{Kind: document.Mapping, Pos: t.Args.Pos}
	static := t.Node.Get("static")
	for _, e := range t.Args.Entries {
		switch e.Name() {
		case "file":
		case "static":
			static = e.Value
		case "tags":
			t.Tags = appendNew(t.Tags, r.tags(e.Value)...)
		default:
			params.Entries = append(params.Entries, e)
		}
	}
	r.literal("static", static, isBool)
	dynamic := isTemplate(file) || s.dynamic
	if static != nil {
		dynamic = !boolValue(static)
	}
	if t.Loop != nil || dynamic {
		t.Include = &Include{Pos: t.Pos, File: file, Vars: params, Old: true}
		return []Item{t}
	}
	t.Vars = append(slices.Clip(t.Vars), params)
	if t.OwnVars != nil {
		t.Params = append(slices.Clip(t.Params), t.OwnVars)
	}
	return r.importFile(t, file, s)
}

// IncludeTasks loads the file of a dynamic include, its name rendered. What the
// include's own block, role and play set is inherited, as are its vars, but not
// its tags and conditions; those under apply are.
func (l *Loader) IncludeTasks(t *Task, file string) ([]Item, error) {
	r := &reader{l: l}
	s := r.included(t)
	items := r.taskFile(file, t.Include.Pos, true, s)
	r.tell()
	return items, r.finish()
}

// tell passes on the notes about old forms.
func (r *reader) tell() {
	for _, note := range r.notes {
		if r.l.Note != nil {
			r.l.Note(note)
		}
	}
}

// IncludeRole loads the role of a dynamic include, names rendered; inheritance
// is that of IncludeTasks.
func (l *Loader) IncludeRole(t *Task, name string, from From) (*RoleUse, error) {
	r := &reader{l: l}
	s := r.included(t)
	s.Collections = t.Collections
	use := r.useRole(roleRequest{
		name: name, pos: t.Include.Pos, from: from, vars: t.OwnVars, keywords: s.Keywords, included: true,
		duplicates: t.Include.AllowDuplicates, validate: t.Include.ValidateArgSpecs,
	}, s)
	r.tell()
	return use, r.finish()
}

// included is the scope of what the dynamic include t loads.
func (r *reader) included(t *Task) scope {
	s := *t.outer
	s.dynamic = true
	s.Keywords = s.extended()
	if t.Include.Vars != nil {
		s.Vars = append(s.Vars, t.Include.Vars)
	}
	if t.OwnVars != nil {
		s.Vars = append(s.Vars, t.OwnVars)
	}
	if t.Include.Apply != nil {
		s.Keywords = r.inherit(t.Include.Apply, s.Keywords, "Block")
	}
	return s
}
