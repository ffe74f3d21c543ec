package connection

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
)

// handshakeTime bounds the SSH handshake and the login. It is long on purpose:
// a machine that boots is slow to answer, and giving up early and coming back
// makes it slower still.
const handshakeTime = 90 * time.Second

// dialer opens a TCP connection: directly, or through another host.
type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// dialSSH connects, verifies the host's key and logs in.
func dialSSH(ctx context.Context, cfg SSHConfig, dial dialer) (*ssh.Client, error) {
	keys, err := loadHostKeys(ctx, cfg)
	if err != nil {
		return nil, err
	}
	raw, err := dialTCP(ctx, cfg, dial)
	if err != nil {
		return nil, err // that nobody answers says more than that the key is not known
	}
	if cfg.StrictChecking != AcceptNew && !keys.known() {
		_ = raw.Close()
		return nil, &HostKeyError{Address: cfg.hostPort(), File: keys.fileToEdit()}
	}
	client, err := login(ctx, cfg, keys, raw)
	if err != nil {
		_ = raw.Close()
		return nil, err
	}
	return client, nil
}

func dialTCP(ctx context.Context, cfg SSHConfig, dial dialer) (net.Conn, error) {
	limit := cfg.ConnectTimeout
	if limit == 0 {
		limit = DefaultConnectTimeout
	}
	tcp, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("no answer within %s", limit))
	defer cancel()
	raw, err := dial(tcp, "tcp", cfg.hostPort())
	if err != nil && ctx.Err() == nil && tcp.Err() != nil {
		return nil, context.Cause(tcp)
	}
	return raw, err
}

func login(ctx context.Context, cfg SSHConfig, keys *hostKeys, raw net.Conn) (*ssh.Client, error) {
	creds := gather(ctx, cfg)
	defer creds.close()
	hs, cancel := context.WithTimeoutCause(ctx, handshakeTime, fmt.Errorf("the SSH handshake took over %s", handshakeTime))
	defer cancel()
	stop := context.AfterFunc(hs, func() { _ = raw.Close() })
	verify, verified := keys.check(hs), false
	conn, chans, reqs, err := ssh.NewClientConn(raw, cfg.hostPort(), &ssh.ClientConfig{
		User:              cfg.User,
		Auth:              creds.methods(cfg.Password),
		HostKeyAlgorithms: keys.algorithms(),
		HostKeyCallback: func(hostname string, remote net.Addr, key ssh.PublicKey) error {
			err := verify(hostname, remote, key)
			verified = err == nil
			return err
		},
	})
	if !stop() && err == nil {
		_ = conn.Close()
		err = hs.Err()
	}
	if err != nil {
		return nil, loginError(hs, cfg, creds, verified, err)
	}
	return ssh.NewClient(conn, chans, reqs), nil
}

// loginError tells what failed. x/crypto has no type for a refused login: it
// is what is left once the key was verified and the network is not to blame.
func loginError(ctx context.Context, cfg SSHConfig, creds *credentials, verified bool, err error) error {
	var hostKey *HostKeyError
	var network net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &hostKey):
		return hostKey
	case !verified, isLost(err), errors.As(err, &network):
		return err
	}
	return &AuthError{User: cfg.User, Tried: creds.tried, Notes: creds.notes, Err: err}
}
