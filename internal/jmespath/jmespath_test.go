package jmespath

import (
	"strings"
	"testing"

	"rollout/internal/value"
)

func TestSearch(t *testing.T) {
	data, err := value.FromJSON([]byte(`{"a": {"b": [1, 2]}, "l": [{"n": "x", "v": 3}, {"n": "y", "v": 1}, {"n": "z"}], "x-y": 1}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ expr, want, err string }{
		{expr: "a.b[0]", want: "1"}, {expr: "a.b[-1]", want: "2"}, {expr: "none.b", want: "null"}, {expr: `"x-y"`, want: "1"},
		{expr: "l[].n", want: `["x", "y", "z"]`}, {expr: "l[?v > `1`].n", want: `["x"]`}, {expr: "l[?n == 'y'] | [0].v", want: "1"},
		{expr: "l[*].{name: n}", want: `[{"name": "x"}, {"name": "y"}, {"name": "z"}]`}, {expr: "l[::-1].n", want: `["z", "y", "x"]`},
		{expr: "sort_by(l[?v], &v)[*].n", want: `["y", "x"]`}, {expr: "length(l)", want: "3"}, {expr: "sum(a.b)", want: "3"},
		{expr: "[ceil(`1`), ceil(`2.0`), floor(`-1.5`), abs(`-1.5`), abs(`-2`)]", want: "[1, 2, -2, 1.5, 2]"},
		{expr: "a.*[]", want: "[1, 2]"}, {expr: "!a", want: "false"}, {expr: "z || 'd'", want: `"d"`}, {expr: "to_string(a)", want: `"{\"b\":[1,2]}"`},
		{expr: "l[", err: "expected"}, {expr: "none(@)", err: "there is no function"}, {expr: "length(`5`)", err: "invalid type"},
		{expr: strings.Repeat("(", 1000), err: "too deeply"}, {expr: "'open", err: "not closed"}, {expr: "a #", err: "unexpected character"},
	} {
		got, err := found(c.expr, data)
		switch {
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: got %v, %v, want the error %q", c.expr, got, err, c.err)
		case c.err == "" && (err != nil || got != c.want):
			t.Errorf("%s: got %s, %v, want %s", c.expr, got, err, c.want)
		}
	}
}

func found(expr string, data any) (string, error) {
	q, err := Compile(expr)
	if err != nil {
		return "", err
	}
	v, err := q.Search(data)
	if err != nil {
		return "", err
	}
	b, err := value.ToJSON(v)
	return string(b), err
}

// Whatever the expression is, compiling and searching end without a panic.
func FuzzSearch(f *testing.F) {
	for _, s := range []string{"a.b[0]", "l[?v > `1`].n | [0]", "sort_by(l,&v)", "{a: *, b: [@, &c]}", "!a || 'x' && \"y\"", "l[1:-1:2][]"} {
		f.Add(s)
	}
	data, err := value.FromJSON([]byte(`{"a": {"b": [1, 2]}, "l": [{"n": "x", "v": 3}, [1.5, null, true]]}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(_ *testing.T, expr string) {
		if q, err := Compile(expr); err == nil {
			_, _ = q.Search(data)
		}
	})
}
