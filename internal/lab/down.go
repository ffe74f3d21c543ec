package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"rollout/internal/lab/engine"
	"rollout/internal/lab/image"
	"rollout/internal/lab/machine"
)

// Down takes the lab away: the API's process, containers, networks, volumes and state, and the Docker Engine if Up started
// one by itself and nobody else uses it. Images stay unless images is true, since they take long to build. What belongs to
// others is not touched. Without a lab there is nothing to do.
func Down(ctx context.Context, options Options, images bool) error {
	dir, err := stateDir(options.Dir)
	if err != nil {
		return err
	}
	settings, err := readSettings(dir)
	if errors.Is(err, ErrDown) {
		return nil
	}
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, dir)
	if err != nil {
		return err
	}
	defer unlock()
	d := down{dir: dir, settings: settings, progress: options.Progress, images: images}
	if d.progress == nil {
		d.progress = func(string) {}
	}
	for _, step := range []func(context.Context) error{d.endAPI, d.removeObjects, d.removeImages, d.endEngine, d.removeState} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("cannot take the practice cloud down: %w", err)
		}
	}
	return nil
}

type down struct {
	dir      string
	settings Settings
	docker   engine.Engine
	progress func(string)
	images   bool
}

func (d *down) endAPI(ctx context.Context) error {
	return d.settings.APIProcess.end(ctx, 20*time.Second)
}

// removeObjects removes what carries the lab's label. Where no engine answers that Up started, there is none left to ask,
// and the next Up would find what it kept on disk by the same label.
func (d *down) removeObjects(ctx context.Context) error {
	if err := answers(ctx, d.docker); err != nil {
		return fmt.Errorf("the Docker Engine does not answer: %w (start it, so that the lab's containers can be removed)", err)
	}
	label := machine.LabelLab + "=" + d.settings.ID
	for _, kind := range []struct {
		name   string
		remove []string
	}{
		{"container", []string{"rm", "-f", "-v"}},
		{"network", []string{"network", "rm"}},
		{"volume", []string{"volume", "rm", "-f"}},
	} {
		if err := d.removeKind(ctx, kind.name, label, kind.remove); err != nil {
			return err
		}
	}
	return nil
}

// removeKind removes until nothing is left: something may be on its way out already, or still be held by what is.
func (d *down) removeKind(ctx context.Context, kind, label string, remove []string) error {
	deadline := time.Now().Add(time.Minute)
	for tries := 0; ; tries++ {
		names, err := d.docker.Labelled(ctx, kind, label)
		if err != nil || len(names) == 0 {
			return err
		}
		if tries == 0 {
			d.progress(fmt.Sprintf("removing %ss: %d", kind, len(names)))
		}
		_, err = d.docker.Run(ctx, append(slices.Clone(remove), names...)...)
		if err != nil && time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Duration(min(tries, 1)) * 200 * time.Millisecond):
		}
	}
}

func (d *down) removeImages(ctx context.Context) error {
	if !d.images {
		return nil
	}
	d.progress("removing images")
	for _, kind := range []string{"node", "base"} { // an image can't go before those that are made from it
		refs, err := d.docker.Lines(ctx, "image", "ls", "-q", "--filter", "label="+image.Label+"="+kind)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if err := d.removeImage(ctx, ref); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeImage leaves an image alone that another lab's containers are made of, or its images.
func (d *down) removeImage(ctx context.Context, ref string) error {
	users, err := d.docker.Lines(ctx, "ps", "-a", "-q", "--filter", "ancestor="+ref)
	if err != nil || len(users) > 0 {
		return err
	}
	_, err = d.docker.Run(ctx, "image", "rm", "-f", ref)
	return err
}

// endEngine stops an engine that Up started as a plain process. One that the init system started stays: it is this
// machine's now.
func (d *down) endEngine(ctx context.Context) error {
	if !d.settings.EngineProcess.runs() {
		return nil
	}
	others, err := d.docker.Lines(ctx, "ps", "-q")
	if err != nil {
		return err
	}
	if len(others) > 0 {
		d.progress(fmt.Sprintf("the Docker Engine stays: %d other containers run on it", len(others)))
		return nil
	}
	d.progress("ending the Docker Engine")
	return d.settings.EngineProcess.end(ctx, 60*time.Second)
}

// removeState removes the files that a lab makes, and the folder if nothing else is in it.
func (d *down) removeState(context.Context) error {
	for _, name := range []string{machinesDir, apiDir, cloudsFile, KeyName, apiLog, "dockerd.log", "lock", settingsFile} {
		if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
			return fmt.Errorf("cannot remove the lab's state: %w", err)
		}
	}
	// A folder with somebody's files in it stays.
	_ = os.Remove(d.dir)
	return nil
}
