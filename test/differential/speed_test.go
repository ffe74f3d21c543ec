package differential

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// speedHead is the play of the benchmarks: variables that are templates over one
// another, so that every task has some to evaluate.
const speedHead = `- hosts: all
  gather_facts: false
  vars:
    users: "{{ range(0, 20) | map('string') | map('regex_replace', '^', 'user') | list }}"
    ports: {web: 8000, app: 8080, db: 3306}
    base: "/srv/{{ inventory_hostname }}"
    paths: "{{ users | map('regex_replace', '^', base ~ '/') | list }}"
    settings: {name: "{{ inventory_hostname | upper }}", home: "{{ base }}/home", size: "{{ users | length * 2 }}"}
  tasks:
`

// speedTasks are the kinds of tasks; N is the task's number, P that of the
// set_fact before it.
var speedTasks = []string{`    - set_fact:
        fact_N: "{{ ports | dict2items | selectattr('value', 'gt', 3000) | map(attribute='key') | sort | join(',') }}-N"
`, `    - debug:
        msg: "{% for u in users if u is search('1') %}{{ u | upper }}:{{ settings.home }}/{{ u }};{% endfor %} {{ fact_P | default('none') }}"
`, `    - assert:
        that:
          - users | length == 20
          - fact_P is search('app')
          - (paths | first).startswith(base) and settings.size | int == 40
          - (settings | combine({'extra': N})).extra == N
`, `    - debug:
        msg: "{{ {'a': users[:3], 'b': ports, 'c': settings.name} | to_json }} {{ (users | zip(paths) | map('join', '=') | list)[N % 20] }}"
`}

// speedBook writes a playbook of so many tasks, and an inventory of so many hosts.
func speedBook(b *testing.B, tasks, hosts int) (inventory, book string) {
	b.Helper()
	var text strings.Builder
	text.WriteString(speedHead)
	for i := range tasks {
		number := strings.NewReplacer("_N", fmt.Sprintf("_%d", i), "-N", fmt.Sprintf("-%d", i), " N", fmt.Sprintf(" %d", i),
			"[N", fmt.Sprintf("[%d", i), "_P", fmt.Sprintf("_%d", i-i%4))
		text.WriteString(number.Replace(speedTasks[i%len(speedTasks)]))
	}
	dir := b.TempDir()
	files := map[string]string{"book.yml": text.String(),
		"hosts": fmt.Sprintf("[all:vars]\nansible_connection=local\n[many]\nh[001:%03d]\n", hosts)}
	writeAll(b, dir, files)
	return filepath.Join(dir, "hosts"), filepath.Join(dir, "book.yml")
}

// BenchmarkTwoHundredTasks runs 200 tasks with templates in each on one host,
// under both tools.
func BenchmarkTwoHundredTasks(b *testing.B) {
	hosts, book := speedBook(b, 200, 1)
	program := build(b)
	b.Run("rollout", func(b *testing.B) { measured(b, program, "-i", hosts, book) })
	b.Run("ansible-playbook", func(b *testing.B) { measured(b, "ansible-playbook", "-i", hosts, book) })
}

// BenchmarkFiveHundredHosts runs 20 such tasks on each of 500 hosts.
func BenchmarkFiveHundredHosts(b *testing.B) {
	hosts, book := speedBook(b, 20, 500)
	measured(b, build(b), "-i", hosts, book)
}

// measured reports what a run takes: time, processor time with that of all
// processes it started, and the most memory any of them had.
func measured(b *testing.B, program string, args ...string) {
	if _, err := exec.LookPath(program); err != nil {
		b.Skip(program + " is not installed")
	}
	var cpu time.Duration
	var peak int64
	for b.Loop() {
		cmd := exec.CommandContext(b.Context(), program, args...)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if used, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			peak = max(peak, used.Maxrss)
		}
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(peak)/1024, "peak-MiB")
}
