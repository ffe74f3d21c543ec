package files

import (
	"context"
	"fmt"

	"rollout/internal/module"
	"rollout/internal/regex"
)

func replaceModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.replace",
		Aliases: []string{"ansible.legacy.replace"},
		Summary: "Replaces every match of an expression in a file.",
		Args: module.Schema{
			Args: append([]module.Arg{
				{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Doc: "the file"},
				{Name: "regexp", Required: true, Doc: "what is replaced; ^ and $ match at every line"},
				{Name: "replace", Default: "", Doc: "what stands there then; \\1 and \\g<name> are groups of regexp"},
				{Name: "after", Doc: "only what comes after a match of this"},
				{Name: "before", Doc: "only what comes before a match of this"},
				{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old file beside the new one"},
				{Name: "validate", Doc: "command that must accept the file, %s in it"},
				{Name: "encoding", Default: "utf-8", Choices: []string{"utf-8", "utf8", "ascii"}, Doc: "the file's encoding"},
			}, attributes...),
		},
		NeedsHost: true,
		Run:       runReplace,
	}
}

func runReplace(ctx context.Context, call *module.Call) (module.Result, error) {
	r, err := newReplacing(call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	res, err := rewrite(ctx, call, rewriting{plain: true, edit: r.apply})
	if err == nil && !res.Failed {
		res = res.Set("rc", 0)
	}
	return res, err
}

// replacing is what replace is asked to do to a text.
type replacing struct {
	within *regex.Regexp // whose group subsection is the part that counts; nil for all
	expr   *regex.Regexp
	by     string
}

func newReplacing(call *module.Call) (*replacing, error) {
	args := call.Args
	after, before := args.String("after"), args.String("before")
	within := ""
	switch {
	case after != "" && before != "":
		within = after + "(?P<subsection>.*?)" + before
	case after != "":
		within = after + "(?P<subsection>.*)"
	case before != "":
		within = "(?P<subsection>.*)" + before
	}
	r := &replacing{by: args.String("replace")}
	var err error
	if r.expr, err = regex.Compile(args.String("regexp"), regex.Multiline); err != nil {
		return nil, fmt.Errorf("regexp is not a valid expression: %w", err)
	}
	if within != "" {
		if r.within, err = regex.Compile(within, regex.DotAll); err != nil {
			return nil, fmt.Errorf("after and before make no valid expression: %w", err)
		}
	}
	return r, nil
}

func (r *replacing) apply(text string, _ bool) (out, msg string, err error) {
	head, section, tail := "", text, ""
	if r.within != nil {
		m, err := r.within.Search(text)
		if err != nil {
			return text, "", err
		}
		if m == nil {
			return text, "Pattern for before/after params did not match the given file", nil
		}
		start, end := m.Span(m.GroupIndex("subsection"))
		runes := []rune(text)
		head, section, tail = string(runes[:start]), string(runes[start:end]), string(runes[end:])
	}
	done, n, err := r.expr.ReplaceCounted(section, r.by, 0)
	if err != nil || done == section {
		return text, "", err
	}
	return head + done + tail, fmt.Sprintf("%d replacements made", n), nil
}
