package runner

import (
	"testing"

	"rollout/internal/value"
	"rollout/inventory"
)

func TestTasks(t *testing.T) {
	runAll(t, []scenario{
		{name: "when holds or skips", body: `
tasks:
  - debug: {msg: yes it is}
    when: [1 == 1, inventory_hostname == 'h1']
  - debug: {msg: no}
    when: false
`, want: `
play p
h1 ok debug: yes it is
h1 skipped debug`},
		{name: "an undefined variable fails the task", body: `
tasks:
  - debug: {msg: "{{ nope }}"}
    ignore_errors: true
  - debug: {msg: x}
    when: nope == 1
`, want: `
play p
h1 failed debug ignored: The task includes an option with an undefined variable. The error was: 'nope' is undefined
h1 failed debug: The conditional check 'nope == 1' failed. The error was: error while evaluating conditional (nope == 1): 'nope' is undefined`, exit: 2},
		{name: "register, changed_when, failed_when", body: `
tasks:
  - test.say: {out: hello}
    register: r
    changed_when: r.stdout == 'hello'
  - test.say: {rc: 3}
    register: s
    failed_when: s.rc == 4
  - debug: {msg: "{{ r.changed }} {{ s.rc }} {{ s is failed }} {{ s.failed_when_result }}"}
`, want: `
play p
h1 changed test.say
h1 ok test.say: rc is not 0
h1 ok debug: True 3 False False`},
		{name: "tests on paths, the clock", body: `
tasks:
  - debug: {msg: "{{ '/etc' is directory }} {{ '/etc/passwd' is file }} {{ '/nope' is exists }} {{ '/etc' is file }} {{ '%Y' | strftime(0) }} {{ now().year > 2000 }}"}
`, want: `
play p
h1 ok debug: True True False False 1970 True`},
		{name: "a skipped task registers too", body: `
tasks:
  - test.say: {out: x}
    when: false
    register: r
  - debug: {msg: "{{ r is skipped }} {{ r.skip_reason }}"}
`, want: `
play p
h1 skipped test.say
h1 ok debug: True Conditional result was False`},
		{name: "until", body: `
tasks:
  - test.say: {rc: 1}
    register: r
    until: r.rc == 0
    retries: 2
    delay: 1
    ignore_errors: true
  - debug: {msg: "{{ r.attempts }}"}
`, want: `
play p
h1 retry test.say, 2 left
h1 retry test.say, 1 left
h1 failed test.say ignored: rc is not 0
h1 ok debug: 2`},
		{name: "facts are data, and can't say where the host is", files: map[string]string{"site.yml": `
- hosts: h1
  name: p
  tasks:
    - debug: {msg: "{{ ansible_hostname }} {{ ansible_facts.hostname }} {{ ansible_said }} {{ ansible_host }}"}
`}, want: `
play p
h1 ok Gathering Facts
h1 ok debug: fact-h1 fact-h1 {{ 1 + 1 }} h1`},
		{name: "results are data", body: `
tasks:
  - test.say: {out: !unsafe "{{ 1 + 1 }}"}
    register: r
  - debug: {msg: "{{ r.stdout }}"}
  - set_fact: {kept: "{{ r.stdout }}"}
  - debug: {msg: "<{{ kept }}>"}
`, want: `
play p
h1 ok test.say
h1 ok debug: {{ 1 + 1 }}
h1 ok set_fact
h1 ok debug: <{{ 1 + 1 }}>`},
		{name: "variables are lazy", body: `
vars: {a: "{{ b }}!", b: 1, broken: "{{ nowhere }}"}
tasks:
  - debug: {msg: "{{ a }} {{ broken | default('dflt') }}"}
    vars: {b: 2}
`, want: `
play p
h1 ok debug: 2! dflt`},
		{name: "a variable that needs itself", body: `
vars: {a: "{{ b }}", b: "{{ a }}"}
tasks:
  - debug: {msg: "{{ a }}"}
`, want: `
play p
h1 failed debug: recursive loop detected in template string: {{ b }} (a -> b -> a)`, exit: 2},
		{name: "omit", body: `
tasks:
  - test.say: {out: "{{ nope | default(omit) }}", list: [a, "{{ omit }}"]}
    register: r
  - debug: {msg: "[{{ r.stdout }}]"}
`, want: `
play p
h1 ok test.say
h1 ok debug: []`},
		{name: "assert and fail", body: `
tasks:
  - assert: {that: [1 == 1, inventory_hostname == 'h1']}
  - assert: {that: inventory_hostname == 'h2', fail_msg: wrong host}
    ignore_errors: true
  - fail: {msg: stop}
`, want: `
play p
h1 ok assert: All assertions passed
h1 failed assert ignored: wrong host
h1 failed fail: stop`, exit: 2},
		{name: "check mode and its keyword", body: `
tasks:
  - test.say: {out: a}
    register: a
  - test.say: {out: b}
    check_mode: false
    register: b
  - debug: {msg: "{{ a.check }} {{ b.check }} {{ ansible_check_mode }}"}
`, change: func(o *Options) { o.Check = true }, want: `
play p
h1 ok test.say
h1 ok test.say
h1 ok debug: True False True`},
		{name: "module_defaults", body: `
module_defaults: {test.say: {out: usual}}
tasks:
  - test.say:
    register: a
  - test.say: {out: own}
    register: b
  - debug: {msg: "{{ a.stdout }} {{ b.stdout }}"}
`, want: `
play p
h1 ok test.say
h1 ok test.say
h1 ok debug: usual own`},
		{name: "where a task runs", hosts: "h2", body: `
environment: {A: "1"}
tasks:
  - test.where:
  - test.where:
    become: true
    vars: {ansible_become_user: bob}
    delegate_to: h1
  - test.where:
    delegate_to: localhost
    environment: {A: "2", B: x}
  - test.where:
    vars: {ansible_host: 10.0.0.1, ansible_port: 2222, ansible_user: u}
`, want: `
play p
h2 ok test.where: ssh @h2:0 env 1 1
h2 ok test.where: ssh @h1:0 as bob by sudo env 1 1
h2 ok test.where: local @localhost:0 env 2 2
h2 ok test.where: ssh u@10.0.0.1:2222 env 1 1`},
		{name: "no_log hides", body: `
tasks:
  - test.say: {out: private}
    no_log: true
    register: r
  - debug: {msg: "{{ r.stdout }}"}
`, want: `
play p
h1 ok test.say
h1 ok debug: private`},
		{name: "arguments that are secrets are masked afterwards", body: `
tasks:
  - test.say: {secret: hunter22}
    register: r
  - debug: {msg: "it was {{ r.secret }}"}
`, want: `
play p
h1 ok test.say
h1 ok debug: it was ********`},
		{name: "include_vars", files: map[string]string{"vars/more.yml": "x: 1\ny: \"{{ x + 1 }}\"\n"}, body: `
tasks:
  - include_vars: more.yml
  - debug: {msg: "{{ x }} {{ y }}"}
  - include_vars: {file: more.yml, name: ns}
  - debug: {msg: "{{ ns.x }}"}
`, want: `
play p
h1 ok include_vars
h1 ok debug: 1 2
h1 ok include_vars
h1 ok debug: 1`},
		{name: "extra vars win", body: `
vars: {x: play}
tasks:
  - set_fact: {x: fact}
  - debug: {msg: "{{ x }} {{ y }}"}
    vars: {x: task, y: "{{ x }}"}
`, change: func(o *Options) { o.ExtraVars = value.NewMap("x", "extra") }, want: `
play p
h1 ok set_fact
h1 ok debug: extra extra`},
		{name: "add_host and group_by reach later plays", files: map[string]string{"site.yml": `
- hosts: h1
  gather_facts: false
  name: p
  tasks:
    - add_host: {name: new, groups: [fresh], colour: "{{ inventory_hostname }}-red"}
    - group_by: {key: "on_{{ inventory_hostname }}"}
- hosts: fresh:on_h1
  gather_facts: false
  name: q
  tasks:
    - debug: {msg: "{{ colour | default('none') }} {{ group_names | join(',') }} {{ hostvars['new'].colour }}"}
`}, change: func(o *Options) { o.Inventory = inventory.Names{"h1"} }, want: `
play p
h1 changed add_host
h1 changed group_by
play q
new ok debug: h1-red fresh h1-red
h1 ok debug: none on_h1 h1-red`},
	})
}
