package lookup

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rollout/internal/regex"
	"rollout/internal/template"
	"rollout/internal/value"
)

var iniOptions = []string{"type", "file", "section", "re", "encoding", "default", "case_sensitive", "allow_no_value", "allow_none"}

func (d Deps) ini(_ context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	names, err := words(terms)
	if err != nil {
		return nil, err
	}
	out, opt := []any{}, kw.Clone()
	for _, term := range names {
		key, err := iniTerm(term, opt)
		if err != nil {
			return nil, err
		}
		found, err := d.iniValues(scope, key, opt)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// iniTerm reads options out of a term, such as "user section=integration"; a
// value may hold blanks up to the next option.
func iniTerm(term string, opt *value.Map) (string, error) {
	if !strings.Contains(term, "=") && !strings.Contains(strings.TrimSpace(term), " ") {
		return term, nil
	}
	var parts []string
	for i, word := range strings.Fields(term) {
		name, _, ok := strings.Cut(word, "=")
		if i == 0 || (ok && slices.Contains(iniOptions, name)) {
			parts = append(parts, word)
			continue
		}
		if ok && len(parts) == 1 {
			return "", fmt.Errorf("ini: %s is not a valid option", name)
		}
		parts[len(parts)-1] += " " + word
	}
	key := ""
	for _, part := range parts {
		name, v, ok := strings.Cut(part, "=")
		switch {
		case ok && !slices.Contains(iniOptions, name):
			return "", fmt.Errorf("ini: %s is not a valid option", name)
		case ok:
			opt.Set(name, v)
		case key == "":
			key = part
		}
	}
	if key == "" {
		return "", fmt.Errorf("ini: No key to lookup was provided as first term with in string inline options: %s", term)
	}
	return key, nil
}

func (d Deps) iniValues(scope template.Scope, key string, opt *value.Map) ([]any, error) {
	name := optionText(opt, "file", "ansible.ini")
	data, err := d.read(scope, "files", name)
	if err != nil {
		return nil, err
	}
	text, err := template.DecodeText(data, optionText(opt, "encoding", "utf-8"))
	if err != nil {
		return nil, fmt.Errorf("ini: cannot read %s: %w", name, err)
	}
	section := optionText(opt, "section", "global")
	if optionText(opt, "type", "ini") == "properties" {
		section, text = "java_properties", "[java_properties]\n"+text
	}
	p := &iniFile{file: name, exact: optionBool(opt, "case_sensitive", false),
		bare: optionBool(opt, "allow_no_value", optionBool(opt, "allow_none", false))}
	if err := p.parse(text); err != nil {
		return nil, err
	}
	if p.sections[section] == nil {
		return nil, fmt.Errorf("ini: No section '%s' in %s", section, name)
	}
	if optionBool(opt, "re", false) {
		return p.matching(section, key)
	}
	v, ok, err := p.get(section, key)
	switch {
	case err != nil:
		return nil, err
	case ok && v == nil:
		return nil, nil
	case ok:
		return []any{v}, nil
	}
	preset := option(opt, "default", "")
	if items, ok := asList(preset); ok {
		return items, nil
	}
	return []any{preset}, nil
}

// iniFile reads what Python's configparser reads, and as it does.
type iniFile struct {
	file     string
	exact    bool // keys keep their case
	bare     bool // keys may stand without a value
	sections map[string]*value.Map
	current  *value.Map
	section  string
	key      string
	indent   int
}

const iniDefaults = "DEFAULT"

func (p *iniFile) parse(text string) error {
	p.sections = map[string]*value.Map{}
	defaults := value.NewMap()
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := p.line(defaults, strings.TrimRight(line, "\r\n"), n); err != nil {
			return err
		}
	}
	for _, s := range p.sections {
		for k, v := range defaults.All() {
			if _, has := s.Get(k); !has {
				s.Set(k, v)
			}
		}
	}
	return p.join()
}

// join makes text of the lines of each value.
func (p *iniFile) join() error {
	for _, s := range p.sections {
		for _, k := range s.Keys() {
			if lines, ok := s.At(k).([]string); ok {
				s.Set(k, strings.TrimRight(strings.Join(lines, "\n"), "\n \t"))
			}
		}
	}
	return nil
}

func (p *iniFile) line(defaults *value.Map, line string, n int) error {
	body := strings.TrimSpace(line)
	indent := len(line) - len(strings.TrimLeft(line, " \t"))
	switch {
	case body == "" || body[0] == '#' || body[0] == ';':
		if body == "" && p.current != nil && p.key != "" {
			p.append("")
		}
		return nil
	case p.current != nil && p.key != "" && indent > p.indent:
		p.append(body)
		return nil
	}
	p.indent = indent
	if body[0] == '[' {
		if end := strings.IndexByte(body, ']'); end > 1 {
			return p.begin(defaults, body[1:end], n)
		}
	}
	if p.current == nil {
		return fmt.Errorf("ini: %s:%d: there is a key before the first [section]: %s", p.file, n, body)
	}
	return p.option(body, n)
}

func (p *iniFile) begin(defaults *value.Map, name string, n int) error {
	p.section, p.key = name, ""
	if name == iniDefaults {
		p.current = defaults
		return nil
	}
	if p.sections[name] != nil {
		return fmt.Errorf("ini: %s:%d: the section [%s] stands twice", p.file, n, name)
	}
	p.current = value.NewMap()
	p.sections[name] = p.current
	return nil
}

func (p *iniFile) append(line string) {
	if lines, ok := p.current.At(p.key).([]string); ok {
		p.current.Set(p.key, append(lines, line))
	}
}

func (p *iniFile) name(key string) string {
	if p.exact {
		return key
	}
	return strings.ToLower(key)
}

func (p *iniFile) option(body string, n int) error {
	i := strings.IndexAny(body, "=:")
	if i < 0 && !p.bare {
		return fmt.Errorf("ini: %s:%d: neither a section nor a key with a value: %s", p.file, n, body)
	}
	key, v := body, any(nil)
	if i >= 0 {
		key, v = strings.TrimSpace(body[:i]), []string{strings.TrimSpace(body[i+1:])}
	}
	if key == "" {
		return fmt.Errorf("ini: %s:%d: a value without a key: %s", p.file, n, body)
	}
	p.key = p.name(key)
	if _, twice := p.current.Get(p.key); twice {
		return fmt.Errorf("ini: Duplicate option in '%s': line %d: %s stands twice in [%s]", p.file, n, p.key, p.section)
	}
	p.current.Set(p.key, v)
	return nil
}

// get is a key's value with its %(references)s filled in; nil is a bare key.
func (p *iniFile) get(section, key string) (any, bool, error) {
	v, ok := p.sections[section].Get(p.name(key))
	s, isText := v.(string)
	if !ok || !isText {
		return nil, ok, nil
	}
	out, err := p.expand(section, s, 0)
	return out, true, err
}

var iniReference = regexp.MustCompile(`^%\(([^)]+)\)s`)

func (p *iniFile) expand(section, s string, depth int) (string, error) {
	if depth > 10 {
		return "", fmt.Errorf("ini: %s: references nest too deeply: %s", p.file, s)
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		at := strings.IndexByte(s[i:], '%')
		if at < 0 {
			b.WriteString(s[i:])
			break
		}
		b.WriteString(s[i : i+at])
		i += at
		if strings.HasPrefix(s[i:], "%%") {
			b.WriteByte('%')
			i += 2
			continue
		}
		m := iniReference.FindStringSubmatch(s[i:])
		if m == nil {
			return "", fmt.Errorf("ini: %s: '%%' must be followed by '%%' or '(', found: %q", p.file, s[i:])
		}
		v, ok := p.sections[section].At(p.name(m[1])).(string)
		if !ok {
			return "", fmt.Errorf("ini: %s: %q refers to a key that [%s] does not have", p.file, m[0], section)
		}
		v, err := p.expand(section, v, depth+1)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
		i += len(m[0])
	}
	return b.String(), nil
}

// matching are the values of the keys that a regular expression matches.
func (p *iniFile) matching(section, expr string) ([]any, error) {
	re, err := regex.Compile(expr, 0)
	if err != nil {
		return nil, fmt.Errorf("ini: %w", err)
	}
	out := []any{}
	for _, k := range p.sections[section].Keys() {
		name, _ := k.(string)
		m, err := re.Match(name)
		if err != nil {
			return nil, fmt.Errorf("ini: %w", err)
		}
		if m == nil {
			continue
		}
		v, _, err := p.get(section, name)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
