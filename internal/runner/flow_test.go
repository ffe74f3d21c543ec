package runner

import (
	"strings"
	"testing"

	"rollout/internal/report"
	"rollout/inventory"
)

func TestLoops(t *testing.T) {
	runAll(t, []scenario{
		{name: "items, conditions on items, label and index", body: `
tasks:
  - debug: {msg: "{{ i }}{{ x.n }}"}
    loop: [{n: a}, {n: b}, {n: c}]
    loop_control: {loop_var: x, index_var: i, label: "{{ x.n }}!"}
    when: x.n != 'b'
`, want: `
play p
h1 ok debug (a!): 0a
h1 skipped debug (b!)
h1 ok debug (c!): 2c
h1 ok debug`},
		{name: "register of a loop", body: `
tasks:
  - test.say: {out: "{{ item }}", changed: "{{ item == 2 }}"}
    loop: [1, 2]
    register: r
  - debug: {msg: "{{ r.changed }} {{ r.results | map(attribute='stdout') | join(',') }} {{ r.results[1].item }}"}
`, want: `
play p
h1 ok test.say (1)
h1 changed test.say (2)
h1 changed test.say
h1 ok debug: True 1,2 2`},
		{name: "nothing to loop over", body: `
tasks:
  - debug: {msg: x}
    loop: []
  - debug: {msg: x}
    loop: "{{ nope }}"
    when: false
`, want: `
play p
h1 skipped debug
h1 skipped debug`},
		{name: "with_ lookups", body: `
tasks:
  - debug: {msg: "{{ item }}"}
    with_items: [a, [b, c]]
  - debug: {msg: "{{ item.key }}={{ item.value }}"}
    with_dict: {k: v}
  - debug: {msg: "{{ item }}"}
    with_sequence: start=1 end=2 format=n%d
`, want: `
play p
h1 ok debug (a): a
h1 ok debug (b): b
h1 ok debug (c): c
h1 ok debug
h1 ok debug ({'key': 'k', 'value': 'v'}): k=v
h1 ok debug
h1 ok debug (n1): n1
h1 ok debug (n2): n2
h1 ok debug`},
		{name: "set_fact grows in a loop", body: `
vars: {sum: []}
tasks:
  - set_fact: {sum: "{{ sum + [item] }}"}
    loop: [1, 2, 3]
  - debug: {msg: "{{ sum | join('+') }}"}
`, want: `
play p
h1 ok set_fact (1)
h1 ok set_fact (2)
h1 ok set_fact (3)
h1 ok set_fact
h1 ok debug: 1+2+3`},
		{name: "one item fails", body: `
tasks:
  - test.say: {rc: "{{ item }}"}
    loop: [0, 1]
    ignore_errors: true
`, want: `
play p
h1 ok test.say (0)
h1 failed test.say (1) ignored: rc is not 0
h1 failed test.say ignored`},
		{name: "extended", body: `
tasks:
  - debug: {msg: "{{ ansible_loop.index }}/{{ ansible_loop.length }} {{ ansible_loop.last }}"}
    loop: [a, b]
    loop_control: {extended: true}
`, want: `
play p
h1 ok debug (a): 1/2 False
h1 ok debug (b): 2/2 True
h1 ok debug`},
	})
}

func TestBlocks(t *testing.T) {
	runAll(t, []scenario{
		{name: "rescue and always", body: `
tasks:
  - block:
      - fail: {msg: boo}
      - debug: {msg: never}
    rescue:
      - debug: {msg: "{{ ansible_failed_task.name }}: {{ ansible_failed_result.msg }}"}
    always:
      - debug: {msg: last}
  - debug: {msg: goes on}
`, want: `
play p
h1 failed fail: boo
h1 ok debug: : boo
h1 ok debug: last
h1 ok debug: goes on`},
		{name: "always without rescue", body: `
tasks:
  - block:
      - fail: {msg: boo}
    always:
      - debug: {msg: last}
  - debug: {msg: never}
`, want: `
play p
h1 failed fail: boo
h1 ok debug: last`, exit: 2},
		{name: "a rescue that fails", body: `
tasks:
  - block:
      - block:
          - fail: {msg: one}
        rescue:
          - fail: {msg: two}
        always:
          - debug: {msg: inner}
    rescue:
      - debug: {msg: outer}
`, want: `
play p
h1 failed fail: one
h1 failed fail: two
h1 ok debug: inner
h1 ok debug: outer`},
		{name: "only the failed host is rescued", hosts: "all", body: `
tasks:
  - block:
      - fail: {msg: boo}
        when: inventory_hostname == 'h2'
      - debug: {msg: "{{ ansible_play_hosts | join(',') }}"}
    rescue:
      - debug: {msg: rescued}
`, want: `
play p
h1 skipped fail
h2 failed fail: boo
h1 ok debug: h1
h2 ok debug: rescued`},
	})
}

func TestHandlers(t *testing.T) {
	runAll(t, []scenario{
		{name: "once, in their order, listen, flush", body: `
tasks:
  - test.say: {changed: true}
    notify: [b, topic]
  - test.say: {changed: true}
    notify: b
  - meta: flush_handlers
  - test.say: {changed: false}
    notify: a
  - debug: {msg: end}
handlers:
  - name: a
    debug: {msg: ran a}
    listen: topic
  - name: b
    debug: {msg: ran b}
`, want: `
play p
h1 changed test.say
h1 changed test.say
h1 ok a: ran a
h1 ok b: ran b
h1 ok test.say
h1 ok debug: end`},
		{name: "not on failed hosts", body: `
tasks:
  - test.say: {changed: true}
    notify: a
  - fail:
handlers:
  - name: a
    debug: {msg: ran a}
`, want: `
play p
h1 changed test.say
h1 failed fail: Failed as requested from task`, exit: 2},
		{name: "unless forced", body: `
force_handlers: true
tasks:
  - test.say: {changed: true}
    notify: a
  - fail:
handlers:
  - name: a
    debug: {msg: ran a}
`, want: `
play p
h1 changed test.say
h1 failed fail: Failed as requested from task
h1 ok a: ran a`, exit: 2},
	})
}

func TestRolesAndIncludes(t *testing.T) {
	role := map[string]string{
		"roles/base/tasks/main.yml":    "- debug: {msg: \"base {{ level }} {{ role_name }}\"}\n",
		"roles/base/defaults/main.yml": "level: default\n",
		"roles/app/tasks/main.yml":     "- debug: {msg: \"app {{ level }} {{ size }}\"}\n  notify: restart\n  changed_when: true\n",
		"roles/app/meta/main.yml":      "dependencies: [base]\n",
		"roles/app/vars/main.yml":      "size: fixed\n",
		"roles/app/handlers/main.yml":  "- name: restart\n  debug: {msg: restarted}\n",
		"roles/app/tasks/other.yml":    "- debug: {msg: \"other {{ who }}\"}\n",
		"more.yml":                     "- debug: {msg: \"more {{ item | default('-') }} {{ v | default('-') }}\"}\n",
	}
	runAll(t, []scenario{
		{name: "dependencies once, defaults, vars, handlers", files: role, body: `
roles: [app, {role: app, level: given}]
tasks:
  - debug: {msg: "{{ level }}"}
`, want: `
play p
h1 ok base : debug: base default base
h1 changed app : debug: app default fixed
h1 changed app : debug: app given fixed
h1 ok debug: default
h1 ok app : restart: restarted`},
		{name: "import and include of tasks", files: role, body: `
tasks:
  - import_tasks: more.yml
    vars: {v: imported}
  - include_tasks: more.yml
    vars: {v: included}
    loop: [1, 2]
    loop_control: {label: "no {{ item }}"}
  - include_tasks: more.yml
    when: false
`, want: `
play p
h1 ok debug: more - imported
h1 ok include_tasks
included (no 1)
included (no 2)
h1 ok debug: more 1 included
h1 ok debug: more 2 included
h1 skipped include_tasks`},
		{name: "include_role", files: role, body: `
tasks:
  - include_role: {name: app, tasks_from: other}
    vars: {who: "{{ item }}"}
    loop: [x, y]
`, want: `
play p
h1 ok include_role : app
h1 ok base : debug: base default base
h1 ok app : debug: other x
h1 ok app : debug: other y`},
		{name: "a missing file fails its hosts", body: `
tasks:
  - include_tasks: "{{ 'nope' }}.yml"
    ignore_errors: true
  - debug: {msg: on}
`, want: `
play p
h1 ok include_tasks
h1 failed include_tasks: site.yml:5:7: cannot find the task file nope.yml (looked for nope.yml)`, exit: 2},
	})
}

func TestPlays(t *testing.T) {
	runAll(t, []scenario{
		{name: "failed hosts leave, lost ones too", files: map[string]string{"site.yml": play("all", `
tasks:
  - fail: {msg: x}
    when: inventory_hostname == 'h1'
  - test.gone:
  - debug: {msg: alone}
`) + play("h1,gone", "tasks: [{debug: {msg: never}}]")}, change: func(o *Options) { o.Inventory = inventory.Names{"h1", "h2", "gone"} }, want: `
play p
h1 failed fail: x
h2 skipped fail
gone skipped fail
h2 ok test.gone
gone unreachable test.gone: cannot reach gone (gone): no route
h2 ok debug: alone
play p`, exit: 4},
		{name: "serial", hosts: "all", body: `
serial: [1, "100%"]
tasks:
  - debug: {msg: "{{ ansible_play_batch | join(',') }} of {{ ansible_play_hosts_all | length }}"}
`, change: func(o *Options) { o.Inventory = inventory.Names{"a", "b", "c"} }, want: `
play p
a ok debug: a of 3
play p
b ok debug: b,c of 3
c ok debug: b,c of 3`},
		{name: "serial from a template", hosts: "all", body: `
vars: {sizes: [2, 1]}
serial: "{{ sizes }}"
tasks:
  - debug: {msg: "{{ ansible_play_batch | join(',') }}"}
`, change: func(o *Options) { o.Inventory = inventory.Names{"a", "b", "c"} }, want: `
play p
a ok debug: a,b
b ok debug: a,b
play p
c ok debug: c`},
		{name: "serial from a variable of all hosts", hosts: "all", files: map[string]string{"group_vars/all.yml": "sizes: [1, 1]\n"}, body: `
serial: "{{ sizes }}"
tasks:
  - debug: {msg: "{{ ansible_play_batch | join(',') }}"}
`, want: `
play p
h1 ok debug: h1
play p
h2 ok debug: h2`},
		{name: "run_once is for all", hosts: "all", body: `
tasks:
  - test.say: {out: "{{ inventory_hostname }}"}
    run_once: true
    register: r
  - debug: {msg: "{{ r.stdout }}"}
`, want: `
play p
h1 ok test.say
h1 ok debug: h1
h2 ok debug: h1`},
		{name: "any_errors_fatal", hosts: "all", body: `
any_errors_fatal: true
tasks:
  - fail: {msg: x}
    when: inventory_hostname == 'h1'
  - debug: {msg: never}
`, want: `
play p
h1 failed fail: x
h2 skipped fail`, exit: 2},
		{name: "max_fail_percentage", hosts: "all", body: `
max_fail_percentage: 30
serial: 2
tasks:
  - fail: {msg: x}
    when: inventory_hostname == 'a'
  - debug: {msg: never}
`, change: func(o *Options) { o.Inventory = inventory.Names{"a", "b", "c"} }, want: `
play p
a failed fail: x
b skipped fail`, exit: 2},
		{name: "tags", files: map[string]string{}, body: `
tasks:
  - debug: {msg: one}
    tags: one
  - debug: {msg: two}
    tags: [two]
  - debug: {msg: always}
    tags: always
  - debug: {msg: never}
    tags: [never, one]
  - debug: {msg: untagged}
`, change: func(o *Options) { o.Tags = []string{"one"} }, want: `
play p
h1 ok debug: one
h1 ok debug: always
h1 ok debug: never`},
		{name: "start at task", body: `
tasks:
  - debug: {msg: one}
  - name: here
    debug: {msg: two}
`, change: func(o *Options) { o.StartAt = "here" }, want: `
play p
h1 ok here: two`},
		{name: "meta ends", hosts: "all", body: `
tasks:
  - meta: end_host
    when: inventory_hostname == 'h1'
  - debug: {msg: still}
  - meta: end_play
  - debug: {msg: never}
`, want: `
play p
h2 skipped meta: end_host
h2 ok debug: still`},
		{name: "nobody", hosts: "nobody", body: "tasks: [{debug: {msg: x}}]", want: "play p\nnobody"},
		{name: "limit", hosts: "all", body: "tasks: [{debug: {msg: x}}]",
			change: func(o *Options) { o.Limit = "h2" }, want: "play p\nh2 ok debug: x"},
		{name: "free", hosts: "all", body: `
strategy: free
tasks:
  - test.say: {changed: true}
    notify: h
handlers:
  - name: h
    debug: {msg: "{{ inventory_hostname }}"}
`, change: func(o *Options) { o.Inventory = inventory.Names{"h1"} }, want: `
play p
h1 changed test.say
h1 ok h: h1`},
	})
}

func TestStatsCountAsAnsible(t *testing.T) {
	_, sum, err := ran(t, map[string]string{"site.yml": play("h1", `
tasks:
  - test.say: {changed: true}
  - fail: {msg: x}
    ignore_errors: true
  - debug: {msg: x}
    when: false
  - block: [{fail: {msg: x}}]
    rescue: [{debug: {msg: x}}]
`)}, nil)
	want := report.HostStats{Host: "h1", OK: 3, Changed: 1, Skipped: 1, Rescued: 1, Ignored: 1}
	if err != nil || len(sum.Hosts) != 1 || sum.Hosts[0] != want {
		t.Errorf("got %+v, %v; want %+v", sum.Hosts, err, want)
	}
}

func TestMistakesAreFoundBeforeAHostIsTouched(t *testing.T) {
	tr, _, err := ran(t, map[string]string{"site.yml": `
- hosts: h1
  gather_facts: false
  tasks:
    - copyy: {src: x}
    - test.say: {outt: x}
    - debug: {msg: "{{ x | no_such_filter }}"}
    - debug: {msg: x}
      when: x is no_such_test
    - include_tasks: inc.yml
    - meta: fly
    - debug: {msg: x}
      async: 10
    - debug: {msg: x}
      with_nothing_known: [1]
`, "inc.yml": "- no_such_module: {}\n"}, nil)
	if err == nil || len(tr.lines) > 0 {
		t.Fatalf("no error, or something ran: %v %v", err, tr.lines)
	}
	for _, want := range []string{
		"site.yml:5:7: unknown module \"copyy\"", "site.yml:6:18: test.say has no argument \"outt\" (did you mean \"out\"?)",
		"no_such_filter", "no_such_test", "inc.yml:1:3: unknown module", "cannot do \"fly\"",
		"unknown lookup \"nothing_known\"",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %q in:\n%v", want, err)
		}
	}
}
