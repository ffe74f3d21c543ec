package value

import "sync"

// Sealed is a text that is encrypted in a file and decrypted when it is used:
// Ansible's AnsibleVaultEncryptedUnicode. Wherever it is used it is its text.
type Sealed struct {
	envelope string
	open     func() (string, error)

	once sync.Once
	text string
	err  error
}

// NewSealed returns the text that open gives, which is called once at most.
// envelope is the encrypted form, as written.
func NewSealed(envelope string, open func() (string, error)) *Sealed {
	return &Sealed{envelope: envelope, open: open}
}

// Envelope returns the encrypted form.
func (s *Sealed) Envelope() string { return s.envelope }

// Open returns the text.
func (s *Sealed) Open() (string, error) {
	s.once.Do(func() { s.text, s.err = s.open() })
	return s.text, s.err
}

// String is what a program's own messages show: never the text.
func (s *Sealed) String() string { return "(encrypted)" }

// Unseal returns v with every Sealed in it replaced by its text. What holds none
// is shared, not copied.
func Unseal(v any) (any, error) {
	switch x := v.(type) {
	case *Sealed:
		return x.Open()
	case []any:
		return unsealItems(x)
	case Tuple:
		items, err := unsealItems(x)
		return Tuple(items), err
	case *Map:
		return unsealMap(x)
	}
	return v, nil
}

func unsealItems(in []any) ([]any, error) {
	if !holdsSealed(in) {
		return in, nil
	}
	out := make([]any, len(in))
	for i, e := range in {
		var err error
		if out[i], err = Unseal(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func unsealMap(m *Map) (*Map, error) {
	if !holdsSealed(m) {
		return m, nil
	}
	out := NewMap()
	for k, e := range m.All() {
		open, err := Unseal(e)
		if err != nil {
			return nil, err
		}
		out.Set(k, open)
	}
	return out, nil
}

// holdsSealed reports whether there is any Sealed at any depth.
func holdsSealed(v any) bool {
	switch x := v.(type) {
	case *Sealed:
		return true
	case []any:
		for _, e := range x {
			if holdsSealed(e) {
				return true
			}
		}
	case Tuple:
		return holdsSealed([]any(x))
	case *Map:
		for _, e := range x.All() {
			if holdsSealed(e) {
				return true
			}
		}
	}
	return false
}
