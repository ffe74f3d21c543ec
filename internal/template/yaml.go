package template

import (
	"sort"
	"strings"
	"unicode/utf8"

	"rollout/internal/document"
	"rollout/internal/value"
)

func filterFromYAML(a *args) (any, error) {
	s, ok := a.in.(string)
	if !ok {
		return a.in, nil
	}
	nodes, err := document.ParseAll("", []byte(s))
	if err == nil && len(nodes) > 1 {
		err = nodes[1].Errorf("expected a single document, but found another one")
	}
	if err == nil && len(nodes) > 0 {
		err = untagged(nodes[0])
	}
	if err != nil {
		return nil, failf("from_yaml: %s", err)
	}
	if len(nodes) == 0 {
		return nil, nil
	}
	return a.frame.run.thawed(nodes[0].Decode())
}

func filterFromYAMLAll(a *args) (any, error) {
	s, ok := a.in.(string)
	if !ok {
		return a.in, nil
	}
	nodes, err := document.ParseAll("", []byte(s))
	if err != nil {
		return nil, failf("from_yaml_all: %s", err)
	}
	out := make([]any, len(nodes))
	for i, n := range nodes {
		if err := untagged(n); err != nil {
			return nil, failf("from_yaml_all: %s", err)
		}
		out[i] = n.Decode()
	}
	return a.frame.run.thawed(out)
}

// untagged refuses !vault and !unsafe, which only files know.
func untagged(n *document.Node) error {
	if n == nil {
		return nil
	}
	if n.Tag != "" {
		return n.Errorf("the tag %s is not known to this filter", n.Tag)
	}
	for _, item := range n.Items {
		if err := untagged(item); err != nil {
			return err
		}
	}
	for _, e := range n.Entries {
		if err := untagged(e.Value); err != nil {
			return err
		}
	}
	return nil
}

func filterToYAML(a *args) (any, error) {
	w := &yamlWriter{indent: 2, flow: flowLeaves}
	if a.given(6) {
		w.flow = flowNever
		if a.bool(6, false) {
			w.flow = flowAlways
		}
	}
	return w.dump(a)
}

func filterToNiceYAML(a *args) (any, error) {
	return (&yamlWriter{indent: 4, flow: flowNever}).dump(a)
}

// flowStyle says which collections are written as [a, b] and {a: b}.
type flowStyle int

const (
	flowNever  flowStyle = iota
	flowLeaves           // those that hold scalars only
	flowAlways
)

// yamlWriter writes YAML as PyYAML with libyaml does.
type yamlWriter struct {
	indent   int
	width    int
	flow     flowStyle
	unsorted bool
	style    byte // default scalar style: 0, '"' or '\''
	blocks   bool // texts of several lines are literal blocks
	lossy    bool // and lose what keeps them from being one
	b        []byte
	column   int
	err      error
	shared   *anchors // nil: what is shared is written each time
}

// dump reads the arguments that to_yaml and to_nice_yaml share.
func (w *yamlWriter) dump(a *args) (any, error) {
	w.indent = a.int(0, w.indent)
	if w.indent < 2 || w.indent > 9 {
		w.indent = 2
	}
	w.width = 80
	if a.given(1) {
		if w.width = a.int(1, 80); w.width <= 2*w.indent {
			w.width = 80
		}
	}
	w.unsorted = !a.bool(2, true)
	if s := a.textGiven(5); s != "" {
		w.style = s[0]
	}
	if a.bool(3, false) {
		w.text("---")
		if isCollection(a.in) && !w.startsInFlow(a.in) {
			w.text("\n")
		} else {
			w.text(" ")
		}
	}
	w.document(a.in)
	if a.bool(4, false) {
		w.text("...\n")
	}
	if w.err != nil {
		return nil, w.err
	}
	return a.sized(string(w.b))
}

// startsInFlow reports whether a collection is written as [a, b] or {a: b}.
func (w *yamlWriter) startsInFlow(v any) bool {
	if items, ok := listItems(v); ok {
		return len(items) == 0 || w.inFlow(items)
	}
	m, _, err := dictOf(v)
	return err == nil && (m.Len() == 0 || w.inFlow(mapValues(m)))
}

func (w *yamlWriter) text(s string) {
	w.b = append(w.b, s...)
	if i := strings.LastIndexByte(s, '\n'); i >= 0 {
		w.column = utf8.RuneCountInString(s[i+1:])
	} else {
		w.column += utf8.RuneCountInString(s)
	}
	if len(w.b) > maxText && w.err == nil {
		w.err = failf("a text of more than %d bytes", maxText)
	}
}

func (w *yamlWriter) document(v any) {
	if !isCollection(v) {
		w.scalar(v, 0, place{})
		w.text("\n")
		return
	}
	w.node(v, -w.indent, place{root: true}, 0)
	if w.column > 0 {
		w.text("\n")
	}
}

// place is where a node stands.
type place struct {
	root   bool
	flow   bool // inside [ ] or { }
	key    bool // a mapping's key
	inSeq  bool // after "- "
	mapVal bool // after "key:"
}

func isCollection(v any) bool {
	switch v.(type) {
	case *value.Map, Dict, []any, *pyList, value.Tuple, *view, span:
		return true
	}
	return false
}

func (w *yamlWriter) node(v any, indent int, at place, depth int) {
	if w.err != nil {
		return
	}
	if depth > maxDataDepth {
		w.err = errTooDeep()
		return
	}
	if u, ok := v.(*Undefined); ok {
		w.err = u.Err()
		return
	}
	if !isCollection(v) {
		w.scalar(v, indent, at)
		return
	}
	m, isMap, err := dictOf(v)
	if err != nil {
		w.err = err
		return
	}
	var items []any
	if !isMap {
		items, _ = iterate(v)
	}
	switch {
	case isMap && (m.Len() == 0 || at.flow || w.inFlow(mapValues(m))):
		w.flowMap(m, indent, at, depth)
	case isMap:
		w.blockMap(m, indent, at, depth)
	case len(items) == 0 || at.flow || w.inFlow(items):
		w.flowList(items, indent, at, depth)
	default:
		w.blockList(items, indent, at, depth)
	}
}

func mapValues(m *value.Map) []any {
	var out []any
	for _, v := range m.All() {
		out = append(out, v)
	}
	return out
}

func (w *yamlWriter) inFlow(children []any) bool {
	if w.flow != flowLeaves {
		return w.flow == flowAlways
	}
	for _, c := range children {
		if _, vaulted := c.(*value.Sealed); vaulted || isCollection(c) {
			return false
		}
	}
	return true
}

func (w *yamlWriter) sorted(m *value.Map) []any {
	keys := m.Keys()
	if w.unsorted {
		return keys
	}
	var failed error
	out := append([]any(nil), keys...)
	sort.SliceStable(out, func(i, j int) bool {
		c, err := order(nil, out[i], out[j])
		if err != nil {
			failed = err
		}
		return c < 0
	})
	if failed != nil {
		return keys // as PyYAML: keys that cannot be sorted stay as they are
	}
	return out
}

func (w *yamlWriter) newline(indent int) {
	w.text("\n" + strings.Repeat(" ", max(indent, 0)))
}

func (w *yamlWriter) blockMap(m *value.Map, indent int, at place, depth int) {
	inner := indent + w.indent
	for i, k := range w.sorted(m) {
		if i > 0 || !(at.root || at.inSeq) {
			w.newline(inner)
		}
		w.key(k, inner, depth)
		w.child(m.At(k), inner, depth)
	}
}

func (w *yamlWriter) key(k any, indent, depth int) {
	if isCollection(k) || len(scalarText(k)) > 128 {
		w.text("? ")
		w.node(k, indent, place{flow: true}, depth+1)
		w.newline(indent)
		w.text(":")
		return
	}
	w.scalar(k, indent, place{key: true})
	w.text(":")
}

// child writes a mapping's value after its key.
func (w *yamlWriter) child(v any, indent, depth int) {
	if w.mark(v) {
		return
	}
	if items, isList := listItems(v); isList && len(items) > 0 && !w.inFlow(items) {
		w.blockList(items, indent, place{mapVal: true}, depth+1)
		return
	}
	m, isMap, err := dictOf(v)
	if err == nil && isMap && m.Len() > 0 && !w.inFlow(mapValues(m)) {
		w.blockMap(m, indent, place{mapVal: true}, depth+1)
		return
	}
	w.text(" ")
	w.node(v, indent, place{mapVal: true}, depth+1)
}

func listItems(v any) ([]any, bool) {
	if _, isMap, _ := dictOf(v); isMap || !isCollection(v) {
		return nil, false
	}
	items, err := iterate(v)
	return items, err == nil
}

// blockList writes "- item" lines; within a mapping they are not indented.
func (w *yamlWriter) blockList(items []any, indent int, at place, depth int) {
	inner := indent
	if !at.mapVal {
		inner = indent + w.indent
	}
	for i, v := range items {
		if i > 0 || !(at.root || at.inSeq) {
			w.newline(inner)
		}
		if w.shared.has(v) {
			w.anchoredItem(v, inner, depth)
			continue
		}
		w.text("-" + strings.Repeat(" ", w.dashGap(v)))
		w.node(v, inner, place{inSeq: true}, depth+1)
	}
}

// dashGap is the space after a dash: libyaml lines up nested collections.
func (w *yamlWriter) dashGap(v any) int {
	if isCollection(v) {
		items, isList := listItems(v)
		m, isMap, _ := dictOf(v)
		if (isList && len(items) > 0 && !w.inFlow(items)) || (isMap && m.Len() > 0 && !w.inFlow(mapValues(m))) {
			return w.indent - 1
		}
	}
	return 1
}

func (w *yamlWriter) flowList(items []any, indent int, at place, depth int) {
	inner := max(indent, 0) + w.indent
	if at.flow && indent < 0 {
		inner = w.indent
	}
	w.text("[")
	for i, v := range items {
		if i > 0 {
			w.text(",")
		}
		w.flowBreak(i, inner)
		w.node(v, inner, place{flow: true}, depth+1)
	}
	w.text("]")
}

// flowBreak goes to a new line where the width is used up.
func (w *yamlWriter) flowBreak(i, indent int) {
	if w.column > w.width {
		w.newline(indent)
	} else if i > 0 {
		w.text(" ")
	}
}

func (w *yamlWriter) flowMap(m *value.Map, indent int, _ place, depth int) {
	inner := max(indent, 0) + w.indent
	w.text("{")
	for i, k := range w.sorted(m) {
		if i > 0 {
			w.text(",")
		}
		w.flowBreak(i, inner)
		w.scalarOrFlow(k, inner, depth)
		w.text(": ")
		w.node(m.At(k), inner, place{flow: true}, depth+1)
	}
	w.text("}")
}

func (w *yamlWriter) scalarOrFlow(k any, indent, depth int) {
	if isCollection(k) {
		w.text("? ")
		w.node(k, indent, place{flow: true}, depth+1)
		return
	}
	w.scalar(k, indent, place{flow: true, key: true})
}
