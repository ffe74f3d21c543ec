package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rollout/internal/openstack"
	"rollout/internal/report"
)

type cleanupFlags struct {
	project   projectFlags
	prefix    string
	notActive bool
	yes       bool
	dryRun    bool
	force     bool
}

func cleanupCommand() *cobra.Command {
	flags := &cleanupFlags{}
	cmd := &cobra.Command{
		Use:   "cleanup --prefix PREFIX",
		Short: "Delete the servers of a name prefix, with their ports, floating IPs and volumes",
		Long: `Lists what would be deleted: the servers whose names begin with the prefix, their ports,
volumes and floating IPs; asks; deletes; and waits until it is gone. What belongs to
another prefix is never touched. Ends with 1 if something is left.`,
		Example: `  rollout cleanup --prefix student07-
  rollout cleanup --prefix student07- --not-active   only what is stuck or failed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cleanup(cmd.Context(), flags) },
	}
	flags.project.register(cmd.Flags())
	cmd.Flags().StringVar(&flags.prefix, "prefix", "", "what the names begin with (`PREFIX`); required")
	cmd.Flags().BoolVar(&flags.notActive, "not-active", false, "only servers that are not ACTIVE")
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "don't ask")
	cmd.Flags().BoolVarP(&flags.dryRun, "dry-run", "n", false, "only list")
	cmd.Flags().BoolVar(&flags.force, "force", false, "also where the prefix means servers of several owners")
	return cmd
}

func cleanup(ctx context.Context, flags *cleanupFlags) error {
	if flags.prefix == "" {
		return openstack.ErrEmptyPrefix
	}
	p, err := openProject(&flags.project, 0)
	if err != nil {
		return err
	}
	cloud, err := p.anyCloud(ctx)
	if err != nil {
		return err
	}
	plan, err := cloud.PlanCleanup(ctx, openstack.Cleanup{Prefix: flags.prefix, NotActive: flags.notActive, Force: flags.force})
	if err != nil {
		return err
	}
	if plan.Empty() {
		fmt.Printf("Nothing to delete: no server of %s begins with %s\n", cloud.Name(), flags.prefix)
		return nil
	}
	if err := showPlan(plan); err != nil {
		return err
	}
	if flags.dryRun {
		return nil
	}
	if err := confirm(ctx, flags.yes); err != nil {
		return err
	}
	return execute(ctx, plan)
}

func showPlan(plan openstack.Plan) error {
	rows := [][]string{}
	for _, r := range plan.Rows {
		rows = append(rows, []string{r.Action, r.Kind, r.Name, r.Status, r.ID, r.Cause})
	}
	return report.Table(os.Stdout, []string{"Action", "Kind", "Name", "Status", "ID", "Because"}, rows)
}

// confirm asks, unless told not to. An answer may come through a pipe; the end
// of the input is none.
func confirm(ctx context.Context, yes bool) error {
	if yes {
		return nil
	}
	answer, err := stdin{}.Ask(ctx, "Delete all of this? [y/N] ", false)
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("nothing was deleted: nobody answered, so say --yes")
	}
	return fmt.Errorf("nothing was deleted")
}

func execute(ctx context.Context, plan openstack.Plan) error {
	left := plan.Execute(ctx, func(s openstack.Step) {
		if !s.Done || s.Err != nil {
			fmt.Println(report.Printable(s.String()))
		}
	})
	if len(left) == 0 {
		return nil
	}
	var lines []string
	for _, l := range left {
		lines = append(lines, fmt.Sprintf("%s %s (%s): %v", l.Row.Kind, l.Row.Name, l.Row.ID, l.Err))
	}
	return fmt.Errorf("%d left behind; run the same command again, or look at them with the openstack command line:\n  %s",
		len(left), strings.Join(lines, "\n  "))
}
