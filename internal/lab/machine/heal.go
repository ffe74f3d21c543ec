package machine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// StartAll starts every machine that is off, save those that were stopped by the cloud's user. It is for the time after
// this host or its Docker Engine was restarted.
func (b *Backend) StartAll(ctx context.Context, progress func(string)) error {
	files, err := filepath.Glob(filepath.Join(b.config.Dir, "machines", "*.json"))
	if err != nil {
		return fmt.Errorf("cannot list machines: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, file := range files {
		group.Go(func() error { return b.startOff(ctx, strings.TrimSuffix(filepath.Base(file), ".json"), progress) })
	}
	return group.Wait()
}

func (b *Backend) startOff(ctx context.Context, id string, progress func(string)) error {
	state, err := b.containerState(ctx, b.machineName(id))
	if err != nil || state == "" || state == "running" || b.wasStopped(id) {
		return err
	}
	machine, err := b.readRecord(id)
	if err != nil {
		return err
	}
	progress("starting " + machine.Name + " again")
	if err := b.startAgain(ctx, machine); err != nil {
		return fmt.Errorf("cannot start %s: %w", machine.Name, err)
	}
	return nil
}

// A file beside the record says that a machine was stopped on purpose.

func (b *Backend) stoppedFile(id string) string {
	return filepath.Join(b.config.Dir, "machines", id+".stopped")
}

func (b *Backend) wasStopped(id string) bool {
	_, err := os.Stat(b.stoppedFile(id))
	return err == nil
}

func (b *Backend) noteStopped(id string, stopped bool) error {
	if stopped {
		return writeFile(b.stoppedFile(id), nil)
	}
	if err := os.Remove(b.stoppedFile(id)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot note that machine %s runs: %w", id, err)
	}
	return nil
}
