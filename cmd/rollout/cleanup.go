package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
	"rollout/internal/report"
)

type cleanupFlags struct {
	project   projectFlags
	lock      lockFlags
	prefix    string
	notActive bool
	olderThan time.Duration
	yes       bool
	dryRun    bool
	force     bool
}

func cleanupCommand() *cobra.Command {
	flags := &cleanupFlags{}
	cmd := &cobra.Command{
		Use:   "cleanup [--prefix PREFIX]",
		Short: "Delete what rollout made for a topology, or what has a name prefix",
		Long: `Lists what would be deleted, asks, deletes, and waits until it is gone: the servers of
./topology.yml, known by their metadata, or those whose names begin with the prefix; their
ports, volumes and floating IPs; and the networks, routers, security groups, rules and key
pairs that rollout made for the same owner. What others use is kept, what others made is
never touched. Ends with 1 if something is left.`,
		Example: `  rollout cleanup                                    what was made of ./topology.yml
  rollout cleanup --prefix student07-
  rollout cleanup --prefix student07- --not-active   only servers that are stuck or failed
  rollout cleanup --prefix student07- --older-than 4h`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if cmd.Flags().Changed("prefix") && flags.prefix == "" {
				return cleanup.ErrEmptyPrefix
			}
			return runCleanup(cmd.Context(), flags)
		},
	}
	flags.project.register(cmd.Flags())
	cmd.Flags().StringVar(&flags.prefix, "prefix", "", "what the names begin with (`PREFIX`), instead of what ./topology.yml made")
	cmd.Flags().BoolVar(&flags.notActive, "not-active", false, "only servers that are not ACTIVE")
	cmd.Flags().DurationVar(&flags.olderThan, "older-than", 0, "only servers made this `TIME` ago or earlier, such as 4h")
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "don't ask")
	cmd.Flags().BoolVarP(&flags.dryRun, "dry-run", "n", false, "only list")
	cmd.Flags().BoolVar(&flags.force, "force", false, "also where the prefix means what belongs to several owners")
	flags.lock.register(cmd.Flags())
	return cmd
}

func runCleanup(ctx context.Context, flags *cleanupFlags) error {
	p, err := settledProject(ctx, &flags.project)
	if err != nil {
		return err
	}
	what, cloud, err := p.cleanupOf(ctx, flags)
	if err != nil {
		return err
	}
	if flags.yes && !flags.dryRun {
		return cleanupUnasked(ctx, flags, cloud, what)
	}
	plan, err := planShown(ctx, cloud, what)
	if err != nil || plan.Empty() || flags.dryRun {
		return err
	}
	if err := confirm(ctx, false); err != nil {
		return err
	}
	return flags.lock.holdAll(ctx, cloud, plan.Owners, func(ctx context.Context) error {
		return executeShown(ctx, cloud, what, plan)
	})
}

// cleanupUnasked plans once, under the lock of whom the names tell. Only where
// the plan finds that it is about others too, it is made anew under their locks.
func cleanupUnasked(ctx context.Context, flags *cleanupFlags, cloud *openstack.Cloud, what cleanup.Scope) error {
	owner := what.LikelyOwner()
	return flags.lock.hold(ctx, cloud, owner, func(ctx context.Context) error {
		plan, err := planShown(ctx, cloud, what)
		if err != nil || plan.Empty() {
			return err
		}
		further := slices.DeleteFunc(slices.Clone(plan.Owners), func(o string) bool { return o == owner })
		if !flags.lock.on || len(further) == 0 {
			return execute(ctx, plan)
		}
		return flags.lock.holdAll(ctx, cloud, further, func(ctx context.Context) error {
			return executeShown(ctx, cloud, what, plan)
		})
	})
}

// planShown plans, and prints the plan, or that there is nothing to do.
func planShown(ctx context.Context, cloud *openstack.Cloud, what cleanup.Scope) (cleanup.Plan, error) {
	plan, err := cleanup.PlanFor(ctx, cloud, what)
	if err != nil {
		return plan, err
	}
	if len(plan.Rows) > 0 {
		if err := showPlan(plan); err != nil {
			return plan, err
		}
	}
	if plan.Empty() {
		fmt.Printf("Nothing to delete on %s of %s\n", cloud.Name(), what)
	}
	return plan, nil
}

// cleanupOf says what is meant: the prefix, else what the topology made.
func (p *project) cleanupOf(ctx context.Context, flags *cleanupFlags) (cleanup.Scope, *openstack.Cloud, error) {
	what := cleanup.Scope{Prefix: flags.prefix, NotActive: flags.notActive, OlderThan: flags.olderThan, Force: flags.force}
	if what.Prefix != "" {
		cloud, err := p.anyCloud(ctx)
		return what, cloud, err
	}
	top, err := p.topology(ctx)
	var none errNoTopology
	if errors.As(err, &none) {
		return what, nil, cleanup.ErrEmptyPrefix
	}
	if err != nil {
		return what, nil, err
	}
	what.Owner, what.App = top.Owner, top.App
	cloud, err := p.cloud(ctx, top)
	return what, cloud, err
}

// executeShown carries out the plan that was shown, if it still is what there
// is: while somebody read it, another run may have made more.
func executeShown(ctx context.Context, cloud *openstack.Cloud, what cleanup.Scope, shown cleanup.Plan) error {
	plan, err := cleanup.PlanFor(ctx, cloud, what)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, r := range shown.Rows {
		known[r.Kind+r.ID+r.Action] = true
	}
	for _, r := range plan.Rows {
		if !known[r.Kind+r.ID+r.Action] {
			return fmt.Errorf("nothing was deleted: meanwhile there is also %s %s to %s (look again)", r.Kind, r.Name, r.Action)
		}
	}
	return execute(ctx, plan)
}

func showPlan(plan cleanup.Plan) error {
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

func execute(ctx context.Context, plan cleanup.Plan) error {
	left := plan.Execute(ctx, func(s cleanup.Step) {
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
