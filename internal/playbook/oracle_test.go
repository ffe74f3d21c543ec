package playbook

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollout/internal/document"
)

// listTasks prints what `ansible-playbook --list-tasks` prints.
func listTasks(path string, pb *Playbook) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\nplaybook: %s\n", path)
	for i, p := range pb.Plays {
		fmt.Fprintf(&b, "\n  play #%d (%s): %s\tTAGS: [%s]\n    tasks:\n", i+1, hostsText(p), p.Name, strings.ReplaceAll(tagText(p.Tags), " ", ""))
		items := slices.Clone(p.PreTasks)
		for _, use := range p.Roles {
			items = append(items, use.AsBlock())
		}
		listItems(&b, append(append(items, p.Tasks...), p.PostTasks...))
	}
	return b.String()
}

func hostsText(p *Play) string {
	var out []string
	for _, h := range listOf(p.Hosts) {
		out = append(out, h.Text)
	}
	return strings.Join(out, ",")
}

func tagText(tags []string) string { return strings.Join(slices.Sorted(slices.Values(tags)), ", ") }

// listItems lists what stands in block:, as that command does.
func listItems(b *strings.Builder, items []Item) {
	for _, it := range items {
		switch it := it.(type) {
		case *Block:
			listItems(b, it.Block)
		case *Task:
			title := it.Title()
			if it.Name == "" {
				title = it.Action
			}
			if !slices.Contains(it.Tags, "never") {
				fmt.Fprintf(b, "      %s\tTAGS: [%s]\n", title, tagText(it.Tags))
			}
		}
	}
}

var bigProject = map[string]string{
	"site.yml": `
- import_playbook: plays/one.yml
  tags: [i1]
- import_playbook: "{{ which }}.yml"
  vars: {which: plays/two}
- name: Third
  hosts: [web, "app[0]"]
  tags: play
  vars: {more: inner/more}
  pre_tasks:
    - meta: flush_handlers
    - name: pre
      ping:
  roles:
    - plain
    - {role: deps, tags: [r1, r2], x: 1}
    - role: deps
      tags: r3
    - role: roles/plain
      when: false
  tasks:
    - import_tasks: "{{ more }}.yml"
      tags: imp
    - block:
        - name: in block
          command: echo hi
          tags: never
        - block:
            - name: deeper
              shell: echo {{ x }} creates=/y
              tags: [d]
          rescue:
            - debug:
        - import_role: {name: deps, tasks_from: other.yml}
          tags: ir
      tags: b
    - include_tasks: dyn.yml
      tags: dyn
    - include_role: name=plain
    - action: copy src=a dest=b
    - local_action: command ls
    - ansible.builtin.debug:
        msg: x
      with_items: [1]
    - set_fact: a=1 b={{ 'x y' }}
      when: [a, b]
  post_tasks:
    - debug: msg="{{ a }} b"
  handlers:
    - name: h
      debug:
      listen: [x, y]
    - import_tasks: handlers/more.yml
`,
	"plays/one.yml": "- hosts: all\n  gather_facts: no\n  tasks:\n    - import_tasks: sub/a.yml\n    - import_tasks: sub/b.yml\n      tags: b,c\n",
	// a.yml imports a file beside it, b.yml one beside the playbook
	"plays/sub/a.yml":                  "- import_tasks: c.yml\n  tags: a\n",
	"plays/sub/b.yml":                  "- import_tasks: d.yml\n",
	"plays/sub/c.yml":                  "- name: c\n  ping:\n  tags: [c]\n",
	"plays/d.yml":                      "- name: d\n  ping:\n",
	"plays/two.yml":                    "- hosts: localhost\n  connection: local\n  roles: [local]\n",
	"plays/roles/local/tasks/main.yml": "- import_tasks: x/y.yml\n- name: main of local\n  ping:\n",
	"plays/roles/local/tasks/x/y.yml":  "- import_tasks: z.yml\n- name: y\n  ping:\n",
	"plays/roles/local/tasks/x/z.yml":  "- name: z beside y\n  ping:\n",
	"plays/roles/local/tasks/z.yml":    "- name: z of the role\n  ping:\n",
	"inner/more.yml":                   "- name: more\n  ping:\n- import_tasks: again.yml\n",
	"inner/again.yml":                  "- name: again\n  ping:\n  tags: ag\n",
	"handlers/more.yml":                "- name: more h\n  ping:\n",
	"roles/plain/tasks/main.yaml":      "- ping:\n",
	"roles/deps/tasks/main.yml":        "---\n- name: deps main\n  ping:\n  tags: own\n",
	"roles/deps/tasks/other.yml":       "- name: deps other\n  ping:\n",
	"roles/deps/meta/main.yml":         "galaxy_info: {author: a}\nallow_duplicates: yes\ndependencies:\n  - role: plain\n    tags: dep\n  - {name: third, y: 2}\n",
	"roles/third/tasks/main":           "- name: third\n  ping:\n",
	"roles/third/handlers/main.yml":    "- name: third h\n  ping:\n",
	"dyn.yml":                          "- ping:\n",
}

// fromVars renders {{ name }} from the nearest mapping that has it.
func fromVars(text *document.Node, vars []*document.Node) (string, error) {
	out := text.Text
	for _, m := range vars {
		for _, e := range m.Entries {
			out = strings.ReplaceAll(out, "{{ "+e.Name()+" }}", e.Value.Text)
		}
	}
	if hasTemplate(out) {
		return "", fmt.Errorf("undefined variable in %s", out)
	}
	return out, nil
}

func TestListTasksAgainstAnsible(t *testing.T) {
	program, err := exec.LookPath("ansible-playbook")
	if err != nil {
		t.Skip("ansible-playbook isn't installed: nothing to compare with")
	}
	dir := project(t, bigProject)
	path := filepath.Join(dir, "site.yml")
	pb, err := (&Loader{Files: Files{}, Expand: fromVars}).Load(path)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "-i", "web,", "--list-tasks", path)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	equal(t, "--list-tasks", listTasks(path, pb), string(out))
}

func TestWhatAnsibleRefusesIsRefused(t *testing.T) {
	program, err := exec.LookPath("ansible-playbook")
	if err != nil {
		t.Skip("ansible-playbook isn't installed: nothing to compare with")
	}
	cases := []struct {
		name, tasks string
		ok          bool
	}{
		{"keyword", "- debug:\n  whn: x\n", false},
		{"two", "- debug:\n  ping:\n", false},
		{"none", "- name: x\n", false},
		{"scalar", "- x\n", false},
		{"rescue alone", "- rescue: [{ping: }]\n", false},
		{"include role keyword", "- include_role: {name: r}\n  become: yes\n", false},
		{"loop_control", "- ping:\n  loop: [1]\n  loop_control: {lop: x}\n", false},
		{"args text", "- debug:\n  args: x\n", false},
		{"free form", "- set_fact: a=1\n- meta: noop\n- raw: echo\n- add_host: name=x\n", true},
		{"odd", "- debug: msg={{ 'a b' }} verbosity=0\n  args: {x: 1}\n  vars: {a: 1}\n  tags: [a, 1]\n", true},
		{"block", "- block: []\n- block: [{ping: }]\n  always: [{ping: }]\n  when: [a, b]\n  notify: x\n", true},
		{"null entry", "-\n- ping:\n", true},
	}
	known := func(m string) bool { return m == "debug" || m == "ping" || m == "raw" }
	for _, c := range cases {
		dir := project(t, map[string]string{"site.yml": "- hosts: all\n  tasks:\n    " + strings.ReplaceAll(c.tasks, "\n", "\n    ") + "\n"})
		path := filepath.Join(dir, "site.yml")
		_, mine := (&Loader{Files: Files{}, Known: known}).Load(path)
		theirs := exec.CommandContext(t.Context(), program, "-i", "web,", "--syntax-check", path).Run()
		if (mine == nil) != c.ok || (theirs == nil) != c.ok {
			t.Errorf("%s: ours %v, Ansible's %v", c.name, mine, theirs)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for name, text := range bigProject {
		if !strings.HasPrefix(name, "roles/") {
			f.Add(text)
		}
	}
	f.Add("- hosts: a\n  roles: [x, {role: y}]\n  tasks: [{include: a}, {import_role: {name: 1}}]\n")
	f.Fuzz(func(_ *testing.T, text string) {
		l := &Loader{Files: memory{"site.yml": text, "roles/x/tasks/main.yml": text, "a": "- ping:\n"}}
		pb, err := l.Load("site.yml")
		if err == nil {
			pb.Walk(func(t *Task) { _ = t.Title() })
		}
	})
}
