package openstack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"

	"rollout/internal/openstack/clouds"
)

// No try of a request begins later than this after the first: with the time of
// one try, a call ends within four minutes, whatever the cloud does.
const maxTrying = 3 * time.Minute

// Answers larger than this are a mistake of somebody's, not a list of servers.
const maxBody = 256 << 20

// transport sends requests, and repeats those that may be repeated: a request
// that changes nothing, or the same thing twice, on lost connections and 5xx;
// any request on 429, and where the connection could not even be opened.
type transport struct {
	base    *http.Transport
	retry   clouds.Retry
	timeout time.Duration // of one try
	trace   func(line string)
	calls   atomic.Int64
	ahead   atomic.Int64 // how far the cloud's clock is ahead of ours, in nanoseconds
}

func newTransport(cfg clouds.Config, cred clouds.Credentials) (*transport, error) {
	secured, err := tlsConfig(cred, cfg.Getenv)
	if err != nil {
		return nil, err
	}
	timeout := cfg.TimeoutOf(cred)
	return &transport{
		base: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: min(timeout, 15*time.Second)}).DialContext,
			TLSClientConfig:       secured,
			TLSHandshakeTimeout:   15 * time.Second,
			MaxIdleConnsPerHost:   16,
			IdleConnTimeout:       90 * time.Second,
			ExpectContinueTimeout: time.Second,
			ForceAttemptHTTP2:     true,
		},
		retry:   cfg.Retry.OrDefaults(),
		timeout: timeout,
		trace:   cfg.Trace,
	}, nil
}

func tlsConfig(c clouds.Credentials, getenv func(string) string) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.Insecure()} //nolint:gosec // asked for by verify: false
	if file := clouds.AtHome(c.Get("cacert"), getenv); file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read the CA certificates of cloud %s (%s): %w", c.Name, c.Source, err)
		}
		out.RootCAs = x509.NewCertPool()
		if !out.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("cannot use the CA certificates of cloud %s: %s holds no PEM certificate", c.Name, file)
		}
	}
	if cert := clouds.AtHome(c.Get("cert"), getenv); cert != "" {
		key := clouds.AtHome(c.Get("key"), getenv)
		if key == "" {
			key = cert
		}
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("cannot use the client certificate of cloud %s: %w", c.Name, err)
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
	return marked || isLogin(req)
}

// isLogin tells requests for a token, of which one too many does no harm.
func isLogin(req *http.Request) bool { return strings.HasSuffix(req.URL.Path, "/v3/auth/tokens") }

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
	start := time.Now()
	for try := 1; ; try++ {
		resp, err := t.once(req, body, try)
		pause := wait.NextBackOff()
		if asked := t.retryAfter(resp); asked > 0 {
			pause = asked
		}
		if !asksAgain(req, resp, err) || try >= tries || time.Since(start)+pause > maxTrying {
			return t.outcome(req, resp, err, attempt{try, time.Since(start)})
		}
		if err := Sleep(req.Context(), pause); err != nil {
			return nil, err
		}
	}
}

func drain(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// attempt is how a request was tried.
type attempt struct {
	tries int
	took  time.Duration
}

// The header under which an answer carries how it was got, to whom words it.
const attemptHeader = "X-Rollout-Attempt"

func (a attempt) String() string { return fmt.Sprintf("%d %d", a.tries, a.took) }

func attemptOf(h http.Header) (a attempt) {
	_, err := fmt.Sscanf(h.Get(attemptHeader), "%d %d", &a.tries, &a.took)
	if err != nil {
		return attempt{}
	}
	return a
}

// outcome is what remains when a request isn't tried again.
func (t *transport) outcome(req *http.Request, resp *http.Response, err error, a attempt) (*http.Response, error) {
	if err == nil {
		resp.Header.Set(attemptHeader, a.String())
		return resp, nil
	}
	ended := req.Context().Err()
	switch {
	case !mayRepeat(req) && !notSent(err) && !refusedTLS(err):
		if ended != nil {
			err = ended
		}
		return nil, &LostError{Method: req.Method, URL: req.URL.String(), Err: t.worded(err)}
	case ended != nil:
		return nil, ended
	}
	return nil, &UnreachableError{Method: req.Method, URL: req.URL.String(), Tries: a.tries, Took: a.took, Err: t.worded(err)}
}

// worded says of a try that reached its limit what that means.
func (t *transport) worded(err error) error {
	var late net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout() && !notSent(err) {
		return &silence{t.timeout, err}
	}
	return err
}

// silence is a connection on which no answer came.
type silence struct {
	limit time.Duration
	err   error
}

func (s *silence) Error() string { return fmt.Sprintf("no answer within %s", s.limit) }
func (s *silence) Unwrap() error { return s.err }

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
		t.setClock(resp)
		if err == nil && garbled(resp, answer) {
			err = &garbage{contentType: resp.Header.Get("Content-Type"), start: plainText(string(answer[:min(len(answer), 2000)]))}
		}
	}
	t.tell(req, resp, err, try, time.Since(start))
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// garbled reports an answer that says yes and yet is not what the API speaks:
// a proxy's page, or JSON that breaks off.
func garbled(resp *http.Response, answer []byte) bool {
	if resp.StatusCode >= 300 || len(bytes.TrimSpace(answer)) == 0 {
		return false
	}
	return resp.Header.Get("Content-Type") != "application/octet-stream" && !json.Valid(answer)
}

// garbage is such an answer.
type garbage struct{ contentType, start string }

func (g *garbage) Error() string {
	if strings.Contains(g.contentType, "json") {
		return "the answer is JSON that breaks off"
	}
	text := []rune(g.start)
	if len(text) > 80 {
		text = append(text[:80], '…')
	}
	return fmt.Sprintf("the answer is no JSON but %q (a proxy in between?)", string(text))
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

// refusedTLS reports whether the connection was given up before anything was
// sent on it: the certificate is not trusted, or there is no TLS at all.
func refusedTLS(err error) bool {
	var untrusted *tls.CertificateVerificationError
	var noTLS tls.RecordHeaderError
	return errors.As(err, &untrusted) || errors.As(err, &noTLS)
}

// asksAgain reports whether a try that ended so may be followed by another one.
func asksAgain(req *http.Request, resp *http.Response, err error) bool {
	switch {
	case refusedTLS(err):
		return false
	case err != nil:
		return req.Context().Err() == nil && (mayRepeat(req) || notSent(err))
	case resp.StatusCode == http.StatusTooManyRequests:
		return true
	case resp.StatusCode >= 500 && resp.StatusCode != http.StatusNotImplemented:
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

// setClock notes how the cloud's clock differs from ours.
func (t *transport) setClock(resp *http.Response) {
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		t.ahead.Store(int64(time.Until(at)))
	}
}

// now is the time by the cloud's clock, to the second.
func (t *transport) now() time.Time { return time.Now().Add(time.Duration(t.ahead.Load())) }

// retryAfter reads the header of that name: seconds, or a date by the clock of
// who sent it.
func (t *transport) retryAfter(resp *http.Response) time.Duration {
	if resp == nil {
		return 0
	}
	header := resp.Header.Get("Retry-After")
	if n, err := strconv.Atoi(header); err == nil {
		return time.Duration(min(max(n, 0), 1_000_000)) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(t.now()))
	}
	return 0
}
