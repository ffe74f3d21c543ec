package inventory

import (
	"testing"
)

// No input may bring a reader down or make it run away.

func FuzzINI(f *testing.F) {
	for _, text := range oracleFiles {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		inv := New()
		if err := parseINI(inv, "hosts", []byte(text), place{}); err != nil {
			return
		}
		inv.List(Form{})
		if _, err := inv.Graph(All, Form{}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPatterns(f *testing.F) {
	for _, p := range oraclePatterns {
		f.Add(p)
	}
	inv := New()
	if err := parseINI(inv, "hosts", []byte(board), place{}); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, pattern string) {
		sel, err := inv.Match(pattern)
		if err != nil {
			return
		}
		seen := map[*Host]bool{}
		for _, h := range sel.Hosts {
			if seen[h] {
				t.Fatalf("%q gave %s twice", pattern, h.Name)
			}
			seen[h] = true
		}
	})
}

func FuzzLiteral(f *testing.F) {
	for _, text := range oracleLiterals {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) { literal(text) })
}
