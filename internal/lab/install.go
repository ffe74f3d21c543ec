package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"rollout/internal/lab/debian"
	"rollout/internal/lab/engine"
)

// How long an engine may take until it answers.
const (
	serviceStart = 20 * time.Second
	daemonStart  = 60 * time.Second
)

// ensureEngine sees to it that a Docker Engine answers: it installs Debian's and starts it where none runs. It tells
// whether it had to start one.
func (u *up) ensureEngine(ctx context.Context) (started bool, err error) {
	if answers(ctx, u.docker) == nil {
		return false, nil
	}
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return false, fmt.Errorf("no Docker Engine answers at DOCKER_HOST=%s: %w", host, answers(ctx, u.docker))
	}
	if os.Geteuid() != 0 {
		return false, fmt.Errorf("no Docker Engine answers: %w (run this as root, or start Docker and join the group docker)", answers(ctx, u.docker))
	}
	if err := u.installDocker(ctx); err != nil {
		return false, err
	}
	u.progress("starting the Docker Engine")
	if u.startService(ctx) {
		return true, nil
	}
	return true, u.startDaemon(ctx)
}

func (u *up) installDocker(ctx context.Context) error {
	for _, program := range []string{"docker", "dockerd"} {
		if _, err := exec.LookPath(program); err != nil {
			return debian.Install(ctx, u.progress, "docker.io", "iptables", "ca-certificates")
		}
	}
	return nil
}

// startService starts the engine by the init system and tells whether that was possible. Where it wasn't, for lack of
// rights for ulimit, say, dockerd itself may still do.
func (u *up) startService(ctx context.Context) bool {
	command := exec.CommandContext(ctx, "service", "docker", "start")
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		command = exec.CommandContext(ctx, "systemctl", "start", "docker")
	} else if _, err := os.Stat("/etc/init.d/docker"); err != nil {
		return false
	}
	if err := command.Run(); err != nil {
		return false
	}
	return awaitEngine(ctx, u.docker, nil, serviceStart) == nil
}

// startDaemon starts dockerd itself, as there is no init system to do it.
func (u *up) startDaemon(ctx context.Context) error {
	// An engine that was killed leaves these. Where another process has the number by now, dockerd would take that for
	// itself, or for its containerd, and not start.
	for file, program := range map[string]string{"/var/run/docker.pid": "dockerd", "/var/run/docker/containerd/containerd.pid": "containerd"} {
		if err := dropStalePID(file, program); err != nil {
			return err
		}
	}
	log := filepath.Join(u.dir, "dockerd.log")
	process, err := spawn(log, "dockerd")
	if err != nil {
		return err
	}
	u.settings.EngineProcess = process
	// Noted before the wait: a command that is cut short here must find it again.
	if err := u.settings.write(u.dir); err != nil {
		return err
	}
	if err := awaitEngine(ctx, u.docker, process, daemonStart); err != nil {
		return fmt.Errorf("cannot start the Docker Engine: %w; the end of %s:\n%s", err, log, tail(log, 8))
	}
	return nil
}

// dropStalePID removes a pid file whose process is not the program that wrote it.
func dropStalePID(file, program string) error {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look whether %s still runs: %w", program, err)
	}
	name, err := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(text)), "comm"))
	if err == nil && strings.TrimSpace(string(name)) == program {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot remove what a killed %s left: %w", program, err)
	}
	return nil
}

// awaitEngine waits until the engine answers, its process has ended, or the time is up.
func awaitEngine(ctx context.Context, docker engine.Engine, process *Process, limit time.Duration) error {
	ctx, stop := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it did not answer within %v", limit))
	defer stop()
	for {
		err := answers(ctx, docker)
		if err == nil {
			return nil
		}
		if process != nil && !process.runs() {
			return errors.New("dockerd ended")
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func answers(ctx context.Context, docker engine.Engine) error {
	ctx, stop := context.WithTimeout(ctx, 20*time.Second)
	defer stop()
	_, err := docker.Run(ctx, "version", "--format", "{{.Server.Version}}")
	return err
}

// tail is the last lines of a file, for an error message.
func tail(file string, count int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
