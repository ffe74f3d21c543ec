package template

import (
	"context"
	"slices"
	"sort"
	"strings"
)

// exprKey is what a compiled expression is found by.
type exprKey struct {
	src       string
	condition bool
}

// Expr is a compiled bare expression, as in "when:". It is safe for concurrent
// use.
type Expr struct {
	tmpl  *Template
	root  expr
	names []string
	calls []string // the engine's functions
}

// CompileExpr compiles an expression without {{ }}. The error is a
// *SyntaxError.
func (e *Engine) CompileExpr(src string) (*Expr, error) { return e.compiled(src, false) }

// CompileCondition compiles what stands in {% if %}: unlike another expression it
// may be a tuple, and "a if b else c" stands in parentheses. The error is a
// *SyntaxError.
func (e *Engine) CompileCondition(src string) (*Expr, error) { return e.compiled(src, true) }

// compiled is an expression as it was compiled before, or now.
func (e *Engine) compiled(src string, condition bool) (*Expr, error) {
	key := exprKey{src, condition}
	e.mu.Lock()
	x := e.exprs[key]
	e.mu.Unlock()
	if x != nil {
		return x, nil
	}
	x, err := e.compileExpr(src, condition)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.exprs) >= maxCached {
		clear(e.exprs)
	}
	e.exprs[key] = x
	return x, nil
}

func (e *Engine) compileExpr(src string, condition bool) (*Expr, error) {
	if len(src) > maxSource {
		return nil, &SyntaxError{Line: 1, Column: 1, Message: "the expression is too long"}
	}
	src = newlines(src)
	t := &Template{engine: e, src: src, blocks: map[string]*blockNode{}}
	tokens, err := tokenizeExpr(src)
	if err != nil {
		return nil, err
	}
	p := &parser{t: t, tokens: tokens, names: map[string]bool{}}
	x := &Expr{tmpl: t}
	if condition {
		x.root = p.tuple(false, false)
	} else {
		x.root = p.expression()
	}
	if condition && p.isName("if") {
		p.conditional()
	}
	if p.cur().kind != tokEOF {
		p.failHint(p.cur().pos, bracesHint(src), "chunk after expression: '%s'", p.cur().describe())
	}
	if p.err != nil {
		return nil, p.err
	}
	for name := range p.names {
		if _, global := e.globals[name]; global {
			x.calls = append(x.calls, name)
			continue
		}
		x.names = append(x.names, name)
	}
	sort.Strings(x.names)
	sort.Strings(x.calls)
	return x, nil
}

func bracesHint(src string) string {
	if strings.Contains(src, "{{") {
		return "an expression stands here without {{ }}"
	}
	return ""
}

// Names returns the variables the expression names, sorted; functions such as
// lookup() are none.
func (x *Expr) Names() []string { return append([]string(nil), x.names...) }

// LooksUp reports whether the expression names lookup or query: evaluating it
// may then run programs and read files of this machine.
func (x *Expr) LooksUp() bool {
	return slices.ContainsFunc(x.calls, func(name string) bool { return slices.Contains([]string{"lookup", "q", "query"}, name) })
}

// Eval returns the expression's value in package value's types. A value that
// is undefined, at any depth, is an *UndefinedError.
func (x *Expr) Eval(ctx context.Context, scope Scope) (any, error) {
	r := x.tmpl.engine.newRun(ctx)
	if err := r.enter(); err != nil {
		return nil, err
	}
	w := newWorld(r, x.tmpl, scope)
	v, err := x.root.eval(w.root)
	if err != nil {
		return nil, err
	}
	return freeze(r, v, 0)
}

func sortedNames[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	sort.Strings(out)
	return out
}
