package runner

import (
	"testing"

	"rollout/internal/playbook"
)

func TestWhatTagsLeaveOutIsNotChecked(t *testing.T) {
	task := func(tags ...string) *playbook.Task {
		return &playbook.Task{Keywords: playbook.Keywords{Tags: tags}}
	}
	handler := task("a")
	handler.Handler = true
	for _, c := range []struct {
		name string
		task *playbook.Task
		opt  Options
		want bool
	}{
		{"no tags asked for", task("a"), Options{}, false},
		{"never", task("never"), Options{}, true},
		{"never, for lint", task("never"), Options{CheckAll: true}, false},
		{"other tags", task("a"), Options{Tags: []string{"b"}}, true},
		{"its tag", task("a"), Options{Tags: []string{"a"}}, false},
		{"skipped", task("a"), Options{SkipTags: []string{"a"}}, true},
		{"a template", task("{{ x }}"), Options{Tags: []string{"b"}}, false},
		{"a handler", handler, Options{Tags: []string{"b"}}, false},
	} {
		if got := (&Run{opt: c.opt}).leftOut(c.task); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestModuleDefaultsOfGroups(t *testing.T) {
	for entry, want := range map[string]string{
		"group/os": "os", "group/ansible.builtin.aws": "aws", "group/community.docker.docker": "community.docker.docker", "copy": "",
	} {
		name, isGroup := moduleGroup(entry)
		if isGroup != (want != "") || isGroup && (name != want || moduleGroups[name] == "") {
			t.Errorf("%s: %q, %v", entry, name, isGroup)
		}
	}
}
