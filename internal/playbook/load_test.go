package playbook

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollout/internal/document"
)

// project writes a txtar-like set of files into a new directory.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// load loads site.yml of a new project that must be right.
func load(t *testing.T, files map[string]string) *Playbook {
	t.Helper()
	pb, err := (&Loader{Files: Files{}}).Load(filepath.Join(project(t, files), "site.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return pb
}

// mistakes returns the lines of the error of loading site.yml, without the
// directory.
func mistakes(t *testing.T, l *Loader, files map[string]string) []string {
	t.Helper()
	dir := project(t, files)
	if l.Files == nil {
		l.Files = Files{}
	}
	_, err := l.Load(filepath.Join(dir, "site.yml"))
	if err == nil {
		return nil
	}
	return strings.Split(strings.ReplaceAll(err.Error(), dir+"/", ""), "\n")
}

func titles(items []Item) []string {
	var out []string
	EachTask(items, func(t *Task) { out = append(out, t.Title()) })
	return out
}

func texts(nodes []*document.Node) string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.Text)
	}
	return strings.Join(out, " | ")
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

var staticProject = map[string]string{
	"site.yml": `
- import_playbook: sub/one.yml
  vars: {a: 1}
  tags: imported
  when: outer
- hosts: all
  roles:
    - {role: top, when: w1, tags: t1, p: 1}
  tasks:
    - import_tasks: more.yml
      when: c1
      tags: [x]
      vars: {v: 2}
    - block:
        - ansible.builtin.command: echo hi creates=/x
      rescue:
        - debug: {msg: r}
      always:
        - import_role: {name: dep, tasks_from: other}
      when: b
      become: true
    - include_tasks: dyn.yml
      loop: [1]
`,
	"more.yml":                    "- debug: msg=hi\n  when: c2\n  tags: y,z\n",
	"sub/one.yml":                 "- hosts: web\n  name: One\n  vars: {a: 0, b: 2}\n  tasks: [{debug: }]\n",
	"roles/top/tasks/main.yml":    "- name: in top\n  debug:\n  when: w2\n",
	"roles/top/meta/main.yml":     "dependencies: [dep]\n",
	"roles/top/defaults/main.yml": "d: 1\n",
	"roles/top/handlers/main.yml": "- name: h\n  debug:\n  listen: all of it\n",
	"roles/dep/tasks/main.yml":    "- name: in dep\n  debug:\n",
	"roles/dep/tasks/other.yml":   "- name: other of dep\n  debug:\n",
}

func TestLoadResolvesWhatIsStatic(t *testing.T) {
	pb := load(t, staticProject)
	if len(pb.Plays) != 2 {
		t.Fatalf("%d plays", len(pb.Plays))
	}
	one, two := pb.Plays[0], pb.Plays[1]
	equal(t, "name", one.Name, "One")
	equal(t, "dir", filepath.Base(one.Dir), "sub")
	if v := one.Vars.Get("a"); v.Value != 1 || one.Vars.Get("b").Value != 2 {
		t.Errorf("vars of the import must win: %v", one.Vars.Decode())
	}
	task := one.Tasks[0].(*Task)
	equal(t, "tags", strings.Join(task.Tags, " "), "imported")
	equal(t, "when", texts(task.When), "outer")

	equal(t, "tasks", strings.Join(titles(two.Tasks), ", "),
		"debug, ansible.builtin.command, debug, dep : other of dep, include_tasks")
	var tasks []*Task
	EachTask(two.Tasks, func(t *Task) { tasks = append(tasks, t) })
	equal(t, "when", texts(tasks[0].When), "c1 | c2")
	equal(t, "tags", strings.Join(tasks[0].Tags, " "), "x y z")
	equal(t, "args", tasks[0].Args.Get("msg").Text, "hi")
	if len(tasks[0].Vars) != 1 || tasks[0].OwnVars != nil {
		t.Error("vars of import_tasks must be those of its tasks")
	}
	equal(t, "free form", tasks[1].FreeForm.Text, "echo hi")
	equal(t, "creates", tasks[1].Args.Get("creates").Text, "/x")
	equal(t, "become", tasks[3].Become.Text, "true")
	if tasks[4].Include == nil || tasks[4].Loop == nil {
		t.Error("include_tasks must stay")
	}
	top := two.Roles[0]
	equal(t, "role", top.Role.Name, "top")
	equal(t, "param", top.Params.Get("p").Text, "1")
	equal(t, "default", top.Role.Defaults.Get("d").Text, "1")
	equal(t, "order", strings.Join(titles([]Item{top.AsBlock()}), ", "), "dep : in dep, top : in top")
	equal(t, "role when", texts(top.Tasks[0].(*Task).When), "w1 | w2")
	equal(t, "dependency when", texts(top.Dependencies[0].Tasks[0].(*Task).When), "w1")
	equal(t, "chain", top.Dependencies[0].Chain()[0].Role.Name, "top")
	if len(two.Imported) != 1 || two.Imported[0].Role.Name != "dep" {
		t.Errorf("imported: %v", two.Imported)
	}
	equal(t, "handlers", strings.Join(titles(two.AllHandlers()), ", "), "top : h")
	n := 0
	pb.Walk(func(*Task) { n++ })
	if n != 9 {
		t.Errorf("walked %d tasks", n)
	}
}

func TestIncludesAreLoadedAtRunTime(t *testing.T) {
	dir := project(t, map[string]string{
		"site.yml": `
- hosts: all
  become: true
  tasks:
    - block:
      - include_tasks:
          file: "{{ x }}.yml"
          apply: {tags: [a], when: applied}
        vars: {v: 1}
        when: own
        tags: own
      - include_role: {name: r, public: true}
        vars: {w: 2}
      when: b
`,
		"dyn.yml":                 "- debug:\n- include: deep.yml\n",
		"deep.yml":                "- ping:\n",
		"roles/r/tasks/main.yml":  "- debug:\n- import_tasks: again.yml\n",
		"roles/r/tasks/again.yml": "- name: deeper\n  debug:\n",
	})
	l := &Loader{Files: Files{}}
	pb, err := l.Load(filepath.Join(dir, "site.yml"))
	if err != nil {
		t.Fatal(err)
	}
	b := pb.Plays[0].Tasks[0].(*Block)
	items, err := l.IncludeTasks(b.Block[0].(*Task), "dyn.yml")
	if err != nil {
		t.Fatal(err)
	}
	task := items[0].(*Task)
	equal(t, "when", texts(task.When), "b | applied")
	equal(t, "tags", strings.Join(task.Tags, " "), "a")
	equal(t, "become", task.Become.Text, "true")
	if len(task.Vars) != 1 || task.Vars[0].Get("v") == nil {
		t.Error("the include's vars must reach its tasks")
	}
	if inc := items[1].(*Task); inc.Include == nil {
		t.Error("an old include at run time must stay dynamic")
	}
	use, err := l.IncludeRole(b.Block[1].(*Task), "r", From{})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "role", strings.Join(titles(use.Tasks), ", "), "r : debug, r : deeper")
	equal(t, "role vars", use.Vars.Get("w").Text, "2")
	if _, err = l.IncludeTasks(b.Block[0].(*Task), "none.yml"); err == nil || !strings.Contains(err.Error(), "site.yml:6:9: cannot find the task file none.yml") {
		t.Errorf("missing file: %v", err)
	}
}

func TestWalkAllFollowsWhatIsKnownBeforeTheRun(t *testing.T) {
	dir := project(t, map[string]string{
		"site.yml":                  "- hosts: a\n  tasks:\n  - include_tasks: a.yml\n  - include_tasks: none.yml\n  - include_tasks: \"{{ x }}\"\n  - include_role: {name: r}\n  - include_role: {name: none}\n  - include_tasks: bad.yml\n",
		"a.yml":                     "- include_tasks: a.yml\n- ping:\n",
		"bad.yml":                   "- ping:\n- import_tasks: gone.yml\n- wrong\n",
		"roles/r/tasks/main.yml":    "- debug:\n",
		"roles/r/handlers/main.yml": "- shell: x\n",
	})
	l := &Loader{Files: Files{}}
	pb, err := l.Load(filepath.Join(dir, "site.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	err = l.WalkAll(pb, func(t *Task) { actions = append(actions, t.Action) })
	equal(t, "tasks", strings.Join(actions, " "), "include_tasks include_tasks include_tasks ping ping include_tasks include_tasks "+
		"include_role debug shell include_role include_tasks ping")
	if err == nil {
		t.Fatal("the mistakes in bad.yml must be found")
	}
	equal(t, "error", strings.ReplaceAll(err.Error(), dir+"/", ""), `bad.yml:2:17: cannot find the task file gone.yml (looked for gone.yml, gone.yml)
bad.yml:3:3: a task must be a mapping, not a scalar`)
}

// Old books pass variables on to roles under their own names.
func TestParametersThatNameThemselvesAreTheOutside(t *testing.T) {
	l := &Loader{Files: memory{
		"site.yml":              "- hosts: a\n  roles: [{role: r, size: '{{ size }}', own: '{{ own }}', other: '{{ size }}'}, {role: s, size: \"{{size}}\"}]\n",
		"roles/r/vars/main.yml": "own: 1\n", "roles/s/tasks/main.yml": "[]\n",
	}}
	pb, err := l.Load("site.yml")
	if err != nil {
		t.Fatal(err)
	}
	r, s := pb.Plays[0].Roles[0], pb.Plays[0].Roles[1]
	if r.Params.Get("size") != nil || r.Params.Get("own") == nil || r.Params.Get("other") == nil || s.Params != nil {
		t.Errorf("parameters: %v, %v", r.Params.Decode(), s.Params.Decode())
	}
	if len(pb.Deprecations) != 2 {
		t.Errorf("notes: %v", pb.Deprecations)
	}
}
