package template

import (
	"errors"
	"io/fs"
	"strings"

	"rollout/internal/value"
)

func (n *blockNode) exec(f *frame, out *output) error {
	if f.hidden() {
		return nil
	}
	ref := &blockRef{frame: f.world.root, name: n.name}
	if n.scoped {
		ref.frame = f
	}
	return ref.exec(out)
}

// exec renders the block as the most derived template defines it.
func (b *blockRef) exec(out *output) error {
	chain := b.frame.world.blocks[b.name]
	if b.level >= len(chain) {
		return (&Undefined{Name: "super", Message: "there is no parent block called " + quoted(b.name) + "."}).Err()
	}
	own := chain[b.level]
	if own.node.required {
		return failf("Required block %s not found", quoted(b.name))
	}
	r := b.frame.run
	if err := r.enter(); err != nil {
		return err
	}
	defer r.leave()
	f := b.frame.child()
	f.vars = append(f.vars, binding{"super", &blockRef{frame: b.frame, name: b.name, level: b.level + 1}})
	return execAll(f, own.node.body, out)
}

func (b *blockRef) render() (string, error) {
	out := &output{run: b.frame.run}
	if err := b.exec(out); err != nil {
		return "", err
	}
	return string(out.b), nil
}

func (n *extendsNode) exec(f *frame, _ *output) error {
	w := f.world
	if w.parent != nil {
		return located(failf("extended multiple times"), n.t, n.pos)
	}
	v, err := n.parent.eval(f)
	if err != nil {
		return err
	}
	parent, err := n.t.load(f.run, v)
	if err != nil {
		return located(err, n.t, n.pos)
	}
	w.parent = parent
	w.addBlocks(parent)
	return nil
}

func (w *world) addBlocks(t *Template) {
	for name, b := range t.blocks {
		w.blocks[name] = append(w.blocks[name], blockOf{b, t})
	}
	w.tmpl = t
}

// renderTree renders t's root, and then those of the templates it extends.
func (w *world) renderTree(t *Template, out *output) error {
	w.addBlocks(t)
	for depth := 0; t != nil; depth++ {
		if depth > maxCalls {
			return failf("a template extends itself without end")
		}
		w.parent = nil
		if err := execAll(w.root, t.body, out); err != nil {
			return err
		}
		t = w.parent
	}
	return out.run.step(0)
}

// newWorld prepares the rendering of t; scope may be nil.
func newWorld(r *run, t *Template, scope Scope) *world {
	w := &world{tmpl: t, scope: scope, cache: map[string]any{}, blocks: map[string][]blockOf{}}
	w.root = &frame{run: r, world: w}
	w.root.vars = w.root.space[:0]
	if t.mutates {
		r.mutable = true
	}
	return w
}

// load returns the template of the given name, compiled as t was.
func (t *Template) load(r *run, name any) (*Template, error) {
	switch n := name.(type) {
	case *Undefined:
		return nil, n.Err()
	case string:
		return r.loadTemplate(n, t.opts)
	}
	return nil, failf("a template's name must be a string, not %s", typeName(name))
}

func (r *run) loadTemplate(name string, opts CompileOptions) (*Template, error) {
	load := r.engine.opts.Loader
	if own, ok := r.ctx.Value(loaderKey{}).(Loader); ok {
		load = own
	}
	if load == nil {
		return nil, &RuntimeError{Message: "cannot load the template " + quoted(name) + ": nothing can be included here", Cause: fs.ErrNotExist}
	}
	src, err := load(name)
	if err != nil {
		return nil, &RuntimeError{Message: "cannot load the template " + quoted(name) + ": " + err.Error(), Cause: err}
	}
	return r.engine.CompileWith(name, src, opts)
}

// loadFirst returns the first of several templates that exists.
func (t *Template) loadFirst(r *run, names any) (*Template, error) {
	items, ok := sequenceOf(names)
	if !ok {
		return t.load(r, names)
	}
	var tried []string
	for _, name := range items {
		found, err := t.load(r, name)
		if !errors.Is(err, fs.ErrNotExist) {
			return found, err
		}
		tried = append(tried, text(name))
	}
	return nil, &RuntimeError{Cause: fs.ErrNotExist,
		Message: "none of the templates given were found: " + strings.Join(tried, ", ")}
}

func (n *includeNode) exec(f *frame, out *output) error {
	if f.hidden() {
		return nil
	}
	names, err := n.names.eval(f)
	if err != nil {
		return err
	}
	t, err := n.t.loadFirst(f.run, names)
	if n.ignoreMissing && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return located(err, n.t, n.pos)
	}
	r := f.run
	if err := r.enter(); err != nil {
		return located(err, n.t, n.pos)
	}
	defer r.leave()
	w := newWorld(r, t, nil)
	if n.withContext {
		w.inherit(f)
	}
	return w.renderTree(t, out)
}

// inherit lets w see what f sees: its variables as they are now, and its scope.
func (w *world) inherit(f *frame) {
	w.scope = f.world.scope
	w.cache = f.world.cache
	if w.root.run.mutable && !f.world.tmpl.mutates {
		w.cache = map[string]any{} // what was looked up so far must not be changed
	}
	for k, v := range f.locals().All() {
		w.root.vars = append(w.root.vars, binding{k.(string), v})
	}
}

func (n *importNode) exec(f *frame, _ *output) error {
	v, err := n.from.eval(f)
	if err != nil {
		return err
	}
	t, err := n.t.load(f.run, v)
	if err != nil {
		return located(err, n.t, n.pos)
	}
	m, err := n.module(f, t)
	if err != nil {
		return located(err, n.t, n.pos)
	}
	if n.as != "" {
		f.set(n.as, m)
		return nil
	}
	for _, pair := range n.names {
		v, ok := m.attrs.Get(pair[0])
		if !ok {
			v = &Undefined{Name: pair[0], Message: "the template " + quoted(t.name) + " does not export the requested name " + quoted(pair[0])}
		}
		f.set(pair[1], v)
	}
	return nil
}

// module runs the template and keeps what its top level defined.
func (n *importNode) module(f *frame, t *Template) (*module, error) {
	r := f.run
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	w := newWorld(r, t, nil)
	if n.withContext {
		w.inherit(f)
	}
	given := len(w.root.vars)
	out := &output{run: r}
	if err := w.renderTree(t, out); err != nil {
		return nil, err
	}
	m := &module{name: t.name, attrs: value.NewMap(), body: string(out.b)}
	for i, b := range w.root.vars {
		if i >= given && !strings.HasPrefix(b.name, "_") {
			m.attrs.Set(b.name, b.val)
		}
	}
	return m, nil
}
