package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gophercloud/gophercloud/v2/openstack/config/clouds"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"golang.org/x/sync/errgroup"
)

// proxy stands before every service of the cloud, each behind a port of its
// own, and writes a line for each call. Addresses in answers are rewritten, so
// that a client that logged in through it stays with it.
func proxy(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("proxy", flag.ContinueOnError)
	config := flags.String("config", "clouds.measured.yaml", "clouds.yaml to write, whose cloud goes through the proxy")
	log := flags.String("log", "calls.log", "a line for each call goes here")
	if err := flags.Parse(args); err != nil {
		return err
	}
	origins, err := origins(ctx)
	if err != nil {
		return err
	}
	out, err := os.OpenFile(*log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	b := &booth{log: out}
	g, ctx := errgroup.WithContext(ctx)
	for _, origin := range origins {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		b.pairs = append(b.pairs, origin, "http://"+listener.Addr().String())
		g.Go(func() error { return serve(ctx, listener, b.before(origin)) })
	}
	if err := b.writeConfig(*config); err != nil {
		return err
	}
	return g.Wait()
}

func serve(ctx context.Context, listener net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// origins are the schemes and hosts of the log-in and of the catalog.
func origins(ctx context.Context) ([]string, error) {
	auth, endpoint, _, err := clouds.Parse()
	if err != nil {
		return nil, fmt.Errorf("cannot read clouds.yaml: %w", err)
	}
	c, err := open(ctx)
	if err != nil {
		return nil, err
	}
	result, ok := c.provider.GetAuthResult().(tokens.CreateResult)
	if !ok {
		return nil, errors.New("the identity service's answer holds no token")
	}
	catalog, err := result.ExtractServiceCatalog()
	if err != nil {
		return nil, err
	}
	urls := []string{auth.IdentityEndpoint}
	for _, e := range catalog.Entries {
		for _, p := range e.Endpoints {
			if endpoint.Region == "" || p.Region == endpoint.Region {
				urls = append(urls, p.URL)
			}
		}
	}
	var out []string
	seen := map[string]bool{}
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil {
			return nil, err
		}
		if origin := u.Scheme + "://" + u.Host; !seen[origin] {
			seen[origin] = true
			out = append(out, origin)
		}
	}
	return out, nil
}

// booth is where calls are counted.
type booth struct {
	pairs []string // origin, the proxy's address before it …
	mu    sync.Mutex
	log   io.Writer
}

func (b *booth) before(origin string) http.Handler {
	target, _ := url.Parse(origin) // came out of url.Parse
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Accept-Encoding") // answers are rewritten
			r.Out.Host = target.Host
			r.Out = r.Out.WithContext(context.WithValue(r.Out.Context(), startKey{}, time.Now()))
		},
		Transport:      &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 128},
		ModifyResponse: b.count,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			b.line(r, http.StatusBadGateway, 0)
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}

type startKey struct{}

func (b *booth) count(resp *http.Response) error {
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	b.line(resp.Request, resp.StatusCode, len(body))
	for i := 0; i+1 < len(b.pairs); i += 2 {
		body = bytes.ReplaceAll(body, []byte(b.pairs[i]), []byte(b.pairs[i+1]))
		if l := resp.Header.Get("Location"); l != "" {
			resp.Header.Set("Location", strings.ReplaceAll(l, b.pairs[i], b.pairs[i+1]))
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if resp.Header.Get("Content-Length") != "" {
		resp.ContentLength = int64(len(body))
		resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	return nil
}

func (b *booth) line(r *http.Request, status, size int) {
	start, _ := r.Context().Value(startKey{}).(time.Time)
	b.mu.Lock()
	defer b.mu.Unlock()
	fmt.Fprintf(b.log, "%s %4d ms %d %7d bytes %s %s\n", time.Now().Format("15:04:05.000"),
		time.Since(start).Milliseconds(), status, size, r.Method, r.URL)
}

// writeConfig copies the clouds.yaml in use, its addresses the proxy's.
func (b *booth) writeConfig(path string) error {
	from := os.Getenv("OS_CLIENT_CONFIG_FILE")
	data, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("cannot read $OS_CLIENT_CONFIG_FILE: %w", err)
	}
	text := strings.NewReplacer(b.pairs...).Replace(string(data))
	return os.WriteFile(path, []byte(text), 0o600)
}
