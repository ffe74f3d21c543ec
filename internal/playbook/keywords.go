package playbook

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// check validates a literal keyword value; a template is left for the run.
type check func(n *document.Node) (problem string)

// field ties an inheritable keyword to its place in Keywords.
type field struct {
	name  string
	at    func(*Keywords) **document.Node
	check check
}

// inheritable lists the keywords of plays, roles, blocks and tasks whose
// innermost value counts.
var inheritable = []field{
	{"connection", func(k *Keywords) **document.Node { return &k.Connection }, isText},
	{"port", func(k *Keywords) **document.Node { return &k.Port }, isInt},
	{"remote_user", func(k *Keywords) **document.Node { return &k.RemoteUser }, isText},
	{"become", func(k *Keywords) **document.Node { return &k.Become }, isBool},
	{"become_user", func(k *Keywords) **document.Node { return &k.BecomeUser }, isText},
	{"become_method", func(k *Keywords) **document.Node { return &k.BecomeMethod }, isText},
	{"become_flags", func(k *Keywords) **document.Node { return &k.BecomeFlags }, isText},
	{"become_exe", func(k *Keywords) **document.Node { return &k.BecomeExe }, isText},
	{"no_log", func(k *Keywords) **document.Node { return &k.NoLog }, isBool},
	{"run_once", func(k *Keywords) **document.Node { return &k.RunOnce }, isBool},
	{"ignore_errors", func(k *Keywords) **document.Node { return &k.IgnoreErrors }, isBool},
	{"ignore_unreachable", func(k *Keywords) **document.Node { return &k.IgnoreUnreachable }, isBool},
	{"check_mode", func(k *Keywords) **document.Node { return &k.CheckMode }, isBool},
	{"diff", func(k *Keywords) **document.Node { return &k.Diff }, isBool},
	{"any_errors_fatal", func(k *Keywords) **document.Node { return &k.AnyErrorsFatal }, isBool},
	{"throttle", func(k *Keywords) **document.Node { return &k.Throttle }, isInt},
	{"timeout", func(k *Keywords) **document.Node { return &k.Timeout }, isInt},
}

// delegation is inheritable too, but not known to plays.
var delegation = []field{
	{"delegate_to", func(k *Keywords) **document.Node { return &k.DelegateTo }, isText},
	{"delegate_facts", func(k *Keywords) **document.Node { return &k.DelegateFacts }, isBool},
}

// commonWords are read by hand: each has its own shape or way to merge.
var commonWords = []string{"name", "vars", "tags", "environment", "module_defaults", "collections", "debugger"}

func fieldNames(lists ...[]field) []string {
	var out []string
	for _, list := range lists {
		for _, f := range list {
			out = append(out, f.name)
		}
	}
	return out
}

// The words each kind of mapping knows.
func playWords() []string {
	return append(append(fieldNames(inheritable), commonWords...),
		"hosts", "user", "gather_facts", "gather_subset", "gather_timeout", "fact_path", "vars_files", "vars_prompt",
		"roles", "handlers", "pre_tasks", "post_tasks", "tasks", "force_handlers", "max_fail_percentage", "serial",
		"strategy", "order")
}

func blockWords() []string {
	return append(append(fieldNames(inheritable, delegation), commonWords...), "when", "notify", "block", "rescue", "always")
}

func roleWords() []string {
	return append(append(fieldNames(inheritable, delegation), commonWords...), "when", "role")
}

func taskWords() []string {
	return append(append(fieldNames(inheritable, delegation), commonWords...),
		"when", "notify", "args", "action", "local_action", "async", "changed_when", "delay", "failed_when", "loop",
		"loop_control", "poll", "register", "retries", "until")
}

func handlerWords() []string { return append(taskWords(), "listen") }

// inherit returns what stands on the mapping n (which knows words) merged with
// what is inherited from outer. Unknown words are the caller's to report.
func (r *reader) inherit(n *document.Node, outer Keywords, owner string) Keywords {
	k := outer.extended()
	for _, list := range [][]field{inheritable, delegation} {
		for _, f := range list {
			if v := n.Get(f.name); v != nil {
				r.literal(f.name, v, f.check)
				*f.at(&k) = over(v, *f.at(&k))
			}
		}
	}
	k.Tags = appendNew(k.Tags, r.tags(n.Get("tags"))...)
	k.When = append(k.When, r.conditions("when", n.Get("when"))...)
	k.Vars = append(k.Vars, r.varMappings(n.Get("vars"), owner)...)
	k.Environment = append(k.Environment, r.environment(n.Get("environment"))...)
	k.ModuleDefaults = append(k.ModuleDefaults, r.mappings("module_defaults", n.Get("module_defaults"))...)
	if v := n.Get("collections"); v != nil {
		k.Collections = r.words("collections", v)
	}
	if v := n.Get("notify"); v != nil {
		k.Notify = listOf(v)
	}
	if v := n.Get("debugger"); v != nil && v.Text != "never" {
		r.errs.AddHint(v.Pos, "leave it out, or use -vvv to see what a task does", "the interactive debugger isn't supported")
	}
	return k
}

// over is a keyword's value on top of the inherited one, which holds where the
// value's template comes to omit.
func over(v, outer *document.Node) *document.Node {
	text, isText := v.Value.(string)
	if outer == nil || !isText || !strings.Contains(text, "omit") {
		return v
	}
	out := *v
	out.Outer = outer
	return &out
}

// extended returns a copy whose lists can be appended to without touching k's.
func (k Keywords) extended() Keywords {
	k.Tags = slices.Clip(k.Tags)
	k.When = slices.Clip(k.When)
	k.Vars = slices.Clip(k.Vars)
	k.Params = slices.Clip(k.Params)
	k.Environment = slices.Clip(k.Environment)
	k.ModuleDefaults = slices.Clip(k.ModuleDefaults)
	k.Notify = slices.Clip(k.Notify)
	return k
}

func appendNew(list []string, more ...string) []string {
	for _, s := range more {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// literal reports a value that can be judged without running and is wrong.
func (r *reader) literal(name string, n *document.Node, ok check) {
	if n == nil || ok == nil || isTemplate(n) || n.Tag != "" {
		return
	}
	if problem := ok(n); problem != "" {
		r.errs.Add(n.Pos, "the value of '%s' %s", name, problem)
	}
}

// isTemplate tells whether the node is text with something to render.
func isTemplate(n *document.Node) bool {
	s, ok := n.Value.(string)
	return n.Kind == document.Scalar && ok && hasTemplate(s)
}

func hasTemplate(s string) bool {
	return strings.Contains(s, "{{") || strings.Contains(s, "{%") || strings.Contains(s, "{#")
}

func isText(n *document.Node) string {
	if n.Kind != document.Scalar {
		return "must be text, not " + n.Kind.String()
	}
	return ""
}

var boolWords = []string{"y", "yes", "on", "1", "true", "t", "1.0", "n", "no", "off", "0", "false", "f", "0.0"}

func isBool(n *document.Node) string {
	if n.Kind != document.Scalar || n.Value != nil && !slices.Contains(boolWords, strings.ToLower(n.Text)) {
		return "is not a valid boolean: use true or false"
	}
	return ""
}

func isInt(n *document.Node) string {
	if n.Kind == document.Scalar {
		if n.Value == nil {
			return ""
		}
		if _, err := strconv.Atoi(strings.TrimSpace(n.Text)); err == nil {
			return ""
		}
		if _, ok := n.Value.(int); ok {
			return ""
		}
	}
	return "is not a whole number"
}

func isNumber(n *document.Node) string {
	if n.Kind == document.Scalar {
		if n.Value == nil {
			return ""
		}
		if _, err := strconv.ParseFloat(strings.TrimSpace(n.Text), 64); err == nil {
			return ""
		}
	}
	return "is not a number"
}

func isPercent(n *document.Node) string {
	if n.Kind == document.Scalar {
		text := strings.TrimSuffix(strings.TrimSpace(n.Text), "%")
		if _, err := strconv.ParseFloat(text, 64); err == nil || n.Value == nil {
			return ""
		}
	}
	return "is neither a number nor a percentage"
}

func oneOf(words ...string) check {
	return func(n *document.Node) string {
		if n.Kind == document.Scalar && slices.Contains(words, strings.TrimPrefix(n.Text, "ansible.builtin.")) {
			return ""
		}
		problem := "must be one of " + strings.Join(words, ", ")
		if hint := document.Suggest(n.Text, words); hint != "" {
			problem += ": " + hint
		}
		return problem
	}
}

// listOf returns a list's items, or the node alone; nil and null give none.
func listOf(n *document.Node) []*document.Node {
	switch {
	case n == nil, n.Kind == document.Scalar && n.Value == nil && n.Tag == "":
		return nil
	case n.Kind == document.Sequence:
		return n.Items
	}
	return []*document.Node{n}
}

// words returns the texts of a list of scalars, or of one.
func (r *reader) words(name string, n *document.Node) []string {
	var out []string
	for _, item := range listOf(n) {
		if item.Kind != document.Scalar {
			r.errs.Add(item.Pos, "an entry of '%s' must be text, not %s", name, item.Kind)
			continue
		}
		out = append(out, item.Text)
	}
	return out
}

// tags reads a list of tags, or one text with commas between them.
func (r *reader) tags(n *document.Node) []string {
	if n != nil && n.Kind == document.Mapping {
		r.errs.Add(n.Pos, "tags must be specified as a list")
		return nil
	}
	if n == nil || n.Kind == document.Sequence || isTemplate(n) {
		return r.words("tags", n)
	}
	var out []string
	for _, text := range r.words("tags", n) {
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				out = append(out, part)
			}
		}
	}
	return out
}

// conditions reads a list of expressions, or one; empty ones always hold.
func (r *reader) conditions(name string, n *document.Node) []*document.Node {
	var out []*document.Node
	for _, item := range listOf(n) {
		switch {
		case item.Kind != document.Scalar:
			r.errs.AddHint(item.Pos, "quote an expression that holds braces or colons",
				"a condition of '%s' must be an expression, not %s", name, item.Kind)
		case item.Value != nil && item.Value != "":
			out = append(out, item)
		}
	}
	return out
}

// varMappings reads vars: a mapping, or the old list of mappings.
func (r *reader) varMappings(n *document.Node, owner string) []*document.Node {
	if n != nil && n.Kind == document.Sequence {
		r.deprecate(n.Pos, "vars as a list of mappings is deprecated: use one mapping")
	}
	var out []*document.Node
	for _, m := range listOf(n) {
		if m.Kind != document.Mapping {
			r.errs.Add(m.Pos, "vars in a %s must be specified as a mapping, not %s", owner, m.Kind)
			continue
		}
		r.checkNames(m, owner)
		out = append(out, m)
	}
	return out
}

// checkNames reports keys of a mapping of variables that are no variable names.
func (r *reader) checkNames(m *document.Node, owner string) {
	for _, e := range m.Entries {
		if name, ok := e.Key.Value.(string); !ok || !isIdentifier(name) {
			r.errs.Add(e.Key.Pos, "invalid variable name in vars specified for %s: '%s' is not a valid variable name", owner, e.Key.Text)
		}
	}
}

// environment reads mappings or templates of mappings.
func (r *reader) environment(n *document.Node) []*document.Node {
	var out []*document.Node
	for _, item := range listOf(n) {
		if item.Kind != document.Mapping && !isTemplate(item) {
			r.errs.Add(item.Pos, "environment must be a mapping or a template of one, not %s", item.Kind)
			continue
		}
		out = append(out, item)
	}
	return out
}

func (r *reader) mappings(name string, n *document.Node) []*document.Node {
	var out []*document.Node
	for _, item := range listOf(n) {
		if item.Kind != document.Mapping {
			r.errs.Add(item.Pos, "%s must be a mapping, not %s", name, item.Kind)
			continue
		}
		out = append(out, item)
	}
	return out
}

// pythonWords can't be variable names.
var pythonWords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
	"else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
	"pass", "raise", "return", "try", "while", "with", "yield",
}

// isIdentifier tells whether a variable may be called so: ASCII letters, digits
// and underscores, no digit first, none of Python's words.
func isIdentifier(s string) bool {
	for i, c := range s {
		letter := c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && !slices.Contains(pythonWords, s)
}

// oldWords are earlier names of keywords.
var oldWords = map[string]string{
	"sudo": "become", "sudo_user": "become_user", "sudo_exe": "become_exe", "sudo_flags": "become_flags",
	"su": "become", "su_user": "become_user", "always_run": "check_mode", "user": "remote_user",
}

// modernize returns n with the old keywords under their new names, one note
// each. `user` is a module in a task, so only plays pass it in old.
func (r *reader) modernize(n *document.Node, old ...string) *document.Node {
	if n.Kind != document.Mapping {
		return n
	}
	out := *n
	out.Entries = slices.Clone(n.Entries)
	for i, e := range n.Entries {
		name := e.Name()
		now, known := oldWords[name]
		if !known || !slices.Contains(old, name) {
			continue
		}
		if n.Get(now) != nil {
			r.errs.Add(e.Key.Pos, "both '%s' and '%s' are set: '%s' is the old name, remove it", name, now, name)
			continue
		}
		r.deprecate(e.Key.Pos, "'"+name+"' is deprecated: use '"+now+"'")
		val := e.Value
		if name == "always_run" {
			val = inverted(val)
		}
		key := textNode(now, e.Key.Pos)
		key.Quoted = false
		out.Entries[i] = &document.Entry{Key: key, Value: val}
	}
	if su := n.Get("su"); su != nil && n.Get("become_method") == nil {
		out.Entries = append(out.Entries, &document.Entry{Key: textNode("become_method", su.Pos), Value: textNode("su", su.Pos)})
	}
	return &out
}

// inverted is always_run's value as check_mode takes it.
func inverted(n *document.Node) *document.Node {
	b := slices.Index(boolWords, strings.ToLower(n.Text))
	out := *n
	out.Value = b >= len(boolWords)/2
	out.Text = strconv.FormatBool(b >= len(boolWords)/2)
	return &out
}

// unknown reports the keys of n that are none of words.
func (r *reader) unknown(n *document.Node, words []string, owner string) {
	for _, e := range n.Entries {
		if !slices.Contains(words, e.Name()) {
			r.errs.AddHint(e.Key.Pos, meant(e.Name(), words), "'%s' is not a valid attribute for a %s", e.Name(), owner)
		}
	}
}

// removed are keywords that Ansible once had, with what to do instead.
var removed = map[string]string{
	"accelerate": "Ansible removed it; leave it out: connections are kept open anyway", "accelerate_port": "Ansible removed it; leave it out",
	"accelerate_ipv6": "Ansible removed it; leave it out", "accelerate_multi_daemon": "Ansible removed it; leave it out",
	"only_if": "Ansible removed it; use when", "only_unless": "Ansible removed it; use when with not",
	"first_available_file": "Ansible removed it; use with_first_found", "sudo_pass": "Ansible removed it; use -K",
	"su_pass": "Ansible removed it; use -K", "su_exe": "Ansible removed it; use become_method: su",
	"su_flags": "Ansible removed it; use become_flags",
}

// meant says what to write instead of a word that is not known.
func meant(word string, words []string) string {
	if hint := removed[word]; hint != "" {
		return hint
	}
	return document.Suggest(word, words)
}

// paramsKey is a text that is equal for equal nodes.
func paramsKey(parts ...any) string {
	data, err := value.ToJSON(parts)
	if err != nil {
		return fmt.Sprint(parts...) // equal to no other
	}
	return string(data)
}
