package docker

import (
	"context"
	"io"
	"net"
	"strings"

	"rollout/internal/connection"
)

// dialStdio connects its standard streams with the engine's socket; it is the
// command that `docker -H ssh://` itself runs on the far side.
const dialStdio = "exec docker -H unix://" + Socket + " system dial-stdio"

// dialAs opens the engine's socket as another user: a forwarded socket is
// always opened as the login user, so the bytes go through a command.
func dialAs(ctx context.Context, host Host, become *connection.Become) (net.Conn, error) {
	inner, outer := net.Pipe()
	// The command lives as long as the connection, not as the request that
	// happened to open it.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer cancel()
		out, err := host.Run(running, connection.Command{Script: dialStdio, Stdin: inner, Stdout: inner, Become: become})
		if err == nil && out.Code != 0 {
			_, _ = io.WriteString(inner, refusal(out)) // read by the client as an answer that says why
		}
		_ = inner.Close()
	}()
	return &commandConn{Conn: outer, cancel: cancel}, nil
}

// refusal words a failed command as the HTTP answer its caller waits for.
func refusal(out connection.Output) string {
	text := strings.TrimSpace(string(out.Stderr))
	return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + text
}

// commandConn ends its command when it is closed.
type commandConn struct {
	net.Conn
	cancel context.CancelFunc
}

// Close ends the command and the connection.
func (c *commandConn) Close() error {
	c.cancel()
	return c.Conn.Close()
}
