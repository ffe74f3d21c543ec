package template

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rollout/internal/value"
)

func render(t *testing.T, src string, vars *value.Map) (string, error) {
	t.Helper()
	e := New(Options{})
	tm, err := e.Compile("t", src)
	if err != nil {
		return "", err
	}
	return tm.Render(context.Background(), MapScope{vars})
}

// What must end in an error, quickly and without growing: a stack overflow
// would take the whole process with it.
func TestHostileTemplatesAreRefused(t *testing.T) {
	repeat := strings.Repeat
	cases := map[string]string{
		"nested parentheses":     "{{ " + repeat("(", 200000) + "1" + repeat(")", 200000) + " }}",
		"nested lists":           "{{ " + repeat("[", 200000) + repeat("]", 200000) + " }}",
		"nested dicts":           "{{ " + repeat("{1:", 100000) + "1" + repeat("}", 100000) + " }}",
		"nested ifs":             repeat("{% if true %}", 20000) + repeat("{% endif %}", 20000),
		"nested fors":            repeat("{% for x in [1] %}", 20000) + repeat("{% endfor %}", 20000),
		"nested calls":           "{{ " + repeat("f(", 200000) + repeat(")", 200000) + " }}",
		"nested subscripts":      "{{ " + repeat("a[", 200000) + "0" + repeat("]", 200000) + " }}",
		"signs":                  "{{ " + repeat("-", 200000) + "1 }}",
		"sums":                   "{{ 1" + repeat("+1", 200000) + " }}",
		"powers":                 "{{ 1" + repeat("**1", 200000) + " }}",
		"attributes":             "{{ a" + repeat(".a", 200000) + " }}",
		"filters":                "{{ 1" + repeat("|string", 200000) + " }}",
		"conditions":             "{{ 1" + repeat(" if 1 else 1", 200000) + " }}",
		"tuple targets":          "{% for " + repeat("(", 200000) + "x" + repeat(")", 200000) + " in y %}{% endfor %}",
		"macro recursion":        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
		"two macros":             "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}{{ a() }}{% endmacro %}{{ a() }}",
		"caller recursion":       "{% macro m() %}{% call m() %}{{ caller() }}{% endcall %}{% endmacro %}{{ m() }}",
		"block recursion":        "{% block a %}{{ self.a() }}{% endblock %}",
		"loop recursion":         "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
		"long string":            "{{ 'a' * 10**9 }}",
		"long list":              "{{ [0] * 10**9 }}",
		"range":                  "{{ range(10**9) }}",
		"range of everything":    "{{ range(-(2**62), 2**62) }}",
		"doubling":               "{% set ns = namespace(s='aaaaaaaa') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
		"doubling lists":         "{% set ns = namespace(s=[1]) %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
		"endless loops":          "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
		"much output":            "{% for a in range(100000) %}{{ 'x' * 1000 }}{% endfor %}",
		"large power":            "{{ 9**(9**(9**9)) }}",
		"large product":          "{% set ns = namespace(n=3) %}{% for i in range(60) %}{% set ns.n = ns.n * ns.n %}{% endfor %}",
		"padding":                "{{ 'x'.ljust(10**10) }}",
		"center":                 "{{ 'x'|center(10**10) }}",
		"format width":           "{{ '%1000000000d' % 1 }}",
		"format spec":            "{{ '{:1000000000}'.format(1) }}",
		"indent":                 "{{ ('a\\n' * 1000)|indent(10**8) }}",
		"replace":                "{{ ('a' * 1000000)|replace('a', 'b' * 1000) }}",
		"permutations":           "{{ range(20)|permutations|list }}",
		"product":                "{{ range(1000)|product(range(1000), range(1000)) }}",
		"list within itself":     "{% set l = [] %}{% do l.append(l) %}{{ l }}",
		"dict within itself":     "{% set d = {} %}{% do d.update(a=d) %}{{ d|to_json }}",
		"equal cycles":           "{% set a = [] %}{% do a.append(a) %}{{ a|flatten }}",
		"twice itself":           "{% set a = [] %}{% set b = [] %}{% do a.extend([a, a]) %}{% do b.extend([b, b]) %}{{ a == b }}{{ a }}",
		"shared lists equal":     "{% set ns = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}",
		"shared lists sorted":    "{% set ns = namespace(a=[], b=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ [ns.a, ns.b, ns.a] | sort | length }}",
		"shared lists flat":      "{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a | flatten }}",
		"shared lists printed":   "{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}",
		"shared lists in YAML":   "{% set ns = namespace(a=[]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a | to_yaml }}",
		"shared dicts merged":    "{% set ns = namespace(a={}) %}{% for i in range(60) %}{% set ns.a = {'x': ns.a, 'y': ns.a} %}{% endfor %}{{ ns.a | combine(ns.a, recursive=true) }}",
		"shared tuple as key":    "{% set ns = namespace(a=(1,)) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}",
		"deep macros":            "{% macro m() %}{{ m()" + repeat(" + 1", 7900) + " }}{% endmacro %}{{ m() }}",
		"deep nested macros":     "{% macro m() %}{{ " + repeat("(", 200) + "m()" + repeat(")", 200) + repeat("|string", 7000) + " }}{% endmacro %}{{ m() }}",
		"deep list":              "{% set ns = namespace(l=[]) %}{% for i in range(5000) %}{% set ns.l = [ns.l] %}{% endfor %}{{ ns.l }}",
		"backtracking":           "{{ ('a' * 3000 ~ 'b') is match('(a|aa)+$') }}",
		"shuffled digits":        "{{ " + repeat("1", 100000) + " }}",
		"digits to int":          "{{ ('1' * 1000000)|int + 1 and 1/0 }}",
		"rounding":               "{{ 1.5|round(10**9) }}",
		"comment lines":          "{{ 'a'|comment(prefix_count=10**9) }}",
		"deep JSON":              "{{ ('[' * 3000000) | from_json }}",
		"deep YAML":              "{{ ('[' * 100000) | from_yaml }}",
		"deep pattern":           "{{ 'a' is match('(' * 100000) }}",
		"unclosed":               "{{ 'a",
		"unclosed comment":       "{# a",
		"unclosed raw":           "{% raw %}a",
		"hidden attribute":       "{{ ''.__class__ }}",
		"hidden in format":       "{{ '{0.__class__}'.format(1) }}",
		"hidden by filter":       "{{ ''|attr('__class__') }}",
		"hidden by map":          "{{ ['']|map(attribute='__class__')|list }}",
		"unknown lookup":         "{{ lookup('nosuch') }}",
		"unknown test":           "{{ 1 is nosuch }}",
		"unknown filter":         "{{ 1|nosuch }}",
		"unknown map filter":     "{{ [1]|map('nosuch') }}",
		"unknown select test":    "{{ [1]|select('nosuch') }}",
		"unknown filter keyword": "{{ [1]|join(glue=',') }}",
	}
	for name, src := range cases {
		t.Run(name, func(t *testing.T) {
			if out, err := render(t, src, value.NewMap()); err == nil {
				t.Errorf("rendered %d bytes, want an error", len(out))
			}
		})
	}
}

func TestLargeTemplatesAreLinear(t *testing.T) {
	for name, src := range map[string]string{
		"expressions": strings.Repeat("line {{ name }}\n", 70000),
		"statements":  strings.Repeat("{% if name %}x{% endif %}", 40000),
		"text":        strings.Repeat("some text\n", 100000),
		"strings":     strings.Repeat(`{{ 'a\nb' }}`, 80000),
		"literals":    "{{ [" + strings.Repeat(`'a\tb', `, 100000) + "] }}",
	} {
		if _, err := render(t, src, value.NewMap("name", "web01")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCancelledRenderingStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	e := New(Options{})
	tm, err := e.Compile("t", "{% for a in range(90000) %}{{ a }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tm.Render(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}
