package value

import (
	"math/big"
	"testing"
)

func TestMapKeepsOrderAndComparesKeysAsPythonDoes(t *testing.T) {
	m := NewMap("b", 1, "a", 2, 1, "int")
	m.Set(true, "bool") // True == 1 == 1.0 in Python: the first key stays
	m.Set(1.0, "float")
	m.Set("a", 3)
	m.Delete("b")
	m.Set("b", 4)
	got, _ := ToJSON(m)
	if want := `{"a": 3, "1": "float", "b": 4}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if v, ok := m.Get(Tuple{"x", 1}); ok || v != nil {
		t.Error("a tuple that was never set is there")
	}
	m.Set(Tuple{"x", 1}, "t")
	if m.At(Tuple{"x", 1.0}) != "t" {
		t.Error("equal tuples are different keys")
	}
	if Hashable([]any{}) || Hashable(Tuple{[]any{}}) {
		t.Error("a list is hashable")
	}
}

func TestMapSurvivesManyDeletions(t *testing.T) {
	m := NewMap()
	for i := range 1000 {
		m.Set(i, i)
		if i%10 != 0 {
			m.Delete(i)
		}
	}
	if m.Len() != 100 || len(m.Keys()) != 100 || m.Keys()[99] != 990 || m.At(500) != 500 {
		t.Errorf("%d keys: %v", m.Len(), m.Keys())
	}
}

func TestNilMapIsEmpty(t *testing.T) {
	var m *Map
	for range m.All() {
		t.Error("a nil map has keys")
	}
	if m.Len() != 0 || m.At("x") != nil || m.Keys() != nil || m.Clone().Len() != 0 {
		t.Error("a nil map is not empty")
	}
}

func TestEqual(t *testing.T) {
	huge, _ := new(big.Int).SetString("100000000000000000000", 10)
	tests := []struct {
		a, b any
		want bool
	}{
		{1, 1.0, true}, {true, 1, true}, {"1", 1, false}, {nil, false, false}, {nil, nil, true},
		{huge, 1e20, true}, {9007199254740993, 9007199254740992.0, false},
		{[]any{1, "a"}, []any{1.0, "a"}, true}, {[]any{1}, Tuple{1}, false},
		{NewMap("a", 1, "b", 2), NewMap("b", 2, "a", 1), true}, {NewMap("a", 1), NewMap("a", 2), false},
	}
	for _, tt := range tests {
		if Equal(tt.a, tt.b) != tt.want || Equal(tt.b, tt.a) != tt.want {
			t.Errorf("%#v == %#v: want %v", tt.a, tt.b, tt.want)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	for _, text := range []string{
		`{"b": [1, 2.5, "x", null, true], "a": {}}`, `[]`, `"<&>\u2028"`, `12345678901234567890`, `1e+20`, `-0.5`, `{"ü": "日本"}`,
	} {
		v, err := FromJSON([]byte(text))
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		b, err := ToJSON(v)
		if err != nil || string(b) != text {
			t.Errorf("%s became %s (%v)", text, b, err)
		}
	}
	for _, bad := range []string{``, `{`, `[1] 2`, `{"a"}`, `nul`} {
		if v, err := FromJSON([]byte(bad)); err == nil {
			t.Errorf("%q was read as %v", bad, v)
		}
	}
	if _, err := ToJSON(struct{}{}); err == nil {
		t.Error("a struct became JSON")
	}
}

func TestJSONIndent(t *testing.T) {
	b, _ := ToJSONIndent(NewMap("a", []any{1, NewMap()}, "b", []any{}), "    ")
	want := "{\n    \"a\": [\n        1,\n        {}\n    ],\n    \"b\": []\n}"
	if string(b) != want {
		t.Errorf("got\n%s", b)
	}
}

func TestCopyIsDeep(t *testing.T) {
	m := NewMap("l", []any{NewMap("x", 1)})
	c := Copy(m).(*Map)
	c.List("l")[0].(*Map).Set("x", 2)
	if m.List("l")[0].(*Map).Int("x") != 1 {
		t.Error("the copy shares a nested map")
	}
}
