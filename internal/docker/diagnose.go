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
	if lost := e.lost.Load(); lost != nil {
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
	return verdict(e.host, state, user, cause)
}

func verdict(host, state, user string, cause error) error {
	found := &UnavailableError{Host: host, User: user, Detail: trimmed(cause)}
	switch state {
	case "missing":
		found.Reason = NotInstalled
	case "forbidden":
		found.Reason = Forbidden
	case "stopped", "refused":
		found.Reason = NotRunning
	default:
		return fmt.Errorf("cannot use Docker on %s: %w", host, cause)
	}
	return found
}
