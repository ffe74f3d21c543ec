package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rollout/internal/report"
)

func consoleCommand() *cobra.Command {
	flags := &projectFlags{}
	var follow bool
	var lines int
	cmd := &cobra.Command{
		Use:     "console NAME",
		Short:   "Show a server's console log",
		Example: "  rollout console student07-web-1 --follow",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := settledProject(cmd.Context(), flags)
			if err != nil {
				return err
			}
			if follow {
				return p.followConsole(cmd.Context(), args[0])
			}
			return p.console(cmd.Context(), args[0], lines)
		},
	}
	flags.register(cmd.Flags())
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes, until the server ends or Ctrl-C")
	cmd.Flags().IntVarP(&lines, "lines", "n", 0, "only the last `NUMBER` of lines")
	cmd.MarkFlagsMutuallyExclusive("follow", "lines")
	return cmd
}

func (p *project) console(ctx context.Context, name string, count int) error {
	if count < 0 {
		return fmt.Errorf("cannot show %d lines: --lines must be 1 or more", count)
	}
	cloud, err := p.anyCloud(ctx)
	if err != nil {
		return err
	}
	server, err := cloud.FindServer(ctx, name)
	if err != nil {
		return err
	}
	lines, err := cloud.Console(ctx, server.ID, count)
	printLines(lines)
	return err
}

func (p *project) followConsole(ctx context.Context, name string) error {
	cloud, err := p.anyCloud(ctx)
	if err != nil {
		return err
	}
	server, err := cloud.FindServer(ctx, name)
	if err != nil {
		return err
	}
	ended, err := cloud.FollowConsole(ctx, server, printLines)
	if err != nil {
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil // Ctrl-C is how one stops looking
		}
		return err
	}
	fmt.Fprintf(os.Stderr, "The console of %s ends: %s\n", name, ended)
	return nil
}

// printLines shows what a machine wrote; it can't steer the terminal.
func printLines(lines []string) {
	for _, line := range lines {
		fmt.Println(report.Printable(line))
	}
}
