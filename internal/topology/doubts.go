package topology

import (
	"fmt"
	"slices"
	"strings"

	"rollout/internal/document"
	"rollout/internal/value"
)

// Doubts are what -e variables probably do not do as they were meant to: a count
// of a tier that is none, while the name of one is close.
func (t *Topology) Doubts(extra *value.Map) []string {
	var out, tiers, counts []string
	for _, tier := range t.Tiers {
		name := countVariable(tier.Name)
		counts, tiers = append(counts, name), append(tiers, strings.TrimSuffix(name, "_count"))
	}
	for k := range extra.All() {
		name, _ := k.(string)
		word, isCount := strings.CutSuffix(name, "_count")
		_, own := t.Vars.Get(name)
		if !isCount || own || slices.Contains(tiers, word) || document.Suggest(word, tiers) == "" {
			continue // "_count" alone makes nothing close
		}
		out = append(out, fmt.Sprintf("-e %s changes no tier's count: %s", name, document.Suggest(name, counts)))
	}
	return out
}
