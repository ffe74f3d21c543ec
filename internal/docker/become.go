package docker

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"rollout/internal/connection"
)

// dialStdio connects its standard streams with the engine's socket; it is the
// command that `docker -H ssh://` itself runs on the far side.
const dialStdio = "exec docker -H unix://" + Socket + " system dial-stdio"

// dialAs opens the engine's socket through a command, as another user where
// become is given: a forwarded socket is always opened as the login user, and
// some SSH servers forward none.
func dialAs(ctx context.Context, host Host, become *connection.Become) net.Conn {
	fromUs, toCommand := io.Pipe()
	fromCommand, toUs := io.Pipe()
	// The command lives as long as the connection, not as the request that
	// happened to open it.
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	conn := &commandConn{in: toCommand, out: fromCommand, cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(conn.ended)
		defer cancel()
		out, err := host.Run(running, connection.Command{Script: dialStdio, Stdin: fromUs, Stdout: toUs, Become: become})
		if err == nil && out.Code != 0 {
			_, _ = io.WriteString(toUs, refusal(out)) // read by the client as an answer that says why
		}
		_ = toUs.CloseWithError(err) // nil is an end of file
		_ = fromUs.CloseWithError(io.ErrClosedPipe)
	}()
	return conn
}

// refusal words a failed command as the HTTP answer its caller waits for.
func refusal(out connection.Output) string {
	text := strings.TrimSpace(string(out.Stderr))
	return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n" + text
}

// commandConn is a connection whose two directions are a command's standard
// streams.
type commandConn struct {
	in     *io.PipeWriter
	out    *io.PipeReader
	cancel context.CancelFunc
	ended  chan struct{} // closed when the command has ended
}

func (c *commandConn) Read(b []byte) (int, error)  { return c.out.Read(b) }
func (c *commandConn) Write(b []byte) (int, error) { return c.in.Write(b) }

// CloseWrite ends the command's input; its output can still be read.
func (c *commandConn) CloseWrite() error { return c.in.Close() }

// Close ends the command, and returns when it has ended.
func (c *commandConn) Close() error {
	c.cancel()
	err := errors.Join(c.in.Close(), c.out.Close())
	<-c.ended
	return err
}

func (c *commandConn) LocalAddr() net.Addr  { return &net.UnixAddr{Name: Socket, Net: "unix"} }
func (c *commandConn) RemoteAddr() net.Addr { return c.LocalAddr() }

// Deadlines are the context's business: the HTTP client sets none here.
func (c *commandConn) SetDeadline(time.Time) error      { return nil }
func (c *commandConn) SetReadDeadline(time.Time) error  { return nil }
func (c *commandConn) SetWriteDeadline(time.Time) error { return nil }
