package template

import (
	"strings"
	"testing"

	"rollout/internal/value"
)

// A key that no dict can have is an error, and no time is out of range: neither
// is left out or bent.
func TestWhatCannotBeIsAnError(t *testing.T) {
	e := New(Options{})
	scope := MapScope{value.NewMap()}
	for src, want := range map[string]string{
		"{{ {'a': 1} | ansible.utils.replace_keys(target=[{'before': 'a', 'after': ['x']}]) }}": "unhashable",
		"{{ 1 | community.general.dict_kv(['a']) }}":                                            "unhashable",
		"{{ '1,2' | community.general.from_csv(fieldnames=[['a'], 'b']) }}":                     "unhashable",
		"{{ {}.fromkeys([['a']]) }}":                                                            "unhashable",
		"{{ ('2020-01-31' | to_datetime('%Y-%m-%d')).replace(month=2) }}":                       "day is out of range for month",
		"{{ ('2020-01-31' | to_datetime('%Y-%m-%d')).replace(minute=75) }}":                     "minute must be in 0..59",
		"{{ ('2020-01-31' | to_datetime('%Y-%m-%d')).replace(year=99999) }}":                    "year 99999 is out of range",
	} {
		v, err := e.Value(t.Context(), src, scope)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want the error %q", src, v, err, want)
		}
	}
}
