package docker

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rollout/internal/connection"
)

// look tells apart what an SSH server reports alike: a missing socket and a
// forbidden one are both "open failed".
const look = `user=$(id -un)
if [ ! -e ` + Socket + ` ]; then
	if command -v dockerd >/dev/null 2>&1 || [ -x /usr/sbin/dockerd ]; then echo stopped "$user"; else echo missing "$user"; fi
elif [ -r ` + Socket + ` ] && [ -w ` + Socket + ` ]; then echo refused "$user"
else echo forbidden "$user"
fi`

// diagnose finds out on the host why the engine does not answer. Where the host
// itself does not answer, that is the error.
func (e *Engine) diagnose(ctx context.Context, cause error) error {
	lost := e.lost.Load()
	if lost != nil {
		cause = *lost
	}
	var unreachable *connection.UnreachableError
	if errors.As(cause, &unreachable) {
		return unreachable
	}
	out, err := e.reach.Run(ctx, connection.Command{Script: look, Become: e.become})
	if err != nil {
		return err
	}
	state, user, _ := strings.Cut(strings.TrimSpace(string(out.Stdout)), " ")
	if state == "refused" && lost == nil {
		if _, err := e.api.Ping(ctx); err == nil {
			return &UnavailableError{Host: e.host, Reason: Lost, User: user, Detail: trimmed(cause)}
		}
	}
	return verdict(e.host, state, user, cause, lost != nil)
}

// verdict words what was found. A socket that is there and could not be dialled
// has nobody behind it; one that was reached through a command may have failed
// for what the command says.
func verdict(host, state, user string, cause error, undialled bool) error {
	found := &UnavailableError{Host: host, User: user, Detail: trimmed(cause)}
	switch {
	case state == "missing":
		found.Reason = NotInstalled
	case state == "forbidden":
		found.Reason = Forbidden
	case state == "stopped", state == "refused" && undialled:
		found.Reason = NotRunning
	default:
		return fmt.Errorf("cannot use Docker on %s: %w", host, cause)
	}
	return found
}
