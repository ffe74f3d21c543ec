package files

import (
	"context"
	"fmt"
	pathpkg "path"
	"strings"

	"rollout/internal/module"
	"rollout/internal/value"
)

func templateModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.template",
		Aliases: []string{"ansible.legacy.template"},
		Summary: "Renders a template of this machine to a file on the host.",
		Args: module.Schema{Args: append([]module.Arg{
			{Name: "src", Type: module.Path, Required: true, Doc: "the template"},
			{Name: "dest", Type: module.Path, Required: true, Doc: "where the text goes"},
			{Name: "force", Type: module.Bool, Default: true, Doc: "replace a file that differs"},
			{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old file beside the new one"},
			{Name: "validate", Doc: "command that must accept the file, %s in it"},
			{Name: "follow", Type: module.Bool, Default: false, Doc: "write through a link at dest"},
			{Name: "newline_sequence", Default: "\n", Choices: []string{"\n", "\r", "\r\n", `\n`, `\r`, `\r\n`}, Doc: "line end of the result"},
			{Name: "trim_blocks", Type: module.Bool, Default: true, Doc: "the first line end after a block is removed"},
			{Name: "lstrip_blocks", Type: module.Bool, Default: false, Doc: "blanks before a block are removed"},
			{Name: "block_start_string", Default: "{%", Doc: "begins a block"},
			{Name: "block_end_string", Default: "%}", Doc: "ends a block"},
			{Name: "variable_start_string", Default: "{{", Doc: "begins an expression"},
			{Name: "variable_end_string", Default: "}}", Doc: "ends an expression"},
			{Name: "comment_start_string", Default: "{#", Doc: "begins a comment"},
			{Name: "comment_end_string", Default: "#}", Doc: "ends a comment"},
			{Name: "output_encoding", Default: "utf-8", Choices: []string{"utf-8", ""}, Doc: "encoding of the result"},
		}, attributes...)},
		NeedsHost: true,
		Run:       runTemplate,
	}
}

// headerNames are what a template's first line "#jinja2:" can say, in the
// order in which it is written.
var headerNames = []string{"trim_blocks", "lstrip_blocks", "block_start_string", "block_end_string", "variable_start_string",
	"variable_end_string", "comment_start_string", "comment_end_string"}

func runTemplate(ctx context.Context, call *module.Call) (module.Result, error) {
	src := call.Args.String("src")
	data, found, err := readTemplate(call.Files, src)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	text, err := call.Render(ctx, found, withHeader(call.Args, string(data)), nil)
	if err != nil {
		return module.Fail(err.Error()).Set("src", found), nil
	}
	text = keepLineEnds(string(data), text)
	if end := strings.NewReplacer(`\r`, "\r", `\n`, "\n").Replace(call.Args.String("newline_sequence")); end != "\n" {
		text = strings.ReplaceAll(text, "\n", end)
	}
	p := placement{content: []byte(text), dest: call.Args.String("dest"), base: pathpkg.Base(src), source: found,
		force: call.Args.Bool("force"), backup: call.Args.Bool("backup"), validate: call.Args.String("validate"), follow: call.Args.Bool("follow")}
	if call.Args.At("mode") == "preserve" {
		if _, perm, err := kindIn(call.Files, "templates", src); err == nil {
			p.mode = fmt.Sprintf("%04o", perm)
		}
	}
	res, err := finish(place(ctx, call, p))
	if err == nil && !res.Failed && res.Changed && !call.Check {
		res = res.Set("src", found)
	}
	return res, err
}

// withHeader hands the arguments to the renderer as the template's own header
// would; a header that is there already wins, as its later words do.
func withHeader(args *value.Map, text string) string {
	schema := templateModule().Args
	var words []string
	for _, name := range headerNames {
		arg, _ := schema.Find(name)
		switch v := args.At(name).(type) {
		case bool:
			if v != arg.Default {
				words = append(words, fmt.Sprintf("%s: %s", name, pythonBool(v)))
			}
		case string:
			if v != arg.Default {
				words = append(words, fmt.Sprintf("%s: %q", name, v))
			}
		}
	}
	if len(words) == 0 {
		return text
	}
	const mark = "#jinja2:"
	own, rest, _ := strings.Cut(text, "\n")
	if strings.HasPrefix(text, mark) {
		return mark + strings.Join(words, ", ") + ", " + strings.TrimSpace(own[len(mark):]) + "\n" + rest
	}
	return mark + strings.Join(words, ", ") + "\n" + text
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// keepLineEnds gives a rendered text the line ends at its end that the
// template has, which Jinja2 drops and Ansible puts back.
func keepLineEnds(template, text string) string {
	count := func(s string) int { return len(s) - len(strings.TrimRight(s, "\n")) }
	if missing := count(template) - count(text); missing > 0 {
		return text + strings.Repeat("\n", missing)
	}
	return text
}
