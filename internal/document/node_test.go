package document

import (
	"errors"
	"strings"
	"testing"

	"rollout/internal/value"
)

// The answers are PyYAML 6.0's safe_load.
func TestPlainScalarsHaveTheTypesPyYAMLGives(t *testing.T) {
	tests := []struct {
		text string
		want any
	}{
		{"yes", true}, {"No", false}, {"on", true}, {"OFF", false}, {"y", "y"}, {"true", true}, {"tRue", "tRue"},
		{"~", nil}, {"null", nil}, {"NULL", nil}, {"none", "none"}, {"", nil},
		{"0644", 420}, {"0o644", "0o644"}, {"08", "08"}, {"09.5", 9.5}, {"1_000", 1000}, {"0x1F", 31}, {"0b101", 5},
		{"12:30:45", 45045}, {"1:60", "1:60"}, {"12:30", 750}, {"1:30.5", 90.5}, {"-1:30", -90},
		{"1e3", "1e3"}, {"1.0e+3", 1000.0}, {"1.0e3", "1.0e3"}, {"1.5", 1.5}, {".5", 0.5}, {"5.", 5.0}, {"-.5", "-.5"},
		{"+12", 12}, {"-12", -12}, {"1.2.3", "1.2.3"}, {"2001-02-30", "2001-02-30"}, {"1,000", "1,000"},
		{".inf", "inf"}, {"172.16.0.0/24", "172.16.0.0/24"}, {"22:22", 1342}, {"=", "="},
	}
	for _, tt := range tests {
		got := ResolveScalar(tt.text)
		if tt.text == ".inf" {
			if f, ok := got.(float64); !ok || f < 1e308 {
				t.Errorf("%q = %#v", tt.text, got)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("%q = %#v, want %#v", tt.text, got, tt.want)
		}
	}
}

func TestParseKeepsPositionsAndOrder(t *testing.T) {
	n, err := Parse("f.yml", []byte("b: 1\na:\n  - x: {y: [2]}\n"))
	if err != nil {
		t.Fatal(err)
	}
	y := n.Get("a").Items[0].Get("x").Get("y").Items[0]
	if y.Pos.String() != "f.yml:3:13" {
		t.Errorf("position = %s", y.Pos)
	}
	b, _ := value.ToJSON(n.Decode())
	if string(b) != `{"b": 1, "a": [{"x": {"y": [2]}}]}` {
		t.Errorf("decoded = %s", b)
	}
}

func TestParse(t *testing.T) {
	tests := []struct{ name, text, want, err string }{
		{"empty", "", "null", ""},
		{"merge", "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}", `{"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}`, ""},
		{"merge list", "a: &a {x: 1}\nb: &b {x: 2, z: 3}\nc: {<<: [*a, *b]}", `{"a": {"x": 1}, "b": {"x": 2, "z": 3}, "c": {"x": 1, "z": 3}}`, ""},
		{"quoted", `{a: "yes", b: 'no', c: !!str 12, d: "12"}`, `{"a": "yes", "b": "no", "c": "12", "d": "12"}`, ""},
		{"block", "a: |\n  x\n  y\n", `{"a": "x\ny\n"}`, ""},
		{"the last of equal keys", "a: 1\nb: 2\na: 3", `{"a": 3, "b": 2}`, ""},
		{"template as key", "a: {{ b }}", "", "quote a value that starts with {{"},
		{"cycle", "a: &a [*a]", "", "holds itself"},
		{"bomb", bomb(), "", "too large"},
		{"deep", strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "", "deeply nested"},
		{"two documents", "a: 1\n---\nb: 2", "", "single document"},
		{"syntax", "a: [1, 2\nb: 3", "", "not valid YAML"},
		{"tab", "a:\n\tb: 1", "", "f.yml:2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := Parse("f.yml", []byte(tt.text))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error = %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := value.ToJSON(n.Decode()); string(b) != tt.want {
				t.Errorf("got %s, want %s", b, tt.want)
			}
		})
	}
}

// bomb is a billion laughs.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9]\n")
	for i := 1; i < 9; i++ {
		p := string(rune('0' + i - 1))
		b.WriteString("a" + string(rune('0'+i)) + ": &a" + string(rune('0'+i)) + " [" + strings.TrimSuffix(strings.Repeat("*a"+p+", ", 9), ", ") + "]\n")
	}
	return b.String()
}

func TestErrorShowsTheLine(t *testing.T) {
	err := &Error{Pos: Position{File: "x.yml", Line: 3, Column: 5}, Message: "no", Hint: "yes?", Source: "  - foo: 1"}
	want := "x.yml:3:5: no (yes?)\n      - foo: 1\n        ^"
	if got := err.Detail(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestErrorsFlatten(t *testing.T) {
	var inner, outer Errors
	inner.Add(Position{}, "one")
	inner.Add(Position{}, "two")
	outer.Join(inner.Err())
	outer.Join(errors.New("three"))
	outer.Join(nil)
	if outer.Len() != 3 || outer.Err().Error() != "one\ntwo\nthree" {
		t.Errorf("%d: %v", outer.Len(), outer.Err())
	}
}

func TestSuggest(t *testing.T) {
	words := []string{"tiers", "networks", "name", "vars"}
	for word, want := range map[string]string{"teirs": "tiers", "netwroks": "networks", "zebra": "", "nam": "name", "Vars": "vars"} {
		got := Suggest(word, words)
		if want == "" && got != "" || want != "" && !strings.Contains(got, `"`+want+`"`) {
			t.Errorf("%s: %q, want %q", word, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("a: &a {x: 1}\nb: {<<: *a}\n--- \n- !vault |\n  x\n")
	f.Add("? [a]\n: b")
	for _, text := range []string{"a:\n\tb: 1", "a: \"b\nc: d", "x: {{ y }}/z", "- a: [1\n- b", "日本: a: b\r\n", "- a\n -b: c", "a: *b", "a: \"\\d\"", "a: >x\n b", "\r="} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		nodes, err := ParseAll("f.yml", []byte(text))
		var at *Error
		if errors.As(err, &at) {
			_ = at.Detail()
			if lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 1; at.Pos.Line < 0 || at.Pos.Line > lines {
				t.Errorf("%s is outside of %d lines", at.Pos, lines)
			}
		}
		if err != nil {
			return
		}
		source := strings.Split(text, "\n")
		for _, n := range nodes {
			_ = n.Decode()
			insideEach(n, source)
		}
	})
}

// insideEach asks for places within every scalar, good ones and others.
func insideEach(n *Node, source []string) {
	for _, item := range n.Items {
		insideEach(item, source)
	}
	for _, e := range n.Entries {
		insideEach(e.Value, source)
	}
	for line := range 3 {
		for column := range 4 {
			_ = n.Inside(line, column, source)
		}
	}
}
