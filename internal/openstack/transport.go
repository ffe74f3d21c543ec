package openstack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retry says how requests are repeated. Zero fields take the defaults.
type Retry struct {
	First time.Duration // wait before the first repeat; doubled each time; 250 ms
	Max   time.Duration // longest wait between two tries; 8 s
	Tries int           // how often at most; 8
}

func (r Retry) orDefaults() Retry {
	if r.First <= 0 {
		r.First = 250 * time.Millisecond
	}
	if r.Max <= 0 {
		r.Max = 8 * time.Second
	}
	if r.Tries <= 0 {
		r.Tries = 8
	}
	return r
}

// The longest wait that a server may ask for with Retry-After.
const maxRetryAfter = 2 * time.Minute

// Requests are not repeated for longer than this in all.
const maxTrying = 3 * time.Minute

// Answers larger than this are a mistake of somebody's, not a list of servers.
const maxBody = 256 << 20

// transport sends requests, and repeats those that may be repeated: a request
// that changes nothing, or the same thing twice, on lost connections and 5xx;
// any request on 429, and where the connection could not even be opened.
type transport struct {
	base    *http.Transport
	retry   Retry
	timeout time.Duration // of one try
	trace   func(line string)
	calls   atomic.Int64
}

func newTransport(cfg Config, cred credentials) (*transport, error) {
	tlsConfig, err := cred.tlsConfig()
	if err != nil {
		return nil, err
	}
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = 60 * time.Second
	}
	return &transport{
		base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: min(timeout, 15*time.Second)}).DialContext,
			TLSClientConfig:       tlsConfig,
			TLSHandshakeTimeout:   15 * time.Second,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			ExpectContinueTimeout: time.Second,
			ForceAttemptHTTP2:     true,
		},
		retry:   cfg.Retry.orDefaults(),
		timeout: timeout,
		trace:   cfg.Trace,
	}, nil
}

func (c credentials) tlsConfig() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.insecure()} //nolint:gosec // asked for by verify: false
	if file := c.get("cacert"); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the CA certificates of cloud %s (%s): %w", c.name, c.source, err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use the CA certificates of cloud %s: %s holds no PEM certificate", c.name, file)
		}
	}
	if cert := c.get("cert"); cert != "" {
		key := c.get("key")
		if key == "" {
			key = cert
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("cannot use the client certificate of cloud %s: %w", c.name, err)
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

type contextKey int

const (
	triesKey contextKey = iota
	repeatableKey
)

// withTries limits how often requests under ctx are tried.
func withTries(ctx context.Context, n int) context.Context {
	return context.WithValue(ctx, triesKey, n)
}

// repeatable marks POST requests under ctx as ones that change nothing.
func repeatable(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatableKey, true)
}

func mayRepeat(req *http.Request) bool {
	switch req.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return true
	}
	marked, _ := req.Context().Value(repeatableKey).(bool)
	return marked || req.URL.Path != "" && isLogin(req)
}

// isLogin tells requests for a token, of which one too many does no harm.
func isLogin(req *http.Request) bool {
	const path = "/v3/auth/tokens"
	p := req.URL.Path
	return len(p) >= len(path) && p[len(p)-len(path):] == path
}

// busy carries an answer that asks for another try.
type busy struct{ resp *http.Response }

func (b *busy) Error() string { return b.resp.Status }

// RoundTrip sends req, again and again if need be. It returns the last answer
// even where that is a refusal.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := drain(req)
	if err != nil {
		return nil, err
	}
	tries := t.retry.Tries
	if n, ok := req.Context().Value(triesKey).(int); ok {
		tries = min(n, tries)
	}
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval, wait.Multiplier = t.retry.First, t.retry.Max, 2
	try := 0
	resp, err := backoff.Retry(req.Context(), func() (*http.Response, error) {
		try++
		return t.try(req, body, try, tries)
	}, backoff.WithBackOff(wait), backoff.WithMaxTries(uint(tries)), backoff.WithMaxElapsedTime(maxTrying))
	var last *busy
	if errors.As(err, &last) {
		return last.resp, nil
	}
	return resp, err
}

func drain(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// try sends req once and says, by the kind of its error, whether to go on.
func (t *transport) try(req *http.Request, body []byte, try, tries int) (*http.Response, error) {
	resp, err := t.once(req, body, try)
	if err != nil {
		if ctxErr := req.Context().Err(); ctxErr != nil {
			return nil, backoff.Permanent(lostOr(req, ctxErr))
		}
		if mayRepeat(req) || notSent(err) {
			return nil, err
		}
		return nil, backoff.Permanent(&LostError{Method: req.Method, URL: req.URL.String(), Err: err})
	}
	if !asksAgain(req, resp.StatusCode) {
		return resp, nil
	}
	if after := retryAfter(resp.Header.Get("Retry-After")); after > 0 && try < tries {
		// the answer is dropped: another try follows for certain
		return nil, &backoff.RetryAfterError{Duration: after}
	}
	return nil, &busy{resp}
}

// lostOr keeps apart, when ctx ends, a request that can have changed something.
func lostOr(req *http.Request, err error) error {
	if mayRepeat(req) {
		return err
	}
	return &LostError{Method: req.Method, URL: req.URL.String(), Err: err}
}

// once sends req and reads the whole answer, so that a connection lost in the
// middle of it is seen here.
func (t *transport) once(req *http.Request, body []byte, try int) (*http.Response, error) {
	t.calls.Add(1)
	ctx, cancel := context.WithTimeout(req.Context(), t.timeout)
	defer cancel()
	r := req.Clone(ctx)
	if body != nil {
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.GetBody = nil
	}
	start := time.Now()
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		var answer []byte
		answer, err = io.ReadAll(io.LimitReader(resp.Body, maxBody))
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(answer))
	}
	t.tell(req, resp, err, try, time.Since(start))
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func (t *transport) tell(req *http.Request, resp *http.Response, err error, try int, took time.Duration) {
	if t.trace == nil {
		return
	}
	outcome := ""
	if err != nil {
		outcome = err.Error()
	} else {
		outcome = strconv.Itoa(resp.StatusCode)
	}
	again := ""
	if try > 1 {
		again = fmt.Sprintf(" (try %d)", try)
	}
	t.trace(fmt.Sprintf("%s %s: %s in %s%s", req.Method, req.URL, outcome, took.Round(time.Millisecond), again))
}

func asksAgain(req *http.Request, status int) bool {
	switch {
	case status == http.StatusTooManyRequests:
		return true
	case status >= 500 && status != http.StatusNotImplemented:
		return mayRepeat(req)
	}
	return false
}

// notSent reports whether err says that no connection came to be, so that
// nothing was sent.
func notSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(header string) time.Duration {
	if header == "" {
		return 0
	}
	var d time.Duration
	if n, err := strconv.Atoi(header); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		d = time.Until(at)
	}
	return max(0, min(d, maxRetryAfter))
}
