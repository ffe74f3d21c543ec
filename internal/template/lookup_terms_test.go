package template

import (
	"testing"

	"rollout/internal/value"
)

// Terms that a template spells out are templates; those that come out of a
// variable never are.
func TestLookupTerms(t *testing.T) {
	e := New(Options{})
	scope := MapScope{value.NewMap("dir", "/srv", "data", "{{ dir }}", "n", []any{"a", "b"})}
	for src, want := range map[string]string{
		"{{ lookup('items', '{{ dir }}/x') }}":                          "/srv/x",
		"{{ lookup('items', data) }}":                                   "{{ dir }}",
		"{{ lookup('items', ['{{ dir }}', data]) }}":                    "/srv,{{ dir }}",
		"{{ query('items', '{{ n }}') | join('+') }}":                   "a+b",
		"{{ lookup('items', '{{ lookup(\"items\", dir) }}/y') }}":       "/srv/y",
		"{{ lookup('vars', 'dir', default='{{ dir }}') }}":              "/srv",
		"{{ lookup('vars', 'none', default='{{ dir }}') }}":             "{{ dir }}",
		"{% for x in query('items', ['{{ n }}']) %}{{ x }}{% endfor %}": "['a', 'b']",
	} {
		tmpl, err := e.Compile("", src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := tmpl.Render(t.Context(), scope)
		if err != nil || got != want {
			t.Errorf("%s = %q, %v; want %q", src, got, err, want)
		}
	}
	if _, err := e.Compile("", "{{ lookup('items', '{{ dir') }}"); err == nil {
		t.Error("a term that is no template's text compiles")
	}
}
