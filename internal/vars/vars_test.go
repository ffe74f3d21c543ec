package vars

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/template"
	"rollout/internal/value"
)

// echo is an engine that knows only {{ name }}.
type echo struct{}

func (echo) Value(_ context.Context, src string, s template.Scope) (any, error) {
	name := src[3 : len(src)-3]
	v, ok, err := s.Lookup(name)
	if err != nil {
		return nil, err
	}
	if u, undefined := v.(*template.Undefined); undefined {
		return nil, u.Err()
	}
	if !ok {
		return nil, &template.UndefinedError{Name: name, Message: "'" + name + "' is undefined"}
	}
	return v, nil
}

func scope(t *testing.T, layers ...Layer) *Scope { return NewScope(t.Context(), echo{}, "h", layers) }

func TestTheStrongerLayerWins(t *testing.T) {
	s := scope(t,
		Layer{Level: RoleDefaults, Values: value.NewMap("a", "default", "b", "{{ a }}")},
		Layer{Level: PlayVars, Values: value.NewMap("a", "play")},
		Layer{Level: SetFacts, Values: value.NewMap("c", "{{ a }}"), Data: true})
	for name, want := range map[string]any{"a": "play", "b": "play", "c": "{{ a }}"} {
		if v, ok, err := s.Lookup(name); v != want || !ok || err != nil {
			t.Errorf("%s = %v, %v, %v; want %v", name, v, ok, err, want)
		}
	}
	if _, ok, _ := s.Lookup("nothing"); ok {
		t.Error("nothing is there")
	}
	top := s.With(Layer{Level: Local, Values: value.NewMap("a", "local"), Data: true})
	if v, _, _ := top.Lookup("b"); v != "local" {
		t.Errorf("b = %v over a local layer", v)
	}
	if l, ok := top.Source("b"); !ok || l != RoleDefaults || l.String() != "role defaults" {
		t.Errorf("b comes from %v", l)
	}
}

func TestAVariableThatNeedsItself(t *testing.T) {
	s := scope(t, Layer{Values: value.NewMap("a", "{{ b }}", "b", "{{ c }}", "c", "{{ a }}")})
	_, _, err := s.Lookup("a")
	var loop *LoopError
	if !errors.As(err, &loop) || len(loop.Chain) != 4 {
		t.Fatalf("got %v", err)
	}
	if _, _, err := s.Lookup("a"); !errors.As(err, &loop) {
		t.Errorf("the second time: %v", err)
	}
}

func TestWhatANestedVariableLacksMakesItUndefined(t *testing.T) {
	s := scope(t, Layer{Values: value.NewMap("a", "{{ nope }}")})
	v, ok, err := s.Lookup("a")
	if u, undefined := v.(*template.Undefined); !ok || err != nil || !undefined || u.Message != "'nope' is undefined" {
		t.Errorf("got %v, %v, %v", v, ok, err)
	}
}

func TestLazyValuesAreMadeOnce(t *testing.T) {
	made := 0
	s := scope(t, Layer{Lazy: map[string]func() (any, error){"x": func() (any, error) { made++; return made, nil }}})
	for range 2 {
		if v, _, _ := s.Lookup("x"); v != 1 {
			t.Errorf("got %v", v)
		}
	}
}

func TestOmit(t *testing.T) {
	in := value.NewMap("gone", OmitText(), "kept", 1, "deep", value.NewMap("gone", OmitText()), "list", []any{1, OmitText(), value.NewMap("gone", OmitText())})
	out, ok := Omit(in)
	want := value.NewMap("kept", 1, "deep", value.NewMap(), "list", []any{1, OmitText(), value.NewMap()})
	if !ok || !value.Equal(out, want) {
		t.Errorf("got %v", out)
	}
	if _, ok := Omit(OmitText()); ok {
		t.Error("omit itself stays")
	}
}

func TestParseExtra(t *testing.T) {
	for _, c := range []struct {
		args []string
		want *value.Map
	}{
		{[]string{"a=1 b='two words' c=\"x=y\""}, value.NewMap("a", "1", "b", "two words", "c", "x=y")},
		{[]string{"a=1", "a=2"}, value.NewMap("a", "2")},
		{[]string{`{"a": [1, true], "b": null}`}, value.NewMap("a", []any{1, true}, "b", nil)},
		{[]string{"{a: {b: 1}}"}, value.NewMap("a", value.NewMap("b", 1))},
		{[]string{`a=x\ty b='it\'s'`, `c="{{ d }} e" f=a'b c'd`, `g="h"i`},
			value.NewMap("a", "x\ty", "b", "it's", "c", "{{ d }} e", "f", "a'b c'd", "g", `"h"i`)},
		{[]string{"{a: {b: 1}}", "{a: {c: 1}}"}, value.NewMap("a", value.NewMap("c", 1))},
		{[]string{"a={{ b c }} d="}, value.NewMap("a", "{{ b c }}", "d", "")},
	} {
		got, err := Decoder{}.ParseExtra(c.args)
		if err != nil || !value.Equal(got, c.want) {
			t.Errorf("%q: got %v, %v", c.args, got, err)
		}
	}
	for _, bad := range []string{"word", "a='open", "@/no/such/file", "[1]", "=x", "/a=b", "./vars.yml", "a=\\N{BULLET}"} {
		if got, err := (Decoder{}).ParseExtra([]string{bad}); err == nil {
			t.Errorf("%q: no error but %v", bad, got)
		}
	}
}

func TestExtraVariablesMerged(t *testing.T) {
	got, err := Decoder{Merge: true}.ParseExtra([]string{"{a: {b: 1, x: {y: 1}}}", "{a: {c: 1, x: {z: 2}}}"})
	want := value.NewMap("a", value.NewMap("b", 1, "x", value.NewMap("y", 1, "z", 2), "c", 1))
	if err != nil || !value.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTagsOfYAML(t *testing.T) {
	n, err := document.Parse("f", []byte("a: !unsafe '{{ x }}'\nb: [!unsafe '{{ y }}']\nc: !vault secret\n"))
	if err != nil {
		t.Fatal(err)
	}
	without, err := (Decoder{}).Map(n)
	if err != nil {
		t.Fatal(err)
	}
	s := scope(t, Layer{Values: without})
	if _, ok, err := s.Lookup("c"); !ok || err != nil {
		t.Errorf("a vaulted value that nobody uses needs a password: %v", err)
	}
	if _, _, err := s.Get("c"); err == nil || !strings.Contains(err.Error(), "f:3:4: cannot decrypt the value: Attempting to decrypt") {
		t.Errorf("a vaulted value without a password: %v", err)
	}
	m, err := Decoder{Decrypt: func([]byte) ([]byte, error) { return []byte("{{ plain }}"), nil }}.Map(n)
	if err != nil {
		t.Fatal(err)
	}
	s = scope(t, Layer{Values: m})
	for name, want := range map[string]any{"a": "{{ x }}", "b": []any{"{{ y }}"}, "c": "{{ plain }}"} {
		if v, _, err := s.Get(name); !value.Equal(v, want) || err != nil {
			t.Errorf("%s = %v, %v", name, v, err)
		}
	}
}

func FuzzParsePairs(f *testing.F) {
	for _, s := range []string{"a=1", `a="b c"`, `a=\"`, "a={{ x }}", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) { _, _ = ParsePairs(s) })
}

// What -e gets may be pairs, JSON or YAML.
func FuzzParseExtra(f *testing.F) {
	for _, s := range []string{"a=1 b='c d'", `{"a": [1, {"b": null}]}`, "{a: !unsafe '{{ b }}'}", "[1]", "{a: &b {c: *b}}", "a='"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.HasPrefix(strings.TrimSpace(s), "@") {
			return // a file's name
		}
		if m, err := (Decoder{}).ParseExtra([]string{s}); err == nil && m == nil {
			t.Errorf("%q gives no variables and no error", s)
		}
	})
}

func TestUntemplated(t *testing.T) {
	got := Untemplated(value.NewMap("a", []any{"{{ 1 }}", "plain", 1}, "b", "{% x %}")).(*value.Map)
	if want := value.NewMap("a", []any{Raw("{{ 1 }}"), "plain", 1}, "b", Raw("{% x %}")); !reflect.DeepEqual(got.At("a"), want.At("a")) || got.At("b") != want.At("b") {
		t.Errorf("got %v", got)
	}
}
