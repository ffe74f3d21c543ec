package template

import (
	"slices"
	"testing"

	"rollout/internal/value"
)

// What with_sequence takes, quotes included, as Ansible's parser of key=value
// text takes them off.
func TestSequenceTerms(t *testing.T) {
	for term, want := range map[string][]any{
		`count="2"`:                               {"1", "2"},
		`count='2' start=0x0f format="web %02x"`:  {"web 0f", "web 10"},
		`start=1 end=5 stride=2 format=n"%d"`:     {"n1", "n3", "n5"},
		"2-3:h%d":                                 {"h2", "h3"},
		"count=0":                                 {},
		"start=3\tend=1 stride=-1 format='%d of'": {"3 of", "2 of", "1 of"},
	} {
		got, err := lookupSequence(t.Context(), []any{term}, value.NewMap(), nil)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s = %v, %v; want %v", term, got, err, want)
		}
	}
	for _, term := range []string{`count="x"`, "count", "count=1 end=2"} {
		if got, err := lookupSequence(t.Context(), []any{term}, value.NewMap(), nil); err == nil {
			t.Errorf("%s = %v, want an error", term, got)
		}
	}
}
