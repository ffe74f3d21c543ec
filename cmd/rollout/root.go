package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"rollout/internal/document"
	"rollout/internal/playbook"
)

// rootCommand is the command line. Without a subcommand it runs playbooks.
func rootCommand() *cobra.Command {
	flags := &runFlags{}
	root := &cobra.Command{
		Use:   "rollout [PLAYBOOK...]",
		Short: "Roll an application out onto a cloud",
		Long: `Rolls the application of ./topology.yml out: boots the VMs of its tiers, then runs
their containers in link order. With playbooks named, those are run instead: your
own, or the shipped ones (playbooks/create_docker_vm.yml, playbooks/do_docker_run.yml,
playbooks/all_in_one.yml).`,
		Example: `  rollout                                every tier of ./topology.yml, in link order
  rollout -e target=dbs                  one tier
  rollout playbooks/all_in_one.yml       everything on one VM
  rollout status                         what is there
  rollout cleanup --prefix student07-    delete it`,
		// With cobra's own wording: a template of ours would link text/template, whose
		// reflection makes the linker keep every method there is (3 MB).
		Version:       version,
		Args:          cobra.ArbitraryArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPlaybookArgs(cmd, args); err != nil {
				return err
			}
			return runPlaybooks(cmd.Context(), flags, args)
		},
	}
	flags.register(root.Flags())
	root.AddCommand(statusCommand(), adHocCommand(), planCommand(), cleanupCommand(), inventoryCommand(), lintCommand(), classroomCommand(), consoleCommand(), sshCommand(), labCommand(), vaultCommand())
	root.AddCommand(labNodeCommands()...)
	root.SetFlagErrorFunc(suggestFlag)
	for _, c := range root.Commands() {
		if c.HasSubCommands() {
			c.Args, c.RunE = cobra.ArbitraryArgs, noSuchCommand
		}
	}
	return root
}

// suggestFlag says which flag was probably meant.
func suggestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	hint := document.Suggest(unknown.GetSpecifiedName(), names)
	if hint == "" {
		hint = "see " + cmd.CommandPath() + " --help"
	}
	return fmt.Errorf("%w (%s)", err, hint)
}

// checkPlaybookArgs tells a mistyped subcommand or file from a playbook.
func checkPlaybookArgs(cmd *cobra.Command, args []string) error {
	files := playbook.Files{Shipped: shipped{}}
	for _, arg := range args {
		if _, err := files.Stat(files.Find(arg)); err == nil {
			continue
		}
		if strings.ContainsAny(arg, "/.") {
			return fmt.Errorf("there is no playbook %s (%s)", arg, meant(arg, "there are", files.Beside(arg)))
		}
		return fmt.Errorf("%q is neither a command nor a playbook (%s)", arg, meant(arg, "the commands are", commandNames(cmd)))
	}
	return nil
}

// noSuchCommand is what a command that only has subcommands does.
func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return fmt.Errorf("%q is no command of %s (%s)", args[0], cmd.CommandPath(), meant(args[0], "its commands are", commandNames(cmd)))
}

// meant says which of the names was probably meant, else what there is.
func meant(arg, intro string, names []string) string {
	if hint := document.Suggest(arg, names); hint != "" {
		return hint
	}
	if len(names) == 0 {
		return intro + " none"
	}
	return intro + " " + strings.Join(names, ", ")
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return names
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
