package runner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollout/internal/connection"
	"rollout/internal/document"
	"rollout/internal/playbook"
	"rollout/internal/template"
	"rollout/internal/vars"
)

// Target is where and as whom a task runs, from a host's variables and the
// task's keywords.
type Target struct {
	Name       string // as in the inventory
	Connection string // ssh or local
	Address    string // ansible_host, else the name
	Port       int    // 0 is the connection's default
	User       string // "" is the connection's default
	Password   string
	KeyFile    string // ansible_ssh_private_key_file
	SSHArgs    string // ansible_ssh_args, ansible_ssh_common_args and ansible_ssh_extra_args
	Timeout    time.Duration
	// HostKeyChecking is what ansible_host_key_checking or
	// ansible_ssh_host_key_checking says; "" where nothing does.
	HostKeyChecking string
}

// Login says how hosts are reached where neither a keyword nor a variable does:
// the options of the command line. What is "" or 0 is the connection's default.
type Login struct {
	Connection string // ssh or local
	User       string
	Port       int
	Password   string
	KeyFile    string
	SSHArgs    string // -o options, as ansible_ssh_args
	CommonArgs string // as ansible_ssh_common_args
	ExtraArgs  string // as ansible_ssh_extra_args
	Timeout    time.Duration

	Become         bool
	BecomeUser     string
	BecomeMethod   string
	BecomeFlags    string
	BecomePassword string
}

// check finds what would fail on every host.
func (l Login) check() error {
	err := completeTarget(&Target{Name: "every host", Connection: l.Connection}, "", "")
	return errors.Join(err, completeBecome(&connection.Become{Method: l.BecomeMethod}))
}

// Connector opens connections. What it returns belongs to the run, which
// closes it.
type Connector interface {
	Connect(ctx context.Context, t Target) (connection.Host, error)
}

// where finds out on which host the call runs, and as whom.
func (c *call) where(ctx context.Context) error {
	b, t := c.job.batch, c.job.task
	s, host := c.scope, c.job.host.name
	if t.DelegateTo != nil {
		name, err := words(c.scope, t.DelegateTo, "delegate_to")
		if err != nil {
			return err
		}
		if name != "" && name != vars.OmitText() {
			c.delegate, host = name, name
			if s, err = b.delegated(ctx, name, t, c); err != nil {
				return err
			}
		}
	}
	var err error
	if c.target, err = target(s, host, t, b.run.opt.Login); err != nil {
		return err
	}
	b.run.secrets.add(c.target.Password)
	if c.delegate != "" {
		c.scope = delegating(reaching(c.scope, c.target.Address), c.delegate, s)
	}
	c.become, err = becoming(s, t, b.run.opt.Login)
	if c.become != nil {
		b.run.secrets.add(c.become.Password)
	}
	return err
}

// delegated is the scope of the host a task is delegated to; it may be one that
// the inventory does not know.
func (b *batch) delegated(ctx context.Context, name string, t *playbook.Task, c *call) (*vars.Scope, error) {
	s, err := b.scope(ctx, name, t, c.job.frame)
	if err != nil || c.job.local == nil || c.job.task.Loop == nil {
		return s, err
	}
	local := c.job.local.Clone()
	if item, ok, err := c.scope.Lookup(c.job.task.Loop.Var); ok && err == nil {
		local.Set(c.job.task.Loop.Var, item)
	}
	return s.With(vars.Layer{Level: vars.Local, Values: local, Data: true}), nil
}

// first returns the first of the variables that is set, else the keyword.
func first(s *vars.Scope, keyword *document.Node, name string, variables ...string) (string, error) {
	for _, v := range variables {
		if !s.Has(v) {
			continue
		}
		got, ok, err := s.Get(v)
		if err != nil {
			return "", fmt.Errorf("the variable %s cannot be evaluated: %w", v, err)
		}
		if ok && got != nil && got != any(vars.OmitText()) {
			if u, undefined := got.(*template.Undefined); undefined {
				return "", fmt.Errorf("the variable %s cannot be evaluated: %w", v, u.Err())
			}
			return text(got), nil
		}
	}
	return words(s, keyword, name)
}

// target reads a host's connection variables; they win over keywords, and those
// over the command line. Of several variables for one thing, ansible-core takes
// the one that its ssh connection lists last: ansible_ssh_user over ansible_user.
func target(s *vars.Scope, host string, t *playbook.Task, login Login) (Target, error) {
	out := Target{Name: host}
	if err := refused(s); err != nil {
		return out, err
	}
	var port, timeout, args, common, extra string
	for _, f := range []struct {
		into    *string
		keyword *document.Node
		name    string
		vars    []string
		login   string
	}{
		{&out.Connection, t.Connection, "connection", []string{"ansible_connection"}, login.Connection},
		{&out.Address, nil, "", []string{"ansible_ssh_host", "ansible_host"}, ""},
		{&port, t.Port, "port", []string{"ansible_ssh_port", "ansible_port"}, ""},
		{&out.User, t.RemoteUser, "remote_user", []string{"ansible_ssh_user", "ansible_user"}, login.User},
		{&out.Password, nil, "", []string{"ansible_ssh_password", "ansible_ssh_pass", "ansible_password"}, login.Password},
		{&out.KeyFile, nil, "", []string{"ansible_ssh_private_key_file", "ansible_private_key_file"}, login.KeyFile},
		{&args, nil, "", []string{"ansible_ssh_args"}, login.SSHArgs},
		{&common, nil, "", []string{"ansible_ssh_common_args"}, login.CommonArgs},
		{&extra, nil, "", []string{"ansible_ssh_extra_args"}, login.ExtraArgs},
		{&timeout, nil, "", []string{"ansible_ssh_timeout", "ansible_timeout"}, ""},
		{&out.HostKeyChecking, nil, "", []string{"ansible_ssh_host_key_checking", "ansible_host_key_checking"}, ""},
	} {
		v, err := first(s, f.keyword, f.name, f.vars...)
		if err != nil {
			return out, err
		}
		*f.into = cmp.Or(v, f.login)
	}
	out.SSHArgs = strings.TrimSpace(strings.TrimSpace(args+" "+common) + " " + extra)
	out.Timeout, out.Port = login.Timeout, login.Port
	return out, completeTarget(&out, port, timeout)
}

// completeTarget fills in defaults and numbers.
func completeTarget(out *Target, port, timeout string) error {
	if out.Address == "" {
		out.Address = out.Name
	}
	switch out.Connection {
	case "", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh":
		out.Connection = "ssh"
	case "ansible.builtin.local":
		out.Connection = "local"
	case "ssh", "local":
	default:
		return fmt.Errorf("unknown connection %q for %s (known: ssh, local)", out.Connection, out.Name)
	}
	if port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return fmt.Errorf("the port %q of %s is not a number from 1 to 65535", port, out.Name)
		}
		out.Port = n
	}
	if timeout != "" {
		n, err := strconv.Atoi(timeout)
		if err != nil {
			return fmt.Errorf("the timeout %q of %s is not a number of seconds", timeout, out.Name)
		}
		out.Timeout = time.Duration(n) * time.Second
	}
	return nil
}

// connections keeps one open connection per target for the run.
type connections struct {
	open Connector
	mu   sync.Mutex
	have map[Target]*opening
}

// opening is a connection that is open or being opened: who comes second waits
// for the first.
type opening struct {
	done chan struct{}
	host connection.Host
	err  error
}

func newConnections(open Connector) *connections {
	return &connections{open: open, have: map[Target]*opening{}}
}

func (c *connections) get(ctx context.Context, t Target) (connection.Host, error) {
	if c.open == nil {
		return nil, fmt.Errorf("cannot connect to %s: this run has no connections", t.Name)
	}
	c.mu.Lock()
	o, ok := c.have[t]
	if !ok {
		o = &opening{done: make(chan struct{})}
		c.have[t] = o
	}
	c.mu.Unlock()
	if !ok {
		o.host, o.err = c.open.Connect(ctx, t)
		if o.err != nil {
			c.forget(t, o)
		}
		close(o.done)
		return o.host, o.err
	}
	select {
	case <-o.done:
		if cancelled(o.err) && ctx.Err() == nil {
			return c.get(ctx, t) // who opened it gave up; this task did not
		}
		return o.host, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func cancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (c *connections) forget(t Target, o *opening) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.have[t] == o {
		delete(c.have, t)
	}
}

// drop closes a connection that broke, so that the next task opens a new one.
func (c *connections) drop(t Target) {
	c.mu.Lock()
	o := c.have[t]
	delete(c.have, t)
	c.mu.Unlock()
	closeOpening(o)
}

// dropHost closes all connections to a host.
func (c *connections) dropHost(name string) {
	c.mu.Lock()
	var gone []*opening
	for t, o := range c.have {
		if t.Name == name {
			gone = append(gone, o)
			delete(c.have, t)
		}
	}
	c.mu.Unlock()
	for _, o := range gone {
		closeOpening(o)
	}
}

func closeOpening(o *opening) {
	if o == nil {
		return
	}
	<-o.done
	if o.host != nil {
		_ = o.host.Close() // it is given up: what its end says changes nothing
	}
}

// closeAll ends every connection of the run.
func (c *connections) closeAll() {
	c.mu.Lock()
	have := c.have
	c.have = map[Target]*opening{}
	c.mu.Unlock()
	for _, o := range have {
		closeOpening(o)
	}
}
