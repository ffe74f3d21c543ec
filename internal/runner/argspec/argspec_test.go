package argspec

import (
	"fmt"
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/value"
)

func mapOf(t *testing.T, yaml string) *value.Map {
	t.Helper()
	n, err := document.Parse("x.yml", []byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := n.Decode().(*value.Map)
	if !ok {
		t.Fatalf("no mapping: %s", yaml)
	}
	return m
}

// pythonText is str() for the values used here.
func pythonText(v any) string {
	switch v {
	case true:
		return "True"
	case false:
		return "False"
	}
	return fmt.Sprint(v)
}

func TestCheck(t *testing.T) {
	for _, c := range []struct{ name, spec, given, want string }{
		{"all well", "a: {type: int, required: true}\nb: {type: bool}", "{a: '5', b: 'no'}", ""},
		{"required", "a: {required: true}\nb: {required: true}", "{}", "missing required arguments: a, b"},
		{"int", "a: {type: int}", "{a: x}", "argument 'a' is of type <class 'str'> and we were unable to convert to int: <class 'str'> cannot be converted to an int"},
		{"float", "a: {type: float}", "{a: [1]}", "argument 'a' is of type <class 'list'> and we were unable to convert to float: <class 'list'> cannot be converted to a float"},
		{"list of text", "a: {type: list, elements: int}", "{a: '1,2'}", ""},
		{"elements", "a: {type: list, elements: int}", "{a: [1, x]}",
			"Elements value for option 'a' is of type <class 'str'> and we were unable to convert to int: <class 'str'> cannot be converted to an int"},
		{"choices", "a: {choices: [x, y]}", "{a: z}", "value of a must be one of: x, y, got: z"},
		{"choices of a list", "a: {type: list, elements: str, choices: [x, y]}", "{a: [x, z]}", "value of a must be one or more of: x, y. Got no match for: z"},
		{"a word that YAML made a bool", "a: {choices: ['yes', never]}", "{a: true}", ""},
		{"unknown", "a: {aliases: [b]}", "{c: 1}", "c. Supported parameters include: a (b)."},
		{"alias", "a: {aliases: [b], required: true}", "{b: 1}", ""},
		{"dict of pairs", "a: {type: dict}", `{a: 'k=v,l="w x"'}`, ""},
		{"no dict", "a: {type: dict}", "{a: text}",
			"argument 'a' is of type <class 'str'> and we were unable to convert to dict: dictionary requested, could not parse JSON or key=value"},
		{"nested", "a: {type: dict, options: {b: {type: int, required: true}}}", "{a: {c: 1}}",
			"missing required arguments: b found in a\na.c. Supported parameters include: b."},
		{"rules of a level", "a: {type: dict, mutually_exclusive: [[b, c]], required_together: [[d, e]], options: {b: {}, c: {}, d: {}, e: {}}}", "{a: {b: 1, c: 2, d: 3}}",
			"parameters are mutually exclusive: b|c found in a\nparameters are required together: d, e found in a"},
		{"required_if", "a: {type: dict, required_if: [[s, present, [p, q], true], [s, gone, [p]]], options: {s: {}, p: {}, q: {}}}", "{a: {s: gone}}",
			"s is gone but all of the following are missing: p found in a"},
		{"required_by, one of", "a: {type: list, elements: dict, required_by: {x: y}, required_one_of: [[v, w]], options: {x: {}, y: {}, v: {}, w: {}}}", "{a: [{x: 1}]}",
			"one of the following is required: v, w found in a\nmissing parameter(s) required by 'x': y found in a"},
		{"default and required", "a: {default: 1, required: true}", "{}", "internal error: required and default are mutually exclusive for a"},
		{"bytes and bits", "a: {type: bytes}\nb: {type: bits}\nc: {type: json}\nd: {type: raw}\ne: {type: path}", "{a: 10K, b: 1Mb, c: [1], d: 1, e: /x}", ""},
		{"bad bytes", "a: {type: bytes}", "{a: ten}", "argument 'a' is of type <class 'str'> and we were unable to convert to bytes: <class 'str'> cannot be converted to a Byte value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := Checker{Text: pythonText}
			if got := strings.Join(check.Check(mapOf(t, c.spec), mapOf(t, c.given)), "\n"); got != c.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, c.want)
			}
		})
	}
}

func TestValuesAreConverted(t *testing.T) {
	given := mapOf(t, "{n: '5', l: 'a,b', size: 2K, flag: 'yes'}")
	check := Checker{Text: pythonText}
	wrong := check.Check(mapOf(t, "n: {type: int}\nl: {type: list}\nsize: {type: bytes}\nflag: {type: bool}\nd: {default: x}\nnone: {}"), given)
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	want := value.NewMap("n", 5, "l", []any{"a", "b"}, "size", 2048, "flag", true, "d", "x", "none", nil)
	if !value.Equal(given, want) {
		t.Errorf("got %v", given)
	}
}
