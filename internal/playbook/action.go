package playbook

import (
	"slices"
	"strings"

	"rollout/internal/document"
)

// freeForm are the modules whose text is a command line, raw those that take
// other text; all others take key=value pairs only (ansible's mod_args).
var (
	freeForm = []string{
		"command", "shell", "raw", "script", "win_command", "win_shell",
		"ansible.windows.win_command", "ansible.windows.win_shell",
	}
	rawText = []string{
		"include", "include_vars", "include_tasks", "include_role", "import_tasks", "import_role",
		"add_host", "group_by", "set_fact", "meta",
	}
	takesCmd = []string{"command", "shell", "script", "win_command", "win_shell", "ansible.windows.win_command", "ansible.windows.win_shell"}
)

// base is the module's name without the prefix of the built-in collections.
func base(module string) string {
	for _, prefix := range []string{"ansible.builtin.", "ansible.legacy."} {
		if rest, ok := strings.CutPrefix(module, prefix); ok {
			return rest
		}
	}
	return module
}

// action finds the module that a task calls and its arguments, in every form
// that Ansible takes: module: text, module: mapping, action:, local_action:.
func (r *reader) action(n *document.Node, t *Task, words []string) bool {
	found := 0
	for _, form := range []string{"action", "local_action"} {
		v := n.Get(form)
		if v == nil {
			continue
		}
		if found++; found > 1 {
			r.errs.Add(v.Pos, "action and local_action are mutually exclusive")
			return false
		}
		if !r.oldAction(v, t) {
			return false
		}
		if form == "local_action" {
			t.DelegateTo = textNode("localhost", v.Pos)
		}
	}
	entries := r.candidates(n, words)
	switch {
	case len(entries)+found == 0:
		r.errs.Add(n.Pos, "no module/action detected in task")
		return false
	case len(entries)+found > 1:
		r.conflict(t, entries)
		return false
	case found == 0:
		t.Action, t.ActionPos = entries[0].Name(), entries[0].Key.Pos
		return r.arguments(entries[0].Value, t)
	}
	return true
}

// candidates returns the entries that can name a module, reporting those that
// are a keyword's misspelling instead.
func (r *reader) candidates(n *document.Node, words []string) []*document.Entry {
	var all, modules []*document.Entry
	for _, e := range n.Entries {
		name := e.Name()
		if slices.Contains(words, name) || strings.HasPrefix(name, "with_") {
			continue
		}
		all = append(all, e)
		if slices.Contains(rawText, base(name)) || r.l.Known != nil && r.l.Known(name) {
			modules = append(modules, e)
		}
	}
	if len(all) <= 1 {
		return all
	}
	if r.l.Known == nil || len(modules) == 0 {
		modules = unlikeWords(all, words)
	}
	if len(modules) == 0 {
		return all
	}
	for _, e := range all {
		if !slices.Contains(modules, e) {
			r.errs.AddHint(e.Key.Pos, meant(e.Name(), words), "'%s' is not a valid attribute for a Task", e.Name())
		}
	}
	return modules
}

// unlikeWords returns the entries that are no misspelling of a keyword.
func unlikeWords(entries []*document.Entry, words []string) []*document.Entry {
	return slices.DeleteFunc(slices.Clone(entries), func(e *document.Entry) bool {
		return document.Suggest(e.Name(), words) != ""
	})
}

func (r *reader) conflict(t *Task, entries []*document.Entry) {
	names := []string{}
	if t.Action != "" {
		names = append(names, t.Action)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	last := entries[len(entries)-1]
	r.errs.AddHint(last.Key.Pos, "one task calls one module; if a keyword was meant, indent or spell it right",
		"conflicting action statements: %s", strings.Join(names, ", "))
}

// oldAction reads action: or local_action:, a text or a mapping with module.
func (r *reader) oldAction(v *document.Node, t *Task) bool {
	text := v
	if v.Kind == document.Mapping {
		text = v.Get("module")
	}
	if text == nil || text.Kind != document.Scalar || text.Value == nil {
		r.errs.AddHint(v.Pos, "write action: module key=value, or a mapping with 'module'", "no module/action detected in task")
		return false
	}
	words, err := SplitArgs(text.Text)
	if err != nil || len(words) == 0 {
		r.errs.Add(text.Pos, "cannot read the action: %v", orEmpty(err))
		return false
	}
	t.Action, t.ActionPos = strings.TrimSpace(words[0]), text.Pos
	if !r.textArguments(strings.Join(words[1:], " "), text, t) {
		return false
	}
	if v.Kind == document.Mapping {
		r.actionMapping(v, t)
	}
	return true
}

func orEmpty(err error) any {
	if err == nil {
		return "it is empty"
	}
	return err
}

// actionMapping takes the arguments beside module:; those of the text win, and
// a nested args: wins over all.
func (r *reader) actionMapping(v *document.Node, t *Task) {
	for _, e := range v.Entries {
		name := e.Name()
		switch {
		case name == "args" && e.Value.Kind == document.Mapping:
			for _, inner := range e.Value.Entries {
				setEntry(t.Args, inner)
			}
		case name == "args" && e.Value.Kind == document.Scalar && e.Value.Value != nil:
			r.textArguments(e.Value.Text, e.Value, t)
		case name != "module" && name != "args" && t.Args.Get(name) == nil:
			setEntry(t.Args, e)
		}
	}
}

// arguments reads what stands beside a module's name.
func (r *reader) arguments(v *document.Node, t *Task) bool {
	switch {
	case v.Kind == document.Mapping:
		t.Args.Entries = append(t.Args.Entries, v.Entries...)
		t.Args.Pos = v.Pos
		if raw := v.Get("_raw_params"); raw != nil {
			t.FreeForm = raw
			dropEntry(t.Args, "_raw_params")
		}
		return true
	case v.Kind == document.Sequence:
		r.errs.Add(v.Pos, "unexpected parameter type in action: %s needs a mapping or text, not a list", t.Action)
		return false
	case v.Value == nil && v.Tag == "":
		return true
	}
	t.Args.Pos = v.Pos
	return r.textArguments(v.Text, v, t)
}

// textArguments reads key=value pairs and free-form text, which is n's or the
// rest of it.
func (r *reader) textArguments(text string, n *document.Node, t *Task) bool {
	pos := n.Pos
	command := slices.Contains(freeForm, base(t.Action))
	pairs, rest, err := ParseKV(text, command)
	if err != nil {
		r.errs.AddHint(pos, "try quoting the whole line", "cannot read the arguments of %s: %v", t.Action, err)
		return false
	}
	for _, e := range pairEntries(pairs, n, r.lines(pos.File)) {
		setEntry(t.Args, e)
	}
	if raw := t.Args.Get("_raw_params"); raw != nil {
		rest = raw.Text
		dropEntry(t.Args, "_raw_params")
	}
	switch {
	case rest == "":
		return true
	case command || slices.Contains(rawText, base(t.Action)) || r.l.Known != nil && !r.l.Known(t.Action):
		// what an unknown module takes is not known: that it is unknown is the mistake
		t.FreeForm = textNode(rest, pos)
	case hasTemplate(rest):
		t.ArgsTemplate = textNode(rest, pos)
	default:
		r.errs.AddHint(pos, "give arguments as key=value or as a mapping",
			"this task '%s' has extra params, which is only allowed for commands and a few others", t.Action)
		return false
	}
	return true
}

func dropEntry(n *document.Node, name string) {
	n.Entries = slices.DeleteFunc(n.Entries, func(e *document.Entry) bool { return e.Name() == name })
}

// moreArguments merges the keyword args:, which every other form overrides.
func (r *reader) moreArguments(v *document.Node, t *Task) {
	switch {
	case v == nil:
	case v.Kind == document.Mapping:
		for _, e := range v.Entries {
			if e.Name() == "_raw_params" && t.FreeForm == nil {
				t.FreeForm = e.Value
			} else if t.Args.Get(e.Name()) == nil && e.Name() != "_raw_params" {
				t.Args.Entries = append(t.Args.Entries, e)
			}
		}
	case isTemplate(v):
		t.ArgsTemplate = v
	case v.Kind == document.Scalar && v.Value == nil:
	default:
		r.errs.Add(v.Pos, `complex args must be a mapping or a variable in full style ("{{ var }}")`)
	}
}

// checkArguments refuses what no user may set and moves cmd to where a command
// line stands.
func (r *reader) checkArguments(t *Task) {
	for _, e := range t.Args.Entries {
		if strings.HasPrefix(e.Name(), "_ansible_") {
			r.errs.Add(e.Key.Pos, "invalid parameter specified for action '%s': '%s'", t.Action, e.Name())
		}
	}
	cmd := t.Args.Get("cmd")
	if cmd == nil || !slices.Contains(takesCmd, base(t.Action)) {
		return
	}
	if t.FreeForm != nil {
		r.errs.Add(cmd.Pos, "the 'cmd' argument cannot be used when other raw parameters are specified: put everything in one place")
		return
	}
	t.FreeForm = cmd
	dropEntry(t.Args, "cmd")
}
