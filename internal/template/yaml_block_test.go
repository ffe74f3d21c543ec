package template

import (
	"testing"

	"rollout/internal/value"
)

func TestResultYAML(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		reading, data string
	}{
		{"one line", "a: b", "msg: 'a: b'\n", "msg: 'a: b'\n"},
		{"lines", "a\nb", "msg: |-\n    a\n    b\n", "msg: |-\n  a\n  b\n"},
		{"ends", "a\n\nb\n", "msg: |-\n    a\n\n    b\n", "msg: |\n  a\n\n  b\n"},
		{"two ends", "a\n\n", "msg: |-\n    a\n", ""},
		{"blank before", " a\nb", "msg: |4-\n     a\n    b\n", "msg: |2-\n   a\n  b\n"},
		{"no block", "a \n\tb", "msg: |-\n    a\n            b\n", "msg: \"a \\n\\tb\"\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for reading, want := range map[bool]string{true: c.reading, false: c.data} {
				got, err := ResultYAML(value.NewMap("msg", c.text), map[bool]int{true: 4, false: 2}[reading], 80, reading)
				if want != "" && (err != nil || got != want) {
					t.Errorf("got %q, %v, want %q", got, err, want)
				}
			}
		})
	}
}
