package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"rollout/internal/document"
	"rollout/internal/report"
	"rollout/internal/template"
	"rollout/internal/value"
	"rollout/internal/vars"
	"rollout/inventory"
)

// inventoryFlags say what of the inventory is shown, and how.
type inventoryFlags struct {
	project       projectFlags
	list, graph   bool
	host          string
	yaml, toml    bool
	vars          bool
	export        bool
	offline       bool
	output        string
	limit         string
	playbookDir   string
	verbose       int
	graphedGroups []string
}

// errNoAction is said as ansible-inventory says it, for those who look for it.
var errNoAction = errNothing("No action selected, at least one of --host, --graph or --list needs to be specified.")

// errNothing is a command line that asks for nothing.
type errNothing string

func (e errNothing) Error() string { return string(e) }

func inventoryCommand() *cobra.Command {
	f := &inventoryFlags{}
	cmd := &cobra.Command{
		Use:   "inventory [GROUP]",
		Short: "Print the hosts, groups and variables, as ansible-inventory does",
		Example: "  rollout inventory --list\n  rollout inventory --host student07-web-1\n  rollout inventory --graph --offline\n" +
			"  rollout inventory -i openstack.yml --graph --vars",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.graphedGroups = args
			return f.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	f.project.register(flags)
	f.project.registerHosts(flags)
	flags.BoolVar(&f.list, "list", false, "all as JSON, for ansible-playbook -i too")
	flags.StringVar(&f.host, "host", "", "this `HOST`'s variables as JSON")
	flags.BoolVar(&f.graph, "graph", false, "the groups, or the one GROUP, as a tree")
	flags.BoolVarP(&f.yaml, "yaml", "y", false, "YAML instead of JSON")
	flags.BoolVar(&f.toml, "toml", false, "TOML instead of JSON")
	flags.BoolVar(&f.vars, "vars", false, "variables in the tree too")
	flags.BoolVar(&f.export, "export", false, "variables where they are defined, groups' apart from hosts'")
	flags.StringVarP(&f.limit, "limit", "l", "", "only hosts of this `PATTERN`; @FILE reads patterns from a file")
	flags.StringVar(&f.playbookDir, "playbook-dir", "", "the `DIRECTORY` of playbooks, for the group_vars and host_vars there; left out, this one")
	flags.StringVar(&f.output, "output", "", "write to this `FILE` instead of the screen")
	flags.BoolVar(&f.offline, "offline", false, "don't ask the cloud: no addresses of VMs")
	flags.CountVarP(&f.verbose, "verbose", "v", "say more")
	cmd.MarkFlagsMutuallyExclusive("list", "host", "graph")
	cmd.MarkFlagsMutuallyExclusive("yaml", "toml")
	return cmd
}

func (f *inventoryFlags) run(ctx context.Context) error {
	if !f.list && !f.graph && f.host == "" {
		return errNoAction
	}
	if len(f.graphedGroups) > 0 && !f.graph {
		return fmt.Errorf("cannot show %s alone: a group is named with --graph only (for one host, --host %[1]s)", f.graphedGroups[0])
	}
	p, err := settledProject(ctx, &f.project)
	if err != nil {
		return err
	}
	inv, err := p.source(f.offline).Load(ctx)
	if err != nil {
		return err
	}
	// To the error stream: a program reads the other.
	for _, w := range inv.Warnings {
		warn(w)
	}
	if err := f.locked(inv); err != nil {
		return err
	}
	form, err := f.form(ctx, p, inv)
	if err != nil {
		return err
	}
	text, err := f.text(inv, form)
	if err != nil {
		return err
	}
	if f.output != "" {
		return os.WriteFile(f.output, []byte(text), 0o600)
	}
	_, err = os.Stdout.WriteString(text)
	return err
}

// locked tells the vaults that would have to be shown and cannot be opened.
func (f *inventoryFlags) locked(inv *inventory.Inventory) error {
	var errs document.Errors
	told := map[string]bool{}
	for _, h := range inv.Hosts() {
		if f.graph && !f.vars || f.host != "" && h.Name != f.host {
			continue
		}
		if err := inv.Locked(h, nil); err != nil && !told[err.Error()] {
			told[err.Error()] = true
			errs.Join(err)
		}
	}
	return errs.Err()
}

// form is how the flags want the inventory shown.
func (f *inventoryFlags) form(ctx context.Context, p *project, inv *inventory.Inventory) (inventory.Form, error) {
	form := inventory.Form{Vars: f.vars, Export: f.export || p.settings.InventoryExport, Extra: p.extra, Show: func(v any) string {
		text, err := rendered(ctx, "{{ content | string }}", vars.Plain(v))
		if err != nil {
			return fmt.Sprint(v)
		}
		return text
	}}
	if f.playbookDir != "" || len(p.inventories) > 0 && !form.Export {
		dir, err := filepath.Abs(f.playbookDir)
		if err != nil {
			return form, err
		}
		files, err := inventory.LoadVarFiles(inv, dir, p.inventoryOptions())
		if err != nil {
			return form, err
		}
		if form.Play = files; f.playbookDir != "" {
			files.Named()
		}
	}
	if f.limit == "" {
		return form, nil
	}
	patterns, err := inventory.SplitLimit(f.limit, nil)
	if err != nil {
		return form, err
	}
	sel, err := inv.Select(patterns...)
	if err != nil {
		return form, err
	}
	for _, p := range sel.Unmatched {
		warn("Could not match supplied host pattern, ignoring: " + p)
	}
	form.Limit = append([]*inventory.Host{}, sel.Hosts...)
	return form, nil
}

// text is what was asked for, as it is printed.
func (f *inventoryFlags) text(inv *inventory.Inventory, form inventory.Form) (string, error) {
	if f.graph {
		group := inventory.All
		if len(f.graphedGroups) > 0 {
			group = f.graphedGroups[0]
		}
		return inv.Graph(group, form)
	}
	var content *value.Map
	switch {
	case f.host != "":
		var err error
		if content, err = inv.HostVars(f.host, form); err != nil {
			return "", err
		}
	case f.yaml:
		content = inv.Tree(form)
	case f.toml:
		content = inv.Sections(form)
	default:
		content = inv.List(form)
	}
	switch {
	case f.yaml:
		return template.DumpYAML(vars.Shown(content, false))
	case f.toml:
		return report.TOML(vars.Shown(content, false))
	}
	text, sorted, err := report.SortedJSON(vars.Shown(content, true))
	if err == nil && !sorted {
		warn("Could not sort JSON output due to issues while sorting keys: some are text and others are not")
	}
	return text + "\n", err
}

// rendered is what a template makes of content.
func rendered(ctx context.Context, text string, content any) (string, error) {
	t, err := template.New(template.Options{}).Compile("inventory", text)
	if err != nil {
		return "", err
	}
	return t.Render(ctx, template.MapScope{Vars: value.NewMap("content", content)})
}
