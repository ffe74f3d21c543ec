package runner

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/vars"
)

// Old playbooks name a variable without braces: with_items: packages. Ansible
// took such a word for a variable where there is one; its later versions take it
// for text, which is never meant.
var (
	bareLoops = []string{"items", "dict", "list", "flattened", "nested", "cartesian", "together", "subelements",
		"indexed_items", "random_choice"}
	// listLoops take lists, so that a word in their list means one too.
	listLoops = []string{"flattened", "nested", "cartesian", "together", "subelements"}

	bareWord = regexp.MustCompile(`^([A-Za-z_]\w*)(?:\.\w+|\[[^\]]+\])*(?:\s*\|[^{}]*)?$`)
)

// loopValue evaluates what a with_ loop goes over.
func (b *batch) loopValue(s *vars.Scope, l *playbook.Loop) (any, error) {
	with := strings.TrimPrefix(l.With, builtin)
	if !slices.Contains(bareLoops, with) {
		return evaluate(s, b.run, l.Value)
	}
	if l.Value.Kind != document.Sequence || !slices.Contains(listLoops, with) {
		return b.bareValue(s, l.Value, l.With)
	}
	out := make([]any, len(l.Value.Items))
	for i, item := range l.Value.Items {
		var err error
		if out[i], err = b.bareValue(s, item, l.With); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// bareValue evaluates a node: a word that names a variable means that.
func (b *batch) bareValue(s *vars.Scope, n *document.Node, with string) (any, error) {
	m := bareWord.FindStringSubmatch(strings.TrimSpace(n.Text))
	if n.Kind != document.Scalar || n.Tag != "" || m == nil || !s.Has(m[1]) {
		return evaluate(s, b.run, n)
	}
	b.run.deprecateOnce(playbook.Deprecation{Pos: n.Pos,
		Message: fmt.Sprintf("a variable without braces in with_%s is deprecated: use \"{{ %s }}\"", with, strings.TrimSpace(n.Text))})
	return s.Evaluate("{{ " + n.Text + " }}")
}

// deprecateOnce tells of an old form found while the run goes on.
func (r *Run) deprecateOnce(d playbook.Deprecation) {
	key := d.Pos.String() + ": " + d.Message
	r.mu.Lock()
	known := r.warned[key]
	r.warned[key] = true
	r.mu.Unlock()
	if !known {
		r.deprecate([]playbook.Deprecation{d})
	}
}
