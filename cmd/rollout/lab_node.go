package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rollout/internal/lab/node"
)

// labNodeCommands are what this program does inside the containers of the practice cloud, where it is PID 1. Nobody types
// them.
func labNodeCommands() []*cobra.Command {
	start := &cobra.Command{
		Use: "lab-init", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if code := node.Init("/proc/self/exe", []string{"lab-supervise"}); code != 0 {
				return fmt.Errorf("the machine ended with exit code %d", code)
			}
			return nil
		},
	}
	supervise := &cobra.Command{
		Use: "lab-supervise", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return node.Supervise(cmd.Context()) },
	}
	router := &cobra.Command{
		Use: "lab-router", Hidden: true, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return node.Route(cmd.Context(), os.Stdin) },
	}
	change := &cobra.Command{
		Use: "lab-node", Hidden: true, Args: cobra.ExactArgs(1), ValidArgs: []string{"rules", "nics"},
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "nics" {
				return node.NICs(os.Stdin)
			}
			return node.Rules(cmd.Context(), os.Stdin)
		},
	}
	return []*cobra.Command{start, supervise, router, change}
}
