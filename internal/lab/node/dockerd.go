package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

const (
	dockerSocket = "/run/docker.sock"
	dockerLog    = "/var/log/docker.log"
	// dockerStopped is made by `service docker stop`, and says that the engine shall stay off.
	dockerStopped = "/run/docker.stopped"
)

// dockerd keeps the machine's Docker Engine running, unless it was stopped as a service.
type dockerd struct {
	once  sync.Once
	ready chan struct{} // closed when the engine has answered for the first time
}

// keep starts the engine and starts it again when it ends, until ctx ends.
func (d *dockerd) keep(ctx context.Context) error {
	log, err := os.OpenFile(dockerLog, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return fmt.Errorf("cannot open %s: %w", dockerLog, err)
	}
	defer log.Close()
	for {
		if _, err := os.Stat(dockerStopped); errors.Is(err, os.ErrNotExist) {
			d.runOnce(ctx, log)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (d *dockerd) runOnce(ctx context.Context, log *os.File) {
	// A pid file from before a restart would be taken for a running engine.
	_ = os.Remove("/run/docker.pid")
	cmd := command(ctx, log, "dockerd")
	if err := cmd.Start(); err != nil {
		say("cannot start the Docker Engine: %v", err)
		return
	}
	ended := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() { d.announce(ended) })
	err := cmd.Wait()
	close(ended)
	watch.Wait()
	if err != nil && ctx.Err() == nil {
		say("the Docker Engine ended: %v (its log is %s)", err, dockerLog)
	}
}

// announce closes ready as soon as the socket answers.
func (d *dockerd) announce(ended <-chan struct{}) {
	for {
		if conn, err := net.Dial("unix", dockerSocket); err == nil {
			conn.Close()
			d.once.Do(func() { close(d.ready) })
			return
		}
		select {
		case <-ended:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// await waits until the engine has answered.
func (d *dockerd) await(ctx context.Context, limit time.Duration) error {
	select {
	case <-d.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(limit):
		return fmt.Errorf("the Docker Engine did not answer within %v (its log is %s)", limit, dockerLog)
	}
}
