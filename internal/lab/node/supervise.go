package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	metadataIP   = "169.254.169.254"
	metadataPort = "8775"
	dnsPort      = "8753"
	dockerNames  = "127.0.0.11:53" // the name server that Docker gives a container
)

// say writes a line to the console, as a kernel or init would.
func say(format string, args ...any) { fmt.Printf("[lab] "+format+"\n", args...) }

// Supervise starts the machine and runs until it is told to end by SIGTERM.
func Supervise(ctx context.Context) error {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM)
	defer stop()
	seed, err := readSeed(SeedDir)
	if err != nil {
		return err
	}
	say("%s starts", seed.Machine.Name)
	if err := prepare(ctx, seed); err != nil {
		return err
	}
	group, running := errgroup.WithContext(ctx)
	docker := &dockerd{ready: make(chan struct{})}
	names := &forwarder{upstream: dockerNames}
	group.Go(func() error { return serveSyslog(running, "/dev/log") })
	group.Go(func() error { return serveMetadata(running, metadataIP+":"+metadataPort, seed) })
	group.Go(func() error { return names.serve(running, metadataIP+":"+dnsPort) })
	group.Go(func() error { return keepNICs(running) })
	group.Go(func() error { return docker.keep(running) })
	group.Go(func() error { return boot(running, seed, docker) })
	err = group.Wait()
	if ctx.Err() != nil {
		say("power down")
		return nil // what ended first, and how, says nothing
	}
	return err
}

// prepare does what must be there before the first service starts.
func prepare(ctx context.Context, seed Seed) error {
	steps := []struct {
		what string
		do   func() error
	}{
		{"clean up after the last run", clearRuntime},
		{"prepare mounts", prepareMounts},
		{"write the configuration", func() error { return writeConfiguration(seed) }},
		{"put security group rules in force", func() error { return applyRules(ctx, seed.Machine.Rules) }},
		{"offer the metadata address", func() error { return offerMetadata(ctx) }},
		{"wait for the network", func() error { return awaitNICs(ctx, seed.Machine.NICs) }},
		{"set up the network", func() error { return configureNICs(ctx, seed.Machine.NICs) }},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			return fmt.Errorf("cannot %s: %w", step.what, err)
		}
	}
	return nil
}

// offerMetadata puts the metadata address on lo. The services listen on ports of their own, so that 80 and 53 stay
// free for containers.
func offerMetadata(ctx context.Context) error {
	if err := program(ctx, nil, "ip", "addr", "replace", metadataIP+"/32", "dev", "lo"); err != nil {
		return err
	}
	chain := "*nat\n:LAB-META - [0:0]\n" +
		"-A LAB-META -d 169.254.169.254/32 -p tcp --dport 80 -j DNAT --to-destination 169.254.169.254:" + metadataPort + "\n" +
		"-A LAB-META -d 169.254.169.254/32 -p udp --dport 53 -j DNAT --to-destination 169.254.169.254:" + dnsPort + "\n" +
		"-A LAB-META -d 169.254.169.254/32 -p tcp --dport 53 -j DNAT --to-destination 169.254.169.254:" + dnsPort + "\n" +
		"COMMIT\n"
	if err := restore(ctx, chain); err != nil {
		return err
	}
	for _, hook := range []string{"OUTPUT", "PREROUTING"} {
		if err := ensureRule(ctx, "nat", []string{hook, "-j", "LAB-META"}); err != nil {
			return err
		}
	}
	return nil
}

// boot runs cloud-init's stages around sshd and the Docker Engine. A stage that fails is told on the console and the
// boot goes on, as on a real machine.
func boot(ctx context.Context, seed Seed, docker *dockerd) error {
	run(ctx, "cloud-init", "init")
	if keys, err := filepath.Glob("/etc/ssh/ssh_host_*_key"); err != nil || len(keys) == 0 {
		run(ctx, "ssh-keygen", "-A") // cloud-init has failed; a way in helps to see why
	}
	run(ctx, "/usr/sbin/sshd")
	if err := docker.await(ctx, 2*time.Minute); err != nil {
		say("%v", err)
	}
	run(ctx, "cloud-init", "modules", "--mode=final")
	fmt.Printf("\nDebian GNU/Linux 12 %[1]s console\n\n%[1]s login: \n", seed.Hostname())
	<-ctx.Done()
	return context.Cause(ctx)
}

// run runs a program with its output on the console. An error is a line there.
func run(ctx context.Context, name string, args ...string) {
	cmd := command(ctx, os.Stdout, name, args...)
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		say("%s %v: %v", name, args, err)
	}
}

// command is a program that is asked to end by SIGTERM when ctx ends, and killed when it doesn't.
func command(ctx context.Context, output io.Writer, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 8 * time.Second
	return cmd
}
