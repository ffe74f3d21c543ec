package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"rollout/internal/report"
	"rollout/internal/topology"
)

type planFlags struct {
	run      runFlags
	asJSON   bool
	exitCode bool
}

func planCommand() *cobra.Command {
	flags := &planFlags{}
	cmd := &cobra.Command{
		Use:   "plan [PLAYBOOK...]",
		Short: "Show what a run would do, and why; nothing is changed",
		Long: `Runs the playbooks (playbooks/site.yml where none is named) in check mode and lists what
they would do, one operation a line, each with its cause:

  + made   ~ changed   ± replaced by a new one   - deleted
  ! not in the topology, or other than there, and left alone
  i worth knowing   ? could not be looked at

VMs that cannot become what the topology says are only ever replaced with --replace.
Ends with 1 if something could not be looked at.`,
		Example: `  rollout plan
  rollout plan -e target=app --replace
  rollout plan --json --detailed-exitcode`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkPlaybookArgs(cmd.Root(), args); err != nil {
				return err
			}
			return showRunPlan(cmd.Context(), flags, args)
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

func (f *planFlags) register(flags *pflag.FlagSet) {
	f.run.given = flags
	flags.SortFlags = false
	f.run.project.register(flags)
	f.run.project.registerHosts(flags)
	flags.StringSliceVarP(&f.run.tags, "tags", "t", nil, "only tasks with one of these `TAGS` (a,b or repeated)")
	flags.StringSliceVar(&f.run.skipTags, "skip-tags", nil, "no tasks with one of these `TAGS`")
	flags.StringVarP(&f.run.limit, "limit", "l", "", "only hosts of this `PATTERN`; @FILE reads patterns from a file")
	flags.IntVarP(&f.run.forks, "forks", "f", 50, "`NUMBER` of hosts at a time")
	flags.BoolVar(&f.run.replace, "replace", false, "plan for a run with --replace")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	flags.BoolVar(&f.exitCode, "detailed-exitcode", false, "end with 2 if anything differs")
	flags.CountVarP(&f.run.verbose, "verbose", "v", "say more; -vvvv shows every API call")
	f.run.login.register(flags)
}

// What a plan ends with where anything differs, as Terraform's.
const exitDiffers = 2

// Seconds that a plan waits for a VM that does not answer, or has not booted: it
// is told as such, not waited for.
const planPatience = 10

func showRunPlan(ctx context.Context, flags *planFlags, books []string) error {
	plan := report.NewPlan(warn)
	flags.run.check, flags.run.diff, flags.run.observer, flags.run.patience = true, true, plan, planPatience
	var failed exitError
	if err := runPlaybooks(ctx, &flags.run, books); err != nil && !errors.As(err, &failed) {
		return err
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := addExtra(ctx, &flags.run.project, plan); err != nil {
		return err
	}
	return flags.tell(os.Stdout, plan)
}

func (f *planFlags) tell(out io.Writer, plan *report.Plan) error {
	color := report.ColorWanted(term.IsTerminal(int(os.Stdout.Fd())), false, false, os.Getenv)
	show := func() error { return plan.Print(out, color) }
	if f.asJSON {
		show = func() error { return printPlanJSON(out, plan) }
	}
	if err := show(); err != nil {
		return err
	}
	counts := plan.Counts()
	switch {
	case counts.Unknown > 0:
		return exitError(1)
	case f.exitCode && counts.Differs():
		return exitError(exitDiffers)
	}
	return nil
}

// addExtra lists the servers of the topology's owner that the topology does not
// ask for.
func addExtra(ctx context.Context, flags *projectFlags, plan *report.Plan) error {
	p, err := settledProject(ctx, flags)
	if err != nil || !p.hasTopology() {
		return err
	}
	p.told.Do(func() {}) // by the run
	top, err := p.topology(ctx)
	var none errNoTopology
	if errors.As(err, &none) {
		return nil
	}
	if err != nil {
		return err
	}
	servers, err := p.servers(ctx, top)
	if err != nil {
		return err
	}
	for _, s := range servers {
		if why := beyond(top, s.Name, s.Metadata["rollout_tier"]); why != "" {
			plan.AddExtra("server "+s.Name, why+"; not deleted: rollout cleanup --prefix "+s.Name)
		}
	}
	return nil
}

// beyond says why the topology does not ask for a server, "" where it does.
func beyond(top *topology.Topology, name, tierName string) string {
	if name == top.AllInOneName() {
		return ""
	}
	tier := top.Tier(tierName)
	if tier == nil {
		return fmt.Sprintf("there is no tier %q any more", tierName)
	}
	for i := 1; i <= tier.Count; i++ {
		if top.VMName(tierName, i) == name {
			return ""
		}
	}
	return fmt.Sprintf("tier %s has count %d", tierName, tier.Count)
}

// The plan as JSON. Names of fields are part of the interface.
type (
	planJSON struct {
		Operations []operationJSON `json:"operations"`
		Unknown    []unknownJSON   `json:"unknown"`
		Summary    map[string]int  `json:"summary"`
		Differs    bool            `json:"differs"`
	}
	operationJSON struct {
		Kind        string   `json:"kind"`
		Thing       string   `json:"thing"`
		Do          string   `json:"do,omitempty"`
		Cause       string   `json:"cause,omitempty"`
		OnlyReplace bool     `json:"only_with_replace,omitempty"`
		Hosts       []string `json:"hosts,omitempty"`
	}
	unknownJSON struct {
		Host  string `json:"host"`
		Task  string `json:"task"`
		Cause string `json:"cause"`
	}
)

func printPlanJSON(out io.Writer, plan *report.Plan) error {
	counts := plan.Counts()
	doc := planJSON{Operations: []operationJSON{}, Unknown: []unknownJSON{}, Differs: counts.Differs(), Summary: map[string]int{
		"create": counts.Create, "change": counts.Change, "replace": counts.Replace, "replace_held": counts.Held,
		"delete": counts.Delete, "left": counts.Left, "extra": counts.Extra, "unknown": counts.Unknown}}
	for _, e := range plan.Entries() {
		doc.Operations = append(doc.Operations, operationJSON{e.Kind, e.Thing, e.Do, e.Cause, e.Held, e.Hosts})
	}
	for _, e := range plan.Extras() {
		doc.Operations = append(doc.Operations, operationJSON{Kind: e.Kind, Thing: e.Thing, Cause: e.Cause})
	}
	for _, u := range plan.Unknown() {
		doc.Unknown = append(doc.Unknown, unknownJSON(u))
	}
	enc := json.NewEncoder(out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return fmt.Errorf("cannot print the plan: %w", err)
	}
	return nil
}
