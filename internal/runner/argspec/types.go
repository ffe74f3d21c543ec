package argspec

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"regexp"
	"strconv"
	"strings"

	"rollout/internal/value"
)

// convert makes the value of an option what its type says.
func (c *Checker) convert(name string, spec, given *value.Map, at path) {
	v, ok := given.Get(name)
	if !ok || v == nil {
		return
	}
	wanted := spec.String("type")
	if wanted == "" {
		wanted = "str"
	}
	out, err := c.as(wanted, v)
	if err != nil {
		where := ""
		if len(at) > 0 {
			where = fmt.Sprintf(" found in '%s'.", strings.Join(at, " -> "))
		}
		c.fail(nil, "argument '%s' is of type %s%s and we were unable to convert to %s: %v", name, pythonType(v), where, wanted, err)
		return
	}
	if elements := spec.String("elements"); elements != "" {
		items, isList := out.([]any)
		if wanted != "list" || !isList {
			c.fail(nil, "Invalid type %s for option '%s', elements value check is supported only with 'list' type", wanted, c.Text(out))
			return
		}
		out = c.elements(name, elements, items, at)
	}
	given.Set(name, out)
}

// elements converts a list's values; those that can't be are left out.
func (c *Checker) elements(name, wanted string, items []any, at path) []any {
	out := []any{}
	for _, item := range items {
		v, err := c.as(wanted, item)
		if err != nil {
			where := ""
			if len(at) > 0 {
				where = fmt.Sprintf(" found in '%s'", strings.Join(at, " -> "))
			}
			c.fail(nil, "Elements value for option '%s'%s is of type %s and we were unable to convert to %s: %v",
				name, where, pythonType(item), wanted, err)
			continue
		}
		out = append(out, v)
	}
	return out
}

// pythonType names a value's type as ansible-core's messages do.
func pythonType(v any) string {
	name := "str"
	switch v.(type) {
	case nil:
		name = "NoneType"
	case bool:
		name = "bool"
	case int, *big.Int:
		name = "int"
	case float64:
		name = "float"
	case []any:
		name = "list"
	case value.Tuple:
		name = "tuple"
	case *value.Map:
		name = "dict"
	}
	return "<class '" + name + "'>"
}

// as converts v to a type of argument specs.
func (c *Checker) as(wanted string, v any) (any, error) {
	switch wanted {
	case "str":
		return c.Text(v), nil
	case "path":
		return expanded(c.Text(v)), nil
	case "raw":
		return v, nil
	case "bool":
		return c.asBool(v)
	case "int":
		return asInt(v)
	case "float":
		return asFloat(v)
	case "list":
		return c.asList(v)
	case "dict":
		return asDict(v)
	case "json", "jsonarg":
		return asJSON(v)
	case "bytes", "bits":
		return c.asSize(wanted, v)
	}
	return nil, fmt.Errorf("unknown type '%s'", wanted)
}

func expanded(path string) string {
	if home, err := os.UserHomeDir(); err == nil && (path == "~" || strings.HasPrefix(path, "~/")) {
		path = home + path[1:]
	}
	return os.Expand(path, func(name string) string {
		if v, ok := os.LookupEnv(name); ok {
			return v
		}
		return "$" + name
	})
}

func (c *Checker) asBool(v any) (any, error) {
	switch v.(type) {
	case bool, string, int, float64:
	default:
		return nil, fmt.Errorf("%s cannot be converted to a bool", pythonType(v))
	}
	switch strings.ToLower(strings.TrimSpace(c.Text(v))) {
	case "y", "yes", "on", "1", "true", "t", "1.0":
		return true, nil
	case "n", "no", "off", "0", "false", "f", "0.0":
		return false, nil
	}
	//lint:ignore ST1005 playbooks compare the message with ansible-core's
	return nil, fmt.Errorf("The value '%s' is not a valid boolean.  Valid booleans include: "+
		"0, 'on', 'f', 'false', 1, 'no', 'n', '1', '0', 't', 'y', 'off', 'yes', 'true'", c.Text(v))
}

func asInt(v any) (any, error) {
	switch x := v.(type) {
	case int, *big.Int, bool:
		return x, nil
	case string:
		if n, err := strconv.Atoi(strings.TrimSpace(x)); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be converted to an int", pythonType(v))
}

func asFloat(v any) (any, error) {
	switch x := v.(type) {
	case float64:
		return x, nil
	case int:
		return float64(x), nil
	case string:
		if f, err := strconv.ParseFloat(strings.TrimSpace(x), 64); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be converted to a float", pythonType(v))
}

func (c *Checker) asList(v any) (any, error) {
	switch x := v.(type) {
	case []any:
		return x, nil
	case string:
		return value.List(strings.Split(x, ",")), nil
	case int, float64, bool:
		return []any{c.Text(x)}, nil
	}
	return nil, fmt.Errorf("%s cannot be converted to a list", pythonType(v))
}

func asDict(v any) (any, error) {
	s, isText := v.(string)
	switch {
	case !isText:
		if m, ok := v.(*value.Map); ok {
			return m, nil
		}
		return nil, fmt.Errorf("%s cannot be converted to a dict", pythonType(v))
	case strings.HasPrefix(s, "{"):
		decoded, err := value.FromJSON([]byte(s))
		if m, ok := decoded.(*value.Map); ok && err == nil {
			return m, nil
		}
		return nil, fmt.Errorf("unable to evaluate string as dictionary")
	case strings.Contains(s, "="):
		return pairs(s)
	}
	return nil, fmt.Errorf("dictionary requested, could not parse JSON or key=value")
}

// pairs reads k=v,k=v with quotes.
func pairs(s string) (any, error) {
	var fields []string
	var field strings.Builder
	var quote rune
	escaped := false
	flush := func() {
		if field.Len() > 0 {
			fields = append(fields, field.String())
		}
		field.Reset()
	}
	for _, r := range strings.TrimSpace(s) {
		switch {
		case escaped:
			field.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == ',' || r == ' '):
			flush()
		default:
			field.WriteRune(r)
		}
	}
	flush()
	out := value.NewMap()
	for _, f := range fields {
		k, v, ok := strings.Cut(f, "=")
		if !ok {
			return nil, fmt.Errorf("dictionary update sequence element #0 has length 1; 2 is required")
		}
		out.Set(k, v)
	}
	return out, nil
}

func asJSON(v any) (any, error) {
	switch x := v.(type) {
	case string:
		return strings.TrimSpace(x), nil
	case []any, value.Tuple, *value.Map:
		text, err := value.ToJSON(x)
		return string(text), err
	}
	return nil, fmt.Errorf("%s cannot be converted to a json string", pythonType(v))
}

var sizes = regexp.MustCompile(`^\s*(\d*\.?\d*)\s*([A-Za-z]+)?`)

// asSize reads 10K, 1.5MB (bytes) or 1Mb (bits).
func (c *Checker) asSize(wanted string, v any) (any, error) {
	unit, long, kind := "B", "byte", "Byte"
	if wanted == "bits" {
		unit, long, kind = "b", "bit", "Bit"
	}
	bad := fmt.Errorf("%s cannot be converted to a %s value", pythonType(v), kind)
	m := sizes.FindStringSubmatch(c.Text(v))
	if m == nil {
		return nil, bad
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return nil, bad
	}
	if m[2] == "" {
		return int(n), nil
	}
	power := strings.Index("BKMGTPEZY", strings.ToUpper(m[2][:1]))
	rest := m[2][1:]
	if power < 0 || len(m[2]) > 1 && rest != unit && !strings.Contains(strings.ToLower(m[2]), long) {
		return nil, bad
	}
	for range power {
		n *= 1024
	}
	out, err := json.Number(strconv.FormatFloat(n, 'f', 0, 64)).Int64()
	return int(out), err
}
