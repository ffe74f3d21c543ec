// Package differential runs the playbooks under testdata with rollout's engine
// and with the real ansible-playbook, and compares what each says of every task
// and host, as data.
package differential

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/module/command"
	"rollout/internal/playbook"
	"rollout/internal/report"
	"rollout/internal/runner"
	"rollout/internal/value"
	"rollout/inventory"
)

// arguments are the command lines of playbooks that need some; each is a case
// of its own.
var arguments = map[string][][]string{
	"check_mode": {{"--check"}},
	"tags": {{}, {"--tags", "one"}, {"--tags", "three,nev"}, {"--skip-tags", "one"}, {"--tags", "tagged"},
		{"--tags", "untagged"}, {"--skip-tags", "always"}},
	"precedence": {{}, {"-e", "p=extra number=9"}},
	"when":       {{}, {"--limit", "h1"}},
	"handlers":   {{}, {"--force-handlers"}},
	"loops":      {{}, {"--start-at-task", "command"}},
}

func TestSameAsAnsible(t *testing.T) {
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Skip("ansible-playbook is not installed")
	}
	books, err := filepath.Glob("testdata/*.yml")
	if err != nil || len(books) == 0 {
		t.Fatalf("no playbooks: %v", err)
	}
	for _, book := range books {
		name := strings.TrimSuffix(filepath.Base(book), ".yml")
		lines := arguments[name]
		if lines == nil {
			lines = [][]string{{}}
		}
		for _, args := range lines {
			t.Run(strings.Join(append([]string{name}, args...), " "), func(t *testing.T) {
				t.Parallel()
				compare(t, book, args)
			})
		}
	}
}

func compare(t *testing.T, book string, args []string) {
	theirs, theirCode := ansible(t, book, args)
	ours, ourCode := rollout(t, book, args)
	want, got := normal(theirs), normal(ours)
	if got != want {
		t.Errorf("the runs differ (- ansible, + rollout):\n%s\nansible said:\n%s\nrollout said:\n%s",
			report.UnifiedDiff(report.Diff{Before: want, After: got}), theirs, ours)
	}
	if ourCode != theirCode {
		t.Errorf("exit code %d, ansible-playbook's is %d", ourCode, theirCode)
	}
}

func ansible(t *testing.T, book string, args []string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ansible-playbook", append([]string{"-i", "testdata/hosts", book}, args...)...)
	cmd.Env = append(os.Environ(), "ANSIBLE_NOCOLOR=1", "ANSIBLE_LOCALHOST_WARNING=False", "ANSIBLE_RETRY_FILES_ENABLED=False",
		"ANSIBLE_DEPRECATION_WARNINGS=False", "LC_ALL=C.UTF-8")
	out, err := cmd.Output()
	var code *exec.ExitError
	if err != nil && !errors.As(err, &code) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

type local struct{}

func (local) Connect(context.Context, runner.Target) (connection.Host, error) {
	return connection.Local(), nil
}

func rollout(t *testing.T, book string, args []string) (string, int) {
	t.Helper()
	loader := &playbook.Loader{Files: playbook.Files{}}
	pb, err := loader.Load(book)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	table := map[string]*module.Module{}
	for _, m := range command.Modules() {
		table[m.Name] = m
	}
	var out, warnings bytes.Buffer
	opt := runner.Options{Playbook: pb, Loader: loader, Modules: table, Connector: local{}, ExtraVars: value.NewMap(),
		Inventory: inventory.Open("testdata/hosts", inventory.Options{}),
		Observer:  report.NewPlay(report.PlayOptions{Out: &out, Err: &warnings})}
	apply(t, &opt, args)
	run, err := runner.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Check(); err != nil {
		t.Fatalf("check: %v", err)
	}
	sum, err := run.Execute(t.Context())
	if err != nil {
		t.Fatalf("execute: %v\n%s", err, out.String())
	}
	return out.String(), sum.ExitCode()
}

func apply(t *testing.T, opt *runner.Options, args []string) {
	t.Helper()
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "--check":
			opt.Check = true
			continue
		case "--force-handlers":
			opt.ForceHandlers = true
			continue
		}
		i++
		switch args[i-1] {
		case "--tags":
			opt.Tags = strings.Split(args[i], ",")
		case "--skip-tags":
			opt.SkipTags = strings.Split(args[i], ",")
		case "--limit":
			opt.Limit = args[i]
		case "--start-at-task":
			opt.StartAt = args[i]
		case "-e":
			for _, pair := range strings.Fields(args[i]) {
				k, v, _ := strings.Cut(pair, "=")
				opt.ExtraVars.Set(k, v)
			}
		default:
			t.Fatalf("unknown argument %s", args[i-1])
		}
	}
}

// normal is an output with one line per result: tasks in order, within a task
// sorted, since hosts end in any order; without what differs by its nature.
func normal(out string) string {
	var b strings.Builder
	for _, part := range strings.Split("\n"+out, "\n\n") {
		lines := strings.Split(strings.Trim(part, "\n"), "\n")
		if len(lines) < 2 || strings.HasPrefix(lines[0], "TASK [meta]") {
			continue
		}
		b.WriteString(strings.TrimRight(lines[0], " *") + "\n")
		entries := join(lines[1:])
		sort.Strings(entries)
		for _, e := range entries {
			b.WriteString("  " + e + "\n")
		}
	}
	return b.String()
}

// join puts a result of several lines on one.
func join(lines []string) []string {
	var out []string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if strings.HasSuffix(line, "=> {") {
			for i+1 < len(lines) && line[len(line)-1] != '}' || i+1 < len(lines) && strings.HasPrefix(lines[i+1], " ") {
				i++
				line += lines[i]
				if lines[i] == "}" {
					break
				}
			}
		}
		if strings.HasPrefix(line, "...ignoring") && len(out) > 0 {
			out[len(out)-1] += " IGNORED"
			continue
		}
		if line = result(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

var resultLine = regexp.MustCompile(`^((?:ok|changed|skipping|failed|fatal): .*? => )(\{.*\})$`)

var includedLine = regexp.MustCompile(`^(included: .* for )([^ ]+(?:, [^ ]+)*)( => .*)?$`)

// volatile are return values that differ from run to run or come from Ansible's
// way of working.
var volatile = []string{"delta", "start", "end", "ansible_facts", "exception", "cmd", "argument_errors",
	"argument_spec_data", "validate_args_context"}

// outputLine is what rollout adds below a failed command.
var outputLine = regexp.MustCompile(`^(stdout|stderr):$|^    `)

func result(line string) string {
	if outputLine.MatchString(line) || strings.HasPrefix(line, "An exception occurred") {
		return ""
	}
	if m := includedLine.FindStringSubmatch(line); m != nil {
		hosts := strings.Split(m[2], ", ")
		sort.Strings(hosts)
		return m[1] + strings.Join(hosts, ", ") + m[3]
	}
	m := resultLine.FindStringSubmatch(line)
	if m == nil {
		return line
	}
	v, err := value.FromJSON([]byte(m[2]))
	data, ok := v.(*value.Map)
	if err != nil || !ok {
		return line
	}
	for _, key := range volatile {
		data.Delete(key)
	}
	failed := strings.HasPrefix(m[1], "f")
	if data.At("reason") != nil || failed && wordy(data.String("msg")) {
		data = value.NewMap("msg", "(an explanation)")
	}
	if failed && data.String("msg") == "" {
		data.Delete("msg")
	}
	text, err := value.ToJSON(data)
	if err != nil {
		return line
	}
	return m[1] + string(text)
}

// wordy tells explanations, which each tool words in its own way, from the
// messages that playbooks and modules give.
func wordy(msg string) bool {
	for _, mark := range []string{"The error", "undefined", "error was", "Could not find", "cannot find", "lookup",
		"requires a list", "Validation of arguments failed", "variable name", "No key/value", "evaluating conditional"} {
		if strings.Contains(msg, mark) {
			return true
		}
	}
	return false
}
