package vars

import "rollout/internal/value"

// Shown is v for a listing: texts that must not be templated become texts, or,
// with mark, what Ansible's JSON has for them. Collections that are one stay one.
func Shown(v any, mark bool) any {
	if !holdsRaw(v) {
		return v
	}
	return (&shower{mark: mark, done: map[*value.Map]any{}}).show(v)
}

type shower struct {
	mark bool
	done map[*value.Map]any
}

func (s *shower) show(v any) any {
	switch x := v.(type) {
	case Raw:
		if s.mark {
			return value.NewMap("__ansible_unsafe", string(x))
		}
		return string(x)
	case []any:
		if !holdsRaw(x) {
			return x
		}
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = s.show(e)
		}
		return out
	case *value.Map:
		if !holdsRaw(x) {
			return x
		}
		if known, ok := s.done[x]; ok {
			return known
		}
		out := value.NewMap()
		s.done[x] = out
		for k, e := range x.All() {
			out.Set(k, s.show(e))
		}
		return out
	}
	return v
}

func holdsRaw(v any) bool {
	switch x := v.(type) {
	case Raw:
		return true
	case []any:
		for _, e := range x {
			if holdsRaw(e) {
				return true
			}
		}
	case *value.Map:
		for _, e := range x.All() {
			if holdsRaw(e) {
				return true
			}
		}
	}
	return false
}
