package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sync/semaphore"
)

const (
	maxSessions = 8  // at a time on one connection; sshd's default MaxSessions is 10
	maxDials    = 10 // at a time; also what sshd's MaxStartups lets through to one host

	keepaliveEvery = 15 * time.Second
	keepaliveLimit = 45 * time.Second // without an answer a connection is lost
)

var errPoolClosed = errors.New("the connections of this run are closed")

// Pool shares one SSH connection per user, address and port among everybody
// who asks. It is safe for concurrent use.
type Pool struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	dials  *semaphore.Weighted
	direct dialer

	mu    sync.Mutex
	links map[string]*link
	busy  sync.WaitGroup // dials and keepalives
}

// NewPool returns a Pool whose connections live until Close or the end of ctx.
func NewPool(ctx context.Context) *Pool {
	p := &Pool{dials: semaphore.NewWeighted(maxDials), direct: new(net.Dialer).DialContext, links: map[string]*link{}}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	return p
}

// Close ends all connections and waits until nothing of the pool runs.
func (p *Pool) Close() error {
	p.cancel(errPoolClosed)
	p.mu.Lock()
	links := p.links
	p.links = map[string]*link{}
	p.mu.Unlock()
	for _, l := range links {
		l.drop()
	}
	p.busy.Wait()
	return nil
}

// Get returns a host, connected. Everything that goes wrong is an
// *UnreachableError, with the reason inside: *HostKeyError, *AuthError, or what
// the network said. Closing the host ends the connection for all who share it.
func (p *Pool) Get(ctx context.Context, cfg SSHConfig) (Host, error) {
	h := &remote{pool: p, cfg: cfg, link: p.link(cfg)}
	if _, err := h.client(ctx); err != nil {
		return nil, err
	}
	return h, nil
}

func (p *Pool) link(cfg SSHConfig) *link {
	key := strings.Join([]string{cfg.String(), fmt.Sprint(cfg.ProxyJump), cfg.ServerID}, "|")
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.links[key]
	if !ok {
		l = &link{pool: p, sessions: semaphore.NewWeighted(maxSessions)}
		p.links[key] = l
	}
	return l
}

// link is one connection that may have to be made anew.
type link struct {
	pool     *Pool
	sessions *semaphore.Weighted
	open     atomic.Int32 // sessions that run

	mu     sync.Mutex
	client *ssh.Client // nil until connected and after it was lost
	flight *flight     // the attempt under way, if any
}

// flight is one attempt to connect, shared by all who wait for it and given
// up when nobody does any more.
type flight struct {
	done    chan struct{}
	cancel  context.CancelFunc
	waiters int
	client  *ssh.Client
	err     error
}

// get returns the connection, made where there is none.
func (l *link) get(ctx context.Context, cfg SSHConfig) (*ssh.Client, error) {
	l.mu.Lock()
	if l.client != nil {
		defer l.mu.Unlock()
		return l.client, nil
	}
	if l.pool.ctx.Err() != nil {
		l.mu.Unlock()
		return nil, context.Cause(l.pool.ctx)
	}
	f := l.flight
	if f == nil {
		f = l.start(cfg)
	}
	f.waiters++
	l.mu.Unlock()
	select {
	case <-f.done:
		return f.client, f.err
	case <-ctx.Done():
		l.leave(f)
		return nil, context.Cause(ctx)
	}
}

// start begins an attempt; l.mu is held.
func (l *link) start(cfg SSHConfig) *flight {
	ctx, cancel := context.WithCancel(l.pool.ctx)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	l.flight = f
	l.pool.busy.Go(func() {
		defer cancel()
		client, err := l.pool.connect(ctx, cfg)
		l.mu.Lock()
		defer l.mu.Unlock()
		f.client, f.err = client, err
		if l.flight == f {
			l.flight = nil
		}
		if err == nil {
			l.client = client
			l.pool.busy.Go(func() { l.watch(client) })
		}
		close(f.done)
	})
	return f
}

// leave stops waiting for an attempt. The last one to go ends it, and a later
// caller starts a new one.
func (l *link) leave(f *flight) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.waiters--; f.waiters > 0 {
		return
	}
	f.cancel()
	if l.flight == f {
		l.flight = nil
	}
}

// lost forgets a broken connection, so that the next command makes a new one.
func (l *link) lost(client *ssh.Client) {
	l.mu.Lock()
	if l.client == client {
		l.client = nil
	}
	l.mu.Unlock()
	_ = client.Close()
}

// drop ends the connection, if there is one.
func (l *link) drop() {
	l.mu.Lock()
	client := l.client
	l.client = nil
	l.mu.Unlock()
	if client != nil {
		_ = client.Close()
	}
}

// watch asks a connection for a sign of life until it ends.
func (l *link) watch(client *ssh.Client) {
	ended := make(chan struct{})
	l.pool.busy.Go(func() {
		defer close(ended)
		_ = client.Wait()
	})
	defer func() { l.lost(client); <-ended }()
	tick := time.NewTicker(keepaliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-l.pool.ctx.Done():
			return
		case <-tick.C:
			if !alive(l.pool.ctx, client) {
				return
			}
		}
	}
}

// alive reports whether the server answers in time; any answer will do.
func alive(ctx context.Context, client *ssh.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, keepaliveLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = client.Close() })
	defer stop()
	_, _, err := client.SendRequest("keepalive@openssh.com", true, nil)
	return err == nil
}

// connect opens a connection, through jump hosts where asked.
func (p *Pool) connect(ctx context.Context, cfg SSHConfig) (*ssh.Client, error) {
	dial := p.direct
	if n := len(cfg.ProxyJump); n > 0 {
		via, err := p.jumpHost(ctx, cfg, n)
		if err != nil {
			return nil, err
		}
		dial = via.DialContext
	}
	if err := p.dials.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer p.dials.Release(1)
	return dialSSH(ctx, cfg, dial)
}

// jumpHost connects to the last of the first n jump hosts, itself reached
// through those before it.
func (p *Pool) jumpHost(ctx context.Context, cfg SSHConfig, n int) (*ssh.Client, error) {
	j := cfg.ProxyJump[n-1]
	next := cfg
	next.Address, next.Port, next.ServerID, next.LearnHostKeys = j.Host, j.Port, "", nil
	if j.User != "" {
		next.User = j.User
	}
	if cfg.Jumps != nil {
		var err error
		if next, err = cfg.Jumps(j); err != nil {
			return nil, fmt.Errorf("cannot jump through %s: %w", j.Host, err)
		}
		next.KeyFiles = append(next.KeyFiles, cfg.KeyFiles...)
		next.KeyPEM, next.KeyPassphrase, next.ProjectKnownHosts = cfg.KeyPEM, cfg.KeyPassphrase, cfg.ProjectKnownHosts
	}
	next.Name, next.ProxyJump = j.Host, cfg.ProxyJump[:n-1]
	client, err := p.link(next).get(ctx, next)
	if err != nil {
		return nil, fmt.Errorf("cannot jump through %s: %w", j.Host, err)
	}
	return client, nil
}

// isLost reports whether err says that the connection is gone.
func isLost(err error) bool {
	var missing *ssh.ExitMissingError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.As(err, &missing)
}
