package template

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"rollout/internal/value"
)

// printer writes values as Python's str and repr do.
type printer struct {
	b      []byte
	strict bool // an undefined value is an error
	err    error
}

// str is Python's str(v); undefined values, at any depth, are an error.
func str(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case int:
		return strconv.Itoa(x), nil
	}
	p := &printer{strict: true}
	p.str(v)
	return string(p.b), p.err
}

// text is str for messages, where nothing may fail.
func text(v any) string {
	p := &printer{}
	p.str(v)
	return string(p.b)
}

// repr is Python's repr(v) for messages.
func repr(v any) string {
	p := &printer{}
	p.repr(v, 0)
	return string(p.b)
}

func reprStrict(v any) (string, error) {
	p := &printer{strict: true}
	p.repr(v, 0)
	return string(p.b), p.err
}

func (p *printer) str(v any) {
	switch x := v.(type) {
	case string:
		p.b = append(p.b, x...)
	case *Undefined:
		if p.strict && !x.lenient {
			p.err = x.Err()
		}
	case datetime:
		p.b = append(p.b, x.String()...)
	case *blockRef:
		s, err := x.render()
		p.fail(err)
		p.b = append(p.b, s...)
	case *module:
		p.b = append(p.b, x.body...)
	case *value.Sealed:
		s, err := x.Open()
		p.fail(err)
		p.b = append(p.b, s...)
	default:
		p.repr(v, 0)
	}
}

func (p *printer) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *printer) repr(v any, depth int) {
	if depth > maxDataDepth || len(p.b) > maxText {
		p.fail(errTooDeep())
		return
	}
	switch x := v.(type) {
	case nil:
		p.b = append(p.b, "None"...)
	case bool:
		p.b = append(p.b, pyBool(x)...)
	case int:
		p.b = strconv.AppendInt(p.b, int64(x), 10)
	case *big.Int:
		p.b = x.Append(p.b, 10)
	case float64:
		p.b = append(p.b, value.FloatRepr(x, "inf", "nan")...)
	case string:
		p.b = appendQuoted(p.b, x)
	case []any:
		p.items(x, "[", "]", depth)
	case *pyList:
		p.items(x.items, "[", "]", depth)
	case value.Tuple:
		end := ")"
		if len(x) == 1 {
			end = ",)"
		}
		p.items(x, "(", end, depth)
	case *value.Map:
		p.dict(x, depth)
	default:
		p.object(v, depth)
	}
}

func (p *printer) object(v any, depth int) {
	switch x := v.(type) {
	case *Undefined:
		if p.strict {
			p.fail(x.Err())
		}
		p.b = append(p.b, "Undefined"...)
	case Dict:
		m, _, err := dictOf(x)
		p.fail(err)
		if err == nil {
			p.dict(m, depth)
		}
	case *view:
		p.items(x.items, "dict_"+x.kind+"([", "])", depth)
	case span:
		p.span(x)
	case octets:
		p.octets(x)
	case datetime:
		p.b = append(p.b, x.Repr()...)
	case timedelta:
		p.b = append(p.b, x.String()...)
	case *namespace:
		p.b = append(p.b, "<Namespace "...)
		p.dict(x.attrs, depth)
		p.b = append(p.b, '>')
	case *macro:
		p.b = fmt.Appendf(p.b, "<Macro %s>", quoted(x.node.name))
	case *value.Sealed:
		s, err := x.Open()
		p.fail(err)
		p.b = appendQuoted(p.b, s)
	case *function:
		p.b = fmt.Appendf(p.b, "<function %s>", x.def.name)
	default:
		p.b = fmt.Appendf(p.b, "<%s>", typeName(v))
	}
}

func (p *printer) items(items []any, open, end string, depth int) {
	p.b = append(p.b, open...)
	for i, e := range items {
		if i > 0 {
			p.b = append(p.b, ", "...)
		}
		if p.repr(e, depth+1); p.err != nil {
			return
		}
	}
	p.b = append(p.b, end...)
}

func (p *printer) dict(m *value.Map, depth int) {
	p.b = append(p.b, '{')
	first := true
	for k, v := range m.All() {
		if !first {
			p.b = append(p.b, ", "...)
		}
		first = false
		p.repr(k, depth+1)
		p.b = append(p.b, ": "...)
		if p.repr(v, depth+1); p.err != nil {
			return
		}
	}
	p.b = append(p.b, '}')
}

func (p *printer) span(r span) {
	if r.step == 1 {
		p.b = fmt.Appendf(p.b, "range(%d, %d)", r.start, r.stop)
		return
	}
	p.b = fmt.Appendf(p.b, "range(%d, %d, %d)", r.start, r.stop, r.step)
}

func (p *printer) octets(o octets) {
	quote := byte('\'')
	if strings.Contains(string(o), "'") && !strings.Contains(string(o), `"`) {
		quote = '"'
	}
	p.b = append(p.b, 'b', quote)
	for _, c := range o {
		switch {
		case c == quote || c == '\\':
			p.b = append(p.b, '\\', c)
		case c == '\n':
			p.b = append(p.b, `\n`...)
		case c == '\t':
			p.b = append(p.b, `\t`...)
		case c == '\r':
			p.b = append(p.b, `\r`...)
		case c < 0x20 || c >= 0x7f:
			p.b = fmt.Appendf(p.b, `\x%02x`, c)
		default:
			p.b = append(p.b, c)
		}
	}
	p.b = append(p.b, quote)
}

func pyBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func quoted(s string) string { return string(appendQuoted(nil, s)) }

// appendQuoted writes a string literal, in the quotes Python's repr chooses.
func appendQuoted(b []byte, s string) []byte {
	quote := byte('\'')
	if strings.IndexByte(s, '\'') >= 0 && strings.IndexByte(s, '"') < 0 {
		quote = '"'
	}
	b = append(b, quote)
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f {
			if c == quote || c == '\\' {
				b = append(b, '\\')
			}
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		b = appendRuneEscaped(b, r, s[i:i+n])
		i += n
	}
	return append(b, quote)
}

func appendRuneEscaped(b []byte, r rune, raw string) []byte {
	switch {
	case r == '\n':
		return append(b, `\n`...)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == utf8.RuneError && len(raw) == 1:
		return fmt.Appendf(b, `\udc%02x`, raw[0])
	case unicode.IsPrint(r) && r != 0xad:
		return append(b, raw...)
	case r < 0x100:
		return fmt.Appendf(b, `\x%02x`, r)
	case r < 0x10000:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	return fmt.Appendf(b, `\U%08x`, r)
}
