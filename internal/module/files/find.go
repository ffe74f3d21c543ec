package files

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/regex"
	"rollout/internal/value"
)

func findModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.find",
		Aliases: []string{"ansible.legacy.find"},
		Summary: "Lists the files of the host's folders that meet all of the conditions.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "paths", Aliases: []string{"name", "path"}, Type: module.List, Elements: module.Str, Required: true, Doc: "the folders to look in"},
			{Name: "patterns", Aliases: []string{"pattern"}, Type: module.List, Elements: module.Str, Default: []any{}, Doc: "patterns for the name, one of which must match; default: any name"},
			{Name: "excludes", Aliases: []string{"exclude"}, Type: module.List, Elements: module.Str, Doc: "patterns for the name, none of which may match"},
			{Name: "use_regex", Type: module.Bool, Default: false, Doc: "the patterns are regular expressions, from the name's beginning, and no shell patterns"},
			{Name: "contains", Doc: "regular expression that a line of the file must match from its beginning"},
			{Name: "read_whole_file", Type: module.Bool, Default: false, Doc: "contains is searched for in the file as a whole"},
			{Name: "file_type", Default: "file", Choices: []string{"any", "directory", "file", "link"}, Doc: "what to list"},
			{Name: "age", Doc: "at least so old, or with a - at most: a number of seconds, or with s, m, h, d, w"},
			{Name: "age_stamp", Default: "mtime", Choices: []string{"atime", "ctime", "mtime"}, Doc: "the time that age is of"},
			{Name: "size", Doc: "at least so large, or with a - at most: a number of bytes, or with b, k, m, g, t; of folders and links nothing is asked"},
			{Name: "recurse", Type: module.Bool, Default: false, Doc: "look in the folders below too"},
			{Name: "depth", Type: module.Int, Doc: "how many levels of folders to look in with recurse; default: all"},
			{Name: "hidden", Type: module.Bool, Default: false, Doc: "list names that begin with a dot"},
			{Name: "follow", Type: module.Bool, Default: false, Doc: "look in the folders that links point to"},
			{Name: "get_checksum", Type: module.Bool, Default: false, Doc: "return the SHA-1 of every file"},
		}},
		NeedsHost: true,
		Run:       runFind,
	}
}

// ageUnits are in seconds, sizeUnits in bytes.
var (
	ageUnits  = map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	sizeUnits = map[byte]int{'b': 1, 'k': 1 << 10, 'm': 1 << 20, 'g': 1 << 30, 't': 1 << 40}
)

// finding is a call's conditions.
type finding struct {
	call               *module.Call
	patterns, excludes []expression
	contains           expression
	age, size          *int
	depth              int // levels that are listed; 0 is all
}

func runFind(ctx context.Context, call *module.Call) (module.Result, error) {
	f, res := newFinding(call)
	if res.Failed {
		return res, nil
	}
	examined, list, skipped := 0, []found{}, value.NewMap()
	for _, p := range value.Strings(call.Args.List("paths")) {
		w, err := f.walk(ctx, p)
		if err != nil {
			return module.Result{}, err
		}
		examined += w.examined
		if list = append(list, f.matching(w)...); w.problem != "" {
			skipped.Set(w.root, w.problem)
			res.Warnings = append(res.Warnings, fmt.Sprintf("Skipped '%s' path due to this access issue: %s\n", w.root, w.problem))
		}
	}
	list, err := f.read(ctx, list)
	if err != nil {
		return module.Result{}, err
	}
	files := make([]any, len(list))
	for i, item := range list {
		files[i] = item.result()
	}
	res = res.Set("files", files).Set("matched", len(files))
	res.Msg = "All paths examined"
	if len(res.Warnings) > 0 {
		res.Msg = "Not all paths examined, check warnings for details"
	}
	return res.Set("examined", examined).Set("skipped_paths", skipped), nil
}

// newFinding reads the arguments; what cannot be read is a failed result.
func newFinding(call *module.Call) (*finding, module.Result) {
	f := &finding{call: call}
	for _, quantity := range []struct {
		name  string
		units map[byte]int
		to    **int
	}{{"age", ageUnits, &f.age}, {"size", sizeUnits, &f.size}} {
		text := call.Args.String(quantity.name)
		if call.Args.At(quantity.name) == nil {
			continue
		}
		n, ok := measure(text, quantity.units)
		if !ok {
			return nil, module.Fail("failed to process "+quantity.name).Set(quantity.name, text)
		}
		*quantity.to = &n
	}
	switch f.depth = call.Args.Int("depth"); {
	case f.depth < 0:
		f.depth = -1 // lists nothing, as with Ansible
	case !call.Args.Bool("recurse") && f.depth == 0:
		f.depth = 1
	}
	patterns := value.Strings(call.Args.List("patterns"))
	if len(patterns) == 0 {
		patterns = map[bool][]string{true: {".*"}, false: {"*"}}[call.Args.Bool("use_regex")]
	}
	f.patterns = f.compiled(patterns)
	f.excludes = f.compiled(value.Strings(call.Args.List("excludes")))
	if text, given := call.Args.At("contains").(string); given {
		f.contains = compiled(text)
	}
	return f, module.Result{}
}

// measure reads a number with a unit behind it.
func measure(text string, units map[byte]int) (int, bool) {
	text, unit := strings.ToLower(text), 1
	if n := len(text); n > 0 && units[text[n-1]] != 0 {
		text, unit = text[:n-1], units[text[n-1]]
	}
	n, err := strconv.Atoi(text)
	return n * unit, err == nil && !strings.HasPrefix(text, "+")
}

// expression is a pattern, or why it is none: that is told for the first folder
// where it is looked at, as Ansible does.
type expression struct {
	*regex.Regexp
	wrong error
}

func compiled(pattern string) expression {
	re, err := regex.Compile(pattern, 0)
	if wrong := (*regex.Error)(nil); errors.As(err, &wrong) {
		err = fmt.Errorf("%s at position %d", wrong.Message, wrong.Pos)
	}
	return expression{re, err}
}

func (f *finding) compiled(patterns []string) []expression {
	var out []expression
	for _, p := range patterns {
		if !f.call.Args.Bool("use_regex") {
			p = fnmatch(p)
		}
		out = append(out, compiled(p))
	}
	return out
}

// fnmatch is a shell pattern as a regular expression, as Python's fnmatch
// reads it: * and ? match any character, and a [ that is not closed is itself.
func fnmatch(pattern string) string {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; c {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			set, n := bracket(pattern[i+1:])
			b.WriteString(set)
			i += n
		default:
			rest := strings.IndexAny(pattern[i:], "*?[")
			if rest < 0 {
				rest = len(pattern) - i
			}
			b.WriteString(regex.Escape(pattern[i : i+rest]))
			i += rest - 1
		}
	}
	return "(?s:" + b.String() + `)\Z`
}

// bracket is the set behind a [, and how much of s it takes.
func bracket(s string) (set string, n int) {
	from := 0
	if strings.HasPrefix(s, "!") {
		from = 1
	}
	if strings.HasPrefix(s[from:], "]") {
		from++
	}
	end := strings.IndexByte(s[from:], ']')
	if end < 0 {
		return `\[`, 0
	}
	end += from
	text := strings.NewReplacer(`\`, `\\`, `[`, `\[`, `]`, `\]`, "&", `\&`, "~", `\~`, "|", `\|`).Replace(s[:end])
	switch {
	case strings.HasPrefix(text, "!"):
		text = "^" + text[1:]
	case strings.HasPrefix(text, "^"):
		text = `\` + text
	}
	return "[" + text + "]", end + 1
}

// findProgram lists what is below $root: of each thing a line of what stat
// knows and its name. Two slashes, which no name below a clean path has, begin
// each, so that a line end in a name misleads nobody.
const findProgram = `
case $base in '') base=/ ;; //*) base=${base#/} ;; esac
say root "$base"
[ -d "$base" ] || { say missing 1; exit; }
now=$(date +%s.%N); case $now in *[!0-9.]*|*.) now=$(date +%s) ;; esac
say now "$now"
case $(stat -c %.9X / 2>/dev/null) in *.*[!0-9]*|'') t='%X %Y %Z' ;; *.*) t='%.9X %.9Y %.9Z' ;; *) t='%X %Y %Z' ;; esac
top=${base%/}/; case $top in /*) ;; *) top=./$top ;; esac
say begin 1
find $follow "$top" -mindepth 1 $limit -exec stat -c "//%f %u %g %s %i %d %h $t %U %G %n" {} + 2>/dev/null && exit
printf '//\n'
find $follow "$top" -mindepth 1 $limit -type d -exec sh -c 'for d do
	[ -r "$d" ] && [ -x "$d" ] || printf "//%s" "$d"
done' sh {} + 2>/dev/null
[ -r "$top" ] || printf '//%s' "${top%/}"
`

func (f *finding) program(p string) string {
	limit, follow := "", ""
	switch {
	case !f.call.Args.Bool("recurse") || f.depth < 0:
		limit = "-maxdepth 1"
	case f.depth > 0:
		limit = fmt.Sprintf("-maxdepth %d", f.depth+1) // what lies one deeper is counted
	}
	if f.call.Args.Bool("follow") {
		follow = "-L"
	}
	return library + vars("limit", limit, "follow", follow) + "base=" + path(p) + findProgram
}

func (f *finding) walk(ctx context.Context, p string) (*walked, error) {
	out, err := f.call.Host.Run(ctx, connection.Command{Script: f.program(cleaned(p)), Env: f.call.Env, Become: f.call.Become})
	if err != nil {
		return nil, err
	}
	return readWalk(string(out.Stdout))
}
