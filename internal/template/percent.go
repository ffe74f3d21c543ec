package template

import (
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"

	"rollout/internal/value"
)

// percentFormat is Python's "format % args".
func percentFormat(r *run, format string, v any) (any, error) {
	w := &percent{s: format, single: v}
	switch x := v.(type) {
	case value.Tuple:
		w.args, w.tuple = x, true
	case *value.Map:
		w.m = x
	}
	var b strings.Builder
	for w.i < len(w.s) {
		next := strings.IndexByte(w.s[w.i:], '%')
		if next < 0 {
			break
		}
		b.WriteString(w.s[w.i : w.i+next])
		w.i += next + 1
		out, err := w.conversion(r)
		if err != nil {
			return nil, err
		}
		b.WriteString(out)
		if b.Len() > maxText {
			return nil, failf("a string of more than %d bytes", maxText)
		}
	}
	b.WriteString(w.s[w.i:])
	if w.unused() {
		return nil, failf("not all arguments converted during string formatting")
	}
	return b.String(), r.size(b.Len())
}

// percent is the state of a % formatting.
type percent struct {
	s      string
	i      int
	args   []any
	next   int
	tuple  bool
	m      *value.Map
	single any
}

func (w *percent) unused() bool {
	if w.tuple {
		return w.next < len(w.args)
	}
	_, isList := listOf(w.single)
	return w.next == 0 && w.m == nil && !isList
}

func (w *percent) arg() (any, error) {
	w.next++
	switch {
	case w.tuple && w.next <= len(w.args):
		return w.args[w.next-1], nil
	case !w.tuple && w.next == 1:
		return w.single, nil
	}
	return nil, failf("not enough arguments for format string")
}

func (w *percent) peek() byte {
	if w.i < len(w.s) {
		return w.s[w.i]
	}
	return 0
}

// conversion reads what follows a % and formats the next argument.
func (w *percent) conversion(r *run) (string, error) {
	sp := spec{fill: " ", align: '>', precision: -1}
	var v any
	var err error
	has := false
	if w.peek() == '(' {
		if v, err = w.key(); err != nil {
			return "", err
		}
		has = true
	}
	w.flags(&sp)
	if sp.width, err = w.count(); err != nil {
		return "", err
	}
	if sp.width < 0 {
		sp.width, sp.align = -sp.width, '<'
	}
	if w.peek() == '.' {
		w.i++
		if sp.precision, err = w.count(); err != nil {
			return "", err
		}
	}
	for w.peek() == 'l' || w.peek() == 'h' || w.peek() == 'L' {
		w.i++
	}
	sp.verb = w.peek()
	w.i++
	switch {
	case sp.verb == 0:
		return "", failf("incomplete format")
	case sp.verb == '%':
		return "%", nil
	case !has:
		if v, err = w.arg(); err != nil {
			return "", err
		}
	}
	if err := r.size(max(sp.width, sp.precision)); err != nil {
		return "", err
	}
	return sp.percent(v)
}

func (w *percent) key() (any, error) {
	end := strings.IndexByte(w.s[w.i:], ')')
	if w.m == nil || end < 0 {
		return nil, failf("format requires a mapping")
	}
	name := w.s[w.i+1 : w.i+end]
	w.i += end + 1
	v, ok := w.m.Get(name)
	if !ok {
		return nil, failf("KeyError: %s", quoted(name))
	}
	return v, nil
}

func (w *percent) flags(sp *spec) {
	for ; ; w.i++ {
		switch c := w.peek(); c {
		case '-':
			sp.align, sp.fill = '<', " "
		case '0':
			if sp.align != '<' {
				sp.align, sp.fill = '=', "0"
			}
		case '+':
			sp.sign = '+'
		case ' ':
			if sp.sign == 0 {
				sp.sign = ' '
			}
		case '#':
			sp.alt = true
		default:
			return
		}
	}
}

// count reads a width or precision; * takes it from the arguments.
func (w *percent) count() (int, error) {
	if w.peek() == '*' {
		w.i++
		v, err := w.arg()
		if err != nil {
			return 0, err
		}
		n, _, _, k := number(v)
		if k != 'i' || n > maxText || n < -maxText {
			return 0, failf("* wants int")
		}
		return n, nil
	}
	n, rest, ok := leadingInt(w.s[w.i:])
	if !ok {
		return 0, failf("width too big")
	}
	w.i = len(w.s) - len(rest)
	return n, nil
}

// percent formats v by a % conversion.
func (sp spec) percent(v any) (string, error) {
	if u, ok := v.(*Undefined); ok {
		if (sp.verb != 'r' && sp.verb != 'a') || u.Name == "" {
			return "", u.Err()
		}
		return sp.aligned("AnsibleUndefined(hint=None, obj=missing, name=" + quoted(u.Name) + ")"), nil
	}
	if sp.verb != 'd' && sp.verb != 'i' && sp.verb != 'u' && sp.fill == "0" && strings.IndexByte("sracr", sp.verb) >= 0 {
		sp.fill, sp.align = " ", '>'
	}
	switch sp.verb {
	case 's':
		s, err := str(v)
		return sp.aligned(s), err
	case 'r':
		s, err := reprStrict(v)
		return sp.aligned(s), err
	case 'a':
		s, err := reprStrict(v)
		return sp.aligned(asciiOnly(s)), err
	case 'c':
		if s, ok := v.(string); ok && utf8.RuneCountInString(s) == 1 {
			return sp.aligned(s), nil
		}
	case 'i', 'u':
		sp.verb = 'd'
	}
	if !isNumber(v) {
		want := "a real number is required"
		if strings.IndexByte("xXoc", sp.verb) >= 0 {
			want = "an integer is required"
		}
		return "", failf("%%%c format: %s, not %s", sp.verb, want, typeName(v))
	}
	if f, ok := v.(float64); ok && sp.verb == 'd' {
		v = truncated(f, 0)
	}
	if strings.IndexByte("dxXocfFeEgG", sp.verb) < 0 {
		return "", failf("unsupported format character '%c'", sp.verb)
	}
	if sp.verb == 'd' && sp.precision > 0 {
		n := toBig(v)
		s := new(big.Int).Abs(n).String()
		if pad := sp.precision - len(s); pad > 0 {
			return sp.aligned(fmt.Sprintf("%s%s%s", strings.Repeat("-", (1-n.Sign())/2), strings.Repeat("0", pad), s)), nil
		}
	}
	if b, ok := v.(bool); ok {
		v, _, _, _ = number(b)
	}
	if strings.IndexByte("dxXoc", sp.verb) >= 0 {
		sp.precision = -1
	}
	return sp.number(v)
}

func (sp spec) aligned(s string) string {
	if sp.precision >= 0 && sp.verb != 'd' && utf8.RuneCountInString(s) > sp.precision {
		s = string([]rune(s)[:sp.precision])
	}
	return sp.pad("", s, sp.align)
}
