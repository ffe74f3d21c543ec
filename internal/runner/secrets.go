package runner

import (
	"regexp"
	"sort"
	"strings"
	"sync"

	"rollout/internal/report"
	"rollout/internal/value"
)

// mask stands where a secret was.
const mask = "********"

// secrets knows the texts that must not be shown, and takes them out of what
// is handed to the observer.
type secrets struct {
	mu       sync.RWMutex
	texts    map[string]bool
	replacer *strings.Replacer
}

// shortest is the length under which a secret is masked only where it is the
// whole text: replacing every "a" would hide nothing and garble everything.
const shortest = 4

func (s *secrets) add(texts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range texts {
		if t == "" || t == mask || s.texts[t] {
			continue
		}
		if s.texts == nil {
			s.texts = map[string]bool{}
		}
		s.texts[t] = true
		s.replacer = nil
	}
	if s.replacer == nil {
		s.replacer = s.build()
	}
}

// addAll remembers every text in v.
func (s *secrets) addAll(v any) {
	switch x := v.(type) {
	case string:
		s.add(x)
	case []any:
		for _, e := range x {
			s.addAll(e)
		}
	case *value.Map:
		for _, e := range x.All() {
			s.addAll(e)
		}
	}
}

func (s *secrets) build() *strings.Replacer {
	var long []string
	for t := range s.texts {
		if len(t) >= shortest {
			long = append(long, t)
		}
	}
	sort.Slice(long, func(i, j int) bool {
		return len(long[i]) > len(long[j]) || len(long[i]) == len(long[j]) && long[i] < long[j]
	})
	pairs := make([]string, 0, 2*len(long))
	for _, t := range long {
		pairs = append(pairs, t, mask)
	}
	return strings.NewReplacer(pairs...)
}

func (s *secrets) text(t string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case s.texts[t]:
		return mask
	case s.replacer != nil:
		t = s.replacer.Replace(t)
	}
	return secretSetting.ReplaceAllString(t, "$1="+mask)
}

// secretSetting is an environment variable that by its name holds a secret, set
// within a text: what `docker inspect` and command lines show. secretVariable
// is the name of one.
var (
	secretSetting  = regexp.MustCompile(`\b([A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY)[A-Z0-9_]*)=[^\s"']+`)
	secretVariable = regexp.MustCompile(`^[A-Z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY)$`)
)

// secretNames are the variables whose values are never shown, whatever they
// are set to.
var secretNames = map[string]bool{
	"ansible_password": true, "ansible_ssh_pass": true, "ansible_ssh_password": true,
	"ansible_become_password": true, "ansible_become_pass": true,
	"ansible_sudo_pass": true, "ansible_su_pass": true, "ansible_doas_pass": true,
}

func (s *secrets) value(v any) any {
	switch x := v.(type) {
	case string:
		return s.text(x)
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = s.value(e)
		}
		return out
	case value.Tuple:
		return s.value([]any(x))
	case *value.Map:
		return s.mapping(x)
	}
	return v
}

func (s *secrets) mapping(m *value.Map) *value.Map {
	if m == nil {
		return nil
	}
	out := value.NewMap()
	for k, v := range m.All() {
		name, isText := k.(string)
		if isText {
			k = s.text(name)
		}
		if isText && (secretNames[name] || v != "" && secretVariable.MatchString(name)) {
			v = mask
		}
		out.Set(k, s.value(v))
	}
	return out
}

// event returns e with every secret masked.
func (s *secrets) event(e report.Event) report.Event {
	switch x := e.(type) {
	case report.PlayStart:
		x.Name = s.text(x.Name)
		return x
	case report.TaskStart:
		x.Task = s.task(x.Task)
		return x
	case report.HostStart:
		x.Task = s.task(x.Task)
		return x
	case report.Result:
		return s.result(x)
	case report.Retry:
		x.Task, x.Data = s.task(x.Task), s.mapping(x.Data)
		return x
	case report.Included:
		x.File, x.Label = s.text(x.File), s.text(x.Label)
		return x
	case report.Progress:
		x.Text, x.Task = s.text(x.Text), s.text(x.Task)
		return x
	case report.Asked:
		x.Question = s.text(x.Question)
		return x
	case report.Notified:
		x.Handler = s.text(x.Handler)
		return x
	case report.Message:
		x.Text = s.text(x.Text)
		return x
	case report.Warning:
		x.Text = s.text(x.Text)
		return x
	case report.Interrupted:
		running := make([]report.Progress, len(x.Running))
		for i, p := range x.Running {
			p.Text, p.Task = s.text(p.Text), s.text(p.Task)
			running[i] = p
		}
		x.Running = running
		return x
	case report.Recap:
		x.Custom = s.mapping(x.Custom)
		return x
	}
	return e
}

func (s *secrets) task(t report.Task) report.Task {
	t.Name, t.Args = s.text(t.Name), s.text(t.Args)
	return t
}

func (s *secrets) result(r report.Result) report.Result {
	r.Task, r.Label, r.Data = s.task(r.Task), s.text(r.Label), s.mapping(r.Data)
	diffs := make([]report.Diff, len(r.Diffs))
	for i, d := range r.Diffs {
		d.Before, d.After, d.Prepared = s.text(d.Before), s.text(d.After), s.text(d.Prepared)
		diffs[i] = d
	}
	warnings := make([]string, len(r.Warnings))
	for i, w := range r.Warnings {
		warnings[i] = s.text(w)
	}
	plan := make([]report.Operation, len(r.Plan))
	for i, op := range r.Plan {
		op.Thing, op.Do, op.Cause = s.text(op.Thing), s.text(op.Do), s.text(op.Cause)
		plan[i] = op
	}
	r.Diffs, r.Warnings, r.Plan = diffs, warnings, plan
	return r
}
