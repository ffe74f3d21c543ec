package template

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollout/internal/value"
)

func TestMistakesHavePlaceAndHint(t *testing.T) {
	e := New(Options{})
	cases := []struct {
		src          string
		line, column int
		message      string
		hint         string
	}{
		{"a\n  {{ x|uper }}", 2, 8, "No filter named 'uper'.", `did you mean "upper"?`},
		{"{{ x is defind }}", 1, 9, "No test named 'defind'.", `did you mean "defined"?`},
		{"{{ lookup('dic', x) }}", 1, 10, "no lookup named 'dic'", `did you mean "dict"?`},
		{"{% fro x in y %}{% endfor %}", 1, 4, "Encountered unknown tag 'fro'.", `did you mean "for"?`},
		{"{{ x|join(sep=',') }}", 1, 6, "the filter 'join' has no argument 'sep'", ""},
		{"{{ x|length(1) }}", 1, 6, "the filter 'length' takes at most 0 arguments (1 given)", ""},
		{"{{ 日本 + }}", 1, 9, "Expected an expression, got 'end of print statement'", ""},
		{"{{ x|map('uper') }}", 1, 6, "No filter named 'uper'.", `did you mean "upper"?`},
		{"{% if x %}\n\n{{ y }}", 3, 8, "Unexpected end of template.", ""},
	}
	for _, c := range cases {
		_, err := e.Compile("site.j2", c.src)
		var se *SyntaxError
		if !errors.As(err, &se) {
			t.Errorf("%q: got %v, want a *SyntaxError", c.src, err)
			continue
		}
		if se.Line != c.line || se.Column != c.column || !strings.HasPrefix(se.Message, c.message) || se.Hint != c.hint {
			t.Errorf("%q: got %d:%d %q (%s), want %d:%d %q (%s)", c.src, se.Line, se.Column, se.Message, se.Hint,
				c.line, c.column, c.message, c.hint)
		}
	}
}

func TestUndefinedIsRecognised(t *testing.T) {
	e := New(Options{})
	scope := MapScope{value.NewMap("d", value.NewMap("a", 1))}
	for src, want := range map[string]UndefinedError{
		"{{ x }}":            {"x", "'x' is undefined"},
		"{{ x.y.z }}":        {"x", "'x' is undefined"},
		"{{ d.y }}":          {"y", "'dict object' has no attribute 'y'"},
		"{{ d['y'] }}":       {"y", "'dict object' has no attribute 'y'"},
		"{{ [1, [x]] }}":     {"x", "'x' is undefined"},
		"{{ {'a': x} }}":     {"x", "'x' is undefined"},
		"{{ undef('set') }}": {"", "set"},
	} {
		_, err := e.Value(context.Background(), src, scope)
		var ue *UndefinedError
		if !errors.As(err, &ue) || *ue != want {
			t.Errorf("%s: got %#v, want %#v", src, err, want)
		}
	}
}

func TestRuntimeErrorsNameTheLine(t *testing.T) {
	_, err := render(t, "a\nb\n{{ 'x' + 1 }}\n", nil)
	var re *RuntimeError
	if !errors.As(err, &re) || re.Line != 3 || re.Template != "t" {
		t.Errorf("got %#v, want a *RuntimeError in line 3", err)
	}
}

// A template works on copies: what the caller holds never changes.
func TestCallersValuesStayAsTheyAre(t *testing.T) {
	vars := func() *value.Map {
		return value.NewMap("l", []any{1, []any{2}}, "d", value.NewMap("k", []any{1}))
	}
	given := vars()
	src := "{% set _ = l.append(3) %}{% set _ = l[1].append(4) %}{% set _ = d.update(x=1) %}{% set _ = d.k.append(5) %}{{ l }}{{ d }}"
	got, err := render(t, src, given)
	if want := "[1, [2, 4], 3]{'k': [1, 5], 'x': 1}"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if !value.Equal(given, vars()) {
		t.Errorf("the caller's values changed: %s", repr(given))
	}
}

// hosts is a Dict like hostvars.
type hosts struct{ asked []string }

func (h *hosts) Item(key string) (any, bool, error) {
	h.asked = append(h.asked, key)
	if key == "broken" {
		return nil, false, errors.New("cannot evaluate")
	}
	return value.NewMap("ip", "10.0.0."+key), key != "9", nil
}

func (h *hosts) Keys() []string { return []string{"1", "2"} }

type oneVar struct {
	name string
	v    any
}

func (s oneVar) Lookup(name string) (any, bool, error) { return s.v, name == s.name, nil }

func TestDictsAreAskedOnlyForWhatIsUsed(t *testing.T) {
	e := New(Options{})
	h := &hosts{}
	scope := oneVar{"hostvars", h}
	for src, want := range map[string]any{
		"{{ hostvars['1'].ip }}":                                        "10.0.0.1",
		"{{ '2' in hostvars }}":                                         true,
		"{{ hostvars | length }} hosts":                                 "2 hosts",
		"{{ hostvars['9'] is defined }}":                                false,
		"{{ hostvars.get('9', 'none') }}":                               "none",
		"{{ ['1', '2'] | map('extract', hostvars, 'ip') | join(',') }}": "10.0.0.1,10.0.0.2",
		"{% for h in hostvars %}{{ h }}{% endfor %}":                    "12",
		"{{ hostvars.values() | map(attribute='ip') | list }}":          []any{"10.0.0.1", "10.0.0.2"},
	} {
		got, err := e.Value(context.Background(), src, scope)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", src, got, err, want)
		}
	}
	h.asked = nil
	if _, err := e.Value(context.Background(), "{{ hostvars['1'].ip }}", scope); err != nil || !reflect.DeepEqual(h.asked, []string{"1"}) {
		t.Errorf("asked for %v, %v, want [1]", h.asked, err)
	}
	if _, err := e.Value(context.Background(), "{{ hostvars.broken }}", scope); err == nil {
		t.Error("the item's error is lost")
	}
}

func TestLookups(t *testing.T) {
	e := New(Options{
		Lookups: map[string]Lookup{"ansible.builtin.file": func(_ context.Context, args []any, kw *value.Map, scope Scope) ([]any, error) {
			if args[0] == any("missing") {
				return nil, errors.New("no such file")
			}
			v, _, err := scope.Lookup("name")
			return []any{text(args[0]) + ":" + text(v) + ":" + kw.String("mode")}, err
		}},
		Env: func(name string) (string, bool) { return "/root", name == "HOME" },
	})
	scope := MapScope{value.NewMap("name", "web01")}
	for src, want := range map[string]any{
		"{{ lookup('file', 'a', mode='r') }}":                         "a:web01:r",
		"{{ lookup('ansible.builtin.file', 'a') }}":                   "a:web01:",
		"{{ query('file', 'a') }}":                                    []any{"a:web01:"},
		"{{ lookup('file', 'a', wantlist=True) }}":                    []any{"a:web01:"},
		"{{ lookup('file', 'missing', errors='ignore') or 'empty' }}": "empty",
		"{{ lookup('env', 'HOME') }}{{ lookup('env', 'NONE') }}":      "/root",
		"{{ '~/x' | expanduser }} {{ '$HOME/${NONE}' | expandvars }}": "/root/x /root/${NONE}",
	} {
		got, err := e.Value(context.Background(), src, scope)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", src, got, err, want)
		}
	}
	if _, err := e.Value(context.Background(), "{{ lookup('file', 'missing') }}", scope); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, want the lookup's error", err)
	}
	items, err := e.Query(context.Background(), "nested", []any{[]any{1, 2}, []any{"a"}}, nil, scope)
	if want := []any{[]any{1, "a"}, []any{2, "a"}}; err != nil || !reflect.DeepEqual(items, want) {
		t.Errorf("got %v, %v, want %v", items, err, want)
	}
}

func TestLookupsThatMayFail(t *testing.T) {
	var warnings []string
	e := New(Options{Warn: func(text string) { warnings = append(warnings, text) }, Lookups: map[string]Lookup{
		"file": func(context.Context, []any, *value.Map, Scope) ([]any, error) { return nil, errors.New("no such file") },
		"vars": func(context.Context, []any, *value.Map, Scope) ([]any, error) {
			return nil, &UndefinedError{Message: "'x' is undefined"}
		},
	}})
	for src, want := range map[string]any{
		"{{ [lookup('file', 'a', errors='ignore'), query('file', 'a', errors='ignore')] }}": []any{nil, []any{}},
		"{{ [lookup('file', 'a', errors='warn'), query('file', 'a', errors='warn')] }}":     []any{nil, []any{}},
	} {
		if got, err := e.Value(t.Context(), src, MapScope{value.NewMap()}); err != nil || !value.Equal(got, want) {
			t.Errorf("%s: %v, %v", src, got, err)
		}
	}
	if want := []string{"the lookup 'file' failed: no such file", "the lookup 'file' failed: no such file"}; !slices.Equal(warnings, want) {
		t.Errorf("warnings: %q", warnings)
	}
	for _, src := range []string{"{{ lookup('file', 'a') }}", "{{ lookup('vars', 'x', errors='warn') }}", "{{ lookup('vars', 'x', errors='ignore') }}"} {
		if got, err := e.Value(t.Context(), src, MapScope{value.NewMap()}); err == nil {
			t.Errorf("%s: %v and no error", src, got)
		}
	}
}

func TestLookupsThatRenderAreBounded(t *testing.T) {
	var e *Engine
	e = New(Options{Lookups: map[string]Lookup{"template": func(ctx context.Context, _ []any, _ *value.Map, scope Scope) ([]any, error) {
		v, err := e.Value(ctx, "{{ lookup('template', 'itself') }}", scope)
		return []any{v}, err
	}}})
	if _, err := e.Value(context.Background(), "{{ lookup('template', 'itself') }}", MapScope{}); err == nil {
		t.Error("a template that renders itself without end is not refused")
	}
}

func TestExtraFiltersAndTests(t *testing.T) {
	e := New(Options{
		Filters: map[string]Filter{"community.x.twice": func(_ context.Context, in any, _ []any, _ *value.Map) (any, error) {
			return text(in) + text(in), nil
		}},
		Tests: map[string]Test{"file": func(_ context.Context, in any, _ []any, _ *value.Map) (bool, error) {
			return in == any("/etc/passwd"), nil
		}},
	})
	got, err := e.Value(context.Background(), "{{ 'a' | community.x.twice }}{{ '/etc/passwd' is file }}", nil)
	if err != nil || got != any("aaTrue") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestDeep(t *testing.T) {
	e := New(Options{})
	scope := MapScope{value.NewMap("n", 5, "l", []any{1}, "k", "key")}
	in := value.NewMap("{{ k }}", []any{"{{ l }}", "x{{ n }}", 7}, "t", value.Tuple{"{{ n }}"})
	got, err := e.Deep(context.Background(), in, scope)
	want := value.NewMap("key", []any{[]any{1}, "x5", 7}, "t", value.Tuple{5})
	if err != nil || !value.Equal(got, want) {
		t.Errorf("got %s, %v, want %s", repr(got), err, repr(want))
	}
}

func TestExprNames(t *testing.T) {
	x, err := New(Options{}).CompileExpr("a.b == c[d] and lookup('vars', 'e') is defined or range(2) | map('int')")
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "c", "d"}; !reflect.DeepEqual(x.Names(), want) {
		t.Errorf("got %v, want %v", x.Names(), want)
	}
}

func TestExprWithBracesSaysSo(t *testing.T) {
	_, err := New(Options{}).CompileExpr("x == 1 {{ y }}")
	var se *SyntaxError
	if !errors.As(err, &se) || se.Hint == "" {
		t.Errorf("got %v, want a hint about {{ }}", err)
	}
}

func TestIsTemplate(t *testing.T) {
	for s, want := range map[string]bool{"": false, "{": false, "a": false, "{ {": false, "{a}{{": true, "{{": true,
		"x {% y": true, "{#": true, "}}": false, "{}{": false} {
		if IsTemplate(s) != want {
			t.Errorf("IsTemplate(%q) = %v", s, !want)
		}
	}
}

func TestCheckSyntax(t *testing.T) {
	e := New(Options{})
	if err := e.CheckSyntax("no marks }}"); err != nil {
		t.Errorf("text without marks: %v", err)
	}
	if err := e.CheckSyntax("{{ a |"); err == nil {
		t.Error("an unfinished filter is not found")
	}
}

func TestExtensionsAreOffUnlessAskedFor(t *testing.T) {
	for _, src := range []string{"{% do x %}", "{% for a in [1] %}{% break %}{% endfor %}"} {
		if _, err := New(Options{}).Compile("t", src); err == nil {
			t.Errorf("%s is read without its extension", src)
		}
		if _, err := New(Options{Extensions: []string{"jinja2.ext.do", "jinja2.ext.loopcontrols"}}).Compile("t", src); err != nil {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	e := New(Options{Extensions: []string{"jinja2.ext.do"}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				v, err := e.Value(context.Background(), "{% set x = [] %}{% do x.append(n) %}{{ x }}", MapScope{value.NewMap("n", 1)})
				if err != nil || !value.Equal(v, []any{1}) {
					t.Errorf("got %v, %v", v, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestConditionsStandInAnIf(t *testing.T) {
	e := New(Options{})
	for src, want := range map[string]string{
		"x == 1 if y else z":   "expected token 'end of statement block', got 'if'; put the condition in parentheses",
		"x is nan if y else z": "expected the expression's end, got 'y'",
		"(x == 1 if y else z)": "",
		"x == 1, x == 2":       "",
	} {
		_, err := e.CompileCondition(src)
		var wrong *SyntaxError
		got := ""
		if errors.As(err, &wrong) {
			got = wrong.Message
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
	if _, err := e.CompileExpr("x == 1 if y else z"); err != nil {
		t.Error(err)
	}
}
