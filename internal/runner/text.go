package runner

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"rollout/internal/template"
	"rollout/internal/value"
)

// text is v as Python's str() writes it, for messages, labels and keys.
func text(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return literal(v)
}

// literal is v as Python's repr() writes it.
func literal(v any) string {
	switch x := v.(type) {
	case nil:
		return "None"
	case bool:
		if x {
			return "True"
		}
		return "False"
	case int:
		return strconv.Itoa(x)
	case *big.Int:
		return x.String()
	case float64:
		return value.FloatRepr(x, "inf", "nan")
	case string:
		return quoted(x)
	case []any:
		return "[" + literals(x) + "]"
	case value.Tuple:
		if len(x) == 1 {
			return "(" + literal(x[0]) + ",)"
		}
		return "(" + literals(x) + ")"
	case *value.Map:
		return literalMap(x)
	case *template.Undefined:
		return x.Message
	}
	return fmt.Sprint(v)
}

func literals(list []any) string {
	parts := make([]string, len(list))
	for i, e := range list {
		parts[i] = literal(e)
	}
	return strings.Join(parts, ", ")
}

func literalMap(m *value.Map) string {
	var parts []string
	for k, e := range m.All() {
		parts = append(parts, literal(k)+": "+literal(e))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// quoted prefers single quotes, as Python does.
func quoted(s string) string {
	q := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = `"`
	}
	r := strings.NewReplacer(`\`, `\\`, q, `\`+q, "\n", `\n`, "\r", `\r`, "\t", `\t`)
	return q + r.Replace(s) + q
}
