package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/client"

	"rollout/internal/connection"
)

// Reason says why an engine cannot be used.
type Reason string

// The reasons.
const (
	NotInstalled Reason = "not installed"
	NotRunning   Reason = "not running"
	Forbidden    Reason = "forbidden"
	TooOld       Reason = "too old"
	Lost         Reason = "lost" // it runs, and the connection broke before it answered
)

// UnavailableError says that a host was reached and its engine was not.
type UnavailableError struct {
	Host   string
	Reason Reason
	User   string // the login user, where known
	Detail string // what was seen
}

func (e *UnavailableError) Error() string {
	user := e.User
	if user == "" {
		user = "USER"
	}
	switch e.Reason {
	case NotInstalled:
		return fmt.Sprintf("cannot use Docker on %s: no Docker Engine is installed (type there: apt-get install docker.io)", e.Host)
	case Forbidden:
		return fmt.Sprintf("cannot use Docker on %s: the user %s may not open %s "+
			"(type there: sudo usermod -aG docker %s, and log in anew; or set become: true)", e.Host, user, Socket, user)
	case TooOld:
		return fmt.Sprintf("cannot use Docker on %s: %s (upgrade Docker there)", e.Host, e.Detail)
	case Lost:
		return fmt.Sprintf("cannot tell what the Docker Engine of %s did: the connection broke before it answered: %s "+
			"(run again: what is done already is left alone)", e.Host, e.Detail)
	}
	return fmt.Sprintf("cannot use Docker on %s: the Docker Engine does not run (type there: sudo service docker start): %s", e.Host, e.Detail)
}

// Kind tells what an engine's refusal means.
type Kind string

// The kinds of refusals.
const (
	NotFound Kind = "not found"
	Conflict Kind = "conflict"
	Invalid  Kind = "invalid"
	Refused  Kind = "refused"
)

// Error is an engine's refusal of one request.
type Error struct {
	Doing string // "start container app on web-1"
	Kind  Kind
	Text  string // the engine's own words
}

func (e *Error) Error() string { return "cannot " + e.Doing + ": " + e.Text }

// IsNotFound reports whether err says that the object does not exist.
func IsNotFound(err error) bool { return hasKind(err, NotFound) }

// IsConflict reports whether err says that another request is in the way.
func IsConflict(err error) bool { return hasKind(err, Conflict) }

func hasKind(err error, kind Kind) bool {
	var refusal *Error
	return errors.As(err, &refusal) && refusal.Kind == kind
}

// failed turns the client's error into ours: a cancellation and a lost
// connection stay what they are, everything else is the engine's refusal.
func (e *Engine) failed(ctx context.Context, err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	doing := fmt.Sprintf(format, args...) + " on " + e.host
	if ctx.Err() != nil {
		return fmt.Errorf("cannot %s: %w", doing, ctx.Err())
	}
	var unreachable *connection.UnreachableError
	if errors.As(err, &unreachable) {
		return unreachable
	}
	if client.IsErrConnectionFailed(err) {
		return e.diagnose(ctx, err)
	}
	return &Error{Doing: doing, Kind: kindOf(err), Text: trimmed(err)}
}

func kindOf(err error) Kind {
	switch {
	case errdefs.IsNotFound(err):
		return NotFound
	case errdefs.IsConflict(err):
		return Conflict
	case errdefs.IsInvalidArgument(err):
		return Invalid
	}
	return Refused
}
