package docker

import (
	"context"
	"fmt"
	"time"
)

// Means are the details of how steps are done.
type Means struct {
	StopTimeout *int   // seconds; nil is the container's own
	KillSignal  string // "" is KILL
	KeepVolumes bool   // anonymous volumes outlive their container
}

// removalLimit bounds the wait for a removal that somebody else began.
const removalLimit = time.Minute

// Apply does one step of a Plan to the container called name.
func (e *Engine) Apply(ctx context.Context, name string, step Step, means Means) (warnings []string, err error) {
	switch step.Do {
	case DoCreate:
		_, warnings, err = e.Create(ctx, name, step.Body)
	case DoRemove:
		err = e.removeGone(ctx, name, !means.KeepVolumes)
	case DoStop:
		err = e.Stop(ctx, name, means.StopTimeout)
	case DoKill:
		err = e.Kill(ctx, name, means.KillSignal)
	case DoStart:
		err = e.Start(ctx, name)
	case DoRestart:
		err = e.Restart(ctx, name, means.StopTimeout)
	case DoPause:
		err = e.Pause(ctx, name)
	case DoUnpause:
		err = e.Unpause(ctx, name)
	case DoUpdate:
		err = e.Update(ctx, name, step.Body)
	case DoConnect:
		err = e.Connect(ctx, step.Network, name, step.Body)
	case DoDisconnect:
		err = e.Disconnect(ctx, step.Network, name)
	default:
		err = fmt.Errorf("cannot %s container %s: no such step", step.Do, name)
	}
	return warnings, err
}

// removeGone removes a container that may be going already: one with
// auto_remove goes by itself once it has stopped.
func (e *Engine) removeGone(ctx context.Context, name string, volumes bool) error {
	err := e.Remove(ctx, name, volumes, true)
	if IsNotFound(err) {
		return nil
	}
	if !IsConflict(err) {
		return err
	}
	for deadline := time.Now().Add(removalLimit); time.Now().Before(deadline); {
		c, look := e.Container(ctx, name)
		if look != nil {
			return look
		}
		if c == nil {
			return nil
		}
		select {
		case <-time.After(firstLook):
		case <-ctx.Done():
			return fmt.Errorf("cannot wait until container %s on %s is removed: %w", name, e.host, ctx.Err())
		}
	}
	return err
}
