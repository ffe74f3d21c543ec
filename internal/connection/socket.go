package connection

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/crypto/ssh"
)

// Dial opens a connection from the host. It takes no session, so any number
// may be open at a time.
func (r *remote) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	for redialled := false; ; redialled = true {
		client, err := r.client(ctx)
		if err != nil {
			return nil, err
		}
		conn, err := client.DialContext(ctx, network, address)
		var refused *ssh.OpenChannelError
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.As(err, &refused) && network == "unix":
			return nil, r.diagnose(ctx, address, err)
		case errors.As(err, &refused):
			return nil, fmt.Errorf("cannot connect from %s to %s: %s", r.cfg.Name, address, refused.Message)
		case !isLost(err):
			return nil, fmt.Errorf("cannot connect from %s to %s: %w", r.cfg.Name, address, err)
		case redialled:
			return nil, r.unreachable(err)
		}
		r.link.lost(client)
	}
}

// The server says "open failed" whatever is wrong, so the host is asked.
const diagnoseScript = `p=%s
[ -e "$p" ] || { d=$(dirname "$p"); [ -x "$d" ] && echo missing || echo forbidden; exit; }
[ -S "$p" ] || { echo nosocket; exit; }
[ -r "$p" ] && [ -w "$p" ] || { echo forbidden; exit; }
while read -r _ _ _ flags _ _ _ path; do
	[ "$path" = "$p" ] && [ "$flags" = 00010000 ] && { echo noforward; exit; }
done </proc/net/unix
echo silent
`

var socketReasons = map[string]SocketReason{"missing": SocketMissing, "forbidden": SocketForbidden,
	"nosocket": SocketNotSocket, "noforward": SocketNoForwards, "silent": SocketSilent}

func (r *remote) diagnose(ctx context.Context, path string, cause error) error {
	out, err := r.Run(ctx, Command{Script: fmt.Sprintf(diagnoseScript, Quote(path))})
	if err != nil {
		return err
	}
	reason, ok := socketReasons[strings.TrimSpace(string(out.Stdout))]
	if !ok {
		return fmt.Errorf("cannot open %s on %s: %w", path, r.cfg.Name, cause)
	}
	return &SocketError{Host: r.cfg.Name, Path: path, Reason: reason, Err: cause}
}
