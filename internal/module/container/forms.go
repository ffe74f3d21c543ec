package container

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollout/internal/value"
)

// text is a scalar as an environment variable, label or argument has it.
// Booleans and floats are refused: "yes", true and "True" are too easily
// mistaken for each other.
func text(v any) (string, error) {
	switch x := v.(type) {
	case string:
		return x, nil
	case int:
		return strconv.Itoa(x), nil
	case nil:
		return "", nil
	}
	return "", fmt.Errorf("%v must be quoted, so that it is a text", v)
}

// texts makes all values of a dict texts.
func texts(v any) (any, error) {
	m, _ := v.(*value.Map)
	out := value.NewMap()
	for k, e := range m.All() {
		s, err := text(e)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", k, err)
		}
		out.Set(fmt.Sprint(k), s)
	}
	return out, nil
}

func joined(v any, between string) (any, error) {
	m, err := texts(v)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for k, e := range m.(*value.Map).All() {
		out = append(out, fmt.Sprint(k)+between+e.(string))
	}
	return out, nil
}

// environment turns a dict into NAME=VALUE entries.
func environment(v any) (any, error) { return joined(v, "=") }

// hosts turns a dict into name:address entries.
func hosts(v any) (any, error) { return joined(v, ":") }

// words is a command: a list, or one line split as a shell splits it.
func words(v any) (any, error) {
	if line, ok := v.(string); ok {
		parts, err := splitWords(line)
		return value.List(parts), err
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fmt.Errorf("expected a list or a line")
	}
	out := make([]any, len(list))
	for i, e := range list {
		out[i] = fmt.Sprint(e)
	}
	return out, nil
}

// splitWords splits a line into words by the POSIX shell's rules of quoting;
// nothing is expanded.
func splitWords(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	in, quote := false, rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			if quote == '"' && !strings.ContainsRune("\\\"$`", r) {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, in = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, in = r, true
		case strings.ContainsRune(" \t\r\n", r):
			if in {
				out = append(out, word.String())
				word.Reset()
				in = false
			}
		default:
			word.WriteRune(r)
			in = true
		}
	}
	if quote != 0 || escaped {
		return nil, fmt.Errorf("%q ends inside a quotation", line)
	}
	if in {
		out = append(out, word.String())
	}
	return out, nil
}

var sizeForm = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*([a-zA-Z]*)$`)

// size reads a number of bytes: 512m, 1.5G, 64 MiB, unlimited.
func size(v any) (any, error) {
	s := strings.TrimSpace(fmt.Sprint(v))
	if s == "unlimited" || s == "-1" {
		return -1, nil
	}
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return nil, fmt.Errorf("%q is not a size (such as 512m or 1g)", s)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		return nil, fmt.Errorf("%q is not a size: %w", s, err)
	}
	unit := strings.ToUpper(strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(m[2]), "b"), "i"))
	power := strings.Index("KMGTPE", unit)
	if unit == "" {
		power = -1
	} else if power < 0 || len(unit) > 1 {
		return nil, fmt.Errorf("%q has an unknown unit %q (known: b, k, m, g, t)", s, m[2])
	}
	bytes := n * math.Pow(1024, float64(power+1))
	if bytes >= math.MaxInt64 {
		return nil, fmt.Errorf("%q is more than any machine has", s)
	}
	return int(bytes), nil
}

func nanoCPUs(v any) (any, error) {
	f, ok := v.(float64)
	if !ok || f < 0 {
		return nil, fmt.Errorf("%v is not a number of CPUs", v)
	}
	return int(math.Round(f * 1e9)), nil
}

// capabilities writes capabilities as the engine keeps them: CAP_NET_ADMIN.
func capabilities(v any) (any, error) { return sameCapabilities(v), nil }

func sameCapabilities(v any) any {
	list, _ := v.([]any)
	out := make([]any, len(list))
	for i, e := range list {
		name := strings.ToUpper(fmt.Sprint(e))
		if name != "ALL" && !strings.HasPrefix(name, "CAP_") {
			name = "CAP_" + name
		}
		out[i] = name
	}
	return out
}

func devices(v any) (any, error) {
	out := []any{}
	for _, e := range v.([]any) {
		parts := strings.Split(fmt.Sprint(e), ":")
		if len(parts) > 3 {
			return nil, fmt.Errorf("%v is not host[:container[:rwm]]", e)
		}
		host, inside, rights := parts[0], parts[0], "rwm"
		if len(parts) > 1 {
			inside = parts[1]
		}
		if len(parts) > 2 {
			rights = parts[2]
		}
		out = append(out, value.NewMap("PathOnHost", host, "PathInContainer", inside, "CgroupPermissions", rights))
	}
	return out, nil
}

// rates writes limits of devices; a rate in bytes may have a unit.
func rates(v any) (any, error) {
	out := []any{}
	for _, e := range v.([]any) {
		m, _ := e.(*value.Map)
		rate, err := size(m.At("rate"))
		if err != nil {
			return nil, err
		}
		out = append(out, value.NewMap("Path", m.String("path"), "Rate", rate))
	}
	return out, nil
}

func macAddress(v any) (any, error) {
	return strings.ToLower(strings.ReplaceAll(fmt.Sprint(v), "-", ":")), nil
}

func ulimits(v any) (any, error) {
	out := []any{}
	for _, e := range v.([]any) {
		name, limits, _ := strings.Cut(fmt.Sprint(e), ":")
		softText, hardText, two := strings.Cut(limits, ":")
		soft, err := strconv.Atoi(softText)
		if err != nil {
			return nil, fmt.Errorf("%v is not name:soft[:hard]", e)
		}
		hard := soft
		if two {
			if hard, err = strconv.Atoi(hardText); err != nil {
				return nil, fmt.Errorf("%v is not name:soft:hard", e)
			}
		}
		out = append(out, value.NewMap("Name", name, "Soft", soft, "Hard", hard))
	}
	return out, nil
}

func tmpfs(v any) (any, error) {
	out := value.NewMap()
	for _, e := range v.([]any) {
		path, options, _ := strings.Cut(fmt.Sprint(e), ":")
		out.Set(path, options)
	}
	return out, nil
}

// healthcheck writes a health check in the API's form: times in nanoseconds.
func healthcheck(v any) (any, error) {
	m, _ := v.(*value.Map)
	out := value.NewMap()
	if !m.Bool("test_cli_compatible") {
		out.Set("Test", []any{"NONE"})
	}
	switch test := m.At("test").(type) {
	case string:
		if test != "" {
			out.Set("Test", []any{"CMD-SHELL", test})
		}
	case []any:
		if len(test) > 0 {
			list, err := words(test)
			if err != nil {
				return nil, err
			}
			out.Set("Test", list)
		}
	case nil:
	default:
		return nil, fmt.Errorf("test must be a list or a shell line, not %v", test)
	}
	times := [][2]string{{"interval", "Interval"}, {"timeout", "Timeout"}, {"start_period", "StartPeriod"}}
	for _, t := range times {
		given, ok := m.Get(t[0])
		if !ok {
			continue
		}
		d, err := time.ParseDuration(strings.ReplaceAll(fmt.Sprint(given), " ", ""))
		if err != nil || d < 0 {
			return nil, fmt.Errorf("%s %v is not a time (such as 30s or 1m30s)", t[0], given)
		}
		out.Set(t[1], int(d.Nanoseconds()))
	}
	if n, ok := m.Get("retries"); ok {
		out.Set("Retries", n)
	}
	return out, nil
}

func sameHealthcheck(v any) any {
	if m, ok := v.(*value.Map); ok && m.Len() > 0 {
		return m
	}
	return value.NewMap("Test", []any{"NONE"})
}

func sameNetworkMode(v any) any {
	if v == nil || v == "" || v == "default" {
		return "bridge"
	}
	return v
}

func sameRestart(v any) any {
	if v == nil || v == "" {
		return "no"
	}
	return v
}
