package lookup

import (
	"context"

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
		below, err := FileVariables(name, path, "", d.Managed)
		if err != nil {
			return nil, err
		}
		text, err := d.Renderer.Render(ctx, Text{
			Name: path, Source: string(data), Convert: optionBool(kw, "convert_data", true), Native: optionBool(kw, "jinja2_native", false),
			Delimiters: template.Delimiters{
				VariableStart: optionText(kw, "variable_start_string", "{{"), VariableEnd: optionText(kw, "variable_end_string", "}}"),
				BlockStart: "{%", BlockEnd: "%}",
				CommentStart: optionText(kw, "comment_start_string", "{#"), CommentEnd: optionText(kw, "comment_end_string", "#}"),
			},
		}, layered{layered{scope, below}, extra})
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}
