package system

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
	"rollout/internal/value"
)

func uriModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.uri",
		Aliases: []string{"ansible.legacy.uri"},
		Summary: "Sends an HTTP request from where the host stands.",
		Args: module.Schema{
			Args: []module.Arg{
				{Name: "url", Required: true, Doc: "http:// or https:// address, as the host resolves it"},
				{Name: "method", Default: "GET", Doc: "HTTP method"},
				{Name: "body", Type: module.Raw, Doc: "what to send"},
				{Name: "body_format", Default: "raw", Choices: []string{"form-urlencoded", "json", "raw"}, Doc: "how body is encoded"},
				{Name: "headers", Type: module.Dict, Doc: "further request headers"},
				{Name: "status_code", Type: module.List, Elements: module.Int, Default: []any{200}, Doc: "codes that are a success"},
				{Name: "return_content", Type: module.Bool, Default: false, Doc: "return the body even where all is well"},
				{Name: "timeout", Type: module.Int, Default: 30, Doc: "seconds for the whole request"},
				{Name: "follow_redirects", Default: "safe", Choices: []string{"all", "no", "none", "safe", "urllib2", "yes"}, Doc: "which redirects to follow; safe: of GET and HEAD"},
				{Name: "validate_certs", Type: module.Bool, Default: true, Doc: "verify the server's certificate"},
				{Name: "url_username", Aliases: []string{"user"}, Doc: "user for basic authentication"},
				{Name: "url_password", Aliases: []string{"password"}, NoLog: true, Doc: "password for basic authentication"},
				{Name: "force_basic_auth", Type: module.Bool, Default: false, Doc: "send the password without being asked; always done"},
				{Name: "http_agent", Default: "ansible-httpget", Doc: "User-Agent header"},
				{Name: "unix_socket", Type: module.Path, Doc: "a socket on the host to talk through"},
				{Name: "dest", Type: module.Path, Doc: "file or folder on the host that takes the body"},
				{Name: "creates", Type: module.Path, Doc: "where this file exists, nothing is sent"},
				{Name: "removes", Type: module.Path, Doc: "where this file does not exist, nothing is sent"},
			},
		},
		NeedsHost: true,
		Run:       runURI,
	}
}

// maxBody bounds what is read of an answer, in bytes.
const maxBody = 64 << 20

func runURI(ctx context.Context, call *module.Call) (module.Result, error) {
	if call.Check {
		return skipInCheck("uri"), nil
	}
	if res, done, err := uriGuards(ctx, call); done || err != nil {
		return res, err
	}
	begin := time.Now()
	limit, cancel := context.WithTimeoutCause(ctx, seconds(call.Args.Int("timeout")), fmt.Errorf("no answer within %d seconds", call.Args.Int("timeout")))
	defer cancel()
	req, err := uriRequest(limit, call)
	if err != nil {
		return module.Fail(err.Error()).Set("url", call.Args.String("url")), nil
	}
	client, closeIdle := uriClient(call)
	defer closeIdle()
	resp, err := client.Do(req)
	if ctx.Err() != nil {
		return module.Result{}, context.Cause(ctx)
	}
	var lost *connection.UnreachableError
	if errors.As(err, &lost) {
		return module.Result{}, lost
	}
	if err != nil {
		if limit.Err() != nil {
			err = context.Cause(limit)
		}
		return noAnswer(call, err, begin), nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return noAnswer(call, fmt.Errorf("the answer's body broke off or is over %d MB: %v", maxBody>>20, err), begin), nil
	}
	return uriResult(ctx, call, resp, body, begin)
}

// uriGuards looks at creates and removes.
func uriGuards(ctx context.Context, call *module.Call) (res module.Result, done bool, err error) {
	creates, removes := call.Args.String("creates"), call.Args.String("removes")
	if creates == "" && removes == "" {
		return res, false, nil
	}
	script := vars("c", creates, "r", removes) + `[ "$c" ] && [ -e "$c" ] && echo exists
[ "$r" ] && { [ -e "$r" ] || echo missing; }
:`
	out, err := run(ctx, call, script, nil)
	switch strings.TrimSpace(string(out.Stdout)) {
	case "exists":
		return module.Result{Msg: fmt.Sprintf("skipped, since '%s' exists", creates)}.Set("stdout", ""), true, err
	case "missing":
		return module.Result{Msg: fmt.Sprintf("skipped, since '%s' does not exist", removes)}.Set("stdout", ""), true, err
	}
	return res, false, err
}

func uriRequest(ctx context.Context, call *module.Call) (*http.Request, error) {
	body, contentType, err := uriBody(call.Args)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, strings.ToUpper(call.Args.String("method")), call.Args.String("url"), strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot make a request of it: %w", err)
	}
	if s := req.URL.Scheme; s != "http" && s != "https" {
		return nil, fmt.Errorf("cannot request %s: only http and https are supported", call.Args.String("url"))
	}
	req.Header.Set("User-Agent", call.Args.String("http_agent"))
	req.Header.Set("Accept-Encoding", "identity")
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	if u := call.Args.String("url_username"); u != "" {
		req.SetBasicAuth(u, call.Args.String("url_password"))
	}
	for k, v := range call.Args.Map("headers").All() {
		req.Header.Set(fmt.Sprint(k), fmt.Sprint(v))
		if strings.EqualFold(fmt.Sprint(k), "Host") {
			req.Host = fmt.Sprint(v)
		}
	}
	return req, nil
}

// uriBody encodes the body. A text is taken as encoded already, as Ansible
// does.
func uriBody(args *value.Map) (body, contentType string, err error) {
	v, given := args.Get("body")
	format := args.String("body_format")
	text, isText := v.(string)
	switch {
	case !given:
		return "", "", nil
	case format == "json":
		if isText {
			return text, "application/json", nil
		}
		b, err := value.ToJSON(v)
		return string(b), "application/json", err
	case format == "form-urlencoded":
		if isText {
			return text, "application/x-www-form-urlencoded", nil
		}
		text, err := formText(v)
		return text, "application/x-www-form-urlencoded", err
	case isText:
		return text, "", nil
	}
	b, err := value.ToJSON(v)
	return string(b), "", err
}

func formText(v any) (string, error) {
	var parts []string
	add := func(k, v any) {
		parts = append(parts, url.QueryEscape(fmt.Sprint(k))+"="+url.QueryEscape(fmt.Sprint(v)))
	}
	pair := func(k, v any) {
		if list, ok := v.([]any); ok {
			for _, e := range list {
				add(k, e)
			}
			return
		}
		add(k, v)
	}
	switch x := v.(type) {
	case *value.Map:
		for k, e := range x.All() {
			pair(k, e)
		}
	case []any:
		for _, e := range x {
			two, ok := e.([]any)
			if !ok || len(two) != 2 {
				return "", errors.New("a form's body must be a dict or a list of pairs")
			}
			pair(two[0], two[1])
		}
	default:
		return "", errors.New("a form's body must be a dict or a list of pairs")
	}
	return strings.Join(parts, "&"), nil
}

// uriClient dials through the host's connection, so that names and addresses
// mean what they mean there.
func uriClient(call *module.Call) (*http.Client, func()) {
	t := &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if s := call.Args.String("unix_socket"); s != "" {
				return call.Host.Dial(ctx, "unix", s)
			}
			return call.Host.Dial(ctx, "tcp", address)
		},
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: !call.Args.Bool("validate_certs")}, // asked for by name
	}
	follow := call.Args.String("follow_redirects")
	return &http.Client{Transport: t, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		safe := via[0].Method == http.MethodGet || via[0].Method == http.MethodHead
		if follow == "no" || follow == "none" || (follow == "safe" || follow == "urllib2") && !safe {
			return http.ErrUseLastResponse
		}
		if len(via) > 10 {
			return errors.New("more than 10 redirects")
		}
		return nil
	}}, t.CloseIdleConnections
}

func wanted(args *value.Map) string {
	b, err := value.ToJSON(args.List("status_code"))
	if err != nil {
		return ""
	}
	return string(b)
}

// noAnswer is a request without a status: Ansible gives it the status -1.
func noAnswer(call *module.Call, err error, begin time.Time) module.Result {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return module.Fail(fmt.Sprintf("Status code was -1 and not %s: Request failed: %v", wanted(call.Args), err)).
		Set("status", -1).Set("url", call.Args.String("url")).Set("elapsed", elapsed(begin)).Set("redirected", false)
}

func uriResult(ctx context.Context, call *module.Call, resp *http.Response, body []byte, begin time.Time) (module.Result, error) {
	final := resp.Request.URL.String()
	res := module.Result{Msg: fmt.Sprintf("OK (%s bytes)", lengthText(resp))}
	for name, vals := range resp.Header {
		res = res.Set(strings.ReplaceAll(strings.ToLower(name), "-", "_"), strings.Join(vals, ", "))
	}
	res = res.Set("status", resp.StatusCode).Set("url", final).Set("redirected", final != call.Args.String("url")).Set("elapsed", elapsed(begin))
	res = withCookies(res, resp)
	if isJSON(resp.Header.Get("Content-Type")) {
		if v, err := value.FromJSON(body); err == nil {
			res = res.Set("json", v)
		}
	}
	for _, code := range call.Args.List("status_code") {
		if code == resp.StatusCode {
			return uriSuccess(ctx, call, res, body)
		}
	}
	res.Failed = true
	res.Msg = fmt.Sprintf("Status code was %d and not %s: HTTP Error %s", resp.StatusCode, wanted(call.Args), strings.Replace(resp.Status, " ", ": ", 1))
	return res.Set("content", string(body)), nil
}

func lengthText(resp *http.Response) string {
	if l := resp.Header.Get("Content-Length"); l != "" {
		return l
	}
	return "unknown"
}

func isJSON(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.TrimSpace(t)
	return t == "application/json" || t == "text/json" || strings.HasSuffix(t, "+json") || t == "application/javascript"
}

func withCookies(res module.Result, resp *http.Response) module.Result {
	cookies, texts := value.NewMap(), []string{}
	for _, c := range resp.Cookies() {
		cookies.Set(c.Name, c.Value)
		texts = append(texts, c.Name+"="+c.Value)
	}
	return res.Set("cookies", cookies).Set("cookies_string", strings.Join(texts, "; "))
}

func uriSuccess(ctx context.Context, call *module.Call, res module.Result, body []byte) (module.Result, error) {
	if call.Args.Bool("return_content") {
		res = res.Set("content", string(body))
	}
	dest := call.Args.String("dest")
	if dest == "" {
		return res, nil
	}
	u, err := url.Parse(call.Args.String("url"))
	if err != nil {
		return module.Result{}, err
	}
	base := path.Base(u.Path)
	if base == "." || base == "/" {
		base = "index.html"
	}
	a, err := ask(ctx, call, vars("dest", dest, "base", base)+saying+saveProgram, bytes.NewReader(body))
	if err != nil {
		return module.Result{}, err
	}
	if a["fail"] != "" {
		return module.Fail(a["fail"]), nil
	}
	res.Changed = a["changed"] == "1"
	return res.Set("path", a["path"]), nil
}

const saveProgram = `[ -d "$dest" ] && dest=${dest%/}/$base
tmp=$(mktemp "$dest.XXXXXX" 2>&1) || fail "cannot write beside $dest: $tmp"
cat >"$tmp" || { rm -f "$tmp"; fail "cannot write $tmp"; }
say path "$dest"
if [ -f "$dest" ] && cmp -s "$tmp" "$dest"; then rm -f "$tmp"; exit; fi
[ -e "$dest" ] || chmod =rw "$tmp"
out=$(mv -f "$tmp" "$dest" 2>&1) || { rm -f "$tmp"; fail "cannot write $dest: $out"; }
say changed 1
`
