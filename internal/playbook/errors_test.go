package playbook

import (
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	known := func(m string) bool { return strings.Contains(" debug copy command ping shell ", " "+base(m)+" ") }
	for _, c := range []struct {
		name, play string
		want       []string
	}{
		{"keyword of a play", "- hosts: a\n  taskss: []\n  become: perhaps\n", []string{
			`site.yml:2:3: 'taskss' is not a valid attribute for a Play (did you mean "tasks"?)`,
			`site.yml:3:11: the value of 'become' is not a valid boolean: use true or false`,
		}},
		{"no hosts", "- tasks: []\n", []string{
			"site.yml:1:3: the field 'hosts' is required but was not set (say which hosts, such as hosts: all)",
		}},
		{"keyword of a task", "- hosts: a\n  tasks:\n  - debug: msg=1\n    wehn: x\n", []string{
			`site.yml:4:5: 'wehn' is not a valid attribute for a Task (did you mean "when"?)`,
		}},
		{"two modules", "- hosts: a\n  tasks:\n  - debug: msg=1\n    copy: src=a dest=b\n", []string{
			"site.yml:4:5: conflicting action statements: debug, copy (one task calls one module; if a keyword was meant, indent or spell it right)",
		}},
		{"no module", "- hosts: a\n  tasks:\n  - name: x\n", []string{
			"site.yml:3:5: no module/action detected in task",
		}},
		{"action twice", "- hosts: a\n  tasks:\n  - action: ping\n    local_action: ping\n", []string{
			"site.yml:4:19: action and local_action are mutually exclusive",
		}},
		{"extra text", "- hosts: a\n  tasks:\n  - debug: hello there\n", []string{
			"site.yml:3:12: this task 'debug' has extra params, which is only allowed for commands and a few others (give arguments as key=value or as a mapping)",
		}},
		{"quotes", "- hosts: a\n  tasks:\n  - debug: msg=\"x\n", []string{
			"site.yml:3:12: cannot read the arguments of debug: failed at splitting arguments, either an unbalanced jinja2 block or quotes (try quoting the whole line)",
		}},
		{"loops", "- hosts: a\n  tasks:\n  - debug:\n    loop: [1]\n    with_items: [2]\n  - debug:\n    with_items:\n  - import_tasks: x.yml\n    loop: [1]\n", []string{
			"site.yml:5:5: duplicate loop in task: with_items",
			"site.yml:7:5: you must specify a value when using with_items",
			"site.yml:9:5: you cannot use loops on 'import_tasks' statements (use include_tasks)",
		}},
		{"several files", "- hosts: a\n  roles: [broken, missing]\n  tasks:\n  - import_tasks: tasks.yml\n  - import_tasks: none.yml\n", []string{
			`roles/broken/tasks/main.yml:1:3: no module/action detected in task`,
			`roles/broken/meta/main.yml:1:1: 'dependancies' is not a valid attribute for a RoleMetadata (did you mean "dependencies"?)`,
			`site.yml:2:19: the role 'missing' was not found in roles/missing:missing:missing`,
			"tasks.yml:1:1: included task files must contain a list of tasks, not a mapping",
			"site.yml:5:19: cannot find the task file none.yml (looked for none.yml)",
		}},
		{"cycles", "- hosts: a\n  roles: [loop]\n  tasks:\n  - import_tasks: me.yml\n- import_playbook: site.yml\n", []string{
			"roles/loop/meta/main.yml:1:16: role roles/loop imports itself",
			"me.yml:1:17: task file me.yml imports itself",
			"site.yml:5:20: playbook site.yml imports itself",
		}},
		{"dynamic include", "- hosts: a\n  tasks:\n  - include_tasks: x.yml\n    become: true\n  - include_role: {nam: x}\n", []string{
			"site.yml:4:5: 'become' is not a valid attribute for include_tasks (put it under apply: to give it to the included tasks)",
			`site.yml:5:20: invalid options for include_role: nam (did you mean "name"?)`,
			"site.yml:5:5: 'name' is a required field for include_role",
		}},
		{"template", "- hosts: a\n  tasks:\n  - import_tasks: \"{{ x }}.yml\"\n", []string{
			"site.yml:3:19: the file of import_tasks is a template, but nothing is known yet to render it with",
		}},
		{"values", "- hosts: a\n  strategy: linar\n  serial: [1, many]\n  vars: {a-b: 1}\n  tasks:\n  - debug:\n    register: 1x\n    retries: often\n    debugger: always\n    vars: [1]\n", []string{
			"site.yml:2:13: the value of 'strategy' must be one of linear, free, host_pinned: did you mean \"linear\"?",
			"site.yml:3:15: the value of 'serial' is neither a number nor a percentage",
			"site.yml:4:10: invalid variable name in vars specified for Play: 'a-b' is not a valid variable name",
			"site.yml:10:12: vars in a Task must be specified as a mapping, not a scalar",
			"site.yml:9:15: the interactive debugger isn't supported (leave it out, or use -vvv to see what a task does)",
			"site.yml:8:14: the value of 'retries' is not a whole number",
			"site.yml:7:15: invalid variable name in 'register' specified: '1x'",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := mistakes(t, &Loader{Known: known}, map[string]string{
				"site.yml": c.play, "tasks.yml": "a: b\n", "me.yml": "- import_tasks: me.yml\n",
				"roles/broken/tasks/main.yml": "- name: x\n", "roles/broken/meta/main.yml": "dependancies: []\n",
				"roles/loop/meta/main.yml": "dependencies: [loop]\n",
			})
			for _, want := range c.want {
				found := false
				for _, line := range got {
					found = found || line == want
				}
				if !found {
					t.Errorf("missing: %s\nin %s", want, strings.Join(got, "\n"))
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d mistakes, want %d:\n%s", len(got), len(c.want), strings.Join(got, "\n"))
			}
		})
	}
}

func TestOldFormsAreNotedOnceEach(t *testing.T) {
	pb := load(t, map[string]string{
		"site.yml": `
- include: sub.yml
- hosts: a
  user: root
  sudo: yes
  tasks:
    - include: more.yml x=1 tags=t
    - action: copy src=a dest=b
      sudo_user: me
    - local_action: command echo hi
    - local_action: {module: copy, src: a}
    - shell: echo
      args: {chdir: /}
      always_run: yes
`,
		"sub.yml":  "- hosts: b\n",
		"more.yml": "- debug:\n",
	})
	var notes []string
	for _, d := range pb.Deprecations {
		notes = append(notes, d.Message)
	}
	equal(t, "notes", strings.Join(notes, "\n"), `'include' of a playbook is deprecated: use 'import_playbook'
'user' is deprecated: use 'remote_user'
'sudo' is deprecated: use 'become'
'include' is deprecated: use 'include_tasks' or 'import_tasks'
'sudo_user' is deprecated: use 'become_user'
'always_run' is deprecated: use 'check_mode'`)
	play := pb.Plays[1]
	equal(t, "user", play.RemoteUser.Text, "root")
	var tasks []*Task
	play.Walk(func(t *Task) { tasks = append(tasks, t) })
	equal(t, "include", tasks[0].Vars[0].Get("x").Text+strings.Join(tasks[0].Tags, ","), "1t")
	equal(t, "action", tasks[1].Action+tasks[1].Args.Get("dest").Text+tasks[1].BecomeUser.Text+tasks[1].Become.Text, "copybmeyes")
	equal(t, "local_action", tasks[3].Action+tasks[3].DelegateTo.Text, "copylocalhost")
	if tasks[4].CheckMode.Value != false {
		t.Error("always_run: yes is check_mode: no")
	}
}
