// Package template is Jinja2 as Ansible uses it: expressions to native values,
// text templates, filters, tests and lookups. Data goes source → tokens → nodes
// (checked whole: unknown filters, tests and lookups are compile errors) →
// values or text. It does no I/O: files and lookups come from its caller.
package template

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollout/internal/value"
)

// Scope gives the value of a variable, already evaluated: variables are lazy,
// and whoever implements Scope templates them when they are looked up and
// refuses those that lead to themselves. Values are package value's types or a
// Dict; a template never changes them.
type Scope interface {
	Lookup(name string) (v any, ok bool, err error)
}

// MapScope is a Scope over plain values. A nil *value.Map is an empty one.
type MapScope struct{ Vars *value.Map }

// Lookup returns the variable.
func (s MapScope) Lookup(name string) (any, bool, error) {
	v, ok := s.Vars.Get(name)
	return v, ok, nil
}

// Lookup is a lookup plugin: it returns a list of results.
type Lookup func(ctx context.Context, args []any, kwargs *value.Map, scope Scope) ([]any, error)

// Filter is a filter supplied by the caller; it is not called with undefined
// values.
type Filter func(ctx context.Context, in any, args []any, kwargs *value.Map) (any, error)

// Test is a test supplied by the caller; it is not called with undefined values.
type Test func(ctx context.Context, in any, args []any, kwargs *value.Map) (bool, error)

// Options are what an Engine gets from outside. All may be left out.
type Options struct {
	Lookups map[string]Lookup // by plain or fully qualified name
	Filters map[string]Filter
	Tests   map[string]Test
	// Loader finds what is included, imported or extended where the context
	// has none of WithLoader.
	Loader Loader
	// Now is the clock of now() and strftime; without it they are an error.
	Now func() time.Time
	// Env is the lookup "env"'s and expanduser's environment.
	Env func(name string) (string, bool)
	// Random seeds the filters random and shuffle where a template gives no
	// seed: the same number makes the same choices.
	Random uint64
	// Extensions are jinja2's that are switched on, as the setting
	// jinja2_extensions has them: jinja2.ext.do, jinja2.ext.loopcontrols.
	Extensions []string
	// Native gives every expression its own type, as jinja2_native does.
	Native bool
	// RealPath resolves a path's links, for the filters realpath and relpath;
	// without it they are an error.
	RealPath func(path string) (string, error)
	// Warn is told of lookups that fail where errors='warn' is said; may be nil.
	Warn func(text string)
	// Plain is jinja2 without Ansible's layer: None is printed as "None", and
	// an attribute of something undefined is an error at once.
	Plain bool
}

// CompileOptions say how a text template is read.
type CompileOptions struct {
	TrimBlocks          bool // a newline after a statement or comment goes
	LstripBlocks        bool // white space before a statement on its line goes
	KeepTrailingNewline bool // else one newline at the end of the source goes
	// RestoreNewlines gives the text at least as many newlines at its end as
	// the source has, as Ansible's templating does.
	RestoreNewlines bool
	Delimiters      Delimiters // zero: {{ }} {% %} {# #}

	rawStrings bool // strings in {{ }} have no escapes: playbook values
}

// Ansible's template module reads its files this way.
var moduleOptions = CompileOptions{TrimBlocks: true, RestoreNewlines: true}

// Loader returns the source of a template that is included, imported or
// extended; an error that wraps fs.ErrNotExist means there is none.
type Loader func(name string) (string, error)

type loaderKey struct{}

// WithLoader gives the templates rendered under the context a loader of their
// own: where files are looked for depends on the task.
func WithLoader(ctx context.Context, load Loader) context.Context {
	return context.WithValue(ctx, loaderKey{}, load)
}

// Engine compiles templates and keeps them. It is safe for concurrent use.
type Engine struct {
	opts    Options
	plain   bool
	filters map[string]*builtin
	tests   map[string]*builtin
	globals map[string]any
	methods methodTable
	lookups map[string]Lookup

	mu    sync.Mutex
	cache map[cacheKey]*Template
	size  int // bytes of source in cache
	exprs map[exprKey]*Expr

	patterns patterns
	draws    atomic.Uint64 // unseeded random choices made so far
}

type cacheKey struct {
	name, src string
	opts      CompileOptions
}

// New returns an engine.
func New(opts Options) *Engine {
	e := &Engine{opts: opts, plain: opts.Plain, cache: map[cacheKey]*Template{}, exprs: map[exprKey]*Expr{}}
	e.filters = tableOf(jinjaFilters(), listFilters(), textFilterTable(), ansibleFilters(), setFilters(), netFilters(), generalFilters(), utilsFilters())
	e.tests = tableOf(jinjaTests(), ansibleTests(), utilsTests())
	e.methods = newMethods()
	e.globals = globals()
	if opts.Plain {
		plainTables(e)
	}
	e.lookups = builtinLookups(opts)
	for name, fn := range opts.Lookups {
		e.lookups[shortName(name)] = fn
	}
	for name, fn := range opts.Filters {
		e.filters[name] = externalFilter(name, fn)
	}
	for name, fn := range opts.Tests {
		e.tests[name] = externalTest(name, fn)
	}
	return e
}

func tableOf(lists ...[]*builtin) map[string]*builtin {
	out := map[string]*builtin{}
	for _, list := range lists {
		for _, b := range list {
			out[b.name] = b
		}
	}
	return out
}

func externalFilter(name string, fn Filter) *builtin {
	return def(name, "* **", func(a *args) (any, error) {
		in, err := freeze(a.frame.run, a.in, 0)
		if err != nil {
			return nil, err
		}
		v, err := fn(a.frame.run.ctx, in, a.rest, orEmpty(a.kw))
		if err != nil {
			return nil, err
		}
		return a.frame.run.thawed(v)
	})
}

func externalTest(name string, fn Test) *builtin {
	return def(name, "* **", func(a *args) (any, error) {
		in, err := freeze(a.frame.run, a.in, 0)
		if err != nil {
			return nil, err
		}
		return fn(a.frame.run.ctx, in, a.rest, orEmpty(a.kw))
	})
}

// extension reports whether the statement's extension is switched on.
func (e *Engine) extension(tag string) bool {
	name := map[string]string{"do": "do", "break": "loopcontrols", "continue": "loopcontrols"}[tag]
	return name != "" && (e.plain || contains(e.opts.Extensions, "jinja2.ext."+name) || contains(e.opts.Extensions, name))
}

func orEmpty(m *value.Map) *value.Map {
	if m == nil {
		return value.NewMap()
	}
	return m
}

// homeCollections are those whose plugins this package has under short names.
var homeCollections = []string{"ansible.builtin.", "ansible.legacy.", "ansible.utils.", "ansible.netcommon."}

// shortName strips a collection whose plugins are built in.
func shortName(name string) string {
	for _, c := range homeCollections {
		if rest, ok := strings.CutPrefix(name, c); ok {
			return rest
		}
	}
	return name
}

func (e *Engine) filter(name string) *builtin {
	if b, ok := e.filters[name]; ok {
		return b
	}
	return e.filters[shortName(name)]
}

func (e *Engine) test(name string) *builtin {
	if b, ok := e.tests[name]; ok {
		return b
	}
	return e.tests[shortName(name)]
}

// FilterNames returns the names of all filters, sorted.
func (e *Engine) FilterNames() []string { return sortedNames(e.filters) }

// TestNames returns the names of all tests, sorted.
func (e *Engine) TestNames() []string { return sortedNames(e.tests) }

// Template is a compiled template. It is safe for concurrent use.
type Template struct {
	engine  *Engine
	name    string
	src     string
	opts    CompileOptions
	body    []stmt
	blocks  map[string]*blockNode
	mutates bool // a list or dict is changed in place somewhere
	// Lines that begin with these are statements and comments; usually "".
	lineStatement, lineComment string
	restore                    int // newlines the text must end with
	names                      []string
}

func (t *Template) position(pos int) (line, col int) { return positionIn(t.src, pos) }

// Compile compiles a text template as Ansible's template module reads it; a
// first line "#jinja2: trim_blocks: False" changes how. The error is a
// *SyntaxError.
func (e *Engine) Compile(name, src string) (*Template, error) {
	return e.CompileWith(name, src, moduleOptions)
}

// CompileWith compiles a text template.
func (e *Engine) CompileWith(name, src string, opts CompileOptions) (*Template, error) {
	if opts.Delimiters == (Delimiters{}) {
		opts.Delimiters = standardDelimiters
	}
	key := cacheKey{name, src, opts}
	if t := e.cached(key); t != nil {
		return t, nil
	}
	t, err := e.compile(name, src, opts)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.size += len(src); len(e.cache) >= maxCached || e.size > maxCachedSize {
		clear(e.cache)
		e.size = len(src)
	}
	e.cache[key] = t
	return t, nil
}

func (e *Engine) cached(key cacheKey) *Template {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.cache[key]
}

func (e *Engine) compile(name, src string, opts CompileOptions) (*Template, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{Name: name, Line: 1, Column: 1, Message: "the template is too long"}
	}
	src = newlines(src)
	t := &Template{engine: e, name: name, opts: opts, blocks: map[string]*blockNode{}}
	if opts.RestoreNewlines {
		t.restore = len(src) - len(strings.TrimRight(src, "\n"))
	}
	text, err := t.header(src)
	if err != nil {
		return nil, err
	}
	if !t.opts.KeepTrailingNewline {
		text = strings.TrimSuffix(text, "\n")
	}
	if text, err = t.withLineMarks(text); err != nil {
		return nil, err
	}
	t.src = text
	tokens, err := tokenize(name, text, t.opts)
	if err != nil {
		return nil, err
	}
	p := &parser{t: t, tokens: tokens, names: map[string]bool{}}
	t.body, _ = p.body()
	if p.err != nil {
		return nil, p.err
	}
	t.names = sortedNames(p.names)
	return t, nil
}

// Names returns the names that the template looks up, sorted: variables and
// functions, and not what it binds itself in loops and macros.
func (t *Template) Names() []string { return slices.Clone(t.names) }

// ValueNames returns the names that a playbook's value looks up, sorted; none
// where it is no template or does not compile.
func (e *Engine) ValueNames(src string) []string {
	if !IsTemplate(src) {
		return nil
	}
	t, err := e.CompileWith("", src, valueOptions)
	if err != nil {
		return nil
	}
	return t.Names()
}

func newlines(s string) string {
	if strings.IndexByte(s, '\r') < 0 {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

const headerMark = "#jinja2:"

// header reads Ansible's first line with overrides. It is replaced by an empty
// line's worth of nothing, so positions count from the line after it.
func (t *Template) header(src string) (string, error) {
	if t.engine.plain || !strings.HasPrefix(src, headerMark) {
		return src, nil
	}
	before := t.opts
	line, rest, _ := strings.Cut(src, "\n")
	for pair := range strings.SplitSeq(line[len(headerMark):], ",") {
		key, val, ok := strings.Cut(pair, ":")
		if !ok || !t.override(strings.TrimSpace(key), strings.TrimSpace(val)) {
			if !before.marked(src) {
				t.opts, t.lineStatement, t.lineComment = before, "", ""
				return src, nil
			}
			return "", &SyntaxError{Name: t.name, Line: 1, Column: 1, Message: "cannot read the override " + quoted(strings.TrimSpace(pair)),
				Hint: "such as #jinja2: trim_blocks: False, lstrip_blocks: True"}
		}
	}
	if !before.marked(src) && !t.opts.marked(rest) {
		t.opts, t.lineStatement, t.lineComment = before, "", ""
		return src, nil
	}
	return rest, nil
}

// marked reports whether src has a mark: Ansible leaves text without one, and
// its header, as it is.
func (o CompileOptions) marked(src string) bool {
	return strings.Contains(src, o.Delimiters.VariableStart) || strings.Contains(src, o.Delimiters.BlockStart) ||
		strings.Contains(src, o.Delimiters.CommentStart)
}

func (t *Template) override(key, val string) bool {
	flags := map[string]*bool{"trim_blocks": &t.opts.TrimBlocks, "lstrip_blocks": &t.opts.LstripBlocks,
		"keep_trailing_newline": &t.opts.KeepTrailingNewline}
	if flag, ok := flags[key]; ok {
		*flag = val == "True"
		return val == "True" || val == "False"
	}
	d := &t.opts.Delimiters
	marks := map[string]*string{"variable_start_string": &d.VariableStart, "variable_end_string": &d.VariableEnd,
		"block_start_string": &d.BlockStart, "block_end_string": &d.BlockEnd,
		"comment_start_string": &d.CommentStart, "comment_end_string": &d.CommentEnd}
	marks["line_statement_prefix"], marks["line_comment_prefix"] = &t.lineStatement, &t.lineComment
	mark, ok := marks[key]
	if !ok || len(val) < 3 || (val[0] != '\'' && val[0] != '"') || val[len(val)-1] != val[0] {
		return false
	}
	*mark = val[1 : len(val)-1]
	return true
}

// callsKey carries the number of nested calls through a lookup's context, so
// that templates which render templates without end are stopped.
type callsKey struct{}

func (e *Engine) newRun(ctx context.Context) *run {
	r := &run{ctx: ctx, engine: e}
	if n, ok := ctx.Value(callsKey{}).(int); ok {
		r.calls = n
	}
	return r
}

// Render renders the template. The error is an *UndefinedError, a
// *RuntimeError, a *SyntaxError of an included template, the scope's or the
// context's.
func (t *Template) Render(ctx context.Context, scope Scope) (string, error) {
	r := t.engine.newRun(ctx)
	if err := r.enter(); err != nil {
		return "", err
	}
	out := &output{run: r}
	if err := newWorld(r, t, scope).renderTree(t, out); err != nil {
		return "", err
	}
	return t.restored(string(out.b)), nil
}

// restored adds the newlines that the source ends with and the text does not.
func (t *Template) restored(s string) string {
	have := len(s) - len(strings.TrimRight(s, "\n"))
	if have < t.restore {
		s += strings.Repeat("\n", t.restore-have)
	}
	return s
}

// CheckSyntax compiles src as a playbook's value and returns the *SyntaxError,
// if any. A string without marks is never wrong.
func (e *Engine) CheckSyntax(src string) error {
	if !IsTemplate(src) {
		return nil
	}
	_, err := e.CompileWith("", src, valueOptions)
	return err
}

// IsTemplate reports whether s has a mark that makes it worth compiling.
func IsTemplate(s string) bool {
	i := strings.IndexByte(s, '{')
	for i >= 0 && i+1 < len(s) {
		switch s[i+1] {
		case '{', '%', '#':
			return true
		}
		j := strings.IndexByte(s[i+1:], '{')
		if j < 0 {
			return false
		}
		i += 1 + j
	}
	return false
}
