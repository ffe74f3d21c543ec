package openstack

import (
	"context"
	"sync"

	"rollout/internal/openstack/clouds"
)

// Pool opens each cloud once per run.
type Pool struct {
	defaults clouds.Config
	mu       sync.Mutex
	clouds   map[string]*opening
}

type opening struct {
	turn  turn
	cloud *Cloud
}

// NewPool returns a Pool whose clouds take what a caller leaves empty from
// defaults.
func NewPool(defaults clouds.Config) *Pool {
	return &Pool{defaults: defaults, clouds: map[string]*opening{}}
}

// Open returns the session that cfg asks for, logging in where none is open
// yet. Callers that ask for the same wait for one log-in. A failed log-in is
// not remembered.
func (p *Pool) Open(ctx context.Context, cfg clouds.Config) (*Cloud, error) {
	cfg = p.fill(cfg)
	o := p.slot(cfg.Session())
	if err := o.turn.take(ctx); err != nil {
		return nil, err
	}
	defer o.turn.release()
	if o.cloud != nil {
		return o.cloud, nil
	}
	cloud, err := Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	o.cloud = cloud
	return cloud, nil
}

// Calls returns how many HTTP requests the open clouds have sent.
func (p *Pool) Calls() int {
	n := 0
	for _, c := range p.open() {
		n += c.Calls()
	}
	return n
}

// Close ends the connections that are kept open between calls. The pool can
// still be used.
func (p *Pool) Close() {
	for _, c := range p.open() {
		c.Close()
	}
}

// open lists the clouds that are open by now; one that is being opened is not.
func (p *Pool) open() []*Cloud {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []*Cloud
	for _, o := range p.clouds {
		select {
		case o.turn <- struct{}{}:
			if o.cloud != nil {
				out = append(out, o.cloud)
			}
			o.turn.release()
		default:
		}
	}
	return out
}

func (p *Pool) slot(key string) *opening {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := p.clouds[key]
	if o == nil {
		o = &opening{turn: newTurn()}
		p.clouds[key] = o
	}
	return o
}

func (p *Pool) fill(cfg clouds.Config) clouds.Config {
	d := p.defaults
	if cfg.Cloud == "" && cfg.Entry == nil && cfg.Auth["auth_url"] == "" {
		cfg.Cloud, cfg.Entry = d.Cloud, d.Entry
		if len(cfg.Auth) == 0 {
			cfg.Auth = d.Auth
		}
	}
	fillText(&cfg.AuthType, d.AuthType)
	fillText(&cfg.Region, d.Region)
	fillText(&cfg.Interface, d.Interface)
	fillText(&cfg.CACert, d.CACert)
	fillText(&cfg.Cert, d.Cert)
	fillText(&cfg.Key, d.Key)
	if cfg.Verify == nil {
		cfg.Verify = d.Verify
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = d.Timeout
	}
	cfg.Retry, cfg.Trace, cfg.Getenv, cfg.Further = d.Retry, d.Trace, d.Getenv, d.Further
	return cfg
}

func fillText(s *string, text string) {
	if *s == "" {
		*s = text
	}
}

// Handout collects the credentials that cfg means, for another machine, as
// clouds.Config.Handout does.
func (p *Pool) Handout(ctx context.Context, cfg clouds.Config, authURL, caFile string) (clouds.Handout, error) {
	return p.fill(cfg).Handout(ctx, authURL, caFile)
}
