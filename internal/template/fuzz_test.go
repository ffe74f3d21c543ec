package template

import (
	"context"
	"testing"
	"unicode/utf8"

	"rollout/internal/value"
)

func fuzzVars() *value.Map {
	return value.NewMap("s", "text", "n", 7, "f", 1.5, "l", []any{1, "a", nil}, "d", value.NewMap("k", []any{1}, 2, "two"), "t", value.Tuple{1, 2})
}

func seedSources(f *testing.F) {
	for _, s := range []string{"{{ s|upper }}", "{% for x in l %}{{ loop.index }}{% endfor %}", "{% macro m(a, b=1) %}{{ a }}{% endmacro %}{{ m(1) }}",
		"{% set x = [1] %}{% do x.append(2) %}{{ x }}", "{{ '%05.2f' % f }}{{ '{:>5}'.format(s) }}", "{# c #}{% raw %}{{{% endraw %}",
		"{{ d.k[0:2] ~ l[::-1] }}", "{{ l|map('string')|join(',') }}", "{{ s is match('t.*') }}", "{{ d|to_nice_yaml }}{{ d|to_json }}",
		"{% block b %}{{ self.b }}{% endblock %}", "{{ s[1:][::-1]|b64encode|b64decode }}", "{{ n ** 3 // 2 % 5 - -1 }}", "{{ 'a\\'b' 'c' }}"} {
		f.Add(s)
	}
}

// Whatever the source is, compiling and rendering end, and without a panic.
func FuzzRender(f *testing.F) {
	seedSources(f)
	e := New(Options{Now: fixedNow, Extensions: []string{"do", "loopcontrols"}})
	f.Fuzz(func(t *testing.T, src string) {
		tm, err := e.compile("fuzz", src, CompileOptions{TrimBlocks: true, LstripBlocks: true, Delimiters: standardDelimiters})
		if err != nil {
			return
		}
		vars := fuzzVars()
		_, _ = tm.Render(context.Background(), MapScope{vars})
		if !value.Equal(vars, fuzzVars()) {
			t.Errorf("%q changed its variables", src)
		}
	})
}

// A value is in package value's types only, so that everyone else can use it.
func FuzzValue(f *testing.F) {
	seedSources(f)
	e := New(Options{Now: fixedNow, Extensions: []string{"do", "loopcontrols"}})
	f.Fuzz(func(t *testing.T, src string) {
		v, err := e.Value(context.Background(), src, MapScope{fuzzVars()})
		if err == nil && !spellable(v) {
			t.Errorf("%q gives a value of type %T: %s", src, v, repr(v))
		}
	})
}

func FuzzExpr(f *testing.F) {
	for _, s := range []string{"s == 'text' and n > 3", "l|select('string')|list", "d.k.0 + 1", "not (f or t)", "n if s else l", "[x for]", "{1:{2:3}}[1][2]"} {
		f.Add(s)
	}
	e := New(Options{})
	f.Fuzz(func(t *testing.T, src string) {
		x, err := e.compileExpr(src, false)
		if err != nil {
			return
		}
		_, _ = x.Eval(context.Background(), MapScope{fuzzVars()})
	})
}

func FuzzLiteral(f *testing.F) {
	for _, s := range []string{"[1, 'a', {'b': None}]", "{'a': true}", "[(1,), u'x' \"y\"]", "[1e5, -3, 0x1f]", "['''a\nb''']"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		if !utf8.ValidString(src) {
			return // a template's text is UTF-8; repr shows other bytes as escapes
		}
		v := literalText(src)
		if _, isText := v.(string); !isText && !equal(nil, literalText(repr(v)), v) {
			t.Errorf("%q reads as %s, which does not read back", src, repr(v))
		}
	})
}
