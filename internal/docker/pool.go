package docker

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"rollout/internal/connection"
)

// Pool keeps one engine per host connection for the length of a run.
type Pool struct {
	mu      sync.Mutex
	entries map[poolKey]*poolEntry
	closed  bool
}

type poolKey struct {
	host         Host
	method, user string
}

type poolEntry struct {
	mu     sync.Mutex
	engine *Engine
	closed bool
}

// NewPool returns an empty pool.
func NewPool() *Pool { return &Pool{entries: map[poolKey]*poolEntry{}} }

// Engine returns the engine reached through host, opening it the first time.
// A failure is not kept: the next call tries again.
func (p *Pool) Engine(ctx context.Context, name string, host Host, become *connection.Become) (*Engine, error) {
	key := poolKey{host: host}
	if become != nil {
		key.method, key.user = become.Method, become.User
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ended(name)
	}
	entry := p.entries[key]
	if entry == nil {
		entry = &poolEntry{}
		p.entries[key] = entry
	}
	p.mu.Unlock()

	entry.mu.Lock()
	defer entry.mu.Unlock()
	switch {
	case entry.closed:
		return nil, ended(name)
	case entry.engine != nil:
		return entry.engine, nil
	}
	engine, err := openAs(ctx, name, host, become)
	if err != nil {
		return nil, err
	}
	entry.engine = engine
	return engine, nil
}

func ended(host string) error {
	return fmt.Errorf("cannot use Docker on %s: the run has ended", host)
}

// openAs opens the engine as the login user, and only where that one may not,
// as the other user: whoever may open the socket is as good as root there, and
// a forwarded socket is faster than a command.
func openAs(ctx context.Context, name string, host Host, become *connection.Become) (*Engine, error) {
	engine, err := Open(ctx, name, host, nil)
	var unavailable *UnavailableError
	if become == nil || !errors.As(err, &unavailable) || unavailable.Reason != Forbidden {
		return engine, err
	}
	return Open(ctx, name, host, become)
}

// Close closes all engines; the pool cannot be used any more.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, entry := range p.entries {
		entry.mu.Lock()
		entry.closed = true
		if entry.engine != nil {
			errs = append(errs, entry.engine.Close())
		}
		entry.mu.Unlock()
	}
	clear(p.entries)
	return errors.Join(errs...)
}
