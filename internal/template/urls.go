package template

import (
	"strconv"
	"strings"

	"rollout/internal/value"
)

// webAddress is a URL in the parts that Python's urlsplit gives; it takes nearly
// any text for one.
type webAddress struct{ scheme, netloc, path, query, fragment string }

// splitAddress follows urllib.parse.urlsplit; ok is false where that raises.
func splitAddress(s string) (webAddress, bool) {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r <= ' ' })
	s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	var u webAddress
	if i := strings.IndexByte(s, ':'); i > 0 && isScheme(s[:i]) {
		u.scheme, s = strings.ToLower(s[:i]), s[i+1:]
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		u.netloc, s = rest[:end], rest[end:]
		if strings.Contains(u.netloc, "[") != strings.Contains(u.netloc, "]") {
			return u, false
		}
	}
	s, u.fragment, _ = strings.Cut(s, "#")
	u.path, u.query, _ = strings.Cut(s, "?")
	return u, true
}

func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.')) {
			return false
		}
	}
	return true
}

// login returns the user and the password before the host; nil is None.
func (u webAddress) login() (user, password any) {
	i := strings.LastIndexByte(u.netloc, '@')
	if i < 0 {
		return nil, nil
	}
	name, word, ok := strings.Cut(u.netloc[:i], ":")
	if ok {
		password = word
	}
	return name, password
}

// host returns the host and port; ok is false where the port is no number.
func (u webAddress) host() (host, port any, ok bool) {
	at := u.netloc[strings.LastIndexByte(u.netloc, '@')+1:]
	name, number, has := strings.Cut(at, ":")
	if rest, ok := strings.CutPrefix(at, "["); ok {
		name, number, _ = strings.Cut(rest, "]")
		number, has = strings.CutPrefix(number, ":")
	}
	if name != "" {
		host = strings.ToLower(name)
	}
	if !has || number == "" {
		return host, nil, true
	}
	n, err := strconv.ParseUint(number, 10, 16)
	return host, int(n), err == nil
}

func filterURLSplit(a *args) (any, error) {
	u, ok := splitAddress(a.word())
	host, port, portOK := u.host()
	if a.err == nil && (!ok || !portOK) {
		return nil, failf("urlsplit: not a URL: %s", quoted(a.word()))
	}
	user, password := u.login()
	parts := value.NewMap("fragment", u.fragment, "hostname", host, "netloc", u.netloc, "password", password, "path", u.path,
		"port", port, "query", u.query, "scheme", u.scheme, "username", user)
	if !a.has(0) || a.p[0] == any("") {
		return parts, nil
	}
	v, ok := parts.Get(a.p[0])
	if !ok {
		return nil, failf("urlsplit: unknown URL component: %s", text(a.p[0]))
	}
	return v, nil
}

// uri is the tests uri and url; what is no text is neither, unless it is empty.
func (a *args) uri(needHost bool) (any, error) {
	s, isText := a.in.(string)
	if !isText {
		t, err := truth(a.in)
		return !t && !isUndefined(a.in) && !needHost && !a.given(0), err
	}
	u, ok := splitAddress(s)
	if !ok {
		return false, nil
	}
	if a.given(0) {
		in, err := includes(a.frame.run, a.p[0], u.scheme)
		if err != nil || !in {
			return false, err
		}
	}
	return !needHost || u.netloc != "" || u.scheme == "file", nil
}

func (a *args) urn() (any, error) {
	s, _ := a.in.(string)
	u, ok := splitAddress(s)
	return ok && u.scheme == "urn", nil
}
