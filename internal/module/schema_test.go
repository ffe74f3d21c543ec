package module

import (
	"strings"
	"testing"

	"rollout/internal/document"
	"rollout/internal/value"
)

var schema = Schema{
	Args: []Arg{
		{Name: "name", Aliases: []string{"pkg"}, Type: List, Elements: Str, Required: true},
		{Name: "state", Default: "present", Choices: []string{"present", "absent"}},
		{Name: "force", Type: Bool, Default: false},
		{Name: "wait", Type: Int}, {Name: "ratio", Type: Float}, {Name: "env", Type: Dict},
		{Name: "src"}, {Name: "content"}, {Name: "mode", Default: "0644"},
		{Name: "nics", Type: List, Elements: Dict, Options: []Arg{{Name: "net-id", Required: true}, {Name: "tag"}}},
	},
	MutuallyExclusive: [][]string{{"src", "content"}, {"mode", "wait"}},
	RequiredTogether:  [][]string{{"wait", "ratio"}},
	RequiredIf:        []RequiredIf{{Arg: "state", Value: "absent", Need: []string{"src"}}},
}

func TestValidateConvertsAsAnsibleDoes(t *testing.T) {
	got, err := schema.Validate(value.NewMap("pkg", "a, b", "force", "yes", "wait", "3", "ratio", 2, "env", "A=1,B=2",
		"nics", value.NewMap("net-id", 7), "content", nil, "src", true))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := value.ToJSON(got)
	want := `{"name": ["a", "b"], "force": true, "wait": 3, "ratio": 2.0, "env": {"A": "1", "B": "2"}, ` +
		`"nics": [{"net-id": "7"}], "src": "True", "state": "present", "mode": "0644"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestValidateReportsEveryMistake(t *testing.T) {
	_, err := schema.Validate(value.NewMap("nme", "x", "state", "gone", "force", "perhaps", "src", "a", "content", "b",
		"nics", []any{value.NewMap("tga", 1)}, "ratio", 1))
	for _, want := range []string{`unknown argument "nme"; did you mean "name"?`, `"state" must be one of present, absent`,
		"perhaps is not a valid boolean", "mutually exclusive: src, content", `unknown argument "nics.tga"`, `missing required argument "nics.net-id"`,
		`missing required argument "name"`, "required together: wait, ratio"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
	if err == nil || strings.Contains(err.Error(), "mode, wait") {
		t.Errorf("a default counts as given: %v", err)
	}
	if _, err := schema.Validate(value.NewMap("name", "x", "state", "absent")); err == nil || !strings.Contains(err.Error(), "state is absent") {
		t.Errorf("required_if: %v", err)
	}
}

func TestCheckNamesFindsMisspeltArgumentsWhereTheyStand(t *testing.T) {
	node, err := document.Parse("p.yml", []byte("nmae: x\nnics:\n  - {net-id: a, tgg: b}\n"))
	if err != nil {
		t.Fatal(err)
	}
	var errs document.Errors
	schema.CheckNames("apt", node, &errs)
	want := "p.yml:1:1: apt has no argument \"nmae\" (did you mean \"name\"?)\np.yml:3:17: apt.nics has no option \"tgg\" (did you mean \"tag\"?)"
	if errs.Err() == nil || errs.Err().Error() != want {
		t.Errorf("got %v", errs.Err())
	}
}
