package runner

import (
	"slices"
	"strings"
	"testing"

	"rollout/internal/report"
)

// A module called by a name that it should not be called by any more is told
// of, with its place, also where it is included at run time.
func TestOldNamesAreToldOf(t *testing.T) {
	tr, _, err := ran(t, map[string]string{
		"site.yml": play("h1", "tasks:\n- test_say: {out: a}\n- test.say: {out: b}\n- include_tasks: more.yml"),
		"more.yml": "- test_say: {out: c}\n",
	}, func(o *Options) {
		say := *o.Modules["test.say"]
		say.Aliases, say.Old = []string{"test_say"}, map[string]string{"test_say": "test.say"}
		o.Modules["test.say"] = &say
	})
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range tr.raw {
		if w, ok := e.(report.Warning); ok && w.Deprecation {
			said = append(said, strings.TrimPrefix(w.Text, tr.dir+"/"))
		}
	}
	want := "site.yml:5:5: 'test_say' is deprecated: use 'test.say'\nmore.yml:1:3: 'test_say' is deprecated: use 'test.say'"
	if got := strings.Join(slices.Compact(said), "\n"); got != want {
		t.Errorf("it said\n%s\nnot\n%s", got, want)
	}
}
