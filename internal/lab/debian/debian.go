// Package debian installs packages on this machine and tells which mirrors it takes them from.
package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Suite is the release that the lab's machines run.
const Suite = "bookworm"

// Install installs packages by apt-get. It needs root and a Debian (or a child of it), and says so where they lack.
func Install(ctx context.Context, progress func(string), packages ...string) error {
	names := strings.Join(packages, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("cannot install %s: there is no apt-get here (install it by hand)", names)
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("cannot install %s without root (run: sudo apt-get install %s)", names, names)
	}
	progress("installing " + names)
	install := append([]string{"install", "-y", "-q", "--no-install-recommends"}, packages...)
	if err := aptGet(ctx, install...); err == nil {
		return nil
	}
	// Package lists may be missing or old: look again, once.
	if err := aptGet(ctx, "update", "-q"); err != nil {
		return err
	}
	return aptGet(ctx, install...)
}

func aptGet(ctx context.Context, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8")
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = errors.Join(cause, err)
		}
		return fmt.Errorf("cannot run apt-get %s: %w\n%s", strings.Join(args, " "), err, lastLines(said.String(), 12))
	}
	return nil
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

// Proxy is the HTTP proxy that this machine's apt uses, empty for none.
func Proxy(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "apt-config", "shell", "P", "Acquire::http::Proxy").Output()
	if err != nil {
		return ""
	}
	_, value, _ := strings.Cut(strings.TrimSpace(string(out)), "=")
	return strings.Trim(value, "'")
}
