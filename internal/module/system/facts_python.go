package system

import (
	"strconv"
	"strings"

	"rollout/internal/value"
)

// python are the facts of the host's Python; a host without has none.
func (s sections) python(m *value.Map) {
	version := strings.Fields(s.line("python", 0))
	if len(version) != 5 {
		return
	}
	parts := value.NewMap()
	var list []any
	for i, name := range []string{"major", "minor", "micro", "releaselevel", "serial"} {
		var part any = version[i]
		if n, err := strconv.Atoi(version[i]); err == nil {
			part = n
		}
		parts.Set(name, part)
		list = append(list, part)
	}
	var kind any
	if text := s.line("python", 3); text != "" {
		kind = text
	}
	m.Set("ansible_python", value.NewMap("version", parts, "version_info", list, "executable", s.line("python", 2),
		"has_sslcontext", s.line("python", 4) == "True", "type", kind))
	m.Set("ansible_python_version", s.line("python", 1))
}
