package report

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// TOML writes a document as Python's package toml does, with which Ansible
// prints inventories: tables after the keys of the table that they are in, and
// nothing for null. A key that is no text is an error.
func TOML(v any) (string, error) {
	root, ok := v.(*value.Map)
	if !ok {
		return "", fmt.Errorf("only a mapping can be written as TOML")
	}
	w := &tomlWriter{}
	w.tables([]tomlTable{{body: root}})
	return w.text.String(), w.err
}

type tomlWriter struct {
	text strings.Builder
	err  error
}

type tomlTable struct {
	name string // with dots; empty for the document
	body *value.Map
}

// tables writes one level of tables, then those within them.
func (w *tomlWriter) tables(level []tomlTable) {
	for len(level) > 0 && w.err == nil {
		var next []tomlTable
		for _, t := range level {
			lines, inner := w.table(t)
			if t.name != "" && (lines != "" || len(inner) == 0) {
				if text := w.text.String(); text != "" && !strings.HasSuffix(text, "\n\n") {
					w.text.WriteString("\n")
				}
				w.text.WriteString("[" + t.name + "]\n")
			}
			w.text.WriteString(lines)
			next = append(next, inner...)
		}
		level = next
	}
}

// table returns the lines of a table's own keys, and the tables in it.
func (w *tomlWriter) table(t tomlTable) (lines string, inner []tomlTable) {
	prefix := ""
	if t.name != "" {
		prefix = t.name + "."
	}
	arrays := ""
	for k, v := range t.body.All() {
		key := w.key(k)
		switch x := v.(type) {
		case *value.Map:
			inner = append(inner, tomlTable{prefix + key, x})
		case nil:
		case []any:
			if hasTables(x) {
				arrays += w.arrayOfTables(prefix+key, x)
				continue
			}
			lines += key + " = " + w.value(x) + "\n"
		default:
			lines += key + " = " + w.value(x) + "\n"
		}
	}
	return lines + arrays, inner
}

func hasTables(list []any) bool {
	for _, e := range list {
		if _, ok := e.(*value.Map); ok {
			return true
		}
	}
	return false
}

// arrayOfTables writes each item under a heading of its own, and the tables
// within it under theirs.
func (w *tomlWriter) arrayOfTables(name string, list []any) string {
	out := ""
	for _, e := range list {
		body, ok := e.(*value.Map)
		if !ok {
			w.fail("a list of both tables and other values")
			return out
		}
		lines, inner := w.table(tomlTable{name, body})
		out += "[[" + name + "]]\n" + lines + "\n"
		for len(inner) > 0 {
			var next []tomlTable
			for _, t := range inner {
				lines, more := w.table(t)
				if lines != "" {
					out += "[" + t.name + "]\n" + lines
				}
				next = append(next, more...)
			}
			inner = next
		}
	}
	return out
}

func (w *tomlWriter) fail(what string) {
	if w.err == nil {
		w.err = fmt.Errorf("the source inventory contains a value that cannot be represented in TOML: %s", what)
	}
}

var bareKey = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (w *tomlWriter) key(k any) string {
	text, ok := k.(string)
	switch {
	case !ok:
		w.fail(fmt.Sprintf("the key %v, which is no text", k))
	case bareKey.MatchString(text):
		return text
	}
	return tomlText(text)
}

func (w *tomlWriter) value(v any) string {
	switch x := v.(type) {
	case bool:
		return strconv.FormatBool(x)
	case int:
		return strconv.Itoa(x)
	case *big.Int:
		return x.String()
	case float64:
		return value.FloatRepr(x, "inf", "nan")
	case string:
		return tomlText(x)
	case value.Tuple:
		return w.value([]any(x))
	case []any:
		out := "["
		for _, e := range x {
			out += " " + w.value(e) + ","
		}
		return out + "]"
	case *value.Map:
		w.fail("a mapping within a list within a list")
		return ""
	case nil:
		w.fail("null in a list")
		return ""
	}
	w.fail(fmt.Sprintf("a value of type %T", v))
	return ""
}

// tomlText quotes a text; characters that don't print are escaped.
func tomlText(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteString("\\" + string(r))
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
