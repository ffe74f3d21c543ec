package vars

import (
	"testing"

	"rollout/internal/value"
)

func TestMergingScopes(t *testing.T) {
	inner := value.NewMap("a", 1, "deep", value.NewMap("x", 1))
	s := scope(t,
		Layer{Level: RoleDefaults, Values: value.NewMap("m", "text")},
		Layer{Level: PlayVars, Values: value.NewMap("m", inner)},
		Layer{Level: BlockVars, Values: value.NewMap("m", value.NewMap("block", 1))},
		Layer{Level: TaskVars, Values: value.NewMap("m", value.NewMap("deep", value.NewMap("y", 2)))},
		Layer{Level: SetFacts, Values: value.NewMap("m", value.NewMap("a", 2)), Data: true}).Merging()
	v, _, err := s.Lookup("m")
	got, _ := v.(*value.Map)
	text, jsonErr := value.ToJSON(got)
	if err != nil || jsonErr != nil || string(text) != `{"a": 2, "deep": {"x": 1, "y": 2}}` {
		t.Errorf("got %s, %v, %v", text, err, jsonErr)
	}
	over := s.With(Layer{Level: Local, Values: value.NewMap("m", value.NewMap("only", 1))})
	if v, _, _ := over.Lookup("m"); v.(*value.Map).Len() != 1 {
		t.Errorf("an item of a loop was merged: %v", v)
	}
}
