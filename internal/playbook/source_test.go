package playbook

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestAProjectsOwnFilesComeBeforeShippedOnes(t *testing.T) {
	shipped := memory{
		"playbooks/site.yml":      "- import_playbook: one.yml\n- import_playbook: two.yml\n",
		"playbooks/one.yml":       "- {hosts: a, name: shipped one, roles: [r, s]}\n",
		"playbooks/two.yml":       "- {hosts: a, name: shipped two}\n",
		"playbooks/bad.yml":       "- hosts: a\n  taskss: []\n",
		"roles/r/tasks/main.yml":  "- {name: shipped r, debug: }\n",
		"roles/r/vars/main.yml":   "v: 1\n",
		"roles/s/tasks/main.yml":  "- {name: shipped s, debug: }\n",
		"roles/s/files/motd":      "hi",
		"roles/s/tasks/other.yml": "[]",
	}
	dir := project(t, map[string]string{
		"playbooks/two.yml":      "- {hosts: a, name: own two}\n",
		"playbooks/mine.yml":     "- import_playbook: one.yml\n",
		"roles/r/tasks/main.yml": "- {name: own r, debug: }\n",
	})
	l := &Loader{Files: Files{Shipped: shipped.fs(), Project: dir}, RolesPath: []string{filepath.Join(dir, "roles"), Embedded + "roles"}}
	pb, err := l.Load(filepath.Join(dir, "playbooks/site.yml"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "path", pb.Path, "embedded:/playbooks/site.yml")
	equal(t, "plays", pb.Plays[0].Name+", "+pb.Plays[1].Name, "shipped one, own two")
	equal(t, "dir", pb.Plays[0].Dir, "embedded:/playbooks")
	r, s := pb.Plays[0].Roles[0], pb.Plays[0].Roles[1]
	equal(t, "roles", strings.Join(append(titles(r.Tasks), titles(s.Tasks)...), ", "), "r : own r, s : shipped s")
	if r.Role.Vars != nil {
		t.Error("a role must not be mixed of two")
	}
	motd, err := s.Role.Files.ReadFile(filepath.Join(s.Role.Path, "files", "motd"))
	if string(motd) != "hi" || err != nil {
		t.Errorf("motd: %q, %v", motd, err)
	}
	if pb, err = l.Load(filepath.Join(dir, "playbooks/mine.yml")); err != nil || pb.Plays[0].Name != "shipped one" {
		t.Errorf("an own playbook must be able to import a shipped one: %v", err)
	}
	_, err = l.Load(filepath.Join(dir, "playbooks/bad.yml"))
	if err == nil || !strings.HasPrefix(err.Error(), "embedded:/playbooks/bad.yml:2:3: ") {
		t.Errorf("got %v", err)
	}
	if detail, ok := err.(interface{ Unwrap() []error }); !ok || !strings.Contains(detail.Unwrap()[0].(interface{ Detail() string }).Detail(), "  taskss: []") {
		t.Error("a mistake in a shipped file must show its line")
	}
	for _, p := range []string{"embedded:/../../etc/passwd", "/etc/none", "../x"} {
		if got := (Files{Shipped: shipped.fs()}).Find(p); got != p {
			t.Errorf("%s became %s", p, got)
		}
	}
}
