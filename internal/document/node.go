package document

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"rollout/internal/value"
)

// Kind tells what a Node is.
type Kind int

// The kinds of nodes.
const (
	Scalar Kind = iota
	Sequence
	Mapping
)

func (k Kind) String() string { return [...]string{"a scalar", "a list", "a mapping"}[k] }

// Node is one YAML value and where it stands.
type Node struct {
	Kind    Kind
	Pos     Position
	Tag     string   // explicit local tag such as "!vault" or "!unsafe", else ""
	Value   any      // Scalar: nil, bool, int, *big.Int, float64 or string
	Text    string   // Scalar: as written, after unquoting
	Quoted  bool     // Scalar: quoted or a block scalar, so certainly a string
	Items   []*Node  // Sequence
	Entries []*Entry // Mapping
}

// Entry is one key of a mapping.
type Entry struct {
	Key   *Node
	Value *Node
}

// Get returns the value under the string key, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Value == any(key) {
			return e.Value
		}
	}
	return nil
}

// Name returns a key's text, for messages and look-ups.
func (e *Entry) Name() string { return e.Key.Text }

// Decode returns the node's content in package value's types. The tag !unsafe
// and !vault are the caller's to handle: their scalar is returned as a string.
func (n *Node) Decode() any {
	if n == nil {
		return nil
	}
	switch n.Kind {
	case Sequence:
		out := make([]any, len(n.Items))
		for i, item := range n.Items {
			out[i] = item.Decode()
		}
		return out
	case Mapping:
		m := value.NewMap()
		for _, e := range n.Entries {
			m.Set(e.Key.Decode(), e.Value.Decode())
		}
		return m
	}
	return n.Value
}

// Errorf is an Error at the node.
func (n *Node) Errorf(format string, args ...any) error {
	return &Error{Pos: n.Pos, Message: fmt.Sprintf(format, args...)}
}

// Limits of a document: more is refused as an alias bomb or a mistake.
const (
	maxNodes = 1_000_000
	maxDepth = 200
)

// Parse reads a file of exactly one YAML document. An empty file gives a null
// scalar. Duplicate keys, anchors that hold themselves and alias bombs are
// errors (PyYAML keeps the last of duplicate keys; Ansible warns).
func Parse(file string, data []byte) (*Node, error) {
	nodes, err := ParseAll(file, data)
	if err != nil {
		return nil, err
	}
	switch len(nodes) {
	case 0:
		return &Node{Pos: Position{File: file, Line: 1, Column: 1}}, nil
	case 1:
		return nodes[0], nil
	}
	return nil, nodes[1].Errorf("expected a single document, but found another one")
}

// ParseAll reads all documents of a file.
func ParseAll(file string, data []byte) ([]*Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	w := &walker{file: file, active: map[*yaml.Node]bool{}}
	var out []*Node
	for {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out, w.errs.Err()
		}
		if err != nil {
			return nil, syntaxError(file, data, err)
		}
		if len(doc.Content) == 0 {
			continue
		}
		n, err := w.walk(doc.Content[0], 0)
		if err != nil {
			return nil, err
		}
		out = append(out, n)
	}
}

// walker turns yaml.v3's tree, which resolves scalars by YAML 1.2 and lets
// duplicates and cycles pass, into Nodes.
type walker struct {
	file   string
	count  int
	active map[*yaml.Node]bool
	errs   Errors
}

func (w *walker) pos(y *yaml.Node) Position {
	return Position{File: w.file, Line: y.Line, Column: y.Column}
}

func (w *walker) walk(y *yaml.Node, depth int) (*Node, error) {
	w.count++
	if tag := localTag(y); tag != "" && !slices.Contains(localTags, tag) {
		w.errs.AddHint(w.pos(y), cmp.Or(Suggest(tag, localTags), "quote the value if a text was meant"), "unknown tag %q", tag)
	}
	if w.count > maxNodes || depth > maxDepth {
		return nil, &Error{Pos: w.pos(y), Message: "too large or too deeply nested"}
	}
	switch y.Kind {
	case yaml.AliasNode:
		return w.alias(y, depth)
	case yaml.SequenceNode:
		return w.sequence(y, depth)
	case yaml.MappingNode:
		return w.mapping(y, depth)
	}
	return w.scalar(y), nil
}

func (w *walker) alias(y *yaml.Node, depth int) (*Node, error) {
	if w.active[y.Alias] {
		return nil, &Error{Pos: w.pos(y), Message: fmt.Sprintf("the anchor %q holds itself", y.Value)}
	}
	return w.walk(y.Alias, depth+1)
}

func (w *walker) sequence(y *yaml.Node, depth int) (*Node, error) {
	w.active[y] = true
	defer delete(w.active, y)
	n := &Node{Kind: Sequence, Pos: w.pos(y), Tag: localTag(y), Items: make([]*Node, 0, len(y.Content))}
	for _, c := range y.Content {
		item, err := w.walk(c, depth+1)
		if err != nil {
			return nil, err
		}
		n.Items = append(n.Items, item)
	}
	return n, nil
}

func (w *walker) mapping(y *yaml.Node, depth int) (*Node, error) {
	w.active[y] = true
	defer delete(w.active, y)
	n := &Node{Kind: Mapping, Pos: w.pos(y), Tag: localTag(y)}
	var merges []*Node
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, err := w.walk(y.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		val, err := w.walk(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if y.Content[i].Tag == "!!merge" || (key.Text == "<<" && !key.Quoted) {
			merges = append(merges, val)
			continue
		}
		w.add(n, key, val)
	}
	for _, m := range merges {
		w.merge(n, m)
	}
	return n, nil
}

func (w *walker) add(n *Node, key, val *Node) {
	if key.Kind != Scalar {
		w.errs.AddHint(key.Pos, "quote a value that starts with {{ as in key: \"{{ var }}\"",
			"a key must be a plain value, not %s", key.Kind)
		return
	}
	for _, e := range n.Entries {
		if value.Equal(e.Key.Value, key.Value) {
			w.errs.Add(key.Pos, "the key %q stands twice, first in line %d", key.Text, e.Key.Pos.Line)
			return
		}
	}
	n.Entries = append(n.Entries, &Entry{Key: key, Value: val})
}

// merge applies a YAML 1.1 merge key: present keys win, earlier sources first.
func (w *walker) merge(n, from *Node) {
	switch from.Kind {
	case Sequence:
		for _, item := range from.Items {
			w.merge(n, item)
		}
	case Mapping:
		for _, e := range from.Entries {
			if !hasKey(n, e.Key.Value) {
				n.Entries = append(n.Entries, e)
			}
		}
	default:
		w.errs.Add(from.Pos, "<< takes a mapping or a list of mappings")
	}
}

func hasKey(n *Node, key any) bool {
	for _, e := range n.Entries {
		if value.Equal(e.Key.Value, key) {
			return true
		}
	}
	return false
}

func (w *walker) scalar(y *yaml.Node) *Node {
	n := &Node{Pos: w.pos(y), Tag: localTag(y), Text: y.Value}
	n.Quoted = y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	explicit := ""
	if y.Style&yaml.TaggedStyle != 0 {
		explicit = y.ShortTag()
	}
	switch {
	case explicit == "!!str" || n.Tag != "" || (n.Quoted && explicit == ""):
		n.Value = y.Value
	default:
		n.Value = ResolveScalar(y.Value)
	}
	return n
}

// localTags are those that Ansible's YAML knows.
var localTags = []string{"!unsafe", "!vault", "!vault-encrypted"}

// localTag returns an application's own tag, "" for YAML's.
func localTag(y *yaml.Node) string {
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") && y.Tag != "!" {
		return y.Tag
	}
	return ""
}
