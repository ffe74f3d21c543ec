package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rollout/internal/lab"
	"rollout/internal/report"
)

// labCommand is `rollout lab`: the practice cloud.
func labCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "lab",
		Short: "A practice cloud on this machine: an OpenStack API with containers for VMs",
		Args:  cobra.NoArgs,
	}
	command.AddCommand(labUp(), labEngine(), labDown(), labStatus(), labPush(), labServe())
	return command
}

func labUp() *cobra.Command {
	var options lab.Options
	var networks []string
	command := &cobra.Command{
		Use:   "up",
		Short: "Build and start what of the practice cloud is missing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options.Progress = lines(cmd.ErrOrStderr())
			for _, network := range networks {
				name, cidr, _ := strings.Cut(network, "=")
				options.Networks = append(options.Networks, lab.Network{Name: name, CIDR: cidr})
			}
			if err := lab.Up(cmd.Context(), options); err != nil {
				return err
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "The practice cloud is up: entry \"lab\" of %[1]s\n"+
				"Other clients find it with: export OS_CLIENT_CONFIG_FILE=%[1]s OS_CLOUD=lab\n", lab.CloudsFile())
			return err
		},
	}
	command.Flags().StringVar(&options.External, "ext-cidr", "", "network of floating IPs (default "+lab.DefaultExternal+")")
	command.Flags().StringArrayVar(&networks, "network", nil, "tenant network of a new cloud, NAME=CIDR, instead of dmz-net, app-net and dbs-net (repeatable)")
	return command
}

func labDown() *cobra.Command {
	var images bool
	command := &cobra.Command{
		Use:   "down",
		Short: "Remove the practice cloud and all that is in it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lab.Down(cmd.Context(), lab.Options{Progress: lines(cmd.ErrOrStderr())}, images)
		},
	}
	command.Flags().BoolVar(&images, "images", false, "remove the images that machines are made of, too")
	return command
}

func labEngine() *cobra.Command {
	return &cobra.Command{
		Use:   "engine",
		Short: "Install and start a Docker Engine where none answers, and nothing more",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return lab.Engine(cmd.Context(), lab.Options{Progress: lines(cmd.ErrOrStderr())})
		},
	}
}

func labPush() *cobra.Command {
	return &cobra.Command{
		Use:   "push IMAGE...",
		Short: "Give Docker images of this machine to the practice cloud's registry",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, images []string) error {
			return lab.Push(cmd.Context(), lab.Options{Progress: lines(cmd.ErrOrStderr())}, images)
		},
	}
}

func labServe() *cobra.Command {
	var dir string
	command := &cobra.Command{
		Use:    "serve",
		Short:  "Answer as the practice cloud's API until told to end (lab up starts this)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return lab.Serve(cmd.Context(), dir) },
	}
	command.Flags().StringVar(&dir, "state", lab.StateDir(), "state folder")
	return command
}

func labStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what of the practice cloud is there",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			status, err := lab.Look(cmd.Context(), lab.Options{})
			if err != nil {
				return err
			}
			return showLab(cmd.OutOrStdout(), status)
		},
	}
}

func showLab(out io.Writer, s lab.Status) error {
	api := s.API
	if !s.APIRuns {
		api = "down (run: rollout lab up)"
	}
	rows := [][]string{
		{"API", api}, {"clouds.yaml", lab.CloudsFile()}, {"Docker Engine", orDown(s.Engine)}, {"image", s.Image},
		{"registry", orDown(s.Registry)}, {"floating IPs from", s.External},
	}
	for _, network := range s.Networks {
		rows = append(rows, []string{"network " + network.Name, network.CIDR})
	}
	for _, floating := range s.Floating {
		rows = append(rows, []string{"floating IP " + floating.Address, floating.Fixed})
	}
	if err := report.Table(out, []string{"part", "state"}, rows); err != nil {
		return err
	}
	rows = nil
	for _, machine := range s.Machines {
		rows = append(rows, []string{machine.Name, machine.State, strings.Join(machine.Addresses, ", "), megabytes(machine.Memory)})
	}
	return report.Table(out, []string{"machine", "state", "addresses", "memory"}, rows)
}

// megabytes is an amount of memory, empty where it is not known.
func megabytes(bytes int64) string {
	if bytes == 0 {
		return ""
	}
	return fmt.Sprintf("%.1f MB", float64(bytes)/1e6)
}

func orDown(s string) string {
	if s == "" {
		return "down"
	}
	return s
}

// lines writes each message on a line of its own.
func lines(out io.Writer) func(string) {
	return func(text string) { fmt.Fprintln(out, text) }
}
