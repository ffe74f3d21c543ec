// Package jmespath asks data with JMESPath expressions (jmespath.org), giving
// what Python's library gives. Data goes expression → tree → value.
package jmespath

import (
	"fmt"

	"rollout/internal/value"
)

// Limits on an expression and on what it may do.
const (
	maxLength = 64 << 10
	maxDepth  = 200
	maxSteps  = 5_000_000
)

// Query is a compiled expression. It is safe for concurrent use.
type Query struct{ root node }

// Compile reads an expression.
func Compile(text string) (*Query, error) {
	if len(text) > maxLength {
		return nil, fmt.Errorf("the expression is too long")
	}
	tokens, err := scan(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.expression(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != tokEnd {
		return nil, fmt.Errorf("unexpected %s at column %d", t, t.pos+1)
	}
	return &Query{root}, nil
}

// Search returns what the expression finds in data, which it does not change;
// nil is JMESPath's null.
func (q *Query) Search(data any) (any, error) {
	return q.root.eval(&search{}, data)
}

// search counts what one evaluation does.
type search struct{ steps int }

func (s *search) step(n int) error {
	if s.steps += n + 1; s.steps > maxSteps {
		return fmt.Errorf("the expression does too much: more than %d steps", maxSteps)
	}
	return nil
}

// node is a part of an expression.
type node interface {
	eval(s *search, in any) (any, error)
}

// truthy is JMESPath's: null, false and what is empty are not, 0 is.
func truthy(v any) bool {
	switch v.(type) {
	case nil, bool, string, []any, value.Tuple, *value.Map:
		return value.Truthy(v)
	}
	return true
}

func listOf(v any) ([]any, bool) {
	switch x := v.(type) {
	case []any:
		return x, true
	case value.Tuple:
		return x, true
	}
	return nil, false
}
