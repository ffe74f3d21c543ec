package template

import (
	"math"
	"math/big"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// jinjaFilters are jinja2's filters on single values.
func jinjaFilters() []*builtin {
	return []*builtin{
		def("abs", "", filterAbs),
		def("attr", "name", filterAttr),
		def("d", "! ? default_value boolean", filterDefault),
		def("default", "! ? default_value boolean", filterDefault),
		def("filesizeformat", "binary", filterFilesize),
		def("float", "default", filterFloat),
		def("format", "? * **", filterFormat),
		def("int", "default base", filterInt),
		def("length", "", filterLength),
		def("count", "", filterLength),
		def("list", "", func(a *args) (any, error) { return a.list(append([]any(nil), a.items()...)), nil }),
		def("pprint", "", func(a *args) (any, error) { return reprStrict(a.in) }),
		def("round", "precision method", filterRound),
		def("safe", "", func(a *args) (any, error) { return a.input(), nil }),
		def("string", "", func(a *args) (any, error) { return a.input(), nil }),
		def("tojson", "indent", filterTojson),
	}
}

func filterAbs(a *args) (any, error) {
	i, b, f, k := number(a.in)
	switch k {
	case 'i':
		if i < 0 {
			return negate(i)
		}
		return i, nil
	case 'b':
		return small(new(big.Int).Abs(b)), nil
	case 'f':
		return math.Abs(f), nil
	}
	return nil, failf("bad operand type for abs(): '%s'", typeName(a.in))
}

// filterAttr looks at attributes only: an item of a dict is none.
func filterAttr(a *args) (any, error) {
	name := a.str(0, "")
	if m := a.frame.run.engine.method(a.in, name); m != nil {
		return &function{def: m, self: a.in}, nil
	}
	if unsafeName(name) {
		return refusedAttribute(a.in, name), nil
	}
	switch a.in.(type) {
	case *value.Map, Dict:
		return noAttribute(a.in, name), nil
	}
	return getattr(a.frame, a.in, name)
}

func filterDefault(a *args) (any, error) {
	if u, ok := a.p[1].(*Undefined); ok {
		return nil, u.Err()
	}
	if u, ok := a.in.(*Undefined); ok {
		if u.refused {
			return nil, u.Err()
		}
		return a.get(0, ""), nil
	}
	if a.bool(1, false) {
		t, err := truth(a.in)
		if err != nil || !t {
			return a.get(0, ""), err
		}
	}
	return a.in, nil
}

func filterFilesize(a *args) (any, error) {
	v, err := toFloatLoose(a.in)
	if err != nil {
		return nil, err
	}
	base, units := 1000.0, []string{"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"}
	if a.bool(0, false) {
		base, units = 1024, []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"}
	}
	switch {
	case v == 1:
		return "1 Byte", nil
	case v < base:
		return strconv.Itoa(int(v)) + " Bytes", nil
	}
	unit := base
	for i, name := range units {
		unit *= base
		if v < unit || i == len(units)-1 {
			return fixed(base*v/unit, 1) + " " + name, nil
		}
	}
	return nil, nil
}

func fixed(f float64, digits int) string { return strconv.FormatFloat(f, 'f', digits, 64) }

func toFloatLoose(v any) (float64, error) {
	if isNumber(v) {
		return toFloat(v), nil
	}
	s, ok := v.(string)
	if !ok {
		return 0, failf("float() argument must be a string or a real number, not '%s'", typeName(v))
	}
	f, ok := parseFloat(s)
	if !ok {
		return 0, failf("could not convert string to float: %s", quoted(s))
	}
	return f, nil
}

// parseFloat is Python's float(s).
func parseFloat(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	low := strings.ToLower(strings.TrimLeft(s, "+-"))
	switch low {
	case "inf", "infinity", "nan":
		f, err := strconv.ParseFloat(s, 64)
		return f, err == nil
	}
	if strings.HasPrefix(low, "_") || strings.HasSuffix(low, "_") || strings.Contains(low, "__") || strings.ContainsAny(low, "xpin") {
		return 0, false
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(s, "_", ""), 64)
	if ne, ok := err.(*strconv.NumError); ok && ne.Err == strconv.ErrRange {
		return f, true
	}
	return f, err == nil
}

func filterFloat(a *args) (any, error) {
	f, err := toFloatLoose(a.in)
	if err != nil {
		return a.get(0, 0.0), nil
	}
	return f, nil
}

// filterInt is int(value), else int(float(value)), else the default.
func filterInt(a *args) (any, error) {
	preset, base := a.get(0, 0), a.int(1, 10)
	switch x := a.in.(type) {
	case string:
		if v, ok := integerText(x, base); ok {
			return v, nil
		}
		if f, ok := parseFloat(x); ok {
			return whole(f, preset)
		}
		return preset, nil
	case float64:
		return whole(x, preset)
	}
	if i, b, _, k := number(a.in); k == 'i' {
		return i, nil
	} else if k == 'b' {
		return b, nil
	}
	return preset, nil
}

// whole is int(f), which Python has no answer to for infinity.
func whole(f float64, preset any) (any, error) {
	if math.IsInf(f, 0) {
		return nil, failf("cannot convert float infinity to integer")
	}
	return truncated(f, preset), nil
}

func truncated(f float64, preset any) any {
	if math.IsInf(f, 0) || f != f {
		return preset
	}
	b, _ := big.NewFloat(math.Trunc(f)).Int(nil)
	return small(b)
}

// integerText is Python's int(s, base).
func integerText(s string, base int) (any, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign, s = s[:1], s[1:]
	}
	prefixes := map[int]string{16: "0x", 8: "0o", 2: "0b"}
	if p, ok := prefixes[base]; ok {
		s = strings.TrimPrefix(s, p)
	}
	if s == "" || s[0] == '_' || s[len(s)-1] == '_' || strings.Contains(s, "__") || s[0] == '-' || s[0] == '+' {
		return nil, false
	}
	if base != 0 && (base < 2 || base > 36) {
		return nil, false
	}
	if base != 0 {
		s = strings.ReplaceAll(s, "_", "")
	}
	if sign == "+" {
		sign = ""
	}
	if len(s) > 4300 {
		return nil, false
	}
	b, ok := new(big.Int).SetString(sign+s, base)
	if !ok {
		return nil, false
	}
	return small(b), true
}

func filterFormat(a *args) (any, error) {
	if u, ok := a.in.(*Undefined); ok && !u.lenient {
		return nil, u.Err()
	}
	s := a.input()
	if a.kw.Len() > 0 {
		return percentFormat(a.frame.run, s, a.kw)
	}
	return percentFormat(a.frame.run, s, value.Tuple(a.rest))
}

func filterLength(a *args) (any, error) {
	n, err := lengthOf(a.in)
	return n, err
}

func lengthOf(v any) (int, error) {
	switch x := v.(type) {
	case string:
		return len([]rune(x)), nil
	case *value.Map:
		return x.Len(), nil
	case Dict:
		return len(x.Keys()), nil
	case span:
		return x.len(), nil
	case octets:
		return len(x), nil
	case *view:
		return len(x.items), nil
	}
	if items, ok := sequenceOf(v); ok {
		return len(items), nil
	}
	return 0, failf("object of type '%s' has no len()", typeName(v))
}

func filterRound(a *args) (any, error) {
	digits, method := a.int(0, 0), a.str(1, "common")
	if !isNumber(a.in) {
		return nil, failf("type %s doesn't define __round__ method", typeName(a.in))
	}
	if digits < -300 || digits > 300 {
		return nil, failf("round: %d digits are too many", digits)
	}
	switch method {
	case "common":
		if _, isFloat := a.in.(float64); !isFloat {
			return roundInteger(a.in, digits), nil
		}
		return roundFloat(toFloat(a.in), digits), nil
	case "ceil":
		return math.Ceil(toFloat(a.in)*math.Pow10(digits))/math.Pow10(digits) + 0, nil
	case "floor":
		return math.Floor(toFloat(a.in)*math.Pow10(digits))/math.Pow10(digits) + 0, nil
	}
	return nil, failf("method must be common, ceil or floor")
}

// roundInteger is round(int, digits): the number itself, unless digits < 0.
func roundInteger(v any, digits int) any {
	n := toBig(v)
	if digits >= 0 {
		return small(n)
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(-digits)), nil)
	q, m := new(big.Int).DivMod(n, unit, new(big.Int))
	twice := new(big.Int).Lsh(m, 1)
	if c := twice.Cmp(unit); c > 0 || (c == 0 && q.Bit(0) == 1) {
		q.Add(q, big.NewInt(1))
	}
	return small(q.Mul(q, unit))
}

// roundFloat rounds the exact binary value half to even, as Python does.
func roundFloat(f float64, digits int) float64 {
	if math.IsInf(f, 0) || f != f {
		return f
	}
	if digits >= 0 {
		r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		return r
	}
	unit := math.Pow10(-digits)
	return math.RoundToEven(f/unit) * unit
}

// filterTojson is jinja2's own: sorted keys, safe within HTML.
func filterTojson(a *args) (any, error) {
	w := &jsonWriter{sortKeys: true, ascii: true, itemSep: ", ", keySep: ": "}
	if a.given(0) {
		w.indent, w.itemSep = strings.Repeat(" ", min(a.int(0, 0), 64)), ","
		w.multiline = true
	}
	s, err := w.encode(a.in)
	if err != nil {
		return nil, err
	}
	return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`, "'", `\u0027`).Replace(s), nil
}
