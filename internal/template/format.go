package template

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollout/internal/value"
)

// spec is how one value is formatted: the common part of % and str.format.
type spec struct {
	fill      string
	align     byte // '<', '>', '^', '=' or 0
	sign      byte // '+', ' ' or 0
	noMinus   bool // z: minus zero is zero
	alt       bool // #
	width     int
	comma     byte // ',' or '_'
	precision int  // -1: none
	verb      byte // 0: none
}

// strFormat is Python's str.format.
func strFormat(f *frame, s string, pos []any, kw *value.Map) (any, error) {
	w := &formatter{f: f, pos: pos, kw: kw}
	out, err := w.format(s, 0)
	if err != nil {
		return nil, err
	}
	return out, f.run.size(len(out))
}

type formatter struct {
	f    *frame
	pos  []any
	kw   *value.Map
	auto int // next automatic field number, -1 once fields are numbered by hand
}

func (w *formatter) format(s string, depth int) (string, error) {
	if depth > 2 {
		return "", failf("Max string recursion exceeded")
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case (c == '{' || c == '}') && i+1 < len(s) && s[i+1] == c:
			b.WriteByte(c)
			i += 2
		case c == '}':
			return "", failf("Single '}' encountered in format string")
		case c == '{':
			end := fieldEnd(s, i+1)
			if end < 0 {
				return "", failf("expected '}' before end of string")
			}
			out, err := w.field(s[i+1:end], depth)
			if err != nil {
				return "", err
			}
			b.WriteString(out)
			i = end + 1
		default:
			b.WriteByte(c)
			i++
		}
		if b.Len() > maxText {
			return "", failf("a string of more than %d bytes", maxText)
		}
	}
	return b.String(), nil
}

// fieldEnd finds the } that closes a field.
func fieldEnd(s string, i int) int {
	depth, bracket := 1, false
	for ; i < len(s); i++ {
		switch {
		case bracket:
			bracket = s[i] != ']'
		case s[i] == '[' && depth == 1:
			bracket = true
		case s[i] == '{':
			depth++
		case s[i] == '}':
			depth--
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (w *formatter) field(field string, depth int) (string, error) {
	name, format := field, ""
	if i := colonOutside(field); i >= 0 {
		name, format = field[:i], field[i+1:]
	}
	conv := byte(0)
	if i := strings.LastIndexByte(name, '!'); i >= 0 && i == len(name)-2 {
		name, conv = name[:i], name[i+1]
	}
	v, err := w.lookup(name)
	if err != nil {
		return "", err
	}
	if format, err = w.format(format, depth+1); err != nil {
		return "", err
	}
	switch conv {
	case 'r', 'a':
		s, err := reprStrict(v)
		if err != nil {
			return "", err
		}
		if v = s; conv == 'a' {
			v = asciiOnly(s)
		}
	case 's':
		if v, err = str(v); err != nil {
			return "", err
		}
	case 0:
	default:
		return "", failf("Unknown conversion specifier '%c'", conv)
	}
	return formatValue(w.f.run, v, format)
}

func colonOutside(s string) int {
	bracket := false
	for i := range len(s) {
		switch {
		case s[i] == '[':
			bracket = true
		case s[i] == ']':
			bracket = false
		case s[i] == ':' && !bracket:
			return i
		}
	}
	return -1
}

// lookup resolves "0", "name", "0.attr" and "name[key]".
func (w *formatter) lookup(name string) (any, error) {
	end := strings.IndexAny(name, ".[")
	if end < 0 {
		end = len(name)
	}
	v, err := w.argument(name[:end])
	for rest := name[end:]; rest != "" && err == nil; {
		if rest[0] == '.' {
			stop := strings.IndexAny(rest[1:], ".[")
			if stop < 0 {
				stop = len(rest) - 1
			}
			v, err = w.attribute(v, rest[1:1+stop])
			rest = rest[1+stop:]
			continue
		}
		stop := strings.IndexByte(rest, ']')
		if stop < 0 {
			return nil, failf("Missing ']' in format string")
		}
		var key any = rest[1:stop]
		if n, convErr := strconv.Atoi(rest[1:stop]); convErr == nil {
			key = n
		}
		v, err = getitem(w.f, v, key)
		rest = rest[stop+1:]
	}
	if u, ok := v.(*Undefined); ok && err == nil {
		return nil, u.Err()
	}
	return v, err
}

// attribute is stricter than a template's "x.y": an item is no attribute.
func (w *formatter) attribute(v any, name string) (any, error) {
	if unsafeName(name) {
		return nil, refusedAttribute(v, name).Err()
	}
	switch v.(type) {
	case *value.Map, Dict:
		return nil, noAttribute(v, name).Err()
	}
	return getattr(w.f, v, name)
}

func (w *formatter) argument(name string) (any, error) {
	n, err := strconv.Atoi(name)
	switch {
	case name == "":
		if w.auto < 0 {
			return nil, failf("cannot switch from manual field specification to automatic field numbering")
		}
		n = w.auto
		w.auto++
	case err == nil:
		if w.auto > 0 {
			return nil, failf("cannot switch from automatic field numbering to manual field specification")
		}
		w.auto = -1
	default:
		v, ok := w.kw.Get(name)
		if !ok {
			return nil, failf("KeyError: %s", quoted(name))
		}
		return v, nil
	}
	if n < 0 || n >= len(w.pos) {
		return nil, failf("Replacement index %d out of range for positional args tuple", n)
	}
	return w.pos[n], nil
}

// formatValue is Python's format(v, spec).
func formatValue(r *run, v any, format string) (string, error) {
	if format == "" {
		return str(v)
	}
	if d, ok := v.(datetime); ok {
		return strftime(format, d), nil
	}
	sp, ok := parseSpec(format)
	if !ok {
		return "", failf("Invalid format specifier %s", quoted(format))
	}
	if err := r.size(max(sp.width, sp.precision)); err != nil {
		return "", err
	}
	if b, isBool := v.(bool); isBool {
		if v = 0; b {
			v = 1
		}
	}
	switch x := v.(type) {
	case string:
		if sp.verb != 0 && sp.verb != 's' {
			return "", failf("Unknown format code '%c' for object of type 'str'", sp.verb)
		}
		if sp.comma != 0 || sp.noMinus {
			return "", failf("Cannot specify ',', '_' or 'z' with 's'.")
		}
		return sp.text(x), nil
	case int, *big.Int, float64:
		return sp.number(v)
	}
	return "", failf("unsupported format string passed to %s.__format__", typeName(v))
}

func parseSpec(s string) (spec, bool) {
	sp := spec{fill: " ", precision: -1}
	_, n := utf8.DecodeRuneInString(s)
	if len(s) > n && strings.IndexByte("<>^=", s[n]) >= 0 {
		sp.fill, sp.align, s = s[:n], s[n], s[n+1:]
	} else if s != "" && strings.IndexByte("<>^=", s[0]) >= 0 {
		sp.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		sp.sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "z") {
		sp.noMinus, s = true, s[1:]
	}
	if strings.HasPrefix(s, "#") {
		sp.alt, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") && sp.align == 0 {
		sp.fill, sp.align, s = "0", '=', s[1:]
	}
	var ok bool
	if sp.width, s, ok = leadingInt(s); !ok {
		return sp, false
	}
	if s != "" && (s[0] == ',' || s[0] == '_') {
		sp.comma, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, ".") {
		rest := s[1:]
		if sp.precision, s, ok = leadingInt(rest); !ok || s == rest {
			return sp, false
		}
	}
	if s != "" {
		sp.verb, s = s[0], s[1:]
	}
	return sp, s == ""
}

func leadingInt(s string) (int, string, bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	if i == 0 {
		return 0, s, true
	}
	n, err := strconv.Atoi(s[:i])
	return n, s[i:], err == nil && n <= maxText
}

func (sp spec) text(s string) string {
	if sp.precision >= 0 {
		if r := []rune(s); len(r) > sp.precision {
			s = string(r[:sp.precision])
		}
	}
	align := sp.align
	if align == 0 || align == '=' {
		align = '<'
	}
	return sp.pad("", s, align)
}

// pad fills sign+digits up to the width.
func (sp spec) pad(sign, s string, align byte) string {
	n := sp.width - utf8.RuneCountInString(sign+s)
	if n <= 0 {
		return sign + s
	}
	switch align {
	case '<':
		return sign + s + strings.Repeat(sp.fill, n)
	case '^':
		return strings.Repeat(sp.fill, n/2) + sign + s + strings.Repeat(sp.fill, n-n/2)
	case '=':
		return sign + strings.Repeat(sp.fill, n) + s
	}
	return strings.Repeat(sp.fill, n) + sign + s
}

// number formats an int or a float.
func (sp spec) number(v any) (string, error) {
	verb := sp.verb
	_, isFloat := v.(float64)
	if verb == 0 && !isFloat {
		verb = 'd'
	}
	var digits string
	var err error
	switch verb {
	case 'd', 'n', 'b', 'o', 'x', 'X', 'c':
		if isFloat && verb != 'n' {
			return "", failf("Unknown format code '%c' for object of type 'float'", verb)
		}
		if sp.precision >= 0 && !isFloat {
			return "", failf("Precision not allowed in integer format specifier")
		}
		if isFloat {
			digits = sp.float(toFloat(v), 'g')
			break
		}
		if sp.noMinus {
			return "", failf("Negative zero coercion (z) not allowed in format specifier with integer")
		}
		digits, err = sp.integer(toBig(v), verb)
	case 0, 'e', 'E', 'f', 'F', 'g', 'G', '%':
		digits = sp.float(toFloat(v), verb)
	default:
		err = failf("Unknown format code '%c' for object of type '%s'", verb, typeName(v))
	}
	if err != nil {
		return "", err
	}
	sign := ""
	if sp.noMinus && strings.Trim(digits, "-0.e+%") == "" {
		digits = strings.TrimPrefix(digits, "-")
	}
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	} else if sp.sign == '+' || sp.sign == ' ' {
		sign = string(sp.sign)
	}
	if sp.alt && (verb == 'b' || verb == 'o' || verb == 'x' || verb == 'X') {
		sign += "0" + string(verb)
	}
	if sp.comma != 0 {
		digits = grouped(digits, sp.comma, verb)
	}
	align := sp.align
	if align == 0 {
		align = '>'
	}
	return sp.pad(sign, digits, align), nil
}

func (sp spec) integer(n *big.Int, verb byte) (string, error) {
	switch verb {
	case 'b':
		return n.Text(2), nil
	case 'o':
		return n.Text(8), nil
	case 'x':
		return n.Text(16), nil
	case 'X':
		return strings.ToUpper(n.Text(16)), nil
	case 'c':
		if !n.IsInt64() || n.Int64() < 0 || n.Int64() > utf8.MaxRune {
			return "", failf("%%c arg not in range(0x110000)")
		}
		return string(rune(n.Int64())), nil
	}
	return n.String(), nil
}

func (sp spec) float(f float64, verb byte) string {
	precision := sp.precision
	if precision < 0 && verb != 0 {
		precision = 6
	}
	var s string
	switch verb {
	case 0:
		if precision < 0 {
			return value.FloatRepr(f, "inf", "nan")
		}
		s = general(f, max(precision, 1), sp.alt)
		if !strings.ContainsAny(s, ".en") {
			s += ".0"
		}
	case 'e', 'E':
		s = strconv.FormatFloat(f, 'e', precision, 64)
	case 'f', 'F':
		s = strconv.FormatFloat(f, 'f', precision, 64)
	case '%':
		s = strconv.FormatFloat(f*100, 'f', precision, 64) + "%"
	default:
		s = general(f, max(precision, 1), sp.alt)
	}
	s = strings.ToLower(strings.TrimPrefix(s, "+"))
	if verb == 'E' || verb == 'F' || verb == 'G' {
		s = strings.ToUpper(s)
	}
	return s
}

// general is C's %g.
func general(f float64, precision int, alt bool) string {
	s := strconv.FormatFloat(f, 'e', precision-1, 64)
	i := strings.IndexByte(s, 'e')
	if i < 0 {
		return s
	}
	exp, _ := strconv.Atoi(s[i+1:])
	mantissa, tail := s[:i], s[i:]
	if exp >= -4 && exp < precision {
		mantissa, tail = strconv.FormatFloat(f, 'f', precision-1-exp, 64), ""
	}
	if !alt && strings.IndexByte(mantissa, '.') >= 0 {
		mantissa = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
	}
	return mantissa + tail
}

// grouped puts a separator between groups of three digits (four in hex).
func grouped(s string, sep byte, verb byte) string {
	whole, tail := s, ""
	if i := strings.IndexAny(s, ".e%"); i >= 0 && verb != 'x' {
		whole, tail = s[:i], s[i:]
	}
	size := 3
	if verb == 'x' || verb == 'X' || verb == 'b' || verb == 'o' {
		size = 4
	}
	var b strings.Builder
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%size == 0 {
			b.WriteByte(sep)
		}
		b.WriteByte(whole[i])
	}
	return b.String() + tail
}

// asciiOnly writes what is not ASCII as Python's ascii() does.
func asciiOnly(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	return b.String()
}
