package runner

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"rollout/internal/value"
)

// state is all that changes during a run and that variables are made of. Maps
// in it are replaced, never changed, so that a reader may keep what it got.
type state struct {
	mu       sync.RWMutex
	facts    map[string]*value.Map // by host, as modules return them
	fixed    map[string]*value.Map // set_fact and registered results
	included map[string]*value.Map // include_vars
	custom   *value.Map            // set_stats
	known    map[string]bool       // hosts whose facts a play gathered
	cache    *factCache            // facts of earlier runs, nil for none
	recalled map[string]bool       // hosts that the cache was asked about
	warn     func(text string)     // what the cache could not do
}

func newState() *state {
	return &state{recalled: map[string]bool{}, facts: map[string]*value.Map{}, fixed: map[string]*value.Map{},
		included: map[string]*value.Map{}, known: map[string]bool{}, custom: value.NewMap()}
}

// of returns the three maps of a host; none is nil.
func (s *state) of(host string) (facts, fixed, included *value.Map) {
	s.lateRecall(host)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return orEmpty(s.facts[host]), orEmpty(s.fixed[host]), orEmpty(s.included[host])
}

func orEmpty(m *value.Map) *value.Map {
	if m == nil {
		return value.NewMap()
	}
	return m
}

func (s *state) apply(host string, e effect) {
	target := cmp.Or(e.onHost, host)
	s.lateRecall(target)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.facts != nil {
		s.facts[target] = merged(s.facts[target], cleanFacts(e.facts))
		s.keep(target)
	}
	if e.fixed != nil {
		s.fixed[target] = merged(s.fixed[target], e.fixed)
	}
	if e.included != nil {
		s.included[host] = merged(s.included[host], e.included)
	}
}

func merged(old, more *value.Map) *value.Map {
	out := orEmpty(old).Clone()
	out.Update(more)
	return out
}

// set keeps one registered result.
func (s *state) set(host, name string, v any) {
	s.apply(host, effect{fixed: value.NewMap(name, v)})
}

func (s *state) clearFacts(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.facts, host)
	delete(s.known, host)
	s.recalled[host] = true
	if s.cache != nil {
		s.cache.forget(host)
	}
}

// keep writes a host's facts to the cache, if there is one. The caller holds mu.
func (s *state) keep(host string) {
	if s.cache == nil {
		return
	}
	facts := orEmpty(s.facts[host])
	if s.known[host] {
		facts = merged(facts, value.NewMap(gatheredMark, true))
	}
	if err := s.cache.keep(host, facts); err != nil {
		s.warn(err.Error())
	}
}

// lateRecall is recall for hosts that the inventory did not name at the start:
// localhost without an inventory, and what add_host brings.
func (s *state) lateRecall(host string) {
	if s.cache == nil || host == "" {
		return
	}
	s.mu.RLock()
	asked := s.recalled[host]
	s.mu.RUnlock()
	if asked {
		return
	}
	facts, err := s.cache.load(host)
	if err != nil {
		s.warn(err.Error())
	}
	s.recall(host, facts)
}

// recall takes facts of an earlier run.
func (s *state) recall(host string, facts *value.Map) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.recalled[host] = true
	if facts == nil || s.facts[host] != nil {
		return
	}
	s.known[host] = facts.At(gatheredMark) == true
	facts = cleanFacts(facts)
	facts.Delete(gatheredMark)
	s.facts[host] = facts
}

// gathered notes that a host's facts were gathered by the play.
func (s *state) gathered(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[host] = true
	s.keep(host)
}

func (s *state) hasGathered(host string) bool {
	s.lateRecall(host)
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.known[host]
}

// Facts come from the host, so they must not say how a host is reached:
// variables of these names, or with these prefixes, are not taken from them.
var (
	reserved = []string{"ansible_connection", "ansible_host", "ansible_port", "ansible_user", "ansible_password",
		"ansible_private_key_file", "ansible_timeout", "ansible_host_key_checking", "ansible_ssh_host_key_checking",
		"ansible_async_dir", "ansible_remote_tmp", "ansible_delegated_vars"}
	reservedPrefixes = []string{"ansible_ssh_", "ansible_become", "ansible_sudo_", "ansible_su_", "ansible_doas_", "ansible_shell_"}
)

func cleanFacts(facts *value.Map) *value.Map {
	out := value.NewMap()
	for k, v := range facts.All() {
		name, ok := k.(string)
		if ok && !isReserved(name) {
			out.Set(name, v)
		}
	}
	return out
}

// isReserved admits the facts about SSH host keys, as Ansible does.
func isReserved(name string) bool {
	switch {
	case slices.Contains(reserved, name), strings.HasPrefix(name, "ansible_") && strings.HasSuffix(name, "_interpreter"):
		return true
	case strings.HasPrefix(name, "ansible_ssh_host_key_"):
		return false
	}
	return slices.ContainsFunc(reservedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// namespaced is the variable ansible_facts: the facts without their prefix.
func namespaced(facts *value.Map) *value.Map {
	out := value.NewMap()
	for k, v := range facts.All() {
		name, _ := k.(string)
		if name != "ansible_local" {
			name = strings.TrimPrefix(name, "ansible_")
		}
		out.Set(name, v)
	}
	return out
}

// addStats keeps what set_stats says for a host, or for "_run".
func (s *state) addStats(who string, data *value.Map, aggregate bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, _ := s.custom.At(who).(*value.Map)
	if old == nil {
		old = value.NewMap()
	}
	old = old.Clone()
	for k, v := range data.All() {
		have, there := old.Get(k)
		if there && aggregate {
			v = added(have, v)
		}
		old.Set(k, v)
	}
	custom := s.custom.Clone()
	custom.Set(who, old)
	s.custom = custom
}

// added joins two values of one stat: maps merge, the rest adds up.
func added(a, b any) any {
	switch x := a.(type) {
	case *value.Map:
		if y, ok := b.(*value.Map); ok {
			return merged(x, y)
		}
	case int:
		if y, ok := b.(int); ok {
			return x + y
		}
	case string:
		if y, ok := b.(string); ok {
			return x + y
		}
	case []any:
		if y, ok := b.([]any); ok {
			return append(append([]any{}, x...), y...)
		}
	}
	return b
}

func (s *state) stats() *value.Map {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.custom
}
