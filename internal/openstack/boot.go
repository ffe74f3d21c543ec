package openstack

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Boot says how a server is brought to ACTIVE.
type Boot struct {
	Limit    time.Duration     // how long one try may stay in BUILD
	Tries    int               // how many servers may fail before it gives up; 3 where zero
	Progress func(text string) // what is going on; may be nil
}

func (b Boot) orDefaults() Boot {
	if b.Limit <= 0 {
		b.Limit = 5 * time.Minute
	}
	if b.Tries <= 0 {
		b.Tries = 3
	}
	if b.Progress == nil {
		b.Progress = func(string) {}
	}
	return b
}

// BootError says that no try led to an ACTIVE server, and what is left.
type BootError struct {
	Name  string
	Tries int
	Left  []string // ids of servers that could not be deleted
	Err   error    // why the last try failed
}

func (e *BootError) Error() string {
	s := fmt.Sprintf("cannot boot %s: %v; tried %d times. ", e.Name, e.Err, e.Tries)
	if len(e.Left) == 0 {
		return s + "What failed was deleted; nothing is left behind"
	}
	s += "Left behind:"
	for _, id := range e.Left {
		s += fmt.Sprintf(" server %s (delete it with `openstack server delete %s`)", id, id)
	}
	return s
}

// Unwrap returns why the last try failed.
func (e *BootError) Unwrap() error { return e.Err }

// How many lines of the console an error shows.
const consoleTail = 12

// How long a failed server may take to go away.
const deleteLimit = 3 * time.Minute

// BootServer makes a server and waits until it is ACTIVE. One that ends in
// ERROR or stays in BUILD past the limit is deleted, and another one booted.
func (c *Cloud) BootServer(ctx context.Context, spec ServerSpec, how Boot) (Server, error) {
	return c.bootFrom(ctx, spec, how.orDefaults(), 1, nil)
}

// FinishBoot takes a server of ours that was found on its way, or failed, to
// ACTIVE: it waits for it, or replaces it, as BootServer does with its own.
func (c *Cloud) FinishBoot(ctx context.Context, found Server, spec ServerSpec, how Boot) (Server, error) {
	how = how.orDefaults()
	server, err := c.reachActive(ctx, found.Name, found.ID, how)
	if err == nil || !failedBoot(err) {
		return server, err
	}
	return c.replace(ctx, spec, how, 1, found.ID, err)
}

func (c *Cloud) bootFrom(ctx context.Context, spec ServerSpec, how Boot, try int, known []string) (Server, error) {
	id, err := c.CreateServer(ctx, spec, known...)
	if err != nil {
		return Server{}, fmt.Errorf("cannot boot %s: %w", spec.Name, err)
	}
	server, err := c.reachActive(ctx, spec.Name, id, how)
	if err == nil || !failedBoot(err) {
		return server, err
	}
	return c.replace(ctx, spec, how, try, id, err)
}

// replace deletes the server id, which failed for the reason err, and boots the
// next one, if there may be one.
func (c *Cloud) replace(ctx context.Context, spec ServerSpec, how Boot, try int, id string, err error) (Server, error) {
	how.Progress(fmt.Sprintf("%v; deleting it (try %d of %d)", err, try, how.Tries))
	deleteErr := c.DeleteServer(ctx, Server{ID: id, Name: spec.Name}, deleteLimit)
	switch {
	case deleteErr != nil:
		return Server{}, &BootError{Name: spec.Name, Tries: try, Left: []string{id}, Err: errors.Join(err, deleteErr)}
	case try >= how.Tries:
		return Server{}, &BootError{Name: spec.Name, Tries: try, Err: err}
	}
	return c.bootFrom(ctx, spec, how, try+1, []string{id})
}

// reachActive waits, and adds to a failure what the server said last.
func (c *Cloud) reachActive(ctx context.Context, name, id string, how Boot) (Server, error) {
	server, err := c.Await(ctx, name, id, how.Limit, how.Progress, "ACTIVE")
	var failed *FailedError
	var late *DeadlineError
	switch {
	case errors.As(err, &failed):
		servers := []Server{failed.Server}
		c.fillFaults(ctx, servers)
		failed.Server = servers[0]
		failed.Console = c.lastWords(ctx, id)
	case errors.As(err, &late):
		late.Console = c.lastWords(ctx, id)
	}
	return server, err
}

// lastWords returns the end of the console log, if it can be had: it is an
// addition to an error that is told anyway.
func (c *Cloud) lastWords(ctx context.Context, id string) []string {
	lines, err := c.Console(withTries(ctx, 1), id, consoleTail)
	if err != nil {
		return nil
	}
	return lines
}

// failedBoot tells a server that is to be replaced from a wait that just ended.
func failedBoot(err error) bool {
	var failed *FailedError
	var late *DeadlineError
	return errors.As(err, &failed) || errors.As(err, &late)
}
