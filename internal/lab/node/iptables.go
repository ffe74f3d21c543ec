package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// restore feeds chains to iptables-restore. Chains that the text declares are emptied first, all others stay.
func restore(ctx context.Context, chains string) error {
	return program(ctx, strings.NewReader(chains), "iptables-restore", "-w", "-n")
}

// ensureRule appends a rule to a chain unless it is there.
func ensureRule(ctx context.Context, table string, rule []string) error {
	check := append([]string{"-w", "-t", table, "-C"}, rule...)
	err := exec.CommandContext(ctx, "iptables", check...).Run()
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		return err
	}
	return program(ctx, nil, "iptables", append([]string{"-w", "-t", table, "-A"}, rule...)...)
}

// program runs a program to its end; what it said on failure is in the error.
func program(ctx context.Context, stdin *strings.Reader, name string, args ...string) error {
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("cannot run %s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return nil
}
