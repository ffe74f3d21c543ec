package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"rollout/internal/classroom"
	"rollout/internal/openstack"
	"rollout/internal/openstack/cleanup"
	"rollout/internal/report"
)

type classCleanupFlags struct {
	class     rosterFlags
	all       bool
	notActive bool
	olderThan time.Duration
	yes       bool
	dryRun    bool
}

func classroomCleanup() *cobra.Command {
	flags := &classCleanupFlags{}
	cmd := &cobra.Command{
		Use:   "cleanup STUDENT... | --all",
		Short: "Delete what students made, and their step servers",
		Long: `Lists what would be deleted, asks, deletes, and waits until it is gone: the students'
servers with their ports, volumes and floating IPs, and, unless only some servers are
meant, their key pairs and security groups, and the keys saved here. What others have is never touched.
Ends with 1 if something is left.`,
		Example: `  rollout classroom cleanup student07
  rollout classroom cleanup --all --not-active       only what is stuck or failed
  rollout classroom cleanup --all --older-than 4h`,
		RunE: func(cmd *cobra.Command, args []string) error { return cleanupClass(cmd.Context(), flags, args) },
	}
	flags.class.register(cmd.Flags())
	cmd.Flags().BoolVar(&flags.all, "all", false, "the whole class")
	cmd.Flags().BoolVar(&flags.notActive, "not-active", false, "only servers that are not ACTIVE")
	cmd.Flags().DurationVar(&flags.olderThan, "older-than", 0, "only servers made this `TIME` ago or earlier, such as 4h")
	cmd.Flags().BoolVarP(&flags.yes, "yes", "y", false, "don't ask")
	cmd.Flags().BoolVarP(&flags.dryRun, "dry-run", "n", false, "only list")
	return cmd
}

func cleanupClass(ctx context.Context, flags *classCleanupFlags, names []string) error {
	switch {
	case flags.all == (len(names) > 0):
		return errors.New("cannot clean up: name the students, or say --all for the whole class")
	case flags.olderThan < 0:
		return fmt.Errorf("cannot clean up servers older than %s: --older-than must be a time such as 4h", flags.olderThan)
	}
	c, err := openClass(ctx, &flags.class, nil)
	if err != nil {
		return err
	}
	students, err := c.roster.Choose(names)
	if err != nil {
		return err
	}
	plans, err := c.plans(ctx, students, flags)
	if err != nil {
		return err
	}
	if done, err := showPlans(plans); done || err != nil || flags.dryRun {
		return err
	}
	if err := confirm(ctx, flags.yes); err != nil {
		return err
	}
	if err := carryOut(ctx, plans); err != nil {
		return err
	}
	if flags.notActive || flags.olderThan > 0 {
		return nil
	}
	return c.dropKeys(students)
}

// plans are those of each cloud.
func (c *class) plans(ctx context.Context, students []classroom.Student, flags *classCleanupFlags) ([]cleanup.Plan, error) {
	what := cleanup.ClassScope{NotActive: flags.notActive, OlderThan: flags.olderThan}
	var mu sync.Mutex
	var plans []cleanup.Plan
	err := c.perCloud(ctx, students, func(ctx context.Context, cloud *openstack.Cloud, group []classroom.Student) error {
		mine := what
		for _, s := range group {
			mine.Owners = append(mine.Owners, s.Name)
		}
		plan, err := cleanup.PlanClass(ctx, cloud, mine)
		mu.Lock()
		defer mu.Unlock()
		plans = append(plans, plan)
		return err
	})
	return plans, err
}

// showPlans prints what would be deleted, and reports whether that is nothing.
func showPlans(plans []cleanup.Plan) (nothing bool, err error) {
	var all cleanup.Plan
	for _, plan := range plans {
		all.Rows = append(all.Rows, plan.Rows...)
	}
	if len(all.Rows) > 0 {
		if err := showPlan(all); err != nil {
			return false, err
		}
	}
	if all.Empty() {
		fmt.Println("Nothing to delete: these students have nothing of the kind")
	}
	return all.Empty(), nil
}

// carryOut cleans all clouds up at once.
func carryOut(ctx context.Context, plans []cleanup.Plan) error {
	var mu sync.Mutex
	var left []string
	var group errgroup.Group
	for _, plan := range plans {
		group.Go(func() error {
			remains := plan.Execute(ctx, func(s cleanup.Step) {
				mu.Lock()
				defer mu.Unlock()
				if !s.Done || s.Err != nil {
					fmt.Println(report.Printable(s.String()))
				}
			})
			mu.Lock()
			defer mu.Unlock()
			for _, l := range remains {
				left = append(left, fmt.Sprintf("%s %s (%s): %v", l.Row.Kind, l.Row.Name, l.Row.ID, l.Err))
			}
			return nil
		})
	}
	_ = group.Wait() // what failed is in left
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("%d left behind; run the same command again, or look at them with the openstack command line:\n  %s",
		len(left), strings.Join(left, "\n  "))
}

// dropKeys removes the saved private keys: their key pairs are gone, so they
// open nothing any more.
func (c *class) dropKeys(students []classroom.Student) error {
	for _, s := range students {
		if err := os.Remove(c.roster.KeyFile(s)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("cannot remove the key of %s: %w", s.Name, err)
		}
	}
	return nil
}
