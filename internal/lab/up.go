package lab

import (
	"context"
	"debug/elf"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"rollout/internal/lab/api/identity"
	"rollout/internal/lab/engine"
	"rollout/internal/lab/image"
	"rollout/internal/lab/machine"
)

// apiStart is how long the API's process may take until it answers.
const apiStart = 30 * time.Second

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

// ensureAPI starts the API's process, or starts it anew when this program is another than the one that runs.
func (u *up) ensureAPI(ctx context.Context) error {
	running := u.settings.APIProcess
	// The image stands for the program, which is in it.
	if running.runs() && u.settings.APIImage == u.settings.Image && u.apiAnswers(ctx) == nil {
		return nil
	}
	if running.runs() {
		u.progress("restarting the API")
		if err := running.end(ctx, 20*time.Second); err != nil {
			return err
		}
	}
	if _, err := keyPair(filepath.Join(u.dir, KeyName)); err != nil {
		return err
	}
	return u.startAPI(ctx)
}

// startAPI starts the process on the lab's port, and on another one if somebody has taken that meanwhile.
func (u *up) startAPI(ctx context.Context) (err error) {
	if u.settings.API == "" || !free(u.settings.API) {
		if u.settings.API, err = freePort(); err != nil {
			return err
		}
		if err := u.settings.write(u.dir); err != nil {
			return err
		}
	}
	log := filepath.Join(u.dir, apiLog)
	if u.settings.APIProcess, err = spawn(log, u.program, "lab", "serve", "--state", u.dir); err != nil {
		return err
	}
	if err := u.settings.write(u.dir); err != nil {
		return err
	}
	ctx, stop := context.WithTimeoutCause(ctx, apiStart, fmt.Errorf("no answer within %v", apiStart))
	defer stop()
	for {
		err := u.apiAnswers(ctx)
		if err == nil {
			u.settings.APIImage = u.settings.Image
			return u.settings.write(u.dir)
		}
		if !u.settings.APIProcess.runs() {
			return fmt.Errorf("the API's process ended; the end of %s:\n%s", log, tail(log, 8))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the API does not answer at %s: %w: %w (see %s)", u.settings.API, context.Cause(ctx), err, log)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func authURL(address string) string { return "http://" + address + "/identity/v3" }

func (u *up) apiAnswers(ctx context.Context) error { return apiAnswers(ctx, u.settings.API) }

// apiAnswers asks for Keystone's version document, which needs no token.
func apiAnswers(ctx context.Context, address string) error {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, authURL(address), nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", request.URL, response.Status)
	}
	return nil
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

// clouds is the text of clouds.yaml. The words are quoted as JSON, which is YAML too.
func (u *up) clouds() string {
	var b strings.Builder
	b.WriteString("# Written by rollout lab up.\nclouds:\n  " + CloudName + ":\n    auth:\n")
	for _, pair := range [][2]string{
		{"auth_url", authURL(u.settings.API)},
		{"username", identity.UserName}, {"password", u.settings.Password}, {"project_name", identity.ProjectName},
		{"user_domain_name", identity.DomainName}, {"project_domain_name", identity.DomainName},
	} {
		fmt.Fprintf(&b, "      %s: %q\n", pair[0], pair[1])
	}
	fmt.Fprintf(&b, "    region_name: %q\n    identity_api_version: 3\n", identity.Region)
	return b.String()
}

func (u *up) writeClouds(context.Context) error {
	return writeFile(filepath.Join(u.dir, cloudsFile), []byte(u.clouds()))
}
