package template

import (
	"context"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"testing"
	"time"

	"rollout/internal/document"
	"rollout/internal/value"
)

// jinjaFile is testdata/jinja/*.json: templates and expressions with the
// answers of Python's jinja2 (sandboxed, StrictUndefined).
type jinjaFile struct {
	engine *Engine
	vars   *value.Map
	cases  []any
}

func readJinja(t *testing.T, name string, opts Options) jinjaFile {
	t.Helper()
	data, err := os.ReadFile("testdata/jinja/" + name)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := value.FromJSON(data)
	if err != nil {
		t.Fatal(err)
	}
	top := doc.(*value.Map)
	files := top.Map("files")
	opts.Loader = func(name string) (string, error) {
		src, ok := files.Get(name)
		if !ok {
			return "", fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return src.(string), nil
	}
	return jinjaFile{engine: New(opts), vars: top.Map("vars"), cases: top.List("cases")}
}

// run evaluates one case.
func (j jinjaFile) run(c *value.Map) (any, error) {
	scope := MapScope{j.vars}
	switch c.String("kind") {
	case "yaml":
		n, err := document.Parse("", []byte(c.String("src")))
		if err != nil {
			return nil, err
		}
		return n.Decode(), nil
	case "value":
		return j.engine.Value(context.Background(), c.String("src"), scope)
	case "text":
		t, err := j.engine.Compile(c.String("id"), c.String("src"))
		if err != nil {
			return nil, err
		}
		return t.Render(context.Background(), scope)
	case "expr":
		x, err := j.engine.CompileExpr(c.String("src"))
		if err != nil {
			return nil, err
		}
		return x.Eval(context.Background(), scope)
	}
	t, err := j.engine.CompileWith(c.String("id"), c.String("src"), CompileOptions{TrimBlocks: c.Bool("trim")})
	if err != nil {
		return nil, err
	}
	return t.Render(context.Background(), scope)
}

// agrees compares an answer with what jinja2 gave, Python's type included.
func agrees(c *value.Map, got any, err error) string {
	if c.String("err") != "" {
		if err == nil {
			return fmt.Sprintf("got %s, want the error %s", repr(got), c.String("err"))
		}
		return ""
	}
	want := c.At("want")
	if err != nil {
		return fmt.Sprintf("got the error %q, want %s", err, repr(want))
	}
	if !equal(nil, untupled(got), want) {
		return fmt.Sprintf("got %s, want %s", repr(got), repr(want))
	}
	if kind := c.String("pytype"); kind != "" && kind != "Markup" && kind != typeName(got) {
		return fmt.Sprintf("got a %s, want a %s", typeName(got), kind)
	}
	return ""
}

// untupled makes lists of tuples, which JSON does not have.
func untupled(v any) any {
	switch x := v.(type) {
	case value.Tuple:
		return untupled([]any(x))
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = untupled(x[i])
		}
		return out
	case *value.Map:
		out := value.NewMap()
		for k, e := range x.All() {
			if _, isInt := k.(int); isInt {
				k = text(k)
			}
			out.Set(k, untupled(e))
		}
		return out
	case *big.Int:
		return x
	}
	return v
}

func TestJinjaCases(t *testing.T) {
	for _, f := range []struct {
		name   string
		opts   Options
		passes int
	}{{"cases.json", Options{Plain: true}, 385}, {"more.json", Options{Plain: true}, 423},
		{"ansible.json", Options{Now: fixedNow, RealPath: realPath}, 335}} {
		t.Run(f.name, func(t *testing.T) {
			j := readJinja(t, f.name, f.opts)
			passed := 0
			for _, c := range j.cases {
				c := c.(*value.Map)
				got, err := j.run(c)
				if wrong := agrees(c, got, err); wrong != "" {
					t.Logf("%s: %s\n    %s", c.String("id"), c.String("src"), wrong)
					continue
				}
				passed++
			}
			if passed < f.passes {
				t.Errorf("%d of %d cases pass, want %d", passed, len(j.cases), f.passes)
			}
		})
	}
}

func fixedNow() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
