package files

import (
	"context"
	"fmt"
	"strings"

	"rollout/internal/module"
	"rollout/internal/regex"
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
	e, problem := newEdit(call)
	if problem != "" {
		return module.Fail(problem), nil
	}
	found := 0
	res, err := rewrite(ctx, call, rewriting{
		create: call.Args.Bool("create"),
		absent: e.absent,
		edit: func(text string, _ bool) (out, msg string, err error) {
			out, msg, found, err = e.apply(text)
			return out, msg, err
		},
	})
	if err != nil || res.Failed || res.Msg == noFile {
		return res, err
	}
	if e.absent {
		res = res.Set("found", found)
	}
	// Ansible's name here for what other modules call backup_file.
	res = res.Set("backup", res.Data.String("backup_file"))
	res.Data.Delete("backup_file")
	return res, nil
}

// edit is what lineinfile is asked to do to a text.
type edit struct {
	absent, backrefs, firstMatch bool
	line                         string
	search                       string // a text that is looked for; "" for none
	expr                         *regex.Regexp
	after, before                *regex.Regexp
	atBegin                      bool
}

func newEdit(call *module.Call) (*edit, string) {
	args := call.Args
	e := &edit{absent: args.String("state") == "absent", backrefs: args.Bool("backrefs"), firstMatch: args.Bool("firstmatch"),
		line: args.String("line")}
	var err error
	compile := func(key string) *regex.Regexp {
		s := args.String(key)
		if s == "" || err != nil {
			return nil
		}
		var re *regex.Regexp
		if re, err = regex.Compile(s, 0); err != nil {
			err = fmt.Errorf("%s is not a valid expression: %w", key, err)
		}
		return re
	}
	e.expr, e.search = compile("regexp"), args.String("search_string")
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
	case e.absent && !e.looks() && !hasLine:
		return nil, "one of line, search_string, or regexp is required with state=absent"
	}
	return e, ""
}

// looks reports whether a line is looked for by more than being the line.
func (e *edit) looks() bool { return e.expr != nil || e.search != "" }

// matches reports whether a line is one that is looked for, and by which match
// where an expression is.
func (e *edit) matches(line string) (bool, *regex.Match, error) {
	if e.expr == nil {
		return e.search != "" && strings.Contains(line, e.search), nil, nil
	}
	m, err := e.expr.Search(line)
	return m != nil, m, err
}

// apply returns the new text, what was done, and how many lines matched.
func (e *edit) apply(text string) (out, msg string, found int, err error) {
	lines := splitKeep(text)
	if e.absent {
		return e.remove(lines)
	}
	at, match, err := e.find(lines)
	switch {
	case err != nil:
		return text, "", 0, err
	case at >= 0:
		return e.replace(text, lines, at, match)
	case e.backrefs:
		return text, "", 0, nil
	}
	out, err = e.insert(lines)
	return out, "line added", 0, err
}

func (e *edit) replace(text string, lines []string, at int, match *regex.Match) (out, msg string, found int, err error) {
	line := e.line
	if e.backrefs && match != nil {
		if line, err = match.Expand(e.line); err != nil {
			return text, "", 0, err
		}
	}
	line, old := strings.TrimRight(line, "\r\n"), strings.TrimRight(lines[at], "\r\n")
	if line == old {
		return text, "", 1, nil
	}
	lines[at] = line + orText(lines[at][len(old):], "\n")
	return strings.Join(lines, ""), "line replaced", 1, nil
}

func splitKeep(text string) []string {
	var out []string
	for l := range strings.Lines(text) {
		out = append(out, l)
	}
	return out
}

// find returns the last line that matches, or else the last that is the line.
func (e *edit) find(lines []string) (at int, match *regex.Match, err error) {
	at = -1
	exact := -1
	for i, l := range lines {
		bare := strings.TrimRight(l, "\r\n")
		ok, m, err := e.matches(bare)
		if err != nil {
			return -1, nil, err
		}
		if ok {
			at, match = i, m
		}
		if bare == strings.TrimRight(e.line, "\r\n") {
			exact = i
		}
	}
	if at < 0 && !e.backrefs {
		at = exact
	}
	return at, match, nil
}

func (e *edit) insert(lines []string) (string, error) {
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
		if where == nil {
			break
		}
		m, err := where.Search(strings.TrimRight(l, "\r\n"))
		if err != nil {
			return "", err
		}
		if m != nil {
			at = i + offset
			if e.firstMatch {
				break
			}
		}
	}
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
		lines[at-1] += "\n"
	}
	return strings.Join(lines[:at], "") + line + strings.Join(lines[at:], ""), nil
}

func (e *edit) remove(lines []string) (out, msg string, found int, err error) {
	var kept []string
	for _, l := range lines {
		bare := strings.TrimRight(l, "\r\n")
		gone := !e.looks() && bare == strings.TrimRight(e.line, "\r\n")
		if e.looks() {
			if gone, _, err = e.matches(bare); err != nil {
				return "", "", 0, err
			}
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
	return strings.Join(kept, ""), msg, found, nil
}
