package openstack

import (
	"context"
	"time"
)

// inFlight is how many creating requests are under way at a time. More do not
// make a cloud faster: its own workers are the limit (Neutron makes about two
// ports a second on the machines that were measured), while they lengthen the
// queue in front of everybody's requests, time-outs among them.
const inFlight = 16

// slots bounds how many do something at a time; a wait for one can be cancelled.
type slots chan struct{}

func (s slots) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err // a free slot and an ended run: the run's end counts
	}
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s slots) release() { <-s }

// How long a stopped run waits for the answers of creates that are under way, so
// that it can say what they made.
const lastAnswers = 10 * time.Second

// lingering returns a context that outlives ctx by d: what was sent is heard out.
func lingering(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = Sleep(longer, d)
		cancel()
		close(ended)
	})
	return longer, func() {
		cancel()
		if !stop() {
			<-ended // nothing outlives the caller
		}
	}
}
