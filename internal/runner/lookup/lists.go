package lookup

import (
	"context"
	"math/rand/v2"

	"rollout/internal/template"
	"rollout/internal/value"
)

func asList(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case value.Tuple:
		return x, true
	}
	return nil, false
}

func randomChoice(_ context.Context, terms []any, _ *value.Map, _ template.Scope) ([]any, error) {
	if len(terms) == 0 {
		return []any{}, nil
	}
	return []any{terms[rand.IntN(len(terms))]}, nil
}
