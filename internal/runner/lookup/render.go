package lookup

import (
	"context"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"rollout/internal/template"
	"rollout/internal/value"
)

// template renders files of the search path, with what template_vars adds.
func (d Deps) template(ctx context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	extra, _ := option(kw, "template_vars", nil).(*value.Map)
	out := []any{}
	for _, name := range names {
		path, err := d.find(scope, "templates", name)
		if err != nil {
			return nil, failure("the template file " + name + " could not be found for the lookup")
		}
		data, err := d.read(scope, "templates", name)
		if err != nil {
			return nil, err
		}
		below := layered{scope, templateVars(name, path)}
		text, err := d.Renderer.Render(ctx, Text{
			Name: path, Source: string(data), Convert: optionBool(kw, "convert_data", true),
			Delimiters: template.Delimiters{
				VariableStart: optionText(kw, "variable_start_string", "{{"), VariableEnd: optionText(kw, "variable_end_string", "}}"),
				BlockStart: "{%", BlockEnd: "%}",
				CommentStart: optionText(kw, "comment_start_string", "{#"), CommentEnd: optionText(kw, "comment_end_string", "#}"),
			},
		}, layered{below, extra})
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// templateVars are what Ansible adds for a template's file.
func templateVars(name, path string) *value.Map {
	full, err := filepath.Abs(path)
	if err != nil {
		full = path
	}
	host, _ := os.Hostname()
	owner, changed := "", time.Time{}
	if info, err := os.Stat(path); err == nil {
		changed = info.ModTime()
		if sys, ok := info.Sys().(*syscall.Stat_t); ok {
			owner = strconv.Itoa(int(sys.Uid))
			if u, err := user.LookupId(owner); err == nil {
				owner = u.Username
			}
		}
	}
	return value.NewMap("template_host", host, "template_path", name, "template_fullpath", full, "template_uid", owner,
		"template_mtime", value.Moment{T: changed}, "template_run_date", value.Moment{T: time.Now()},
		"ansible_managed", "Ansible managed")
}
