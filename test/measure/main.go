// Command measure is what rollout is measured against, and with. Its create,
// delete and list are the floor: bare gophercloud, ids looked up once, as many
// requests in flight as pays, one list call per interval. Its proxy counts the
// API calls of any client, its time takes wall time, CPU and memory of any
// command, its table shows them side by side. The script run drives it all.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

const usage = `usage: measure create|delete|list|proxy|time|table [FLAGS]   (-h after the name: its flags)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command(ctx, os.Args[1:])
	stop()
	var failed exitError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case errors.As(err, &failed):
		os.Exit(int(failed))
	}
	fmt.Fprintln(os.Stderr, "measure:", err)
	os.Exit(1)
}

func command(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return exitError(2)
	}
	switch args[0] {
	case "create":
		return create(ctx, args[1:])
	case "delete":
		return remove(ctx, args[1:])
	case "list":
		return list(ctx, args[1:])
	case "proxy":
		return proxy(ctx, args[1:])
	case "time":
		return timed(ctx, args[1:])
	case "table":
		return table(args[1:])
	}
	fmt.Fprint(os.Stderr, usage)
	return exitError(2)
}

// exitError is the exit status of a measured command, passed on.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }
