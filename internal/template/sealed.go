package template

import (
	"rollout/internal/value"
)

// A vaulted value stays sealed while it is only handed on: in lists and dicts,
// and to what asks whether it is one. An expression that uses it gets its text.

// opened decrypts a vaulted value.
func opened(v any, err error) (any, error) {
	if s, ok := v.(*value.Sealed); ok && err == nil {
		return unseal(s)
	}
	return v, err
}

func unseal(s *value.Sealed) (any, error) {
	text, err := s.Open()
	if err != nil {
		return nil, err // has the value's place
	}
	return text, nil
}

// evalSealed evaluates x, and leaves a vaulted value as it is.
func evalSealed(f *frame, x expr) (any, error) {
	switch n := x.(type) {
	case *nameExpr:
		return f.lookup(n.name)
	case *attrExpr:
		return n.sealed(f)
	case *itemExpr:
		return n.sealed(f)
	case *filterExpr:
		return n.sealed(f)
	case *callExpr:
		return n.sealed(f)
	}
	return x.eval(f)
}

func evalAllSealed(f *frame, in []expr) ([]any, error) {
	out := make([]any, len(in))
	for i, x := range in {
		var err error
		if out[i], err = evalSealed(f, x); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// input evaluates what a filter or test is applied to.
func (b *builtin) input(f *frame, x expr) (any, error) {
	if b.sealed {
		return evalSealed(f, x)
	}
	return x.eval(f)
}

func testVaultEncrypted(a *args) (any, error) {
	_, ok := a.in.(*value.Sealed)
	return ok, nil
}
