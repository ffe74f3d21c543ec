package lint

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/document"
)

// notified reports handlers that nobody defined.
func (c *collector) notified(s *scene, v visit) {
	if s.open {
		return // what isn't known yet may define them
	}
	names, certain := s.names()
	if !certain {
		return
	}
	for _, n := range v.task.Notify {
		for _, one := range list(n) {
			name, ok := literal(one)
			if ok && !slices.Contains(names, name) {
				c.mistake(RuleHandler, one.Pos, handlerHint(name, names), fmt.Sprintf("the play has no handler %q", name))
			}
		}
	}
}

func handlerHint(name string, names []string) string {
	switch hint := document.Suggest(name, names); {
	case hint != "":
		return hint
	case len(names) == 0:
		return "it has no handlers at all"
	}
	slices.Sort(names)
	return "its handlers are " + strings.Join(slices.Compact(names), ", ")
}

// names are what the play's handlers answer to; certain is false where a name is
// a template.
func (s *scene) names() (names []string, certain bool) {
	for _, t := range s.handlers {
		for _, name := range append(slices.Clone(t.Listen), t.Name) {
			if isTemplate(name) {
				return nil, false
			}
			if name != "" {
				names = append(names, name)
			}
		}
		if t.Name != "" && t.Role != nil {
			names = append(names, t.Title())
		}
	}
	return names, true
}
