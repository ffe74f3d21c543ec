package vars

import (
	"rollout/internal/document"
	"rollout/internal/value"
)

// Decoder turns YAML as written into a Layer's values: texts stay templates,
// !unsafe ones become Raw, !vault ones are decrypted when they are used.
type Decoder struct {
	// Decrypt returns a vaulted value's plain text; nil makes one an error.
	Decrypt func(text []byte) ([]byte, error)
	// Merge joins the mappings of several -e (hash_behaviour = merge).
	Merge bool
}

// Map decodes a mapping of variables; nil gives an empty map.
func (d Decoder) Map(n *document.Node) (*value.Map, error) {
	v, err := d.Value(n)
	if err != nil {
		return nil, err
	}
	switch x := v.(type) {
	case nil:
		return value.NewMap(), nil
	case *value.Map:
		return x, nil
	}
	return nil, n.Errorf("expected a mapping of variables, not %s", n.Kind)
}

// Value decodes any node.
func (d Decoder) Value(n *document.Node) (any, error) {
	if n == nil {
		return nil, nil
	}
	switch n.Kind {
	case document.Sequence:
		return d.list(n)
	case document.Mapping:
		return d.mapping(n)
	}
	return d.scalar(n)
}

func (d Decoder) scalar(n *document.Node) (any, error) {
	switch n.Tag {
	case "":
		return n.Value, nil
	case "!unsafe":
		return Raw(n.Text), nil
	case "!vault", "!vault-encrypted":
		return value.NewSealed(n.Text, func() (string, error) { return d.decrypt(n) }), nil
	}
	return nil, n.Errorf("unknown tag %s (known: !unsafe, !vault)", n.Tag)
}

// decrypt returns the plain text of a vaulted value.
func (d Decoder) decrypt(n *document.Node) (string, error) {
	if d.Decrypt == nil {
		return "", n.Errorf("cannot decrypt the value: Attempting to decrypt but no vault secrets found")
	}
	plain, err := d.Decrypt([]byte(n.Text))
	if err != nil {
		return "", n.Errorf("cannot decrypt the value: %v", err)
	}
	return string(plain), nil
}

func (d Decoder) list(n *document.Node) (any, error) {
	if err := notVaulted(n); err != nil {
		return nil, err
	}
	out := make([]any, len(n.Items), max(len(n.Items), 1)) // an empty one has a place of its own too
	for i, item := range n.Items {
		v, err := d.Value(item)
		if err != nil {
			return nil, err
		}
		if n.Tag == "!unsafe" {
			v = raw(v)
		}
		out[i] = v
	}
	return out, nil
}

// notVaulted refuses !vault before what is no text.
func notVaulted(n *document.Node) error {
	if n.Tag == "!vault" || n.Tag == "!vault-encrypted" {
		return n.Errorf("%s stands before an encrypted text, not before %s", n.Tag, n.Kind)
	}
	return nil
}

func (d Decoder) mapping(n *document.Node) (any, error) {
	if err := notVaulted(n); err != nil {
		return nil, err
	}
	out := value.NewMap()
	for _, e := range n.Entries {
		v, err := d.Value(e.Value)
		if err != nil {
			return nil, err
		}
		if n.Tag == "!unsafe" {
			v = raw(v)
		}
		out.Set(e.Key.Value, v)
	}
	return out, nil
}

// raw marks all text in v.
func raw(v any) any {
	switch x := v.(type) {
	case string:
		return Raw(x)
	case []any:
		for i := range x {
			x[i] = raw(x[i])
		}
	case *value.Map:
		for _, k := range x.Keys() {
			x.Set(k, raw(x.At(k)))
		}
	}
	return v
}
