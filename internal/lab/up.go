package lab

import (
	"context"
	"debug/elf"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"rollout/internal/lab/engine"
	"rollout/internal/lab/image"
	"rollout/internal/lab/machine"
)

// Options say which lab is meant.
type Options struct {
	Dir      string       // state folder; StateDir() where empty
	External string       // network of floating IPs of a new lab; DefaultExternal where empty
	Networks []Network    // tenant networks of a new lab; those of the exercise where nil
	Program  string       // this program, statically linked; found by itself where empty
	Progress func(string) // told what is being done; nil for silence
}

// up is one run of Up.
type up struct {
	dir      string
	program  string
	external string
	networks []Network
	progress func(string)
	docker   engine.Engine
	settings Settings
	backend  *machine.Backend
}

// Up brings the lab up: what runs is left alone, what is missing or died is made. It is over when the API answers.
func Up(ctx context.Context, options Options) error {
	u, unlock, err := newUp(ctx, options)
	if err != nil {
		return err
	}
	defer unlock()
	engineStarted := false
	steps := []func(context.Context) error{
		u.readSettings,
		func(ctx context.Context) (err error) { engineStarted, err = u.ensureEngine(ctx); return err },
		u.ensureImage,
		u.tryPrivileged,
		u.prepareBackend,
		u.ensureAPI,
		u.writeClouds,
		func(ctx context.Context) error { return u.restartMachines(ctx, engineStarted) },
	}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return fmt.Errorf("cannot bring the practice cloud up: %w", err)
		}
	}
	return nil
}

// Engine does the first part of Up: it sees to it that a Docker Engine answers. Down ends one that it started itself.
func Engine(ctx context.Context, options Options) error {
	u, unlock, err := newUp(ctx, options)
	if err != nil {
		return err
	}
	defer unlock()
	if answers(ctx, u.docker) == nil {
		return nil
	}
	if err := u.readSettings(ctx); err != nil {
		return err
	}
	if _, err := u.ensureEngine(ctx); err != nil {
		return fmt.Errorf("cannot start a Docker Engine: %w", err)
	}
	return nil
}

func newUp(ctx context.Context, options Options) (*up, func(), error) {
	u := &up{dir: options.Dir, program: options.Program, external: options.External, networks: options.Networks, progress: options.Progress}
	if u.progress == nil {
		u.progress = func(string) {}
	}
	if err := u.find(); err != nil {
		return nil, nil, fmt.Errorf("cannot bring the practice cloud up: %w", err)
	}
	unlock, err := lock(ctx, u.dir)
	return u, unlock, err
}

// find settles where the lab and this program are.
func (u *up) find() (err error) {
	if u.dir, err = stateDir(u.dir); err != nil {
		return err
	}
	if u.program == "" {
		if u.program, err = os.Executable(); err != nil {
			return fmt.Errorf("cannot find this program: %w", err)
		}
	}
	if err := static(u.program); err != nil {
		return err
	}
	return os.MkdirAll(u.dir, 0o700)
}

func stateDir(dir string) (string, error) {
	if dir == "" {
		dir = StateDir()
	}
	return filepath.Abs(dir)
}

// static refuses a program that needs libraries of this machine: it is PID 1 of the lab's machines too.
func static(program string) error {
	file, err := elf.Open(program)
	if err != nil {
		return fmt.Errorf("cannot read this program: %w", err)
	}
	defer file.Close()
	for _, header := range file.Progs {
		if header.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not statically linked, and the lab's machines start with it (build it with CGO_ENABLED=0)", program)
		}
	}
	return nil
}

// lock keeps two commands from changing one lab at a time. The folder must be there.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the lab: %w", err)
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if err != syscall.EWOULDBLOCK && err != syscall.EINTR {
			file.Close()
			return nil, fmt.Errorf("cannot lock the lab: %w", err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("cannot lock the lab, which another command is changing: %w", context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (u *up) readSettings(context.Context) (err error) {
	u.settings, err = readSettings(u.dir)
	if err == ErrDown {
		u.settings, err = newSettings(u.dir, u.external, u.networks)
	}
	if err != nil {
		return err
	}
	if u.external != "" && u.external != u.settings.External {
		return fmt.Errorf("this lab's floating IPs are in %s, not in %s (run: rollout lab down)", u.settings.External, u.external)
	}
	return u.settings.write(u.dir)
}

func (u *up) ensureImage(ctx context.Context) error {
	builder := image.Builder{Engine: u.docker, Progress: u.progress}
	ref, err := builder.Node(ctx, u.program)
	if err != nil {
		return err
	}
	if ref == u.settings.Image {
		return nil
	}
	u.settings.Image = ref
	if err := u.settings.write(u.dir); err != nil {
		return err
	}
	return builder.Prune(ctx)
}

// tryPrivileged finds out, once, whether the engine can start privileged containers: where root itself lacks a capability,
// it can't.
func (u *up) tryPrivileged(ctx context.Context) error {
	if u.settings.Privileged != nil {
		return nil
	}
	name := u.settings.ID + "-probe"
	_, err := u.docker.Run(ctx, "run", "--rm", "--name", name, "--label", machine.LabelLab+"="+u.settings.ID, "--privileged",
		"--network", "none", u.settings.Image, "true")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	can := err == nil
	if !can {
		// A container that was created and could not be started stays in spite of --rm.
		if there, err := u.docker.Exists(ctx, "container", name); err == nil && there {
			if _, err := u.docker.Run(ctx, "rm", "-f", name); err != nil {
				return err
			}
		}
	}
	u.settings.Privileged = &can
	return u.settings.write(u.dir)
}

func (u *up) prepareBackend(ctx context.Context) (err error) {
	if u.backend, err = newBackend(u.dir, u.settings, u.docker); err != nil {
		return err
	}
	return u.backend.Prepare(ctx)
}

func newBackend(dir string, s Settings, docker engine.Engine) (*machine.Backend, error) {
	external, err := s.external()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, machinesDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot keep the lab's state: %w", err)
	}
	return machine.New(machine.Config{Lab: s.ID, Image: s.Image, Privileged: s.Privileged != nil && *s.Privileged,
		External: external, Dir: dir}, docker)
}

// restartMachines starts what ran before this host or its Docker Engine was restarted.
func (u *up) restartMachines(ctx context.Context, engineStarted bool) error {
	boot := bootID()
	before := u.settings.BootID
	u.settings.BootID = boot
	if before != "" && (engineStarted || before != boot) {
		if err := u.backend.StartAll(ctx, u.progress); err != nil {
			return err
		}
	}
	return u.settings.write(u.dir)
}
