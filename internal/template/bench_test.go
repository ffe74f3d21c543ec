package template

import (
	"context"
	"strings"
	"testing"

	"rollout/internal/value"
)

func benchVars() Scope {
	users := []any{}
	for _, n := range []string{"alice", "bob", "carol", "dave"} {
		users = append(users, value.NewMap("name", n, "uid", 1000+len(n), "groups", []any{"wheel", "dev"}))
	}
	return MapScope{value.NewMap("users", users, "env", "prod", "count", 5, "name", "web01")}
}

const benchPage = `server {
{% for u in users if u.uid > 1003 %}
  {{ loop.index }} {{ u.name | upper | replace('A', 'b') }} {{ u.groups | join(',') }}
{% endfor %}
{% if env == 'prod' and count > 3 %}{{ name }}{% else %}dev{% endif %}
}
`

func BenchmarkCompile(b *testing.B) {
	e := New(Options{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.compile("page", benchPage, CompileOptions{TrimBlocks: true, Delimiters: standardDelimiters}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	t, err := New(Options{}).Compile("page", benchPage)
	if err != nil {
		b.Fatal(err)
	}
	scope := benchVars()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), scope); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoop(b *testing.B) {
	t, err := New(Options{}).Compile("loop", "{% for i in range(1000) %}{{ i * 2 + 1 }},{% endfor %}")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Render(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWhen(b *testing.B) {
	x, err := New(Options{}).CompileExpr("env == 'prod' and users | length > 2 and name is match('web')")
	if err != nil {
		b.Fatal(err)
	}
	scope := benchVars()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := x.Eval(context.Background(), scope); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkValueVariable(b *testing.B)   { benchValue(b, "{{ users }}") }
func BenchmarkValueExpression(b *testing.B) { benchValue(b, "{{ env }}-{{ count + 1 }}") }
func BenchmarkValuePlain(b *testing.B)      { benchValue(b, "a plain string") }

func benchValue(b *testing.B, src string) {
	e, scope := New(Options{}), benchVars()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Value(context.Background(), src, scope); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLargeTemplate(b *testing.B) {
	src := strings.Repeat("line {{ name }} of {{ env | upper }}\n", 20000)
	e := New(Options{})
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		t, err := e.compile("large", src, CompileOptions{Delimiters: standardDelimiters})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := t.Render(context.Background(), benchVars()); err != nil {
			b.Fatal(err)
		}
	}
}
