package files

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rollout/internal/module"
)

func lineinfileModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.lineinfile",
		Aliases: []string{"ansible.legacy.lineinfile"},
		Summary: "Puts a line into a file, or takes lines out.",
		Args: module.Schema{
			Args: append([]module.Arg{
				{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Doc: "the file"},
				{Name: "line", Aliases: []string{"value"}, Doc: "the line"},
				{Name: "regexp", Aliases: []string{"regex"}, Doc: "the last line that matches is replaced; with absent all that match go"},
				{Name: "search_string", Doc: "as regexp, but a plain text"},
				{Name: "state", Default: "present", Choices: []string{"absent", "present"}, Doc: "whether the line is to be there"},
				{Name: "backrefs", Type: module.Bool, Default: false, Doc: "\\1 in line is what regexp's first group matched; no match, no change"},
				{Name: "insertafter", Doc: "expression of the line to insert after, or EOF"},
				{Name: "insertbefore", Doc: "expression of the line to insert before, or BOF"},
				{Name: "firstmatch", Type: module.Bool, Default: false, Doc: "insertafter and insertbefore take the first match"},
				{Name: "create", Type: module.Bool, Default: false, Doc: "make a file that is not there"},
				{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old file beside the new one"},
				{Name: "validate", Doc: "command that must accept the file, %s in it"},
			}, attributes...),
			MutuallyExclusive: [][]string{{"insertbefore", "insertafter"}, {"regexp", "search_string"}},
			RequiredIf:        []module.RequiredIf{{Arg: "state", Value: "present", Need: []string{"line"}}},
		},
		NeedsHost: true,
		Run:       runLineinfile,
	}
}

func runLineinfile(ctx context.Context, call *module.Call) (module.Result, error) {
	name := call.Args.String("path")
	e, problem := newEdit(call)
	if problem != "" {
		return module.Fail(problem), nil
	}
	data, problem, err := readThere(ctx, call, name)
	missing := strings.HasPrefix(problem, "file not found")
	switch {
	case err != nil:
		return module.Result{}, err
	case missing && e.absent:
		return module.Result{Msg: "file not present"}, nil
	case missing && !call.Args.Bool("create"):
		return module.Fail(fmt.Sprintf("Destination %s does not exist !", name)).Set("rc", 257), nil
	case problem != "" && !missing:
		return module.Fail(problem), nil
	}
	text, msg, found := e.apply(string(data))
	if missing {
		if i := strings.LastIndexByte(name, '/'); i > 0 {
			if res, err := makeParent(ctx, call, name[:i]); err != nil || res.Failed || call.Check {
				res.Changed, res.Msg = !res.Failed, orText(res.Msg, msg)
				return res, err
			}
		}
	}
	res, err := place(ctx, call, placement{content: []byte(text), dest: name, source: name, force: true, follow: true,
		backup: call.Args.Bool("backup"), validate: call.Args.String("validate")})
	if err != nil || res.Failed {
		return res, err
	}
	if text == string(data) && res.Changed {
		msg = "ownership, perms or SE linux context changed"
	}
	res.Msg = msg
	res = res.Set("backup", res.Data.String("backup_file"))
	if e.absent {
		res = res.Set("found", found)
	}
	return res, nil
}

func orText(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// makeParent makes the folder of a file that is to be made, as create does.
func makeParent(ctx context.Context, call *module.Call, folder string) (module.Result, error) {
	a, err := ask(ctx, call, vars("check", flag(call.Check))+"d="+path(folder)+`
[ -d "$d" ] || [ "$check" ] || out=$(mkdir -p "$d" 2>&1) || fail "Error creating $d: $out"
`, nil)
	if err != nil {
		return module.Result{}, err
	}
	if msg := a.get("fail"); msg != "" {
		return module.Fail(msg), nil
	}
	return module.Result{}, nil
}

// edit is what lineinfile is asked to do to a text.
type edit struct {
	absent, backrefs, firstMatch bool
	line                         string
	match                        func(line string) []int // nil where no line is looked for
	expr                         *regexp.Regexp
	after, before                *regexp.Regexp
	atBegin                      bool
}

func newEdit(call *module.Call) (*edit, string) {
	args := call.Args
	e := &edit{absent: args.String("state") == "absent", backrefs: args.Bool("backrefs"), firstMatch: args.Bool("firstmatch"),
		line: args.String("line")}
	var err error
	compile := func(key string) *regexp.Regexp {
		s := args.String(key)
		if s == "" || err != nil {
			return nil
		}
		var re *regexp.Regexp
		if re, err = regexp.Compile(s); err != nil {
			err = fmt.Errorf("%s is not a valid expression: %w", key, err)
		}
		return re
	}
	if e.expr = compile("regexp"); e.expr != nil {
		e.match = e.expr.FindStringSubmatchIndex
	}
	if s := args.String("search_string"); s != "" {
		e.match = func(line string) []int {
			if i := strings.Index(line, s); i >= 0 {
				return []int{i, i + len(s)}
			}
			return nil
		}
	}
	if args.String("insertafter") != "EOF" {
		e.after = compile("insertafter")
	}
	if e.atBegin = args.String("insertbefore") == "BOF"; !e.atBegin {
		e.before = compile("insertbefore")
	}
	_, hasLine := args.Get("line")
	switch {
	case err != nil:
		return nil, err.Error()
	case e.backrefs && args.String("search_string") != "":
		return nil, "arguments are mutually exclusive: backrefs, search_string"
	case e.backrefs && e.expr == nil:
		return nil, "regexp is required with backrefs=true"
	case e.absent && e.match == nil && !hasLine:
		return nil, "one of line, search_string, or regexp is required with state=absent"
	}
	return e, ""
}

// apply returns the new text, what was done, and how many lines matched.
func (e *edit) apply(text string) (out, msg string, found int) {
	lines := splitKeep(text)
	if e.absent {
		return e.remove(lines)
	}
	at, groups := e.find(lines)
	switch {
	case at >= 0:
		line := e.line
		if e.backrefs && groups != nil {
			line = string(e.expr.ExpandString(nil, goTemplate(e.line), strings.TrimRight(lines[at], "\r\n"), groups))
		}
		end := lines[at][len(strings.TrimRight(lines[at], "\r\n")):]
		if strings.TrimRight(lines[at], "\r\n") == strings.TrimRight(line, "\r\n") {
			return text, "", 1
		}
		lines[at] = strings.TrimRight(line, "\r\n") + orText(end, "\n")
		return strings.Join(lines, ""), "line replaced", 1
	case e.backrefs:
		return text, "", 0
	}
	return e.insert(lines), "line added", 0
}

func splitKeep(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		out = append(out, l)
	}
	return out
}

// find returns the last line that matches, or else the last that is the line.
func (e *edit) find(lines []string) (at int, groups []int) {
	at = -1
	exact := -1
	for i, l := range lines {
		bare := strings.TrimRight(l, "\r\n")
		if e.match != nil {
			if m := e.match(bare); m != nil {
				at, groups = i, m
			}
		}
		if bare == strings.TrimRight(e.line, "\r\n") {
			exact = i
		}
	}
	if at < 0 && !e.backrefs {
		at = exact
	}
	return at, groups
}

func (e *edit) insert(lines []string) string {
	line := strings.TrimRight(e.line, "\r\n") + "\n"
	at := len(lines)
	where, offset := e.after, 1
	if e.before != nil {
		where, offset = e.before, 0
	}
	if e.atBegin {
		at = 0
	}
	for i, l := range lines {
		if where != nil && where.MatchString(strings.TrimRight(l, "\r\n")) {
			at = i + offset
			if e.firstMatch {
				break
			}
		}
	}
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
		lines[at-1] += "\n"
	}
	return strings.Join(lines[:at], "") + line + strings.Join(lines[at:], "")
}

func (e *edit) remove(lines []string) (out, msg string, found int) {
	var kept []string
	for _, l := range lines {
		bare := strings.TrimRight(l, "\r\n")
		gone := e.match != nil && e.match(bare) != nil
		if e.match == nil {
			gone = bare == strings.TrimRight(e.line, "\r\n")
		}
		if gone {
			found++
			continue
		}
		kept = append(kept, l)
	}
	if found > 0 {
		msg = fmt.Sprintf("%d line(s) removed", found)
	}
	return strings.Join(kept, ""), msg, found
}

var pythonGroup = regexp.MustCompile(`\\g<(\w+)>|\\(\d+)`)

// goTemplate turns Python's \1 and \g<name> into Go's ${1} and ${name}.
func goTemplate(s string) string {
	s = strings.ReplaceAll(s, "$", "$$")
	return pythonGroup.ReplaceAllString(s, "$${$1$2}")
}
