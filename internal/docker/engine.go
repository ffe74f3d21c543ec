// Package docker talks to a Docker Engine through a host connection: it
// observes containers, images, networks and volumes, decides what must change
// (Spec → Plan, without I/O) and does it, one step per API call. It is the one
// place that imports the Docker client, whose types stay inside.
package docker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/docker/docker/client"

	"rollout/internal/connection"
)

// Socket is where an engine listens on its own machine.
const Socket = "/var/run/docker.sock"

// oldestAPI is the API of Docker 20.10, the oldest engine served.
const oldestAPI = "1.41"

// Host is what an engine is reached through; connection.Host is one.
type Host interface {
	Run(ctx context.Context, cmd connection.Command) (connection.Output, error)
	Dial(ctx context.Context, network, address string) (net.Conn, error)
}

// Engine is one Docker Engine. It is safe for concurrent use.
type Engine struct {
	host   string
	api    *client.Client
	become *connection.Become
	reach  Host
	// lost is why the engine could not be dialled last, nil where it could;
	// the client's own error drops it.
	lost atomic.Pointer[error]
}

// Open reaches the engine of the host called name, through its connection and,
// where become is given, as that user. It fails with an *UnavailableError that
// says what is wrong there, or with the connection's own error.
func Open(ctx context.Context, name string, host Host, become *connection.Become) (*Engine, error) {
	e := &Engine{host: name, become: become, reach: host}
	api, err := client.NewClientWithOpts(
		client.WithHost("http://docker"), // first: it resets the dialer
		client.WithHTTPClient(&http.Client{Transport: e.transport()}),
		client.WithAPIVersionNegotiation(),
	)
	if err != nil {
		return nil, fmt.Errorf("cannot set up the Docker client for %s: %w", name, err)
	}
	e.api = api
	if err := e.hello(ctx); err != nil {
		_ = e.Close() // nothing is open that could fail to close
		return nil, err
	}
	return e, nil
}

func (e *Engine) transport() *http.Transport {
	return &http.Transport{
		DialContext:           e.dial,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       time.Minute,
		ResponseHeaderTimeout: 0, // a wait answers when the container ends
	}
}

func (e *Engine) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if e.become != nil {
		return dialAs(ctx, e.reach, e.become), nil
	}
	conn, err := e.reach.Dial(ctx, "unix", Socket)
	var refused *connection.SocketError
	if errors.As(err, &refused) && refused.Reason == connection.SocketNoForwards {
		return dialAs(ctx, e.reach, nil), nil
	}
	if err != nil {
		e.lost.Store(&err)
		return nil, err
	}
	e.lost.Store(nil)
	return conn, nil
}

// hello asks the engine for its API version and refuses one that is too old.
func (e *Engine) hello(ctx context.Context) error {
	ping, err := e.api.Ping(ctx)
	switch {
	case err == nil && older(ping.APIVersion, oldestAPI):
		return &UnavailableError{Host: e.host, Reason: TooOld,
			Detail: fmt.Sprintf("it speaks API %s, and %s (Docker 20.10) is the oldest known here", ping.APIVersion, oldestAPI)}
	case err == nil:
		e.api.NegotiateAPIVersionPing(ping)
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("cannot ask the Docker Engine of %s for its version: %w", e.host, ctx.Err())
	}
	return e.diagnose(ctx, err)
}

// older compares API versions such as 1.41 number by number.
func older(a, b string) bool {
	var aMajor, aMinor, bMajor, bMinor int
	fmt.Sscanf(a, "%d.%d", &aMajor, &aMinor)
	fmt.Sscanf(b, "%d.%d", &bMajor, &bMinor)
	return aMajor < bMajor || aMajor == bMajor && aMinor < bMinor
}

// Close drops the connections to the engine.
func (e *Engine) Close() error { return e.api.Close() }

// HostName is the name of the engine's host, for messages.
func (e *Engine) HostName() string { return e.host }

// trimmed returns the engine's own words of an error, on one line.
func trimmed(err error) string {
	text := strings.TrimPrefix(err.Error(), "Error response from daemon: ")
	return strings.Join(strings.Fields(text), " ")
}
