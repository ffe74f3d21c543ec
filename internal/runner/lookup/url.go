package lookup

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	neturl "net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"rollout/internal/template"
	"rollout/internal/value"
)

// maxDownload bounds what url reads.
const maxDownload = 32 << 20

// urlOptions are url's, and the variables that give them where the call doesn't.
var urlOptions = map[string]string{
	"timeout": "timeout", "http_agent": "agent", "force": "force", "follow_redirects": "follow_redirects",
	"use_gssapi": "use_gssapi", "unix_socket": "unix_socket", "ca_path": "ca_path", "ciphers": "ciphers",
}

func (d Deps) url(ctx context.Context, terms []any, kw *value.Map, scope template.Scope) ([]any, error) {
	urls, err := words(terms)
	if err != nil {
		return nil, err
	}
	opt, err := urlSettings(kw, scope)
	if err != nil {
		return nil, err
	}
	client, err := urlClient(opt)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	out := []any{}
	for _, u := range urls {
		text, err := download(ctx, client, u, opt)
		if err != nil {
			return nil, err
		}
		if !optionBool(opt, "split_lines", true) {
			out = append(out, text)
			continue
		}
		for line := range strings.Lines(text) {
			out = append(out, strings.TrimRight(line, "\r\n"))
		}
	}
	return out, nil
}

func urlSettings(kw *value.Map, scope template.Scope) (*value.Map, error) {
	opt := kw.Clone()
	for name, variable := range urlOptions {
		if _, ok := opt.Get(name); ok || scope == nil {
			continue
		}
		v, ok, err := scope.Lookup("ansible_lookup_url_" + variable)
		if err != nil {
			return nil, err
		}
		if ok {
			opt.Set(name, v)
		}
	}
	if optionBool(opt, "use_gssapi", false) || optionText(opt, "ciphers", "") != "" {
		return nil, fmt.Errorf("url: use_gssapi and ciphers aren't supported")
	}
	return opt, nil
}

func urlClient(opt *value.Map) (*http.Client, error) {
	seconds, err := strconv.ParseFloat(optionText(opt, "timeout", "10"), 64)
	if err != nil {
		return nil, fmt.Errorf("url: timeout must be a number of seconds")
	}
	dial := &net.Dialer{}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: !optionBool(opt, "validate_certs", true)}}
	if optionBool(opt, "use_proxy", true) {
		transport.Proxy = http.ProxyFromEnvironment
	}
	if path := optionText(opt, "unix_socket", ""); path != "" {
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dial.DialContext(ctx, "unix", path) }
	}
	if path := optionText(opt, "ca_path", ""); path != "" {
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("url: cannot read ca_path: %w", err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("url: ca_path %s holds no certificate", path)
		}
	}
	client := &http.Client{Transport: transport, Timeout: time.Duration(seconds * float64(time.Second))}
	switch follow := strings.ToLower(optionText(opt, "follow_redirects", "urllib2")); follow {
	case "none", "no", "false":
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	case "urllib2", "safe", "all", "yes", "true":
	default:
		return nil, fmt.Errorf("url: follow_redirects is %q: all, yes, safe, urllib2, none and no are known", follow)
	}
	return client, nil
}

// localFile reads what a file:// address names on this machine.
func localFile(address *neturl.URL) (string, error) {
	if address.Host != "" && address.Host != "localhost" {
		return "", failure(fmt.Sprintf("Failed lookup url for %s : the file is not on this machine", address))
	}
	text, err := os.ReadFile(address.Path)
	if err != nil {
		return "", failure(fmt.Sprintf("Failed lookup url for %s : %v", address, err))
	}
	return string(text), nil
}

func download(ctx context.Context, client *http.Client, url string, opt *value.Map) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("cannot look up %s: %w", url, err)
	}
	if req.URL.Scheme == "file" {
		return localFile(req.URL)
	}
	req.Header.Set("User-Agent", optionText(opt, "http_agent", "ansible-httpget"))
	if optionBool(opt, "force", false) {
		req.Header.Set("Cache-Control", "no-cache")
	}
	if user := optionText(opt, "username", ""); user != "" {
		req.SetBasicAuth(user, optionText(opt, "password", ""))
	}
	if headers, ok := option(opt, "headers", nil).(*value.Map); ok {
		for k, v := range headers.All() {
			req.Header.Set(fmt.Sprint(k), fmt.Sprint(v))
		}
	}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("cannot look up %s: %w", url, err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		return "", failure(fmt.Sprintf("Received HTTP error for %s : the server answers %s", url, res.Status))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxDownload+1))
	if err == nil && len(body) > maxDownload {
		err = fmt.Errorf("more than %d bytes", maxDownload)
	}
	if err != nil {
		return "", fmt.Errorf("cannot look up %s: %w", url, err)
	}
	return string(body), nil
}
