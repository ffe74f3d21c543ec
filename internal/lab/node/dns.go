package node

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// forwarder answers DNS questions by asking an upstream server, and quickly says "server failure" while that one is
// dead: cloud-init asks for names that don't exist and would wait half a minute.
type forwarder struct {
	upstream string // "127.0.0.11:53"

	mu        sync.Mutex
	deadUntil time.Time
}

const (
	upstreamTimeout = 3 * time.Second
	upstreamRest    = 10 * time.Second // how long an upstream that did not answer is left alone
)

var errUpstreamDead = errors.New("the name server did not answer a moment ago")

// serve answers on a UDP and a TCP port of address until ctx ends.
func (f *forwarder) serve(ctx context.Context, address string) error {
	udp, err := net.ListenPacket("udp4", address)
	if err != nil {
		return fmt.Errorf("cannot serve DNS: %w", err)
	}
	tcp, err := net.Listen("tcp4", address)
	if err != nil {
		udp.Close()
		return fmt.Errorf("cannot serve DNS: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	defer context.AfterFunc(ctx, func() { udp.Close(); tcp.Close() })()
	group.Go(func() error { return f.serveUDP(ctx, group, udp) })
	group.Go(func() error { return f.serveTCP(ctx, group, tcp) })
	return group.Wait()
}

func (f *forwarder) serveUDP(ctx context.Context, group *errgroup.Group, socket net.PacketConn) error {
	buffer := make([]byte, 4096)
	for {
		n, client, err := socket.ReadFrom(buffer)
		if err != nil {
			return err
		}
		question := append([]byte(nil), buffer[:n]...)
		group.Go(func() error {
			// An answer that can't be sent is asked for again by the client.
			_, _ = socket.WriteTo(f.answer(ctx, "udp4", question), client)
			return nil
		})
	}
}

func (f *forwarder) serveTCP(ctx context.Context, group *errgroup.Group, listener net.Listener) error {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return err
		}
		group.Go(func() error {
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(2 * upstreamTimeout)); err != nil {
				return nil
			}
			if question, err := readFramed(conn); err == nil {
				_ = writeFramed(conn, f.answer(ctx, "tcp4", question))
			}
			return nil
		})
	}
}

func (f *forwarder) answer(ctx context.Context, network string, question []byte) []byte {
	if len(question) < 12 {
		return nil
	}
	if answer, err := f.ask(ctx, network, question); err == nil {
		return answer
	}
	return serverFailure(question)
}

func (f *forwarder) ask(ctx context.Context, network string, question []byte) ([]byte, error) {
	f.mu.Lock()
	dead := time.Now().Before(f.deadUntil)
	f.mu.Unlock()
	if dead {
		return nil, errUpstreamDead
	}
	answer, err := f.askUpstream(ctx, network, question)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		f.mu.Lock()
		f.deadUntil = time.Now().Add(upstreamRest)
		f.mu.Unlock()
	}
	return answer, err
}

func (f *forwarder) askUpstream(ctx context.Context, network string, question []byte) ([]byte, error) {
	dialer := net.Dialer{Timeout: upstreamTimeout}
	conn, err := dialer.DialContext(ctx, network, f.upstream)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(upstreamTimeout)); err != nil {
		return nil, err
	}
	if network == "tcp4" {
		if err := writeFramed(conn, question); err != nil {
			return nil, err
		}
		return readFramed(conn)
	}
	if _, err := conn.Write(question); err != nil {
		return nil, err
	}
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	return buffer[:n], err
}

// serverFailure is the question sent back with QR, RA and RCODE 2 (RFC 1035, section 4.1.1).
func serverFailure(question []byte) []byte {
	answer := append([]byte(nil), question...)
	answer[2] |= 0x80
	answer[3] = 0x80 | 2
	return answer
}

// readFramed and writeFramed carry a message over TCP after its length in two bytes (RFC 1035, section 4.2.2).
func readFramed(r io.Reader) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(r, message)
	return message, err
}

func writeFramed(w io.Writer, message []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}
