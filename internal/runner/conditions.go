package runner

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"rollout/internal/document"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
)

// conditionError is a condition that can't be evaluated.
type conditionError struct {
	text string
	err  error
}

func (e *conditionError) Error() string {
	return fmt.Sprintf("The conditional check '%s' failed. The error was: error while evaluating conditional (%s): %v",
		e.text, e.text, e.err)
}

func (e *conditionError) Unwrap() error { return e.err }

// conditions tells whether all hold, and which does not.
func (b *batch) conditions(ctx context.Context, s *vars.Scope, list []*document.Node) (bool, string, error) {
	for _, n := range list {
		ok, err := b.run.condition(ctx, s, n)
		if err != nil {
			return false, n.Text, &conditionError{text: strings.TrimSpace(n.Text), err: err}
		}
		if !ok {
			return false, n.Text, nil
		}
	}
	return true, "", nil
}

// condition evaluates one condition: a bool, or an expression without braces.
func (r *Run) condition(ctx context.Context, s *vars.Scope, n *document.Node) (bool, error) {
	text, isText := n.Value.(string)
	if n.Kind != document.Scalar || !isText {
		v, err := evaluate(s, r, n)
		return value.Truthy(v), err
	}
	return r.expression(ctx, s, text)
}

func (r *Run) expression(ctx context.Context, s *vars.Scope, text string) (bool, error) {
	if strings.TrimSpace(text) == "" {
		return true, nil
	}
	rendered := template.IsTemplate(text)
	if rendered {
		r.tell(report.Warning{Text: "conditional statements should not include jinja2 templating delimiters such as {{ }} or {% %}. Found: " + text})
		v, err := s.Evaluate(text)
		if err != nil {
			return false, err
		}
		isText := false
		if text, isText = v.(string); !isText {
			return value.Truthy(v), nil
		}
	}
	x, err := r.engine.CompileCondition(text)
	if err != nil {
		return false, err
	}
	if rendered && x.LooksUp() { // the text may hold what a host sent
		return false, fmt.Errorf("the condition's template gave a text with a lookup in it; write the condition without {{ }}")
	}
	v, err := x.Eval(ctx, s)
	if err != nil {
		return false, err
	}
	if u, ok := v.(*template.Undefined); ok {
		return false, u.Err()
	}
	return value.Truthy(v), nil
}

// evaluate returns a node's content with its templates rendered.
func evaluate(s *vars.Scope, r *Run, n *document.Node) (any, error) {
	v, err := r.decodedValue(n)
	if err != nil {
		return nil, err
	}
	v, err = s.Evaluate(v)
	if u, ok := v.(*template.Undefined); ok && err == nil {
		return nil, u.Err()
	}
	return v, err
}

// isUndefined tells an undefined variable from other mistakes.
func isUndefined(err error) bool {
	var undefined *template.UndefinedError
	return errors.As(err, &undefined)
}

// truth evaluates a keyword that is a bool; nil is false.
func truth(s *vars.Scope, n *document.Node, keyword string) (bool, error) {
	return truthOr(s, n, keyword, false)
}

// truthOr is truth where nothing said, or omit, means otherwise.
func truthOr(s *vars.Scope, n *document.Node, keyword string, otherwise bool) (bool, error) {
	if n == nil || s == nil {
		return otherwise, nil
	}
	v, err := s.Evaluate(n.Value)
	if err != nil {
		return false, fmt.Errorf("the keyword '%s' cannot be evaluated: %w", keyword, err)
	}
	if v == any(vars.OmitText()) {
		return truthOr(s, n.Outer, keyword, otherwise)
	}
	b, ok := asBool(v)
	if !ok {
		return false, n.Errorf("the value of '%s' must be yes or no, not %s", keyword, text(v))
	}
	return b, nil
}

func asBool(v any) (b, ok bool) {
	switch x := v.(type) {
	case nil:
		return false, true
	case bool:
		return x, true
	case int:
		return x == 1, x == 0 || x == 1
	case string:
		switch strings.ToLower(strings.TrimSpace(x)) {
		case "yes", "true", "on", "1", "y", "t":
			return true, true
		case "no", "false", "off", "0", "n", "f", "":
			return false, true
		}
	}
	return false, false
}

// number evaluates a keyword that is a number.
func number(s *vars.Scope, n *document.Node, keyword string) (float64, error) {
	v, err := s.Evaluate(n.Value)
	if err != nil {
		return 0, fmt.Errorf("the keyword '%s' cannot be evaluated: %w", keyword, err)
	}
	switch x := v.(type) {
	case int:
		return float64(x), nil
	case float64:
		return x, nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(x), 64); err == nil {
			return f, nil
		}
	}
	return 0, n.Errorf("the value of '%s' must be a number, not %s", keyword, text(v))
}

func whole(s *vars.Scope, n *document.Node, keyword string) (int, error) {
	f, err := number(s, n, keyword)
	if err == nil && f != float64(int(f)) {
		err = n.Errorf("the value of '%s' must be a whole number, not %v", keyword, f)
	}
	return int(f), err
}

// words evaluates a keyword that is text.
func words(s *vars.Scope, n *document.Node, keyword string) (string, error) {
	if n == nil {
		return "", nil
	}
	v, err := s.Evaluate(n.Value)
	if err != nil {
		return "", fmt.Errorf("the keyword '%s' cannot be evaluated: %w", keyword, err)
	}
	if u, ok := v.(*template.Undefined); ok {
		return "", u.Err()
	}
	if v == any(vars.OmitText()) {
		return words(s, n.Outer, keyword)
	}
	if v == nil {
		return "", nil
	}
	return text(v), nil
}
