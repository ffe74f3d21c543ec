package files

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rollout/internal/module"
	"rollout/internal/regex"
)

func blockinfileModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.blockinfile",
		Aliases: []string{"ansible.legacy.blockinfile"},
		Summary: "Puts lines between two markers into a file, or takes them out.",
		Args: module.Schema{
			Args: append([]module.Arg{
				{Name: "path", Aliases: []string{"dest", "destfile", "name"}, Type: module.Path, Required: true, Doc: "the file"},
				{Name: "block", Aliases: []string{"content"}, Default: "", Doc: "the lines; none takes them out, as state: absent"},
				{Name: "state", Default: "present", Choices: []string{"absent", "present"}, Doc: "whether the lines are to be there"},
				{Name: "marker", Default: "# {mark} ANSIBLE MANAGED BLOCK", Doc: "the line before and after; {mark} is marker_begin or marker_end"},
				{Name: "marker_begin", Default: "BEGIN", Doc: "what {mark} is before"},
				{Name: "marker_end", Default: "END", Doc: "what {mark} is after"},
				{Name: "insertafter", Doc: "expression of the line to insert after, or EOF"},
				{Name: "insertbefore", Doc: "expression of the line to insert before, or BOF"},
				{Name: "create", Type: module.Bool, Default: false, Doc: "make a file that is not there"},
				{Name: "backup", Type: module.Bool, Default: false, Doc: "keep the old file beside the new one"},
				{Name: "validate", Doc: "command that must accept the file, %s in it"},
			}, attributes...),
			MutuallyExclusive: [][]string{{"insertbefore", "insertafter"}},
		},
		NeedsHost: true,
		Run:       runBlockinfile,
	}
}

func runBlockinfile(ctx context.Context, call *module.Call) (module.Result, error) {
	b, err := newBlock(call)
	if err != nil {
		return module.Fail(err.Error()), nil
	}
	create := call.Args.Bool("create")
	return rewrite(ctx, call, rewriting{create: create, absent: create && call.Args.String("state") == "absent", edit: b.apply})
}

// block is what blockinfile is asked to do to a text.
type block struct {
	lines      []string // with the markers; none takes them out
	begin, end string
	where      *regex.Regexp // the line to insert at; nil for the file's begin or end
	whole      bool          // where is looked for in the whole text, not line by line
	after      bool          // behind it, or at the end
}

func newBlock(call *module.Call) (*block, error) {
	args := call.Args
	b := &block{
		begin: strings.ReplaceAll(args.String("marker"), "{mark}", args.String("marker_begin")) + "\n",
		end:   strings.ReplaceAll(args.String("marker"), "{mark}", args.String("marker_end")) + "\n",
	}
	text := args.String("block")
	if args.String("state") == "present" && text != "" {
		if !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		b.lines = slices.Concat([]string{b.begin}, splitKeep(text), []string{b.end})
	}
	expr, edge := args.String("insertafter"), "EOF"
	if b.after = args.String("insertbefore") == ""; !b.after {
		expr, edge = args.String("insertbefore"), "BOF"
	}
	if expr == "" || expr == edge {
		return b, nil
	}
	var err error
	if b.where, err = regex.Compile(expr, 0); err != nil {
		return nil, fmt.Errorf("the expression of the line to insert at is not valid: %w", err)
	}
	flags, isFlags := strings.CutPrefix(expr, "(?")
	flags, _, _ = strings.Cut(flags, ")")
	b.whole = isFlags && strings.Contains(flags, "m") && strings.Trim(flags, "aimsux") == ""
	return b, nil
}

func (b *block) apply(text string, there bool) (out, msg string, err error) {
	lines := splitKeep(text)
	at, end := lastIndex(lines, b.begin), lastIndex(lines, b.end)
	switch {
	case at < 0 || end < 0:
		if at, err = b.place(text, lines); err != nil {
			return text, "", err
		}
	default:
		at, end = min(at, end), max(at, end)
		lines = slices.Delete(lines, at, end+1)
	}
	if at > 0 && !strings.HasSuffix(lines[at-1], "\n") {
		lines[at-1] += "\n"
	}
	out = strings.Join(slices.Insert(lines, at, b.lines...), "")
	switch {
	case !there:
		return out, "File created", nil
	case out == text:
		return out, "", nil
	case len(b.lines) == 0:
		return out, "Block removed", nil
	}
	return out, "Block inserted", nil
}

// place is the number of the line before which the block goes.
func (b *block) place(text string, lines []string) (int, error) {
	if b.where == nil {
		if b.after {
			return len(lines), nil
		}
		return 0, nil
	}
	at, err := b.lineOf(text, lines)
	switch {
	case err != nil:
		return 0, err
	case at < 0:
		return len(lines), nil
	case b.after:
		return min(at+1, len(lines)), nil
	}
	return at, nil
}

// lineOf is the number of the line that is looked for, -1 where there is none:
// the last that fits, or with (?m) the one where the first match in the whole
// text begins or ends.
func (b *block) lineOf(text string, lines []string) (int, error) {
	if b.whole {
		m, err := b.where.Search(text)
		if m == nil || err != nil {
			return -1, err
		}
		upTo := m.Start()
		if b.after {
			upTo = m.End()
		}
		return strings.Count(string([]rune(text)[:upTo]), "\n"), nil
	}
	at := -1
	for i, line := range lines {
		m, err := b.where.Search(line)
		if err != nil {
			return -1, err
		}
		if m != nil {
			at = i
		}
	}
	return at, nil
}

func lastIndex(lines []string, line string) int {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i] == line {
			return i
		}
	}
	return -1
}
