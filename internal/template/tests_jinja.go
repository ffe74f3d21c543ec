package template

import (
	"math/big"
	"strings"
	"unicode"

	"rollout/internal/value"
)

// jinjaTests are jinja2's tests.
func jinjaTests() []*builtin {
	list := []*builtin{
		def("boolean", "?", func(a *args) (any, error) { _, ok := a.in.(bool); return ok, nil }),
		def("callable", "?", testCallable),
		def("defined", "! ?", func(a *args) (any, error) { return !isUndefined(a.in), nil }),
		def("divisibleby", "num", testDivisible),
		def("escaped", "?", func(a *args) (any, error) { return isUndefined(a.in), nil }),
		def("even", "", func(a *args) (any, error) { return a.remainderIs(2, 0) }),
		def("false", "?", func(a *args) (any, error) { return a.in == any(false), nil }),
		def("filter", "", func(a *args) (any, error) { return a.frame.run.engine.filter(a.word()) != nil, nil }),
		def("float", "?", func(a *args) (any, error) { _, ok := a.in.(float64); return ok, nil }),
		def("in", "seq", func(a *args) (any, error) { return includes(a.frame.run, a.need(0), a.in) }),
		def("integer", "?", testInteger),
		def("iterable", "", func(a *args) (any, error) { _, err := iterate(a.in); return err == nil, nil }),
		def("lower", "", func(a *args) (any, error) { return isCase(a.input(), unicode.IsLower, unicode.IsUpper), nil }),
		def("mapping", "! ?", testMapping),
		def("none", "! ?", func(a *args) (any, error) { return a.in == nil, nil }),
		def("number", "?", func(a *args) (any, error) { return isNumber(a.in), nil }),
		def("odd", "", func(a *args) (any, error) { return a.remainderIs(2, 1) }),
		def("sameas", "? other", testSameas),
		def("sequence", "?", testSequence),
		def("string", "! ?", func(a *args) (any, error) { _, ok := a.in.(string); return ok, nil }),
		def("test", "", func(a *args) (any, error) { return a.frame.run.engine.test(a.word()) != nil, nil }),
		def("true", "?", func(a *args) (any, error) { return a.in == any(true), nil }),
		def("undefined", "! ?", func(a *args) (any, error) { return isUndefined(a.in), nil }),
		def("upper", "", func(a *args) (any, error) { return isCase(a.input(), unicode.IsUpper, unicode.IsLower), nil }),
	}
	for op, names := range map[string]string{"==": "== eq equalto", "!=": "!= ne", ">": "> gt greaterthan", ">=": ">= ge",
		"<": "< lt lessthan", "<=": "<= le"} {
		for _, name := range strings.Fields(names) {
			list = append(list, def(name, "other", func(a *args) (any, error) {
				return compare(a.frame.run, op, a.in, a.need(0))
			}))
		}
	}
	return list
}

func isUndefined(v any) bool {
	_, ok := v.(*Undefined)
	return ok
}

func testCallable(a *args) (any, error) {
	switch a.in.(type) {
	case *function, *macro, *joiner, *loopState, *blockRef:
		return true, nil
	case *Undefined:
		return true, nil // as in jinja2: calling it is what fails
	}
	return false, nil
}

func (a *args) remainderIs(num, want int) (any, error) {
	m, err := binary(a.frame.run, "%", a.in, num)
	if err != nil {
		return nil, err
	}
	return equal(a.frame.run, m, want), nil
}

func testDivisible(a *args) (any, error) {
	m, err := binary(a.frame.run, "%", a.in, a.need(0))
	if err != nil {
		return nil, err
	}
	return equal(a.frame.run, m, 0), nil
}

func testInteger(a *args) (any, error) {
	switch a.in.(type) {
	case int, *big.Int:
		return true, nil
	}
	return false, nil
}

func testMapping(a *args) (any, error) {
	switch a.in.(type) {
	case *value.Map, Dict:
		return true, nil
	}
	return false, nil
}

func testSequence(a *args) (any, error) {
	_, err := lengthOf(a.in)
	return err == nil, nil
}

func testSameas(a *args) (any, error) {
	other := a.need(0)
	switch x := a.in.(type) {
	case nil, bool, int, string, float64:
		return typeName(a.in) == typeName(other) && equal(a.frame.run, a.in, other), nil
	case []any:
		y, ok := other.([]any)
		return ok && len(x) > 0 && len(y) > 0 && &x[0] == &y[0], nil
	case value.Tuple:
		y, ok := other.(value.Tuple)
		return ok && (len(x) == len(y)) && (len(x) == 0 || &x[0] == &y[0]), nil
	case octets:
		return false, nil
	}
	return a.in == other, nil
}

// isCase is Python's isupper and islower: some letters, none of the other case.
func isCase(s string, want, other func(rune) bool) bool {
	found := false
	for _, r := range s {
		if other(r) || unicode.IsTitle(r) {
			return false
		}
		found = found || want(r)
	}
	return found
}
