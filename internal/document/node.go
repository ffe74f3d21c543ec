package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	Bare    bool     // Scalar: tagged "!", so a string
	Items   []*Node  // Sequence
	Entries []*Entry // Mapping
	// Outer is what stands where this node, a keyword's value, comes to nothing:
	// the same keyword's value on what is around; nil where there is none.
	Outer *Node
	// Notes, of a document's root, are what is legal but seldom meant: keys
	// that stand twice, of which the last counts.
	Notes []*Error
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
		out := make([]any, len(n.Items), max(len(n.Items), 1)) // an empty one has a place of its own too
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

// ParseStrict is Parse where a key that stands twice is an error, as in files
// that only rollout reads.
func ParseStrict(file string, data []byte) (*Node, error) {
	n, err := Parse(file, data)
	if err != nil || len(n.Notes) == 0 {
		return n, err
	}
	var errs Errors
	for _, note := range n.Notes {
		errs.Add(note.Pos, "%s", note.Message)
	}
	return nil, errs.Err()
}

// Parse reads a file of exactly one YAML document. An empty file gives a null
// scalar. JSON is read as JSON, as Ansible tries first. Anchors that hold themselves and alias bombs are errors; of keys that
// stand twice the last counts, and the root's Notes say so.
func Parse(file string, data []byte) (*Node, error) {
	nodes, err := parseAll(file, data, json.Valid(data))
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
	return parseAll(file, data, false)
}

func parseAll(file string, data []byte, isJSON bool) ([]*Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(readable(data, isJSON)))
	w := &walker{file: file, json: isJSON, active: map[*yaml.Node]bool{}}
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
		n.Notes, w.notes = w.notes, nil
		out = append(out, n)
	}
}

// walker turns yaml.v3's tree, which resolves scalars by YAML 1.2 and lets
// duplicates and cycles pass, into Nodes.
type walker struct {
	file   string
	json   bool // the document is JSON: its numbers are JSON's
	count  int
	active map[*yaml.Node]bool
	errs   Errors
	notes  []*Error
}

func (w *walker) pos(y *yaml.Node) Position {
	return Position{File: w.file, Line: y.Line, Column: y.Column}
}

func (w *walker) walk(y *yaml.Node, depth int) (*Node, error) {
	w.count++
	if err := w.tagFits(y); err != nil {
		return nil, err
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
	b := &mapping{node: n, at: map[any]int{}}
	var own []*Entry
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, err := w.key(y.Content[i], depth+1)
		if err != nil {
			return nil, err
		}
		val, err := w.walk(y.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		if y.Content[i].Tag == "!!merge" || (key.Text == "<<" && !key.Quoted) {
			w.merge(b, val)
			continue
		}
		own = append(own, &Entry{Key: key, Value: val})
	}
	b.own = map[int]bool{}
	for _, e := range own {
		w.add(b, e)
	}
	return n, nil
}

// key walks a mapping's key; "=" and "<<" are plain text there.
func (w *walker) key(y *yaml.Node, depth int) (*Node, error) {
	if y.Kind == yaml.ScalarNode && y.Style == 0 && (y.Value == "=" || y.Value == "<<") {
		w.count++
		return &Node{Pos: w.pos(y), Text: y.Value, Value: y.Value}, nil
	}
	return w.walk(y, depth)
}

// mapping is one being put together.
type mapping struct {
	node *Node
	at   map[any]int  // where a key is in node.Entries
	own  map[int]bool // the entries that stand in the mapping itself
}

// set adds an entry or replaces the value of the one that is there.
func (b *mapping) set(e *Entry) (before *Entry, i int) {
	index, _ := value.IndexKey(e.Key.Value)
	i, ok := b.at[index]
	if !ok {
		b.at[index] = len(b.node.Entries)
		b.node.Entries = append(b.node.Entries, e)
		return nil, len(b.node.Entries) - 1
	}
	before = b.node.Entries[i]
	b.node.Entries[i] = &Entry{Key: before.Key, Value: e.Value}
	return before, i
}

func (w *walker) add(b *mapping, e *Entry) {
	if e.Key.Kind != Scalar {
		w.errs.AddHint(e.Key.Pos, "quote a value that starts with {{ as in key: \"{{ var }}\"",
			"a key must be a plain value, not %s", e.Key.Kind)
		return
	}
	before, i := b.set(e)
	if b.own[i] {
		w.notes = append(w.notes, &Error{Pos: e.Key.Pos,
			Message: fmt.Sprintf("found a duplicate dict key (%s), first in line %d", e.Key.Text, before.Key.Pos.Line), Hint: "the last one counts"})
	}
	if before != nil && !b.own[i] {
		b.node.Entries[i].Key = e.Key
	}
	b.own[i] = true
}

// merge applies a YAML 1.1 merge key as PyYAML does: what it brings stands
// first, the mapping's own keys win, and so do earlier ones of a list.
func (w *walker) merge(b *mapping, from *Node) {
	switch from.Kind {
	case Sequence:
		for i := len(from.Items) - 1; i >= 0; i-- {
			if from.Items[i].Kind != Mapping {
				w.errs.Add(from.Items[i].Pos, "<< takes a mapping or a list of mappings")
				return
			}
			w.merge(b, from.Items[i])
		}
	case Mapping:
		for _, e := range from.Entries {
			b.set(e)
		}
	default:
		w.errs.Add(from.Pos, "<< takes a mapping or a list of mappings")
	}
}

func (w *walker) scalar(y *yaml.Node) *Node {
	n := &Node{Pos: w.pos(y), Tag: localTag(y), Text: y.Value}
	n.Quoted = y.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) != 0
	n.Bare = y.Tag == "!"
	explicit := ""
	if y.Style&yaml.TaggedStyle != 0 {
		explicit = y.ShortTag()
	}
	v, err := resolveTagged(explicit, n, y.Value)
	if w.json && !n.Quoted {
		v, err = value.FromJSON([]byte(y.Value))
	}
	if err != nil {
		w.errs.Add(n.Pos, "%s", err)
	}
	n.Value = v
	return n
}

// localTag returns an application's own tag, "" for YAML's.
func localTag(y *yaml.Node) string {
	if strings.HasPrefix(y.Tag, "!") && !strings.HasPrefix(y.Tag, "!!") && y.Tag != "!" {
		return y.Tag
	}
	return ""
}
