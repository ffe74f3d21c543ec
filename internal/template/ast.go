package template

import "rollout/internal/value"

// expr is a node that has a value.
type expr interface {
	eval(f *frame) (any, error)
}

// stmt is a node that writes text or changes the frame.
type stmt interface {
	exec(f *frame, out *output) error
}

// Expressions. Each says where it stands (pos) if evaluating it can fail.
type (
	constant  struct{ v any }
	nameExpr  struct{ name string }
	listExpr  struct{ items []expr }
	tupleExpr struct{ items []expr }
	dictExpr  struct{ keys, vals []expr }
	concat    struct {
		parts []expr
	}
	logic struct { // "and" or "or"; the value is an operand's
		parts []expr
		or    bool
	}
	notExpr   struct{ x expr }
	unaryExpr struct {
		t   *Template
		pos int
		op  byte
		x   expr
	}
	binaryExpr struct {
		t    *Template
		pos  int
		op   string
		a, b expr
	}
	compareExpr struct {
		t     *Template
		pos   int
		first expr
		rest  []comparison
	}
	comparison struct {
		op string
		x  expr
	}
	condExpr struct{ test, then, otherwise expr } // otherwise may be nil
	attrExpr struct {
		t    *Template
		pos  int
		x    expr
		name string
	}
	itemExpr struct {
		t    *Template
		pos  int
		x, i expr
	}
	sliceExpr struct{ from, to, step expr } // each may be nil
	callExpr  struct {
		t    *Template
		pos  int
		fn   expr
		args callArgs
	}
	filterExpr struct {
		t    *Template
		pos  int
		name string
		def  *builtin // nil: unknown, reported when compiled
		x    expr     // nil in a filter block: the block's text
		args callArgs
	}
	testExpr struct {
		t    *Template
		pos  int
		name string
		def  *builtin
		x    expr
		args callArgs
		not  bool
	}
)

// callArgs are the arguments as written.
type callArgs struct {
	pos    []expr
	names  []string // of the keyword arguments
	kw     []expr
	star   expr // *args, or nil
	dstar  expr // **kwargs, or nil
	caller *macroNode
}

// Statements.
type (
	textNode   struct{ s string }
	outputNode struct {
		t      *Template
		pos    int
		x      expr
		native bool // the outermost filter says "this is text"
	}
	ifNode struct {
		tests  []expr
		bodies [][]stmt
		orelse []stmt
	}
	forNode struct {
		t         *Template
		pos       int
		target    target
		iter      expr
		test      expr
		body      []stmt
		orelse    []stmt
		recursive bool
		usesLoop  bool
	}
	setNode struct {
		t      *Template
		pos    int
		target target
		x      expr
	}
	setBlockNode struct {
		t      *Template
		pos    int
		target target
		filter *filterExpr // may be nil; innermost x is nil
		body   []stmt
	}
	withNode struct {
		targets []target
		vals    []expr
		body    []stmt
	}
	doNode    struct{ x expr }
	macroNode struct {
		t        *Template
		pos      int
		name     string
		params   []string
		defaults []expr // for the last len(defaults) parameters
		body     []stmt
		varargs  bool // the body names varargs, kwargs, caller
		kwargs   bool
		caller   bool
	}
	callBlockNode struct {
		t    *Template
		pos  int
		call *callExpr
	}
	filterBlockNode struct {
		filter *filterExpr
		body   []stmt
	}
	blockNode struct {
		name     string
		body     []stmt
		scoped   bool
		required bool
	}
	extendsNode struct {
		t      *Template
		pos    int
		parent expr
	}
	includeNode struct {
		t             *Template
		pos           int
		names         expr
		ignoreMissing bool
		withContext   bool
	}
	importNode struct {
		t           *Template
		pos         int
		from        expr
		as          string      // import … as
		names       [][2]string // from … import name as alias
		withContext bool
	}
	breakNode    struct{}
	continueNode struct{}
	groupNode    struct{ body []stmt } // autoescape: no effect, since output is never escaped
)

// target is what an assignment or loop assigns to.
type target struct {
	name  string
	attr  string   // namespace attribute: name.attr
	parts []target // unpacking
}

// binding is a variable of a frame.
type binding struct {
	name string
	val  any
}

// frame holds the variables of a scope; what it does not have is its parent's,
// and in the end the world's.
type frame struct {
	run    *run
	world  *world
	parent *frame
	vars   []binding
	space  [3]binding // room for vars without an allocation
}

// world is what a template sees from outside: variables, blocks and itself.
type world struct {
	tmpl   *Template
	scope  Scope // nil in a template imported without context
	cache  map[string]any
	root   *frame
	blocks map[string][]blockOf // overriding ones first
	parent *Template            // set by extends
}

// blockOf is a block and the template it stands in.
type blockOf struct {
	node *blockNode
	tmpl *Template
}

func (f *frame) child() *frame {
	c := &frame{run: f.run, world: f.world, parent: f}
	c.vars = c.space[:0]
	return c
}

func (f *frame) set(name string, v any) {
	for i := range f.vars {
		if f.vars[i].name == name {
			f.vars[i].val = v
			return
		}
	}
	f.vars = append(f.vars, binding{name, v})
}

// lookup finds a variable: frames, then the scope, then the globals.
func (f *frame) lookup(name string) (any, error) {
	for g := f; g != nil; g = g.parent {
		for i := range g.vars {
			if g.vars[i].name == name {
				return g.vars[i].val, nil
			}
		}
	}
	return f.world.lookup(f, name)
}

func (w *world) lookup(f *frame, name string) (any, error) {
	if v, ok := w.cache[name]; ok {
		return v, nil
	}
	if w.scope != nil {
		v, ok, err := w.scope.Lookup(name)
		if err != nil {
			return nil, err
		}
		if ok {
			if f.run.mutable {
				if v, err = thaw(f.run, v, 0); err != nil {
					return nil, err
				}
			}
			w.cache[name] = v
			return v, nil
		}
	}
	if name == "self" {
		return &selfRef{world: w, frame: f}, nil
	}
	if g, ok := f.run.engine.globals[name]; ok {
		return g, nil
	}
	return undefinedName(name), nil
}

// locals are the variables of all frames but the root, inner ones first.
func (f *frame) locals() *value.Map {
	m := value.NewMap()
	for g := f; g != nil; g = g.parent {
		for _, b := range g.vars {
			if _, ok := m.Get(b.name); !ok {
				m.Set(b.name, b.val)
			}
		}
	}
	return m
}
