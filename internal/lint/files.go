package lint

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/template"
)

// made are the tasks that name a file, by its name, and all the commands that a
// playbook runs: what it makes need not be there beforehand.
type made struct {
	names    map[string][]*playbook.Task
	commands string
}

func madeFiles(plays []*scene) made {
	m := made{names: map[string][]*playbook.Task{}}
	var commands strings.Builder
	for _, s := range plays {
		for _, v := range s.visits {
			for _, name := range []string{"dest", "path", "name"} {
				if text, ok := literal(v.task.Args.Get(name)); ok {
					m.names[filepath.Base(text)] = append(m.names[filepath.Base(text)], v.task)
				}
			}
			if v.task.FreeForm != nil && runsText(v.task) {
				commands.WriteString(v.task.FreeForm.Text + "\n")
			}
		}
	}
	m.commands = commands.String()
	return m
}

// runsText tells whether a task's text is a command, and not a file's name.
func runsText(t *playbook.Task) bool {
	return t.Include == nil && !strings.HasSuffix(t.Action, "script") && !strings.HasSuffix(t.Action, "include_vars")
}

// has tells whether another task than t may make the file.
func (m made) has(t *playbook.Task, name string) bool {
	base := filepath.Base(name)
	return strings.Contains(m.commands, base) || slices.ContainsFunc(m.names[base], func(other *playbook.Task) bool { return other != t })
}

// files looks for the files of this machine that a task names.
func (c *collector) files(t *playbook.Task, full string) {
	switch full {
	case "ansible.builtin.template":
		c.templateFile(t)
	case "ansible.builtin.copy":
		if remote := t.Args.Get("remote_src"); remote == nil || remote.Value == false || strings.EqualFold(remote.Text, "no") || strings.EqualFold(remote.Text, "false") {
			c.file(t, "files", t.Args.Get("src"))
		}
	case "ansible.builtin.script":
		c.script(t)
	case "ansible.builtin.include_vars":
		n := t.Args.Get("file")
		if n == nil {
			n = t.FreeForm
		}
		if path := c.file(t, "vars", n); path != "" {
			c.varsIn(path)
		}
	}
	if in := t.Include; in != nil && in.File != nil {
		c.included(t, in.File)
	} else if in != nil && in.Role != nil && !isTemplate(in.Role.Text) {
		_, err := c.Loader.IncludeRole(t, in.Role.Text, in.From)
		c.absent(in.Role, err)
	}
}

// included reports a task file that isn't there.
func (c *collector) included(t *playbook.Task, n *document.Node) {
	if name, ok := literal(n); ok && !c.made.has(t, name) {
		_, err := c.Loader.IncludeTasks(t, name)
		c.absent(n, err)
	}
}

// absent reports what an include says is missing; other mistakes in it are told
// by the check that every run makes.
func (c *collector) absent(n *document.Node, err error) {
	var gone *playbook.MissingError
	var at *document.Error
	if errors.As(err, &gone) && errors.As(err, &at) {
		c.mistake(RuleFile, n.Pos, at.Hint, at.Message)
	}
}

// script is a command line whose first word is a file of this machine.
func (c *collector) script(t *playbook.Task) {
	if t.FreeForm == nil || isTemplate(t.FreeForm.Text) {
		return
	}
	words, err := playbook.SplitArgs(t.FreeForm.Text)
	if err != nil || len(words) == 0 {
		return
	}
	n := *t.FreeForm
	n.Text = strings.Trim(strings.TrimSpace(words[0]), `"'`)
	c.file(t, "files", &n)
}

// file returns where a named file is, "" where that isn't known; one that is
// nowhere is a mistake.
func (c *collector) file(t *playbook.Task, kind string, n *document.Node) string {
	name, ok := literal(n)
	if !ok {
		return ""
	}
	tried := c.Places(t, kind, name)
	for _, path := range tried {
		if _, err := c.Loader.Files.Stat(path); err == nil {
			return path
		}
	}
	if !c.made.has(t, name) {
		c.mistake(RuleFile, n.Pos, c.nowhere(tried), "there is no file "+name)
	}
	return ""
}

// nowhere says where a file was looked for, and which was probably meant.
func (c *collector) nowhere(tried []string) string {
	stems := map[string]string{}
	for _, name := range c.beside(tried) {
		stems[stem(name)] = name
	}
	word := stem(filepath.Base(tried[0]))
	hint := "looked for " + strings.Join(tried, ", ")
	if near := document.Nearest(word, slices.Sorted(maps.Keys(stems)), 1+len(word)/5); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", stems[near]) + hint
	}
	return hint
}

// stem is a name without what .yml and .j2 files end in.
func stem(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, ".j2"), ".yml"), ".yaml")
}

// beside lists what there is in the folders that were looked into.
func (c *collector) beside(tried []string) []string {
	var names []string
	for _, path := range tried {
		entries, err := c.Loader.Files.ReadDir(filepath.Dir(path))
		if err != nil {
			continue // no such folder: it holds nothing
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	return names
}

// templateFile compiles a template as the task would.
func (c *collector) templateFile(t *playbook.Task) {
	path := c.file(t, "templates", t.Args.Get("src"))
	if path == "" {
		return
	}
	for _, e := range t.Args.Entries {
		if strings.HasSuffix(e.Name(), "_string") {
			return // it has marks of its own
		}
	}
	c.templateAt(path)
}

// templateAt reports the mistakes of a template's file.
func (c *collector) templateAt(path string) {
	for _, f := range c.Linter.TemplateFile(path) {
		c.add(f)
	}
}

// TemplateFile returns what is wrong with a template's file, as the module
// template reads it.
func (l *Linter) TemplateFile(path string) []Finding {
	data, err := l.Loader.Files.ReadFile(path)
	if err != nil {
		return Mistakes(RuleFile, &document.Error{Pos: document.Position{File: path}, Message: fmt.Sprintf("cannot read it: %v", err)})
	}
	_, err = l.Engine.Compile(path, string(data))
	var wrong *template.SyntaxError
	if !errors.As(err, &wrong) {
		return nil
	}
	line := wrong.Line
	if strings.HasPrefix(string(data), "#jinja2:") && line < strings.Count(string(data), "\n")+1 {
		line++ // its first line is no part of the template
	}
	return Mistakes(RuleTemplate, &document.Error{Pos: document.Position{File: path, Line: line, Column: wrong.Column}, Message: wrong.Message, Hint: wrong.Hint})
}

// varsFile looks at an entry of vars_files: a file, or a list of which the first
// that is there counts.
func (c *collector) varsFile(s *scene, n *document.Node) {
	var tried []string
	for _, one := range list(n) {
		name, ok := literal(one)
		if !ok || c.made.has(nil, name) {
			return
		}
		for _, path := range c.Places(&playbook.Task{Path: s.play.Path, Play: s.play}, "vars", name) {
			if _, err := c.Loader.Files.Stat(path); err == nil {
				c.varsIn(path)
				return
			}
			tried = append(tried, path)
		}
	}
	if len(tried) > 0 {
		c.mistake(RuleFile, n.Pos, c.nowhere(tried), "there is no such file of variables")
	}
}

// varsIn reports mistakes in a file of variables.
func (c *collector) varsIn(path string) {
	for _, f := range c.VarsFile(path) {
		c.add(f)
	}
}

// VarsFile returns what is wrong with a file of variables: its YAML, and the
// templates in it. One that is encrypted and cannot be read is not looked into.
func (l *Linter) VarsFile(path string) []Finding {
	n, err := l.Loader.ReadYAML(path)
	var at *document.Error
	switch {
	case errors.As(err, &at):
		return Mistakes(RuleSyntax, err)
	case err != nil:
		return nil
	case n.Kind != document.Mapping && n.Value != nil:
		return Mistakes(RuleSyntax, n.Errorf("a file of variables must be a mapping, not %s", n.Kind))
	}
	var errs document.Errors
	l.templatesIn(n, &errs)
	return Mistakes(RuleSyntax, errs.Err())
}

func (l *Linter) templatesIn(n *document.Node, errs *document.Errors) {
	if n.Tag != "" {
		return
	}
	for _, item := range n.Items {
		l.templatesIn(item, errs)
	}
	for _, e := range n.Entries {
		l.templatesIn(e.Value, errs)
	}
	text, ok := n.Value.(string)
	if !ok {
		return
	}
	var wrong *template.SyntaxError
	if errors.As(l.Engine.CheckSyntax(text), &wrong) {
		at := n.Inside(wrong.Line, wrong.Column, l.Loader.Lines(n.Pos.File))
		errs.AddHint(at, wrong.Hint, "template error: %s", wrong.Message)
	}
}
