package template

import (
	"fmt"

	"rollout/internal/value"
)

// DumpYAML writes v in block style, keys sorted, as PyYAML does for Ansible's
// own listings: a list or map that is met again is an anchor's alias.
func DumpYAML(v any) (string, error) {
	w := &yamlWriter{indent: 2, width: 80, flow: flowNever, shared: &anchors{seen: map[any]bool{}, numbers: map[any]int{}, written: map[any]bool{}}}
	w.count(v, 0)
	w.document(v)
	return string(w.b), w.err
}

// anchors are the collections that a document holds more than once.
type anchors struct {
	seen    map[any]bool
	numbers map[any]int // by the order in which they are met again
	written map[any]bool
}

// identity tells one collection from an equal other; nil for what is none. An
// empty list without a place of its own has none either.
func identity(v any) any {
	switch x := v.(type) {
	case *value.Map:
		return x
	case []any:
		if cap(x) > 0 {
			return &x[:1][0]
		}
	}
	return nil
}

// count finds what is there more than once, in the order of writing.
func (w *yamlWriter) count(v any, depth int) {
	if depth > maxDataDepth {
		return
	}
	if id := identity(v); id != nil {
		if w.shared.seen[id] {
			if w.shared.numbers[id] == 0 {
				w.shared.numbers[id] = len(w.shared.numbers) + 1
			}
			return
		}
		w.shared.seen[id] = true
	}
	switch x := v.(type) {
	case *value.Map:
		for _, k := range w.sorted(x) {
			w.count(x.At(k), depth+1)
		}
	case []any:
		for _, e := range x {
			w.count(e, depth+1)
		}
	case value.Tuple:
		for _, e := range x {
			w.count(e, depth+1)
		}
	}
}

// has tells whether v gets an anchor or an alias.
func (a *anchors) has(v any) bool {
	if a == nil {
		return false
	}
	id := identity(v)
	return id != nil && a.numbers[id] > 0
}

// mark writes the anchor of what is met first, or the alias of what was written
// before: then it is done.
func (w *yamlWriter) mark(v any) (done bool) {
	if !w.shared.has(v) {
		return false
	}
	id := identity(v)
	sign := "&"
	if done = w.shared.written[id]; done {
		sign = "*"
	}
	w.shared.written[id] = true
	w.text(fmt.Sprintf(" %sid%03d", sign, w.shared.numbers[id]))
	return done
}

// anchoredItem writes a list's item that has an anchor.
func (w *yamlWriter) anchoredItem(v any, indent, depth int) {
	w.text("-")
	if w.mark(v) {
		return
	}
	if isEmptyCollection(v) {
		w.text(" ")
	}
	w.node(v, indent, place{}, depth+1)
}

func isEmptyCollection(v any) bool {
	switch x := v.(type) {
	case *value.Map:
		return x.Len() == 0
	case []any:
		return len(x) == 0
	}
	return false
}
