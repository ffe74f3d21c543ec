package system

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollout/internal/connection"
	"rollout/internal/module"
)

func waitForConnectionModule() *module.Module {
	return &module.Module{
		Name:    "ansible.builtin.wait_for_connection",
		Aliases: []string{"ansible.legacy.wait_for_connection"},
		Summary: "Waits until the host can be logged in to and runs a program.",
		Args: module.Schema{Args: []module.Arg{
			{Name: "timeout", Type: module.Int, Default: 600, Doc: "seconds to wait at most"},
			{Name: "connect_timeout", Type: module.Int, Default: 5, Doc: "seconds that a trivial program may take once connected"},
			{Name: "delay", Type: module.Int, Default: 0, Doc: "seconds to wait before the first attempt"},
			{Name: "sleep", Type: module.Int, Default: 1, Doc: "seconds between the first attempts; later ones wait longer"},
		}},
		Run: waitForConnection,
	}
}

// maxAttemptPause bounds the growing pause between attempts: a machine that
// boots is slowed down by those who knock.
const maxAttemptPause = 5 * time.Second

func waitForConnection(ctx context.Context, call *module.Call) (module.Result, error) {
	if call.Check {
		return skipInCheck("wait_for_connection"), nil
	}
	begin := time.Now()
	limit, cancel := context.WithTimeout(ctx, seconds(call.Args.Int("delay")+call.Args.Int("timeout")))
	defer cancel()
	last := sleep(limit, seconds(call.Args.Int("delay")))
	pause := max(seconds(call.Args.Int("sleep")), 100*time.Millisecond)
	for limit.Err() == nil {
		err := attempt(limit, call)
		if err == nil {
			return module.Result{}.Set("elapsed", elapsed(begin)), nil
		}
		if limit.Err() == nil || last == nil {
			last = err
		}
		var hostKey *connection.HostKeyError
		if errors.As(err, &hostKey) {
			return module.Result{}, err // no time heals it
		}
		progress(call, "waiting for a connection (%ds): %v", elapsed(begin), reason(err))
		if sleep(limit, pause) != nil {
			break
		}
		pause = min(pause*3/2, maxAttemptPause)
	}
	if ctx.Err() != nil {
		return module.Result{}, context.Cause(ctx)
	}
	return module.Fail(fmt.Sprintf("timed out waiting for a connection after %d seconds: %v", elapsed(begin), last)).
		Set("elapsed", elapsed(begin)), nil
}

// reason is an error without the host's name, which progress shows anyway.
func reason(err error) error {
	var lost *connection.UnreachableError
	if errors.As(err, &lost) {
		return lost.Err
	}
	return err
}

func attempt(ctx context.Context, call *module.Call) error {
	host, err := call.Connect(ctx)
	if err != nil {
		return err
	}
	probe, cancel := context.WithTimeoutCause(ctx, max(seconds(call.Args.Int("connect_timeout")), 5*time.Second), errors.New("it is connected, but a trivial program does not end"))
	defer cancel()
	out, err := host.Run(probe, connection.Command{Script: "echo ready", Become: call.Become})
	switch {
	case err != nil:
		return err
	case string(out.Stdout) != "ready\n":
		return fmt.Errorf("it is connected, but a trivial program said %q", oneLine(string(out.Stdout)+string(out.Stderr)))
	}
	return nil
}
