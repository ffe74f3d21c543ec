package report

import (
	"bytes"
	"testing"
)

func TestScreen(t *testing.T) {
	for inPlace, want := range map[bool]string{
		false: "a\nb\n\nc\n",
		true:  "\x1b[2J\x1b[Ha\x1b[K\nb\x1b[K\n\x1b[J\x1b[Hc\x1b[K\n\x1b[J",
	} {
		var out bytes.Buffer
		s := Screen{Out: &out, InPlace: inPlace}
		for _, block := range []string{"a\nb\n", "c\n"} {
			if err := s.Show(block); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != want {
			t.Errorf("in place %v: %q", inPlace, out.String())
		}
	}
}
