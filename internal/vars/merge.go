package vars

import (
	"rollout/internal/value"
)

// Merging makes mappings that several layers give one mapping, as the setting
// hash_behaviour = merge has it. It returns s.
func (s *Scope) Merging() *Scope {
	s.merging = true
	return s
}

// merges tells whether a layer's value is a part of a mapping made of several.
func merges(layer *Layer, raw any) bool {
	_, isMap := raw.(*value.Map)
	return isMap && layer.Level < Magic
}

// merged joins the mappings of that name, from the layer top down to the first
// that gives something else.
func (s *Scope) merged(name string, top int) (any, error) {
	var parts []*value.Map // strongest first
	ofTask := false
	for i := top; i >= 0; i-- {
		layer := &s.layers[i]
		raw, ok := layer.get(name)
		inner := layer.Level == BlockVars || layer.Level == TaskVars
		if !ok || inner && ofTask { // a task's vars replace those of its blocks in any case
			continue
		}
		ofTask = ofTask || inner
		v, err := raw, error(nil)
		if !layer.Data {
			v, err = s.variable(name, raw)
		}
		m, isMap := v.(*value.Map)
		if err != nil || !isMap && i == top {
			return v, err
		}
		if !isMap {
			break
		}
		parts = append(parts, m)
	}
	out := parts[len(parts)-1]
	for i := len(parts) - 2; i >= 0; i-- {
		out = Merge(out, parts[i])
	}
	s.cache[name] = cached{v: out}
	return out, nil
}

// Merge is a with b on top of it, at all depths of mappings.
func Merge(a, b *value.Map) *value.Map {
	out := a.Clone()
	for k, v := range b.All() {
		below, isMap := v.(*value.Map)
		have, there := out.At(k).(*value.Map)
		if isMap && there {
			v = Merge(have, below)
		}
		out.Set(k, v)
	}
	return out
}
