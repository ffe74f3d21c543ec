package vars

import (
	"fmt"
	"os"
	"strings"

	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/value"
)

// ParseExtra reads the arguments of -e in order, later ones winning: key=value
// pairs (values are text, as in Ansible), a YAML or JSON mapping, or @file. What
// names a file without the @ is an error.
func (d Decoder) ParseExtra(args []string) (*value.Map, error) {
	out := value.NewMap()
	for _, arg := range args {
		m, err := d.parseExtra(strings.TrimSpace(arg))
		if err != nil {
			return nil, err
		}
		if d.Merge {
			out = Merge(out, m)
			continue
		}
		out.Update(m)
	}
	return out, nil
}

func (d Decoder) parseExtra(arg string) (*value.Map, error) {
	switch {
	case strings.HasPrefix(arg, "@"):
		return d.ParseFile(arg[1:])
	case strings.HasPrefix(arg, "/"), strings.HasPrefix(arg, "."):
		return nil, fmt.Errorf("cannot read the extra variables %q: a file's name needs an @ before it", arg)
	case strings.HasPrefix(arg, "{"), strings.HasPrefix(arg, "["):
		n, err := document.Parse("", []byte(arg))
		if err != nil {
			return nil, fmt.Errorf("cannot read the extra variables %q: %w", arg, err)
		}
		return d.Map(n)
	}
	return ParsePairs(arg)
}

// ParseFile reads a file of variables: one mapping in YAML or JSON.
func (d Decoder) ParseFile(path string) (*value.Map, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the extra variables: %w", err)
	}
	n, err := document.Parse(path, data)
	if err != nil {
		return nil, err
	}
	return d.Map(n)
}

// ParsePairs reads `a=1 b="two words"` as tasks' arguments are read.
func ParsePairs(text string) (*value.Map, error) {
	pairs, rest, err := playbook.ParseKV(text, false)
	if err != nil {
		return nil, fmt.Errorf("cannot read the extra variables %q: %w", text, err)
	}
	if rest != "" {
		return nil, fmt.Errorf("cannot read the extra variable %q: expected key=value, a YAML or JSON mapping, or @file", rest)
	}
	out := value.NewMap()
	for _, p := range pairs {
		if p.Key == "" {
			return nil, fmt.Errorf("cannot read the extra variables %q: a value has no name", text)
		}
		out.Set(p.Key, p.Value)
	}
	return out, nil
}
