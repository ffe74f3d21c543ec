package differential

import (
	"fmt"
	"regexp"
	"slices"
	"sort"
	"strings"

	"rollout/internal/value"
)

var (
	bannerLine   = regexp.MustCompile(`^(PLAY|TASK|RUNNING HANDLER|PLAY RECAP|NO MORE HOSTS LEFT)( \[.*\])? \*+$`)
	resultLine   = regexp.MustCompile(`^((?:ok|changed|skipping|failed|fatal): .*? => )(\{.*\})$`)
	openLine     = regexp.MustCompile(`^(ok|changed|skipping|failed|fatal): .* => \{$`)
	endLine      = regexp.MustCompile(`^(ok|changed|skipping|failed|fatal|included|FAILED - RETRYING): |^skipping: |^[^ ]+ +: ok=`)
	includedLine = regexp.MustCompile(`^(included: .* for )([^ ]+(?:, [^ ]+)*)( => .*)?$`)
	// newText heads what a diff changes to: Ansible names a file of its own that is gone.
	newText = regexp.MustCompile(`^\+\+\+ after.*`)
	// jobs are the names of tasks in the background.
	jobs = regexp.MustCompile(`\bj\d{12}\.\d+\b`)
	// noise is what only one of the tools says: Ansible of its configuration and
	// of exceptions' places, rollout of a failed command's output, which Ansible
	// shows as data alone.
	noise = regexp.MustCompile(`^(No config file found|ansible-playbook \[core|  (config file|configured module search path|ansible python module location|ansible collection location|executable location|python version|jinja version|libyaml) = |Skipping callback |Using .* as config file|An exception occurred)|^(stdout|stderr):$|^    `)
)

// normal is what was said, with one part per task: what is said of a task's
// hosts is sorted, since hosts end in any order, and data is indented. Where
// hosts run ahead of each other, the tasks are sorted too.
func (p played) normal(free bool) string {
	var parts []string
	for _, part := range split(jobs.ReplaceAllString(classes.Replace(p.stdout), "JOB")) {
		if strings.HasSuffix(part.banner, "meta]") {
			continue // shown by Ansible for some of the words, for some hosts
		}
		said := entries(part.lines)
		sort.Strings(said)
		if !free {
			parts = append(parts, part.banner+"\n"+strings.Join(said, ""))
			continue
		}
		for _, e := range said {
			parts = append(parts, part.banner+"\n"+e)
		}
	}
	if free {
		slices.Sort(parts)
	}
	return strings.Join(parts, "")
}

type part struct {
	banner string
	lines  []string
}

// split cuts an output at its banners.
func split(out string) []part {
	parts := []part{{}}
	for _, line := range strings.Split(out, "\n") {
		last := &parts[len(parts)-1]
		switch {
		case bannerLine.MatchString(line):
			parts = append(parts, part{banner: strings.TrimRight(line, " *")})
		case strings.TrimSpace(line) != "":
			last.lines = append(last.lines, line)
		}
	}
	return parts
}

// entries are the results and messages of one task; what is said before a
// result, such as its diff, is part of it.
func entries(lines []string) []string {
	var out []string
	var before string
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if openLine.MatchString(line) {
			for i+1 < len(lines) && lines[i] != "}" {
				i++
				line += strings.TrimSpace(lines[i])
			}
		}
		switch {
		case noise.MatchString(line):
		case strings.HasPrefix(line, "...ignoring") && len(out) > 0:
			out[len(out)-1] += "  ignored\n"
		case endLine.MatchString(line):
			out, before = append(out, before+result(line)), ""
		default:
			before += "  " + newText.ReplaceAllString(line, "+++ after") + "\n"
		}
	}
	if before != "" {
		out = append(out, before)
	}
	return out
}

func result(line string) string {
	if m := includedLine.FindStringSubmatch(line); m != nil {
		hosts := strings.Split(m[2], ", ")
		sort.Strings(hosts)
		return "  " + m[1] + strings.Join(hosts, ", ") + m[3] + "\n"
	}
	m := resultLine.FindStringSubmatch(line)
	if m == nil {
		return "  " + strings.TrimRight(line, " ") + "\n"
	}
	v, err := value.FromJSON([]byte(m[2]))
	data, ok := v.(*value.Map)
	if err != nil || !ok {
		return "  " + line + "\n"
	}
	if data.Bool("unreachable") {
		data.Set("msg", "(an explanation)")
	}
	if strings.HasPrefix(m[1], "f") {
		explained(data)
	}
	for k, v := range data.Clone().All() {
		if text, _ := v.(string); strings.HasPrefix(text, "VARIABLE IS NOT DEFINED!") {
			data.Set(k, "VARIABLE IS NOT DEFINED!")
		}
	}
	text, err := value.ToJSONIndent(sorted(steady(data)), "  ")
	if err != nil {
		return fmt.Sprintf("  %s (%v)\n", line, err)
	}
	return "  " + m[1] + string(text) + "\n"
}

// classes are Ansible's own kinds of text and mappings, as type_debug names them.
var classes = strings.NewReplacer("ansible.parsing.yaml.objects.AnsibleUnicode", "str", "AnsibleUnicode", "str", "AnsibleUnsafeText", "str", "AnsibleMapping", "dict", "AnsibleSequence", "list",
	"AnsibleVaultEncryptedUnicode", "str", "NativeJinjaText", "str", "NativeJinjaUnsafeText", "str")

// pythons are keys that only modules written in Python have: how they were called.
var pythons = []string{"invocation", "exception"}

// volatile are the return values that differ from run to run, by a key of the
// maps that have them: times, inodes, the names of temporary files.
var volatile = map[string][]string{
	"delta": {"delta", "start", "end"},
	"inode": {"inode", "dev", "device_type", "atime", "ctime", "mtime", "version"},
}

// steady is v without what is volatile.
func steady(v any) any {
	switch x := v.(type) {
	case *value.Map:
		out := x.Clone()
		for mark, keys := range volatile {
			if _, there := x.Get(mark); !there {
				continue
			}
			for _, key := range keys {
				out.Delete(key)
			}
		}
		for _, key := range pythons {
			out.Delete(key)
		}
		if _, copied := out.Get("md5sum"); copied || strings.Contains(out.String("src"), "/.ansible/tmp/") {
			out.Delete("src") // where copy and template laid their file for a moment
		}
		for k, e := range out.Clone().All() {
			out.Set(k, steady(e))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = steady(x[i])
		}
		return out
	case string:
		return once(x)
	}
	return v
}

// once is an error's text as Ansible has it but for its last sentence, where
// that is said twice.
func once(text string) string {
	for i := range text {
		if said, again := text[:i], strings.TrimPrefix(text[i:], ". "); strings.HasPrefix(text[i:], ". ") && strings.HasSuffix(said, again) && strings.Contains(again, "undefined") {
			return said
		}
	}
	return text
}

// sorted is v with the keys of all maps in order.
func sorted(v any) any {
	switch x := v.(type) {
	case *value.Map:
		keys := x.Keys()
		sort.SliceStable(keys, func(i, j int) bool { return fmt.Sprint(keys[i]) < fmt.Sprint(keys[j]) })
		out := value.NewMap()
		for _, k := range keys {
			out.Set(k, sorted(x.At(k)))
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = sorted(x[i])
		}
		return out
	}
	return v
}

// explained replaces what each tool explains in its own words, in a failure's
// data, by a mark. What playbooks and modules say stays.
func explained(data *value.Map) {
	key := "msg"
	if data.At(key) == nil {
		key = "message" // include_vars'
	}
	msg := data.String(key)
	if data.At("reason") != nil {
		data.Delete("reason")
		key, msg = "msg", "The error"
	}
	for _, mark := range explanations {
		if strings.Contains(msg, mark) {
			data.Set(key, "(an explanation)")
			data.Delete("exception")
			return
		}
	}
}

// explanations tell them by words that are in every one of either tool.
var explanations = []string{"The error", "undefined", "error was", "Could not find", "cannot find", "lookup",
	"requires a list", "Validation of arguments failed", "variable name", "templating type error", "recursive loop", "No such file or directory", "Could not find or access", "No key/value", "evaluating conditional"}
