package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// remote is a host over SSH; it shares its link with others.
type remote struct {
	pool *Pool
	cfg  SSHConfig
	link *link
}

func (r *remote) Close() error {
	r.link.drop()
	return nil
}

func (r *remote) unreachable(err error) error {
	return &UnreachableError{Host: r.cfg.Name, Addr: r.cfg.String(), Err: err}
}

func (r *remote) client(ctx context.Context) (*ssh.Client, error) {
	client, err := r.link.get(ctx, r.cfg)
	switch {
	case err == nil:
		return client, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	}
	return nil, r.unreachable(err)
}

// Run runs a command in a session of its own.
func (r *remote) Run(ctx context.Context, cmd Command) (Output, error) {
	mark, err := newMark()
	if err != nil {
		return Output{}, err
	}
	prog, err := build(cmd, mark)
	if err != nil {
		return Output{}, err
	}
	if err := r.link.sessions.Acquire(ctx, 1); err != nil {
		return Output{}, context.Cause(ctx)
	}
	defer r.link.sessions.Release(1)
	client, sess, err := r.session(ctx)
	if err != nil {
		return Output{}, err
	}
	r.link.open.Add(1)
	defer r.link.open.Add(-1)
	defer sess.Close()
	run := &running{prog: prog, sess: sess, client: client}
	out, err := run.do(ctx, cmd)
	var lost *lostError
	if errors.As(err, &lost) {
		r.link.lost(client)
		return Output{}, r.unreachable(fmt.Errorf("connection lost while %q ran; its result is unknown: %w", summary(cmd.Script), lost.err))
	}
	return out, err
}

// A server that refuses a session is asked again after refusalPause. It is
// given up after so many refusals while no session of ours was open.
const (
	refusalsAlone = 20
	refusalPause  = 50 * time.Millisecond
)

// session opens a session. A connection found dead is made anew once: nothing
// was sent over it yet. A server that has no session left for us is asked
// again, as ours end.
func (r *remote) session(ctx context.Context) (*ssh.Client, *ssh.Session, error) {
	redialled, alone := false, 0
	for {
		client, err := r.client(ctx)
		if err != nil {
			return nil, nil, err
		}
		sess, err := openSession(ctx, client)
		if err == nil {
			return client, sess, nil
		}
		var refused *ssh.OpenChannelError
		switch {
		case ctx.Err() != nil:
			return nil, nil, context.Cause(ctx)
		case errors.As(err, &refused) && alone < refusalsAlone:
			if alone++; r.link.open.Load() > 0 {
				alone = 0
			}
			if err := pause(ctx, refusalPause); err != nil {
				return nil, nil, err
			}
		case errors.As(err, &refused):
			return nil, nil, r.unreachable(fmt.Errorf("the server opens no session: %w (see MaxSessions in its sshd_config)", err))
		case redialled:
			return nil, nil, r.unreachable(err)
		default:
			r.link.lost(client)
			redialled = true
		}
	}
}

// openLimit is how long a server may take to open a session.
const openLimit = time.Minute

// openSession gives a server that went silent away when ctx ends, or after a
// while: the connection is closed, for it cannot be told from a dead one. Where
// a connection breaks at the wrong moment, x/crypto's NewSession never returns,
// not even then; it is left behind.
func openSession(ctx context.Context, client *ssh.Client) (*ssh.Session, error) {
	type opened struct {
		sess *ssh.Session
		err  error
	}
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	done := make(chan opened, 1)
	go func() {
		sess, err := client.NewSession()
		done <- opened{sess, err}
	}()
	select {
	case o := <-done:
		return o.sess, o.err
	case <-ctx.Done():
	}
	_ = client.Close() // it is given up in any case
	select {
	case o := <-done:
		return o.sess, o.err
	case <-time.After(time.Second):
		return nil, fmt.Errorf("the server opened no session: %w", context.Cause(ctx))
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// lostError marks a connection that broke after the command was sent.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

// running is one command under way.
type running struct {
	prog   program
	sess   *ssh.Session
	client *ssh.Client
	stderr *capture
}

func (r *running) do(ctx context.Context, cmd Command) (Output, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stdout := &capture{to: cmd.Stdout, limit: maxOutput, stop: cancel}
	r.stderr = &capture{limit: maxOutput, stop: cancel}
	r.sess.Stdout, r.sess.Stderr = stdout, r.stderr
	in, err := r.sess.StdinPipe()
	if err != nil {
		return Output{}, &lostError{err}
	}
	var helpers sync.WaitGroup
	done := make(chan struct{})
	helpers.Go(func() { r.endWhenDone(ctx, cmd.Become, done) })
	if err = r.sess.Start(r.prog.line); err == nil {
		helpers.Go(func() {
			_, _ = io.Copy(in, r.prog.input(cmd.Stdin)) // a closed channel says only that the command ended
			_ = in.Close()
		})
		err = r.sess.Wait()
		letGo(cmd.Stdin)
	}
	close(done)
	helpers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return Output{}, fmt.Errorf("cannot finish the command: %w", cause)
	}
	code, err := remoteCode(err)
	if err != nil {
		return Output{}, err
	}
	errText, err := r.prog.verdict(r.stderr.bytes())
	return Output{Stdout: stdout.bytes(), Stderr: errText, Code: code}, err
}

// killTime bounds the attempt to end a cancelled command on its host.
const killTime = 5 * time.Second

// endWhenDone ends the command on its host when ctx ends before done. Where
// even that gets no answer, the connection is given up.
func (r *running) endWhenDone(ctx context.Context, become *Become, done <-chan struct{}) {
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	killing, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	r.kill(killing, become)
	_ = r.sess.Close()
	select {
	case <-done:
	case <-killing.Done():
		_ = r.client.Close()
	}
}

// kill ends the command's process group by a command, as the user that the
// command runs as: OpenSSH ignores signal requests for root.
func (r *running) kill(killing context.Context, become *Become) {
	pid := r.prog.pid(r.stderr.bytes())
	if pid == "" {
		return
	}
	sess, err := openSession(killing, r.client)
	if err != nil {
		return
	}
	defer sess.Close()
	stop := context.AfterFunc(killing, func() { _ = sess.Close() })
	defer stop()
	prog, err := build(Command{Script: "kill -TERM -" + pid + "; sleep 0.2; kill -KILL -" + pid, Become: become}, r.prog.mark)
	if err != nil {
		return
	}
	sess.Stdin = prog.input(nil)
	_ = sess.Run(prog.line) // the group may be gone already
}

// signalNumbers are those of RFC 4254, section 6.10, as Linux numbers them.
var signalNumbers = map[string]int{"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9,
	"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15}

// remoteCode is the exit code in what Wait returned.
func remoteCode(err error) (int, error) {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &exit):
		return 0, &lostError{err}
	case exit.Signal() == "":
		return exit.ExitStatus(), nil
	}
	return 128 + signalNumbers[exit.Signal()], nil
}

// summary is a script's first line that says something, for messages.
func summary(script string) string {
	for line := range strings.SplitSeq(script, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) > 60 {
			line = strings.ToValidUTF8(line[:60], "") + "…"
		}
		return line
	}
	return "a command"
}
