package template

import (
	"net/url"
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
	s := a.input()
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
	return envReference.ReplaceAllStringFunc(a.input(), func(ref string) string {
		if v, ok := a.environment(strings.Trim(ref, "${}")); ok {
			return v
		}
		return ref
	}), nil
}

// filterRealpath makes a path absolute and plain; links are not followed, since
// a template does no I/O.
func filterRealpath(a *args) (any, error) {
	s := a.input()
	if strings.HasPrefix(s, "/") {
		return path.Clean(s), nil
	}
	pwd, ok := a.environment("PWD")
	if !ok {
		return nil, failf("realpath: %s is relative, and the working directory is not known here", quoted(s))
	}
	return path.Join(pwd, s), nil
}

func filterRelpath(a *args) (any, error) {
	s, start := a.input(), a.str(0, ".")
	if s == "" {
		return nil, failf("no path specified")
	}
	if strings.HasPrefix(s, "/") != strings.HasPrefix(start, "/") {
		pwd, ok := a.environment("PWD")
		if !ok {
			return nil, failf("relpath: the working directory is not known here")
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
	s := strings.ReplaceAll(a.input(), "+", " ")
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

func filterURLSplit(a *args) (any, error) {
	u, err := url.Parse(a.input())
	if err != nil {
		return nil, failf("urlsplit: not a URL: %s", quoted(a.input()))
	}
	parts := urlParts(u, a.input())
	if !a.has(0) || a.p[0] == any("") {
		return parts, nil
	}
	v, ok := parts.Get(a.p[0])
	if !ok {
		return nil, failf("urlsplit: unknown URL component: %s", text(a.p[0]))
	}
	return v, nil
}

func urlParts(u *url.URL, raw string) *value.Map {
	var port, user, password, host any
	if n, err := strconv.Atoi(u.Port()); err == nil {
		port = n
	}
	if u.User != nil {
		user = u.User.Username()
		if p, ok := u.User.Password(); ok {
			password = p
		}
	}
	if h := u.Hostname(); h != "" {
		host = strings.ToLower(h)
	}
	rest, fragment, _ := strings.Cut(raw, "#")
	rest, query, _ := strings.Cut(rest, "?")
	rest = rest[len(u.Scheme):]
	netloc := ""
	if u.Scheme != "" {
		rest = strings.TrimPrefix(rest, ":")
	}
	if after, ok := strings.CutPrefix(rest, "//"); ok {
		end := strings.IndexByte(after+"/", '/')
		netloc, rest = after[:end], after[end:]
	}
	return value.NewMap("fragment", fragment, "hostname", host, "netloc", netloc, "password", password, "path", rest,
		"port", port, "query", query, "scheme", u.Scheme, "username", user)
}
