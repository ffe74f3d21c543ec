package template

import (
	"errors"
	"strings"

	"rollout/internal/value"
)

// Loop control travels as errors up to the innermost loop.
var (
	errBreak    = errors.New("break")
	errContinue = errors.New("continue")
)

// output collects rendered text. Where hold is set the first value is kept as
// it is, since a lone {{ expression }} keeps its type.
type output struct {
	run    *run
	b      []byte
	hold   bool
	parts  int
	first  any
	native bool // the first value is text whatever it looks like
}

func (o *output) write(s string) error {
	o.parts++
	if o.parts == 2 && o.hold {
		if err := o.release(); err != nil {
			return err
		}
	}
	if o.parts == 1 && o.hold {
		o.first = s
		return nil
	}
	return o.add(s)
}

func (o *output) add(s string) error {
	if len(o.b)+len(s) > maxOutput {
		return failf("the rendered text is longer than %d bytes", maxOutput)
	}
	o.b = append(o.b, s...)
	return o.run.step(1 + len(s)>>3)
}

// release writes the value kept so far.
func (o *output) release() error {
	s, err := str(o.first)
	if err != nil {
		return err
	}
	return o.add(s)
}

// value writes v as an expression's result.
func (o *output) value(v any, native bool) error {
	v, err := o.run.finalize(v)
	if err != nil {
		return err
	}
	if b, ok := v.(octets); ok && !o.run.engine.plain {
		v = strings.ToValidUTF8(string(b), "\uFFFD")
	}
	if o.hold && o.parts == 0 {
		o.parts, o.first, o.native = 1, v, native
		return nil
	}
	s, err := str(v)
	if err != nil {
		return err
	}
	return o.write(s)
}

// finalize is Ansible's: None becomes nothing, what can be gone through a list.
func (r *run) finalize(v any) (any, error) {
	switch x := v.(type) {
	case nil:
		if !r.engine.plain && !(r.engine.opts.Native && r.convert) {
			return "", nil
		}
	case *Undefined:
		if x.lenient {
			return "", nil
		}
		return nil, x.Err()
	case *view:
		if !r.engine.plain {
			return x.items, nil
		}
	case span:
		if !r.engine.plain {
			return x.list(), nil
		}
	}
	return v, nil
}

func execAll(f *frame, body []stmt, out *output) error {
	for _, s := range body {
		if err := s.exec(f, out); err != nil {
			return err
		}
	}
	return nil
}

func (n *textNode) exec(f *frame, out *output) error {
	if f.hidden() {
		return nil
	}
	return out.write(n.s)
}

// hidden reports a child template's text outside blocks, which is not shown.
func (f *frame) hidden() bool { return f.parent == nil && f.world.parent != nil }

func (n *outputNode) exec(f *frame, out *output) error {
	if f.hidden() {
		return nil
	}
	v, err := n.x.eval(f)
	if err == nil {
		err = out.value(v, n.native)
	}
	return located(err, n.t, n.pos)
}

func (n *ifNode) exec(f *frame, out *output) error {
	for i, test := range n.tests {
		v, err := test.eval(f)
		if err != nil {
			return err
		}
		t, err := truth(v)
		if err != nil {
			return err
		}
		if err := f.run.step(1); err != nil {
			return err
		}
		if t {
			return execAll(f, n.bodies[i], out)
		}
	}
	return execAll(f, n.orelse, out)
}

func (n *setNode) exec(f *frame, _ *output) error {
	v, err := n.x.eval(f)
	if err != nil {
		return err
	}
	return located(assign(f, n.target, v), n.t, n.pos)
}

func (n *setBlockNode) exec(f *frame, _ *output) error {
	inner := &output{run: f.run, hold: f.run.convert}
	if err := execAll(f.child(), n.body, inner); err != nil {
		return err
	}
	v, err := inner.result()
	if err != nil {
		return err
	}
	if n.filter != nil {
		s, err := str(v)
		if err != nil {
			return err
		}
		if v, err = n.filter.chain(f, s); err != nil {
			return err
		}
	}
	return located(assign(f, n.target, v), n.t, n.pos)
}

// assign binds v to a target in f.
func assign(f *frame, t target, v any) error {
	switch {
	case t.parts != nil:
		items, err := iterate(v)
		if err != nil {
			return err
		}
		if len(items) != len(t.parts) {
			return failf("cannot unpack %d values into %d names", len(items), len(t.parts))
		}
		for i, part := range t.parts {
			if err := assign(f, part, items[i]); err != nil {
				return err
			}
		}
		return nil
	case t.attr != "":
		ns, err := f.lookup(t.name)
		if err != nil {
			return err
		}
		obj, ok := ns.(*namespace)
		if !ok {
			return failf("cannot assign attribute on non-namespace object")
		}
		obj.attrs.Set(t.attr, v)
		return nil
	}
	f.set(t.name, v)
	return nil
}

func (n *withNode) exec(f *frame, out *output) error {
	inner := f.child()
	for i, t := range n.targets {
		v, err := n.vals[i].eval(f)
		if err != nil {
			return err
		}
		inner.set(t.name, v)
	}
	return execAll(inner, n.body, out)
}

func (n *doNode) exec(f *frame, _ *output) error {
	_, err := n.x.eval(f)
	return err
}

func (n *groupNode) exec(f *frame, out *output) error { return execAll(f, n.body, out) }

func (*breakNode) exec(*frame, *output) error    { return errBreak }
func (*continueNode) exec(*frame, *output) error { return errContinue }

func (n *filterBlockNode) exec(f *frame, out *output) error {
	inner := &output{run: f.run}
	if err := execAll(f.child(), n.body, inner); err != nil {
		return err
	}
	v, err := n.filter.chain(f, string(inner.b))
	if err != nil {
		return err
	}
	return out.value(v, false)
}

func (n *macroNode) exec(f *frame, _ *output) error {
	f.set(n.name, &macro{node: n, frame: f})
	return nil
}

func (n *callBlockNode) exec(f *frame, out *output) error {
	v, err := n.call.eval(f)
	if err == nil {
		err = out.value(v, false)
	}
	return located(err, n.t, n.pos)
}

// call renders the macro with the given arguments.
func (m *macro) call(r *run, a actual) (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	f := m.frame.child()
	f.run = r
	if err := m.bind(f, a); err != nil {
		return nil, err
	}
	out := &output{run: r, hold: r.convert}
	if err := execAll(f, m.node.body, out); err != nil {
		return nil, err
	}
	return out.result()
}

func (m *macro) bind(f *frame, a actual) error {
	n := m.node
	if len(a.pos) > len(n.params) && !n.varargs {
		return failf("macro %s takes not more than %d argument(s)", quoted(n.name), len(n.params))
	}
	extra := value.NewMap()
	for k, v := range a.kw.All() {
		if name, _ := k.(string); !contains(n.params, name) && (name != "caller" || !n.caller) {
			extra.Set(k, v)
		}
	}
	if extra.Len() > 0 && !n.kwargs {
		return failf("macro %s takes no keyword argument %s", quoted(n.name), repr(extra.Keys()[0]))
	}
	m.bindSpecial(f, a, extra)
	for i, name := range n.params {
		v, err := m.argument(f, i, a)
		if err != nil {
			return err
		}
		f.set(name, v)
	}
	return nil
}

// bindSpecial sets the names that a macro has beyond its parameters.
func (m *macro) bindSpecial(f *frame, a actual, extra *value.Map) {
	n := m.node
	if n.varargs {
		f.set("varargs", value.Tuple(a.pos[min(len(a.pos), len(n.params)):]))
	}
	if n.kwargs {
		f.set("kwargs", extra)
	}
	if !n.caller {
		return
	}
	if v, ok := a.kw.Get("caller"); ok {
		f.set("caller", v)
	} else if a.caller != nil {
		f.set("caller", a.caller)
	} else {
		f.set("caller", &Undefined{Name: "caller", Message: "No caller defined"})
	}
}

func (m *macro) argument(f *frame, i int, a actual) (any, error) {
	n := m.node
	if i < len(a.pos) {
		if _, twice := a.kw.Get(n.params[i]); twice {
			return nil, failf("macro %s got multiple values for argument '%s'", quoted(n.name), n.params[i])
		}
		return a.pos[i], nil
	}
	if v, ok := a.kw.Get(n.params[i]); ok {
		return v, nil
	}
	if d := i - (len(n.params) - len(n.defaults)); d >= 0 {
		return n.defaults[d].eval(f)
	}
	return &Undefined{Name: n.params[i], Message: "parameter " + quoted(n.params[i]) + " was not provided"}, nil
}

func (m *macro) field(name string) (any, bool) {
	switch name {
	case "name":
		return m.node.name, true
	case "arguments":
		return value.Tuple(value.List(m.node.params)), true
	case "caller":
		return m.node.caller, true
	case "catch_varargs":
		return m.node.varargs, true
	case "catch_kwargs":
		return m.node.kwargs, true
	}
	return nil, false
}
