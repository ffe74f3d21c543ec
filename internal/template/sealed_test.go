package template

import (
	"errors"
	"testing"

	"rollout/internal/value"
)

func TestVaultedValues(t *testing.T) {
	seal := func(text string) *value.Sealed {
		return value.NewSealed("$ENVELOPE\n3030\n", func() (string, error) { return text, nil })
	}
	wrong := errors.New("no key")
	lost := value.NewSealed("$X", func() (string, error) { return "", wrong })
	vars := value.NewMap("s", seal("foo bar"), "d", value.NewMap("a", seal("x"), "b", "y", "lost", lost),
		"l", []any{seal("b"), "a", seal("b")}, "lost", lost)
	e := New(Options{})
	for src, want := range map[string]any{
		"{{ s }}": "foo bar", "{{ s | upper }}": "FOO BAR", "{{ s ~ '!' }}": "foo bar!", "{{ s.split()[0] }}": "foo",
		"{{ s is vault_encrypted }}": true, "{{ d.a is vault_encrypted }}": true, "{{ d['b'] is vault_encrypted }}": false,
		"{{ (s ~ '') is vault_encrypted }}": false, "{{ s is string }}": false, "{{ s | type_debug }}": "AnsibleVaultEncryptedUnicode",
		"{{ s == 'foo bar' }}": true, "{{ s in ['foo bar'] }}": true, "{{ l | unique }}": []any{"b", "a"}, "{{ l | sort | join }}": "abb",
		"{{ l | map('upper') | list }}": []any{"B", "A", "B"}, "{{ s is defined and lost is defined }}": true,
		"{{ d.b }}": "y", "{{ d | length }}": "3", "{{ s | default('x') }}": "foo bar", "{{ s | length }}": "7",
		"{{ '-' ~ {'k': s} | to_json(vault_to_text=false) }}": `-{"k": {"__ansible_vault": "$ENVELOPE\n3030\n"}}`,
		"{{ '-' ~ {'k': s} | to_json }}":                      `-{"k": "foo bar"}`,
		"{{ '-' ~ {'k': s} | to_nice_yaml }}":                 "-k: !vault |\n    $ENVELOPE\n    3030\n",
		"{{ '-' ~ {'k': s} | to_yaml }}":                      "-k: !vault |\n  $ENVELOPE\n  3030\n",
	} {
		got, err := e.Value(t.Context(), src, MapScope{Vars: vars})
		if err != nil || !value.Equal(got, want) {
			t.Errorf("%s: got %#v, %v; want %#v", src, got, err, want)
		}
	}
	for _, src := range []string{"{{ lost }}", "{{ d }}", "{{ lost ~ '' }}", "{{ [lost] }}", "{{ 'x' if lost }}"} {
		if got, err := e.Value(t.Context(), src, MapScope{Vars: vars}); !errors.Is(err, wrong) {
			t.Errorf("%s: got %v, %v", src, got, err)
		}
	}
}
