package template

import (
	"path"
	"regexp"
	"strconv"
	"strings"

	"rollout/internal/value"
)

func dirname(s string) string {
	head := s[:strings.LastIndexByte(s, '/')+1]
	if strings.Trim(head, "/") != "" {
		head = strings.TrimRight(head, "/")
	}
	return head
}

// splitext splits before the last dot of the last component; leading dots do
// not count.
func splitext(s string) value.Tuple {
	base := strings.LastIndexByte(s, '/') + 1
	dot := strings.LastIndexByte(s, '.')
	if dot < base || strings.Trim(s[base:dot], ".") == "" {
		return value.Tuple{s, ""}
	}
	return value.Tuple{s[:dot], s[dot:]}
}

// environment returns a variable of Options.Env.
func (a *args) environment(name string) (string, bool) {
	env := a.frame.run.engine.opts.Env
	if env == nil {
		return "", false
	}
	return env(name)
}

func filterExpanduser(a *args) (any, error) {
	s := a.word()
	if s != "~" && !strings.HasPrefix(s, "~/") {
		return s, nil // another user's home needs the password database
	}
	home, ok := a.environment("HOME")
	if !ok {
		return s, nil
	}
	if out := strings.TrimRight(home, "/") + s[1:]; out != "" {
		return out, nil
	}
	return "/", nil
}

var envReference = regexp.MustCompile(`\$(?:(\w+)|\{([^}]*)\})`)

func filterExpandvars(a *args) (any, error) {
	return envReference.ReplaceAllStringFunc(a.word(), func(ref string) string {
		if v, ok := a.environment(strings.Trim(ref, "${}")); ok {
			return v
		}
		return ref
	}), nil
}

// realPath resolves links and what is relative, as the machine has them.
func (a *args) realPath(path string) (string, error) {
	resolve := a.frame.run.engine.opts.RealPath
	if resolve == nil {
		return "", failf("%s: paths can't be resolved here", a.def.name)
	}
	return resolve(path)
}

func filterRealpath(a *args) (any, error) {
	s := a.word()
	if a.err != nil {
		return nil, a.err
	}
	return a.realPath(s)
}

// filterRelpath is the way from start to the path. What is absolute in both is
// compared as text; else the working directory is needed.
func filterRelpath(a *args) (any, error) {
	s, start := a.word(), a.str(0, ".")
	if a.err == nil && s == "" {
		return nil, failf("no path specified")
	}
	if a.err == nil && strings.HasPrefix(s, "/") != strings.HasPrefix(start, "/") {
		pwd, err := a.realPath(".")
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(s, "/") {
			start = path.Join(pwd, start)
		} else {
			s = path.Join(pwd, s)
		}
	}
	to, from := components(s), components(start)
	n := 0
	for n < len(to) && n < len(from) && to[n] == from[n] {
		n++
	}
	out := append(strings.Split(strings.Repeat("../", len(from)-n), "/"), to[n:]...)
	if s := path.Join(out...); s != "" {
		return s, nil
	}
	return ".", nil
}

func components(s string) []string {
	var out []string
	for part := range strings.SplitSeq(path.Clean(s), "/") {
		if part != "" && part != "." {
			out = append(out, part)
		}
	}
	return out
}

func filterPathJoin(a *args) (any, error) {
	if s, ok := a.in.(string); ok {
		return s, nil
	}
	items, ok := sequenceOf(a.in)
	if !ok {
		return nil, failf("|path_join expects string or sequence, got %s instead.", typeName(a.in))
	}
	if len(items) == 0 {
		return nil, failf("path_join: nothing to join")
	}
	out := ""
	for i, item := range items {
		s, ok := item.(string)
		switch {
		case !ok:
			return nil, failf("path_join: a part is %s, not a string", typeName(item))
		case i == 0 || strings.HasPrefix(s, "/"):
			out = s
		case out == "" || strings.HasSuffix(out, "/"):
			out += s
		default:
			out += "/" + s
		}
	}
	return a.sized(out)
}

func filterURLDecode(a *args) (any, error) {
	s := strings.ReplaceAll(a.word(), "+", " ")
	return unquoteURL(s), nil
}

// unquoteURL decodes %xx and leaves what is not one as it is.
func unquoteURL(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\ufffd")
}

// filterWinSplitdrive splits a drive letter or a share from a Windows path.
func filterWinSplitdrive(a *args) (any, error) {
	s := a.word()
	norm := strings.ReplaceAll(s, "/", `\`)
	if len(s) >= 2 && norm[1] == ':' {
		return value.Tuple{s[:2], s[2:]}, nil
	}
	if !strings.HasPrefix(norm, `\\`) || strings.HasPrefix(norm, `\\\`) {
		return value.Tuple{"", s}, nil
	}
	host := strings.IndexByte(norm[2:], '\\')
	if host < 0 {
		return value.Tuple{"", s}, nil
	}
	share := strings.IndexByte(norm[2+host+1:], '\\')
	switch {
	case share == 0:
		return value.Tuple{"", s}, nil
	case share < 0:
		return value.Tuple{s, ""}, nil
	}
	end := 2 + host + 1 + share
	return value.Tuple{s[:end], s[end:]}, nil
}
